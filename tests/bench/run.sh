#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The benchmarks: run.sh BUILD [--rounds N] [--quick] [ROW...]
#
# Contenders take turns within one run, in one place (world.sh). A row of the report is a function row_NAME in rows/,
# with its method above it; all of them run unless some are named. --quick: a tenth of everything, to see whether it works.
# What is printed as tables is also BUILD/bench.json; report.sh puts it into docs/benchmarks.md. A contender that is not
# installed is left out and named. Numbers never make this fail; a row that cannot be measured is said and left out.
set -eu
# containers of bundles are on no network, as the other contenders' are
export CAPSULE_NETWORK=none
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/bench/world.sh
. "$here/world.sh"
for file in "$here"/rows/*.sh; do
	# shellcheck source=/dev/null
	. "$file"
done

all_rows=(run run-seccomp exec state lifecycle first-byte exec-trip job exit-wait idle containerd-run containerd-exec containerd-idle containerd-log growth log parallel crowd memory adopt import image-start image-parallel image-memory)

usage() {
	echo "usage: run.sh BUILD [--rounds N] [--quick] [ROW...]" >&2
	echo "rows: ${all_rows[*]}" >&2
	exit 2
}

# part N: N, or a tenth of it with --quick, but one at the least.
part() {
	local n=$1
	[ -z "$quick" ] || n=$(((n + 9) / 10))
	echo "$n"
}

# plan [ROUNDS [WARMUP]]: times the plan on stdin.
plan() {
	"$stopwatch" plan "${1:-$rounds}" "${2:-3}" "$samples"
}

# sample ROW MEASURE UNIT CONTENDER VALUE
sample() {
	local IFS=$'\t'
	echo "$*" >>"$samples"
}

# goal ROW MEASURE CONTENDER FACTOR AGAINST [FIELD]: <= FACTOR x AGAINST's (>= where more is better); AGAINST - : an absolute value.
goal() {
	local IFS=$'\t'
	echo "$*" >>"$work/goals"
}

note() {
	echo "note: $2"
	printf '%s\t%s\n' "$1" "$2" >>"$work/notes"
}

# The machine and the contenders, as JSON.
head_json() {
	local name line
	for name in capsule crun runc conmon containerd podman dockerd; do
		line=
		case $name in
		capsule) line="$("$capsule_bin" --version) $(git -C "$source" rev-parse --short HEAD 2>/dev/null || true)" ;;
		*) ! command -v "$name" >/dev/null || line=$("$name" --version | head -n 1) ;;
		esac
		printf '%s\t%s\n' "$name" "$line"
	done | jq -R -n '[inputs | split("\t") | {key: .[0], value: .[1]}] | from_entries' >"$work/versions"
	jq -n --slurpfile versions "$work/versions" --arg kernel "$(uname -sr)" --arg date "$(date -u +%Y-%m-%dT%H:%M:%SZ)" \
		--arg cpu "$(sed -n 's/^model name[ \t]*: //p' /proc/cpuinfo | head -n 1)" --argjson cores "$(nproc)" \
		--argjson memory_mb "$(awk '/^MemTotal/ {print int($2 / 1024)}' /proc/meminfo)" --argjson rounds "$rounds" \
		--argjson quick "${quick:-false}" --arg cgroups "$cgroup_layout" --arg command "tests/bench/run.sh $given" \
		'{$date, $kernel, $cpu, $cores, $memory_mb, $cgroups, $command, $rounds, $quick, versions: $versions[0]}'
}

# Takes what was measured so far and makes the JSON of it.
collect() {
	jq -n --slurpfile head "$work/head" --rawfile samples "$samples" --rawfile goals "$work/goals" \
		--rawfile notes "$work/notes" -f "$here/collect.jq"
}

inner() {
	local row
	make_world
	: >"$work/goals"
	: >"$work/notes"
	: >"$samples"
	head_json >"$work/head"
	jq -r '"Linux: \(.kernel), \(.cores) x \(.cpu), cgroups: \(.cgroups)", (.versions | to_entries[] |
		"\(.key): \(if .value == "" then "not installed" else .value end)")' "$work/head"
	for row in "$@"; do
		printf '\n-- %s\n' "$row"
		"row_${row//-/_}" || note "$row" "could not be measured to its end"
		collect | jq -r --arg row "$row" --arg form text -f "$here/report.jq"
	done
	collect >/run/build/bench.json
	printf '\n-- goals\n'
	jq -r --arg row - --arg form text -f "$here/report.jq" /run/build/bench.json
	echo
	echo "JSON: $build/bench.json; took $SECONDS s"
}

[ $# -ge 1 ] || usage
build=$1
shift
given=$*
rounds=100
quick=
rows=()
while [ $# -gt 0 ]; do
	case $1 in
	--rounds) rounds=${2:?--rounds N} && shift ;;
	--quick) quick=true ;;
	-*) usage ;;
	*)
		declare -F "row_${1//-/_}" >/dev/null || usage
		rows+=("$1")
		;;
	esac
	shift
done
[ ${#rows[@]} -gt 0 ] || rows=("${all_rows[@]}")
rounds=$(part "$rounds")
if [ "${BENCH_INSIDE:-}" = yes ]; then
	inner "${rows[@]}"
else
	# shellcheck disable=SC2086 # words
	enter_world run.sh "$build" $given
fi
