#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016,SC2154 # words for the shells in containers; bats sets stderr
#
# capsule stats and features: the numbers are those of the containers, the words those of the runtime.
bats_require_minimum_version 1.5.0
load helpers
setup() { integ_setup; }
teardown() { integ_teardown; }

@test "stats: one busy, one idle, one that eats memory" {
	args sleep 1000
	capsule run -d idle
	args sh -c 'while :; do :; done'
	capsule run -d busy
	args tinit eat 31457280
	config '.linux.resources.memory.limit = 67108864'
	capsule run -d eats
	capsule stats --no-stream --format json >"$WORK/stats"
	[ "$(jq -r .id "$WORK/stats" | tr '\n' ' ')" = 'busy eats idle ' ]
	jq -es '.[0].cpu_percent > 5 and .[0].cpu_percent < 120 and .[2].cpu_percent < 2' "$WORK/stats"
	jq -es '.[1].memory >= 31457280 and .[1].memory_limit == 67108864 and .[1].memory_percent > 45' "$WORK/stats"
	jq -es '.[2].memory < 31457280 and .[2].pids == 1' "$WORK/stats"
	capsule stats --no-stream eats >"$WORK/table"
	grep -q '^ID .*CPU %.*MEMORY / LIMIT.*PIDS.*NET I/O.*BLOCK I/O' "$WORK/table"
	grep -q '^eats .* / ' "$WORK/table"
	[ "$(wc -l <"$WORK/table")" = 2 ]
	capsule delete -f idle busy eats
	[ -z "$(capsule stats --no-stream --format json)" ]
}

@test "stats goes on until what it was told to watch has ended" {
	args sleep 1000
	capsule run -d c1
	capsule stats --format json c1 >"$WORK/stats" &
	local stats=$!
	wait_until 10 eval '[ "$(wc -l <"$WORK/stats")" -ge 2 ]'
	capsule delete -f c1
	wait "$stats"
}

@test "stats of what is not there, or does not run, or in no such format" {
	args sleep 1000
	capsule run -d c1
	run -125 --separate-stderr capsule stats --no-stream c1 c2
	[[ "$stderr" == *"no such container: 'c2'"* ]]
	capsule stop -t 0 c1
	run -125 --separate-stderr capsule stats --no-stream c1
	[[ "$stderr" == *'c1: the container is stopped'* ]]
	run -125 --separate-stderr capsule stats --format xml
	[[ "$stderr" == *"'xml'"* ]]
	capsule delete c1
}

@test "features are the runtime's" {
	capsule features --format json | cmp - <(runtime features)
	capsule features >"$WORK/text"
	grep -q '^ociVersionMax: ' "$WORK/text"
	grep -q '^hooks: prestart ' "$WORK/text"
	grep -q '^linux.seccomp.enabled: yes' "$WORK/text"
	run -125 capsule features more
}
