#compdef lockctl
# zsh completion of lockctl: put it as _lockctl into a folder of $fpath, or source it.

_lockctl() {
	local line word files i
	local -a candidates
	for ((i = 2; i < CURRENT; i++)); do
		if [[ $words[i] == -- && $words[2] == run ]]; then
			# What follows is another command.
			words=("${(@)words[i+1,-1]}")
			((CURRENT -= i))
			_normal
			return
		fi
	done
	while IFS= read -r line; do
		if [[ $line == :files ]]; then
			files=1
		elif [[ -n $line ]]; then
			word=${line%%$'\t'*}
			word=${word//\\/\\\\}
			word=${word//:/\\:}
			[[ $line == *$'\t'* ]] && word+=":${line#*$'\t'}"
			candidates+=("$word")
		fi
	done < <("$words[1]" __complete -- "${(@Q)words[2,CURRENT]}" 2>/dev/null)
	if [[ -n $files ]]; then
		_files
		return
	fi
	_describe -t lockctl 'lockctl' candidates
}

if [[ $funcstack[1] == _lockctl ]]; then
	_lockctl "$@"
else
	compdef _lockctl lockctl
fi
