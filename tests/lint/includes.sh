#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The walls between the folders, and the form of a file's head:
# - a folder includes its own headers and lib's; criu also runtime's, task shim's, image and supervisor also store's, supervisor also network's; what
#   protobuf-c makes of a folder's .proto counts as the folder's own; no folder has a header named
#   like one of lib's;
# - every file names its licence on line 1; a .c file includes <config.h> first and its own header, if it has one, second;
# - _GNU_SOURCE is defined by configure alone.
set -uo pipefail

cd "${TOP_SRCDIR:-.}" || exit 1
status=0
complain() {
	echo "$@"
	status=1
}

declare -A also=([criu]=runtime [task]=shim [image]=store [supervisor]='store network')

check_includes_of() {
	local file=$1 folder=$2 header wall
	while read -r header; do
		for wall in lib "$folder" ${also[$folder]:-}; do
			[[ ! -e $wall/$header && ! -e $wall/${header%.pb-c.h}.proto ]] || continue 2
		done
		complain "$file: includes \"$header\", which is none of $folder/'s to include"
	done < <(sed -n 's/^[ \t]*#[ \t]*include[ \t]*"\([^"]*\)".*/\1/p' "$file")
}

check_head_of() {
	local file=$1 own includes
	[[ $(head -n 1 "$file") == '/* SPDX-License-Identifier: Apache-2.0 */' ]] || complain "$file:1: no SPDX line"
	[[ $file == *.c ]] || return 0
	mapfile -t includes < <(grep -E '^#[ \t]*include' "$file" | head -n 2)
	[[ ${includes[0]:-} == '#include <config.h>' ]] || complain "$file: the first include is not <config.h>"
	own=$(basename "${file%.c}").h
	[[ ! -e ${file%.c}.h || ${includes[1]:-} == "#include \"$own\"" ]] ||
		complain "$file: the second include is not its own header"
}

for folder in lib runtime shim task init systemd criu store network image supervisor; do
	for file in "$folder"/*.[ch]; do
		[[ -e $file && $file != lib/config.h ]] || continue
		check_includes_of "$file" "$folder"
		check_head_of "$file"
		[[ $folder == lib || $file != *.h || ! -e lib/${file##*/} ]] ||
			complain "$file: lib/ has a header of this name"
	done
done
while read -r file; do
	[[ $(head -n 1 "$file") == '/* SPDX-License-Identifier: Apache-2.0 */' ]] || complain "$file:1: no SPDX line"
done < <(find tests -name '*.[ch]')
while read -r file; do
	head -n 2 "$file" | grep -q 'SPDX-License-Identifier: Apache-2.0' || complain "$file: no SPDX line"
done < <(find bootstrap .ci configure.ac Makefile.am m4/cps-*.m4 ./*/Makemodule.am tests \( -name '*.sh' -o -name '*.bash' \
	-o -name '*.bats' -o -name '*.am' -o -name 'cps-*.m4' -o -name run -o -name bootstrap -o -name '*.awk' \))
if grep -nE '^[ \t]*#[ \t]*define[ \t]+_GNU_SOURCE' {lib,runtime,shim,task,init,systemd,criu,store,network,image,supervisor}/*.[ch] tests/*/*.[ch] 2>/dev/null |
	grep -v '^lib/config\.h:'; then
	complain "_GNU_SOURCE belongs to config.h"
fi
if grep -nwE 'TODO|FIXME|XXX' {lib,runtime,shim,task,init,systemd,criu,store,network,image,supervisor}/*.[ch] 2>/dev/null; then
	complain "notes to oneself belong elsewhere"
fi
exit $status
