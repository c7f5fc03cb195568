#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016,SC2154 # words for the shells in containers; bats sets stderr
#
# events: the numbers are those of the cgroup's files, in runc's words; what runs out of memory is told.
bats_require_minimum_version 1.5.0
load helpers
setup() {
	integ_setup
	config '.linux.cgroupsPath = "/c"'
	args sleep 1000
}
teardown() { integ_teardown; }

stat_of() {
	jq -r ".data.$1" "$WORK/stats"
}

@test "--stats: one line, with what the cgroup's files hold" {
	config '.linux.resources = {memory: {limit: 67108864}, pids: {limit: 33}}'
	args tinit eat 20971520
	runtime run -d c >"$WORK/out"
	wait_until 10 grep -q ate "$WORK/out"
	before=$(value memory memory.stat memory.stat | awk '$1 == "pgfault" {print $2}')
	runtime events --stats c >"$WORK/stats"
	[ "$(wc -l <"$WORK/stats")" = 1 ]
	[ "$(jq -r '"\(.type) \(.id)"' "$WORK/stats")" = 'stats c' ]
	[ "$(jq -c '.data | keys_unsorted' "$WORK/stats")" = '["cpu","cpuset","memory","pids","blkio","hugetlb","intel_rdt","network_interfaces"]' ]
	[ "$(stat_of memory.usage.limit)" = 67108864 ]
	[ "$(stat_of memory.usage.limit)" = "$(value memory memory.limit_in_bytes memory.max)" ]
	[ "$(stat_of memory.usage.usage)" -ge 20971520 ]
	# between two looks the kernel gives back what its processors had put by
	[ $(($(stat_of memory.usage.usage) - $(value memory memory.usage_in_bytes memory.current))) -lt 2097152 ]
	[ "$(stat_of pids.current)" = 1 ]
	[ "$(stat_of pids.limit)" = 33 ]
	[ "$(stat_of cpu.usage.total)" -gt 0 ]
	[ "$(stat_of 'memory.raw | length')" = "$(value memory memory.stat memory.stat | wc -l)" ]
	# the kernel adds up what its processors count in its own time, and never less than before
	[ "$before" -gt 0 ]
	[ "$(stat_of 'memory.raw.pgfault')" -ge "$before" ]
	[ "$(stat_of 'memory.raw.pgfault')" -le "$(value memory memory.stat memory.stat | awk '$1 == "pgfault" {print $2}')" ]
	if ! is_v2; then
		[ "$(stat_of cpu.usage.total)" = "$(value cpuacct cpuacct.usage '')" ]
		[ "$(stat_of 'cpu.usage.percpu | add')" = "$(stat_of cpu.usage.total)" ]
		[ "$(stat_of 'cpuset.mems[0]')" = 0 ]
		[ "$(stat_of 'cpuset.sched_relax_domain_level')" = -1 ]
		[ "$(stat_of memory.usage.max)" = "$(value memory memory.max_usage_in_bytes '')" ]
	fi
	runtime delete -f c
}

@test "the same members as runc's, where runc is" {
	command -v runc >/dev/null || skip "no runc"
	runtime run -d c
	runtime events --stats c >"$WORK/stats"
	runtime delete -f c
	runc --root "$WORK/runc" run -d c >"$WORK/out" 2>&1 </dev/null
	runc --root "$WORK/runc" events --stats c >"$WORK/theirs"
	runc --root "$WORK/runc" delete -f c
	# what is there only if it is not 0 differs from moment to moment
	local members='[paths | map(tostring) | join(".") | select(test("percpu|raw|usage$|max$|total$|cache$|op$|value|blkio[.]") | not)] | sort'
	[ "$(jq -c "$members" "$WORK/stats")" = "$(jq -c "$members" "$WORK/theirs")" ]
	[ "$(jq -c '.data.memory.raw | keys_unsorted' "$WORK/stats")" = "$(jq -c '.data.memory.raw | keys_unsorted' "$WORK/theirs")" ]
}

@test "statistics at intervals, until the container ends; CPU time grows" {
	args sh -c 'while :; do :; done'
	runtime run -d c
	runtime events --interval 100ms c >"$WORK/stats" &
	local events=$!
	wait_until 10 eval '[ "$(wc -l <"$WORK/stats")" -ge 4 ]'
	runtime kill c KILL
	wait "$events"
	jq -es 'map(.data.cpu.usage.total) | . == sort and .[-1] > .[0]' "$WORK/stats"
	runtime delete c
}

@test "out of memory is told, also if it is the first process's end" {
	config '.linux.resources = {memory: {limit: 33554432, swap: 33554432}}'
	runtime run -d c
	runtime events --interval 1h c >"$WORK/events" &
	local events=$!
	sleep 0.2
	run ! runtime exec c tinit eat 134217728
	wait_until 10 grep -q oom "$WORK/events"
	[ "$(head -n 1 "$WORK/events")" = '{"type":"oom","id":"c"}' ]
	runtime kill c KILL
	wait "$events"
	runtime delete c
	args sh -c 'while [ ! -e /tmp/go ]; do sleep 0.05; done; exec tinit eat 134217728'
	config '.mounts += [{"destination":"/tmp","type":"tmpfs","source":"tmpfs"}]'
	runtime run -d c
	runtime events --interval 1h c >"$WORK/events" &
	events=$!
	sleep 0.2
	runtime exec c touch /tmp/go
	wait "$events"
	grep -q '{"type":"oom","id":"c"}' "$WORK/events"
	runtime delete c
}

@test "who reads no more ends it; a limit of throttled time is counted" {
	config '.linux.resources = {cpu: {quota: 10000, period: 100000}}'
	args sh -c 'while :; do :; done'
	runtime run -d c
	runtime events --interval 50ms c | head -n 3 >"$WORK/stats"
	[ "$(wc -l <"$WORK/stats")" = 3 ]
	jq -es '.[-1].data.cpu.throttling.periods >= 1' "$WORK/stats"
	runtime delete -f c
}

@test "bad input, and containers that do not run" {
	runtime create c
	run -1 --separate-stderr runtime events --interval abc c
	[[ "$stderr" == *"--interval: 'abc' is no time"* ]]
	run -1 --separate-stderr runtime events --interval 0s c
	[[ "$stderr" == *'must be greater than 0'* ]]
	run -1 runtime events
	run -1 --separate-stderr runtime events c d
	[[ "$stderr" == *'only with --stats'* ]]
	run -1 runtime events --stats nobody
	[ "$(runtime events --stats c nobody | jq -r .id)" = c ]
	runtime kill c KILL
	wait_until 5 eval '[ "$(runtime state c | jq -r .status)" = stopped ]'
	run -1 --separate-stderr runtime events --stats c
	[[ "$stderr" == *'container with id c is not running'* ]]
	run -1 runtime events c
	runtime delete c
}
