# SPDX-License-Identifier: Apache-2.0
# bash completion for capsule(1): commands and options as `capsule help` has them, containers as
# `capsule list --names` does, jobs as `capsule jobs -q` does.
# shellcheck shell=bash

_capsule_options() {
	capsule help ${1:+"$1"} 2>/dev/null | sed -n 's/^ *\(-., \)\{0,1\}\(--[a-z-]*\).*/\2/p'
}

# The commands below a word: `network create`. None for one that is a command itself.
_capsule_verbs() {
	capsule help "$1" 2>/dev/null | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p'
}

# The words of the line without the options before the command: its name, the first container's name.
_capsule_parse() {
	local i
	_capsule_globals=()
	_capsule_command=
	_capsule_id=
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--root | -root | --data-root | -data-root | --shim | --runtime)
			if [ -z "$_capsule_command" ]; then
				_capsule_globals+=("${COMP_WORDS[i]}" "${COMP_WORDS[i + 1]}")
				((i++))
			fi
			;;
		-b | --bundle | -bundle | --pid-file | --image-path | --work-path | --parent-path | --criu | --log-* | --stop-* | --jobs-max | --format | -exec | --exec | -t | -n | --tail | \
			--since | --until | -e | --env | -cwd | --cwd | -u | --user | --time)
			# flags of the same letter take no value
			case $_capsule_command:${COMP_WORDS[i]} in
			exec:-t | log:-t | logs:-t) ;;
			*) ((i++)) ;;
			esac
			;;
		-*) ;;
		*)
			if [ -z "$_capsule_command" ]; then
				_capsule_command=${COMP_WORDS[i]}
			elif [ -z "$_capsule_id" ]; then
				_capsule_id=${COMP_WORDS[i]}
			fi
			;;
		esac
	done
}

_capsule() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} words='' \
		_capsule_globals _capsule_command _capsule_id
	COMPREPLY=()
	_capsule_parse
	case $prev in
	--root | -root | --data-root | -data-root | -b | --bundle | -bundle | --image-path | --work-path)
		mapfile -t COMPREPLY < <(compgen -d -- "$cur")
		return
		;;
	--shim | --runtime | --pid-file | --criu)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	--log-driver) words='cri json-file none' ;;
	--log-mode) words='block drop' ;;
	--manage-cgroups-mode) words='soft full strict ignore' ;;
	--empty-ns) words=network ;;
	--format)
		case $_capsule_command in
		events | debug | features | top) words='text json' ;;
		*) words='table json' ;;
		esac
		;;
	--exec | -exec)
		[ -z "$_capsule_id" ] || words=$(capsule "${_capsule_globals[@]}" jobs -q "$_capsule_id" 2>/dev/null)
		;;
	*)
		if [ -z "$_capsule_command" ]; then
			case $cur in
			-*) words=$(_capsule_options) ;;
			*) words=$(capsule help 2>/dev/null | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p') ;;
			esac
		elif [ "$_capsule_command" = help ]; then
			words=$(capsule help 2>/dev/null | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p')
		else
			case $cur in
			-*)
				words=$(_capsule_options "$_capsule_command")
				[ -z "$_capsule_id" ] || words+=" $(capsule "$_capsule_command" "$_capsule_id" --help 2>/dev/null |
					sed -n 's/^ *\(-., \)\{0,1\}\(--[a-z-]*\).*/\2/p')"
				;;
			*)
				case $_capsule_command:$_capsule_id in
				kill:?*) words='TERM KILL HUP INT QUIT USR1 USR2 STOP CONT' ;;
				spec:* | list:* | run:* | create:* | restore:* | pull:*) ;;
				push:) words=$(capsule "${_capsule_globals[@]}" image list -q 2>/dev/null) ;;
				shim:) words=watch ;;
				shim:*) ;;
				container: | image: | network: | system: | volume:) words=$(_capsule_verbs "$_capsule_command") ;;
				container:export) words=$(capsule "${_capsule_globals[@]}" list --names 2>/dev/null) ;;
				image:delete | image:export | image:get | image:push | image:run | image:runc | image:tag)
					words=$(capsule "${_capsule_globals[@]}" image list -q 2>/dev/null)
					;;
				network:delete | network:show)
					words=$(capsule "${_capsule_globals[@]}" network list -q 2>/dev/null)
					;;
				volume:delete | volume:get | volume:rm)
					words=$(capsule "${_capsule_globals[@]}" volume list -q 2>/dev/null)
					;;
				container:* | image:* | network:* | system:* | volume:*) ;;
				cp:*)
					words=$(capsule "${_capsule_globals[@]}" list --names 2>/dev/null | sed 's/$/:/')
					words+=" $(compgen -f -- "$cur")"
					;;
				stop:* | delete:* | rm:* | wait:* | *:) words=$(capsule "${_capsule_globals[@]}" list --names 2>/dev/null) ;;
				esac
				;;
			esac
		fi
		;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}

complete -F _capsule capsule
