#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What tests/explain.awk and tests/sum.awk make of logs and results: the last lines of `./bootstrap check`.
set -eu

n=0
is() { # NAME EXPECTED GOT
	n=$((n + 1))
	if [ "$2" = "$3" ]; then
		echo "ok $n - $1"
	else
		printf 'not ok %s - %s\n' "$n" "$1"
		printf '# expected: %s\n# got:      %s\n' "${2//$'\n'/$'\n# '}" "${3//$'\n'/$'\n# '}"
	fi
}

echo 1..7
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/build/tests" "$work/results"
cd "$work/build"

cat >tests/integ.log <<-'END'
	1..4
	ok 1 first
	# of the first
	not ok 2 none: the second
	# (in test file x.bats, line 3)
	#   `false' failed

	said without a mark
	FAIL: tests/integ.sh 2 none: the second
	ok 3 third # SKIP why not
	not ok 4 fourth
END
for i in $(seq 20); do
	echo "# line $i" >>tests/integ.log
done
{
	printf '1..1\nok 1 - fine\n'
	printf 'line %s\n' 1 2 3 4 5 6 7 8 9
} >tests/crashed.log
cat >tests/vm.log <<-'END'
	ok 1 10-a: one
	not ok 2 20-b: two
	# 20-b: (in test file
	ok 3 10-a: three
	# 20-b:   `false' failed
	# 10-a: of a test that is fine
	# 10-a: 3 s
END
printf 'PASS: tests/integ.sh 1 first\nFAIL: tests/integ.sh 2 none: the second\nSKIP: tests/integ.sh 3 third # SKIP why not\nFAIL: tests/integ.sh 4 fourth\nERROR: tests/crashed - exited with status 1\n' >"$work/printed"
printf 'FAIL: tests/vm.sh 2 20-b: two\n' >"$work/printed-vm"

explain() { # RESULTS
	awk -v dir=. -f "$TOP_SRCDIR/tests/explain.awk" "$1"
}

explain "$work/printed" >"$work/results/integration"
explain "$work/printed-vm" >"$work/results/vm"
is "a failed test is followed by what the log has between it and the next" \
	$'\t# (in test file x.bats, line 3)\n\t#   `false\' failed\n\t# said without a mark' \
	"$(sed -n '/^FAIL: .* 2 /,/^SKIP/{/^\t/p}' "$work/results/integration")"
is "a program that failed as a whole, by its log's end" 8 "$(sed -n '/^ERROR/,$p' "$work/results/integration" | grep -c "^	# line")"
is "two files that speak at a time are told apart" \
	$'\t# 20-b: (in test file\n\t# 20-b:   `false\' failed' "$(sed 1d "$work/results/vm")"

sum() {
	(cd "$work/results" && awk -v skips="$work/skips" -f "$TOP_SRCDIR/tests/sum.awk" -- *) || true
}

printf 'third\tof no use\n' >"$work/skips"
sum >"$work/sum"
is "the last line counts" "1 passed, 4 failed, 1 skipped" "$(tail -n 1 "$work/sum")"
is "what failed stands before it, with eight lines each at the most, of its beginning and of its end" \
	"failed: integration: FAIL: tests/integ.sh 4 fourth|    line 1|    line 2|    line 3|    line 4|    line 17|    line 18|    line 19|    line 20" \
	"$(sed -n '/ 4 fourth/,/^failed: .*crashed/{/crashed/!p}' "$work/sum" | paste -sd '|')"
is "the skips stand before the failures" "skipped failed" "$(sed -n 's/^\(skipped\|failed\):.*/\1/p' "$work/sum" | uniq | xargs)"
for i in $(seq 20); do
	cp "$work/results/integration" "$work/results/more-$i"
done
is "many failures have two lines each" 2 "$(sum | sed -n '0,/ 4 fourth/d; /^failed/q; p' | wc -l)"
