# fish completion of lockctl: put it into ~/.config/fish/completions, or source it.

function __lockctl_complete
	set -l words (commandline -opc)
	set -l current (commandline -ct)
	set -l program $words[1]
	set -e words[1]
	if test "$words[1]" = run; and contains -- -- $words
		# What follows is another command.
		set -l at (contains -i -- -- $words)
		__fish_complete_subcommand --commandline $words[(math $at + 1)..-1] $current
		return
	end
	for line in ($program __complete -- $words $current 2>/dev/null)
		if test "$line" = :files
			__fish_complete_path $current
		else if test -n "$line"
			echo $line
		end
	end
end

complete -c lockctl -e
complete -c lockctl -f -a '(__lockctl_complete)'
