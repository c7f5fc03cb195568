#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The man pages are well formed, and every option and command that a program's --help names is in its page. Commands are the
# first words of lines that --help indents; each is asked for its own --help.
set -uo pipefail

: "${TOP_SRCDIR:?}" "${TOP_BUILDDIR:?}"
status=0
complain() {
	echo "$@"
	status=1
}

page_text() {
	mandoc -T utf8 "$1" | col -bx | sed "s/[‐−–]/-/g"
}

check_program() {
	local program=$1 page=$2 text='' help command verb words word part
	[[ -x $program ]] || {
		complain "$program is not built"
		return
	}
	[[ -f $page ]] || {
		complain "$page is missing"
		return
	}
	# a page and those that it leaves a topic to: capsule.1, capsule-image.1, …
	for part in "$page" "${page%.1}"-*.1; do
		[[ ! -f $part ]] || text+=$(page_text "$part")$'\n'
	done
	help=$("$program" --help </dev/null 2>&1)
	while read -r command; do
		grep -qw -- "$command" <<<"$text" || complain "${page##*/}: no word of the command '$command'"
		words=$("$program" "$command" --help </dev/null 2>&1)
		help+=$'\n'$words
		# a word before other commands
		while read -r verb; do
			grep -qwE -- "$command $verb" <<<"$text" || complain "${page##*/}: no word of the command '$command $verb'"
			help+=$'\n'$("$program" "$command" "$verb" --help </dev/null 2>&1)
		done < <(sed -n '/^Commands:/,/^$/s/^  *\([a-z][a-z-]*\)  .*/\1/p' <<<"$words")
	done < <(sed -n 's/^  *\([a-z][a-z-]*\)  .*/\1/p' <<<"$help")
	while read -r word; do
		grep -qE -- "(^|[^a-z-])$word([^a-z0-9-]|\$)" <<<"$text" || complain "${page##*/}: no word of the option $word"
	done < <(grep -oE '(^|[][ ,|(])--?[a-z][a-z0-9-]*' <<<"$help" | sed 's/^[^-]*//' | LC_ALL=C sort -u)
}

command -v mandoc >/dev/null || {
	echo "mandoc is not installed"
	exit 1
}
for page in "$TOP_SRCDIR"/docs/man/*.[1-8]; do
	[[ -e $page ]] || continue
	mandoc -T lint -W warning "$page" || complain "${page##*/}: mandoc complains"
done
check_program "$TOP_BUILDDIR/capsule" "$TOP_SRCDIR/docs/man/capsule.1"
check_program "$TOP_BUILDDIR/capsule-runtime" "$TOP_SRCDIR/docs/man/capsule-runtime.8"
check_program "$TOP_BUILDDIR/capsule-shim" "$TOP_SRCDIR/docs/man/capsule-shim.8"
[[ ! -x $TOP_BUILDDIR/containerd-shim-capsule-v2 ]] ||
	check_program "$TOP_BUILDDIR/containerd-shim-capsule-v2" "$TOP_SRCDIR/docs/man/containerd-shim-capsule-v2.8"
exit $status
