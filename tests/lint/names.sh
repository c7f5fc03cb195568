#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# What an object exports begins with the prefix of its folder: cps_ (lib), rt_ (runtime), shim_, sto_ (store), net_ (network),
# img_ (image), sup_ (supervisor); main apart, and the functions of the runtime's two tables, which are step_, undo_ and want_.
# Data that can be written is exported by lib's log level only, nothing else being global and mutable.
set -uo pipefail

cd "${TOP_BUILDDIR:-.}" || exit 1
status=0
declare -A prefix=([lib]=cps_ [runtime]=rt_ [shim]=shim_ [task]=task_ [init]=init_ [systemd]=sysd_ [criu]=criu_ [store]=sto_ [network]=net_ [image]=img_ [supervisor]=sup_)
complain_name() {
	echo "$1: exports '$2', which does not begin with ${prefix[$folder]}"
	status=1
}

for folder in lib runtime shim task init systemd criu store network image supervisor; do
	while read -r object type name; do
		case $name in
		"${prefix[$folder]}"* | main) ;;
		step_* | undo_* | want_*) [[ $folder == runtime ]] || complain_name "$object" "$name" ;;
		# libc's, which shim/no-names.c stands in for
		getaddrinfo | freeaddrinfo | getservbyname | getprotobynumber)
			[[ $object == *no-names.o ]] || complain_name "$object" "$name"
			;;
		__asan* | __odr_asan* | __gcov*) ;;
		wire__* | task__* | events__* | metrics__*) [[ $object == *.pb-c.o ]] || complain_name "$object" "$name" ;;
		*) complain_name "$object" "$name" ;;
		esac
		if [[ $type == [BC] || ($type == D && $name != cps_log*) ]]; then
			# constant tables of pointers are D too: they are in .data.rel.ro
			section=$(objdump -t "$object" | awk -v n="$name" '$NF == n {print $(NF - 2)}')
			[[ $section == .data.rel.ro* || $name == cps_log* ]] && continue
			echo "$object: exports '$name', a global that can be written"
			status=1
		fi
	done < <(find "$folder" -name '*.o' -exec nm -A -g --defined-only {} + 2>/dev/null |
		sed -n 's/^\(.*\.o\):[0-9a-f ]* \([A-Za-z]\) \(.*\)$/\1 \2 \3/p')
done
exit $status
