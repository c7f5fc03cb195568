#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Puts figures into docs/benchmarks.md: report.sh BENCH.json PAGE [ACCOUNT]
#
# Whatever stands between `<!-- NAME -->` and `<!-- end -->` in the page is replaced: `machine` and `goals`, the names of rows, and
# `account`, which is what account.sh printed. What BENCH.json has nothing about stays as it is.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
json=${1:?report.sh BENCH.json PAGE [ACCOUNT]}
page=${2:?report.sh BENCH.json PAGE [ACCOUNT]}
account=${3:-}

machine() {
	jq -r '"Measured \(.date) by `\(.command | gsub(" +$"; ""))`, \(.rounds) rounds unless the table says otherwise, on \(.cores) processors (\(.cpu)), ",
		"\(.memory_mb) MB of memory, \(.kernel), cgroups \(.cgroups); " + ([.versions | to_entries[] | select(.value != "") |
		if .key == "capsule" then .value elif .key == "containerd" then "containerd " + (.value | split(" ")[2]) else (.value | gsub(" version"; "")) end]
		| join(", ")) + ".", (.notes[] | "", "Note (\(.row)): \(.text).")' "$json"
}

block() {
	case $1 in
	machine) machine ;;
	goals) jq -r --arg row - --arg form md -f "$here/report.jq" "$json" ;;
	account) [ -z "$account" ] || cat "$account" ;;
	*) jq -e --arg row "$1" 'any(.results[]; .row == $row)' "$json" >/dev/null &&
		jq -r --arg row "$1" --arg form md -f "$here/report.jq" "$json" ;;
	esac
}

new=$(mktemp)
trap 'rm -f "$new"' EXIT
skipping=
while IFS= read -r line; do
	case $line in
	'<!-- end -->') skipping= ;;
	'<!-- '*' -->')
		echo "$line"
		name=${line#<!-- }
		if text=$(block "${name% -->}") && [ -n "$text" ]; then
			printf '%s\n' "$text"
			skipping=yes
		fi
		continue
		;;
	esac
	[ -n "$skipping" ] || printf '%s\n' "$line"
done <"$page" >"$new"
cat "$new" >"$page"
