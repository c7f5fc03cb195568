#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# A file holds one topic, in 550 lines at the most (800 for a test, which is a list); a function fits on a screen: 60 lines between its braces.
set -uo pipefail

cd "${TOP_SRCDIR:-.}" || exit 1
status=0
while read -r file; do
	lines=$(wc -l <"$file")
	limit=550
	[[ $file != tests/* ]] || limit=800
	if ((lines > limit)); then
		echo "$file: $lines lines"
		status=1
	fi
	awk -v file="$file" '
		/^[a-z].*\(/ { head = $0 }
		/^{/ { start = NR }
		/^}/ && start {
			if (NR - start - 1 > 60) {
				printf "%s:%d: a function of %d lines: %s\n", file, start, NR - start - 1, head
				bad = 1
			}
			start = 0
		}
		END { exit bad }' "$file" || status=1
done < <(find lib runtime shim task init systemd criu store network image supervisor tests -name '*.[ch]' ! -name config.h | LC_ALL=C sort)
exit $status
