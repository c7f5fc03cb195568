#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# check-all.sh BUILD: every test there is, the cheap ones first, from the builds that `./bootstrap check` has made in
# BUILD, BUILD/sanitizers and BUILD/faults. The last line sums them up: "N passed, N failed, N skipped".
# A skip that is not on tests/skips.txt is a failure.
set -uo pipefail

build=$(cd -- "$1" && pwd)
top=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
results=$build/results
jobs=${JOBS:-$(nproc)}

# stage NAME DIR TARGET JOBS: one list of tests; what automake's harness prints is kept as results/NAME.
stage() {
	local name=$1 dir=$2 target=$3 j=$4 rc=0 start=$SECONDS
	printf '== %s\n' "$name"
	make -s -C "$dir" -j"$j" "$target" AM_COLOR_TESTS=no >"$results/$name" 2>&1 </dev/null || rc=$?
	# a stage that fails without saying which test (a compiler error, say) is a failure by itself
	if ((rc != 0)) && ! grep -qE '^(FAIL|ERROR|XPASS): ' "$results/$name"; then
		tail -n 30 "$results/$name"
		{
			printf 'ERROR: %s - make %s exited with status %d\n' "$name" "$target" "$rc"
			grep . "$results/$name" | tail -n 8 | sed 's/^/\t# /'
		} >"$results.$name"
		cat "$results.$name" >>"$results/$name"
	fi
	awk -v dir="$dir" -f "$top/tests/explain.awk" "$results/$name" >"$results.$name"
	mv "$results.$name" "$results/$name"
	show_failures "$name" "$dir"
	awk -v t=$((SECONDS - start)) '/^PASS: /{p++} /^SKIP: /{s++} /^(FAIL|ERROR|XPASS): /{f++}
		END {printf "   %d passed, %d failed, %d skipped, %d s\n", p, f, s, t}' "$results/$name"
}

# The names of the tests that failed, then the log of each program that they belong to.
show_failures() {
	local name=$1 dir=$2 test
	grep -E '^(FAIL|ERROR|XPASS): ' "$results/$name" || return 0
	grep -E '^(FAIL|ERROR|XPASS): ' "$results/$name" | awk '{print $2}' | sort -u | while read -r test; do
		test=$dir/${test%.sh}
		test=${test%.bats}
		[[ -f $test.log ]] || continue
		printf -- '-- %s.log\n' "${test#"$dir"/}"
		tail -c 20000 "$test.log"
	done
}

rm -rf "$results"
mkdir -p "$results"

stage unit "$build" check-unit "$jobs"
stage fuzz-corpus "$build" check-fuzz "$jobs"
# The machine in the machine takes minutes and disturbs nobody: beside what is no matter of time.
stage vm "$build" check-vm 1 >"$results.vm-said" 2>&1 &
stage lint "$build" check-lint 1
stage sanitizers-unit "$build/sanitizers" check-unit "$jobs"
stage sanitizers-fuzz-corpus "$build/sanitizers" check-fuzz "$jobs"
wait
cat "$results.vm-said"
# Each of these compares the whole machine before and after, so one at a time.
stage integration "$build" check-integ 1
stage sanitizers-integration "$build/sanitizers" check-sanitized 1
# Each client in a world of its own.
stage clients "$build" check-clients 4
stage demo "$build" check-demo 1
stage chaos "$build" check-chaos 1
stage faults "$build/faults" check-faults 1
stage distcheck "$build" check-dist "$jobs"

cd "$results" && exec awk -f "$top/tests/sum.awk" -v skips="$top/tests/skips.txt" -- *
