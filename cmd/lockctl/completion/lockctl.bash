# bash completion of lockctl: source this, or put it where bash-completion looks.

_lockctl() {
	local current=${COMP_WORDS[COMP_CWORD]} i line
	COMPREPLY=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		if [[ ${COMP_WORDS[i]} == -- && ${COMP_WORDS[1]} == run ]]; then
			# What follows is another command.
			if declare -F _command_offset >/dev/null; then
				_command_offset $((i + 1))
			elif ((COMP_CWORD == i + 1)); then
				mapfile -t COMPREPLY < <(compgen -c -- "$current")
			else
				mapfile -t COMPREPLY < <(compgen -f -- "$current")
			fi
			return
		fi
	done
	# bash splits words at : and =, which names may have.
	local -a words=("${COMP_WORDS[@]:1:COMP_CWORD}")
	if declare -F _get_comp_words_by_ref >/dev/null; then
		local cur cword
		local -a whole
		_get_comp_words_by_ref -n := -w whole -i cword -c cur
		words=("${whole[@]:1:cword}")
		current=$cur
	fi
	while IFS=$'\t' read -r line _; do
		case $line in
		'') ;;
		:files) mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
		*) COMPREPLY+=("$(printf %q "$line")") ;;
		esac
	done < <("${COMP_WORDS[0]}" __complete -- "${words[@]}" 2>/dev/null)
	if declare -F __ltrim_colon_completions >/dev/null; then
		__ltrim_colon_completions "$current"
	fi
}

complete -F _lockctl lockctl
