#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# From samples to verdicts to the page, in TAP: medians, goals of both directions, what has no samples, and what
# report.sh replaces and leaves alone.
set -uo pipefail

bench=$TOP_SRCDIR/tests/bench
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

n=0
is() {
	n=$((n + 1))
	if [[ $2 == "$3" ]]; then
		echo "ok $n - $1"
	else
		printf 'not ok %s - %s\n# expected: %s\n# got:      %s\n' "$n" "$1" "$2" "$3"
	fi
}

echo 1..7
{
	printf 'run\ttime\tms\tours\t%s\n' 3 1 2
	printf 'run\ttime\tms\ttheirs\t%s\n' 4 40 5 4
	printf 'log\tspeed\tMB/s\tours\t%s\n' 600 700
	printf 'log\tspeed\tMB/s\ttheirs\t%s\n' 300
} >"$work/samples"
{
	printf 'run\ttime\tours\t0.5\ttheirs\n'
	printf 'run\ttime\tours\t0.4\ttheirs\n'
	printf 'log\tspeed\tours\t3\ttheirs\n'
	printf 'run\ttime\tours\t2.5\t-\tmax\n'
	printf 'run\ttime\tours\t1\tnobody\n'
} >"$work/goals"
printf 'run\ta note\n' >"$work/notes"
echo '{"date":"D","command":"C","rounds":3,"cores":2,"cpu":"P","memory_mb":1,"kernel":"K","cgroups":"v1","versions":{"capsule":"capsule 1"}}' >"$work/head"
jq -n --slurpfile head "$work/head" --rawfile samples "$work/samples" --rawfile goals "$work/goals" --rawfile notes "$work/notes" \
	-f "$bench/collect.jq" >"$work/bench.json"

is "medians, and contenders in the order in which they came" 'ours 2 3 theirs 5 4' \
	"$(jq -r '[.results[] | select(.row == "run") | "\(.contender) \(.median) \(.n)"] | join(" ")' "$work/bench.json")"
is "goals: a bound that is met, one that is not, more being better, a maximum, and none without samples" \
	'0.5 true 0.4 true 3 false 2.5 false' \
	"$(jq -r '[.goals[] | "\(.factor) \(.met)"] | join(" ")' "$work/bench.json")"
is "a bound is a factor of the other's median" 2.5 "$(jq '.goals[0].limit' "$work/bench.json")"

printf 'before\n<!-- run -->\nold\n<!-- end -->\nbetween\n<!-- other -->\nkept\n<!-- end -->\n<!-- account -->\n<!-- end -->\nafter\n' >"$work/page"
echo "the account" >"$work/account"
bash "$bench/report.sh" "$work/bench.json" "$work/page" "$work/account"
is "what a block had is replaced" 0 "$(grep -c '^old$' "$work/page")"
is "by the row's table, its head and a line for each contender" 4 "$(grep -c '^|' "$work/page")"
is "what there are no figures for is kept, and what stands between" 'before between kept the account after' \
	"$(grep -v '^[|<]' "$work/page" | paste -sd ' ')"
cp "$work/page" "$work/again"
bash "$bench/report.sh" "$work/bench.json" "$work/again" "$work/account"
is "twice is once" "$(cat "$work/page")" "$(cat "$work/again")"
