#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2012,SC2016,SC2030,SC2031,SC2094,SC2153 # words for the shells in containers
#
# Shims that are killed, and others that adopt their containers. Pid 1 of this world reaps at once what a dead shim
# leaves, so that statuses come from the pidfd where the kernel tells them, and are not known where it does not.
bats_require_minimum_version 1.5.0
load helpers
setup() { integ_setup; }
teardown() { integ_teardown; }

shim_pid() {
	jq .pid "$ROOT/$1/shim.json"
}

kill_shim() {
	local pid
	pid=$(shim_pid "$1")
	kill -KILL "$pid"
	gone "$pid"
}

# The command that is asked for something goes first: it would have another shim adopt, or take back what it made.
kill_client() {
	kill -KILL "$client"
	wait "$client" 2>/dev/null || true
}

# A successor without a client: it adopts by itself.
adopt() {
	local old
	old=$(shim_pid "$1")
	setsid "$SHIM" --root "$ROOT" --id "$1" --adopt </dev/null >/dev/null 2>&1 3>&- &
	wait_until 5 eval "[ \$(jq .pid '$ROOT/$1/shim.json') != $old ] && [ -S '$ROOT/$1/shim.sock' ]"
}

# … that is expected to refuse; its reason is the last line of shim.log.
adopt_fails() {
	run timeout 5 setsid -w "$SHIM" --root "$ROOT" --id "$1" --adopt
	[ "$status" = 1 ]
	[[ $(tail -n 1 "$ROOT/$1/shim.log") == *"$2"* ]]
}

# From Linux 6.15 on the kernel says how a process ended that somebody else has reaped.
kernel_tells() {
	[ "$(printf '%s\n' 6.15 "$(uname -r)" | sort -V | head -n 1)" = 6.15 ]
}

log_lines() {
	cut -d' ' -f4- "$@"
}

@test "killed and adopted again and again: every line once, the exit status, one log" {
	args sh -c 'trap "exit 42" TERM; i=0; while :; do echo "line $i"; i=$((i+1)); done'
	capsule run -d --log-max-size 0 c1
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		kill_shim c1
		adopt c1
	done
	capsule kill c1 TERM
	if kernel_tells; then
		[ "$(capsule wait c1)" = 42 ]
		jq -e '.known' "$ROOT/c1/exit.json"
	else
		wait_until 20 test -e "$ROOT/c1/exit.json"
	fi
	count=$(wc -l <"$ROOT/c1/log")
	echo "$count lines"
	[ "$count" -gt 100 ]
	log_lines "$ROOT/c1/log" | cmp - <(seq -f 'line %.0f' 0 $((count - 1)))
	capsule delete c1
	[ ! -e "$ROOT/c1" ]
}

@test "what is there before is there after: state, pid, cgroups, exec, jobs, limits" {
	local before job
	config '.linux.resources.memory.limit = 16777216'
	args sh -c 'trap "exit 3" TERM; sleep 1000 & wait'
	capsule run -d --stop-timeout 30 c1
	job=$(capsule exec -d c1 sh -c 'trap "echo bye; exit 17" TERM; echo up; while :; do sleep 0.02; done')
	wait_until 5 grep -q up "$ROOT/c1/exec/$job/log"
	before=$(capsule state -d c1 | jq -S '{id,status,pid,bundle,created_at,started_at,log,terminal,jobs,cgroups,oom_kills}')
	kill_shim c1
	adopt c1
	[ "$(capsule state -d c1 | jq -S '{id,status,pid,bundle,created_at,started_at,log,terminal,jobs,cgroups,oom_kills}')" = "$before" ]
	[ "$(capsule exec c1 echo hello)" = hello ]
	capsule kill --exec "$job" c1 TERM || capsule exec c1 kill -TERM "$(jq .pid "$ROOT/c1/exec/$job/job.json")"
	wait_until 5 test -e "$ROOT/c1/exec/$job/exit.json"
	grep -q 'stdout F bye' "$ROOT/c1/exec/$job/log"
	! kernel_tells || [ "$(capsule wait --exec "$job" c1)" = 17 ]
	# The limit holds, and a kill by it is seen. Nobody else asks for memory meanwhile: a kernel that is asked while the one
	# that it has killed is not quite gone takes the next one, which is the container's first process.
	capsule exec c1 tinit eat 200000000 || true
	capsule state -d c1 | jq -e '.oom_kills >= 1'
	capsule stop c1
	jq -e '.oom' "$ROOT/c1/exit.json"
	! kernel_tells || [ "$(capsule wait c1)" = 3 ]
	capsule delete c1
}

@test "a created container is adopted and started" {
	args sh -c 'echo started; exit 5'
	capsule create c1
	kill_shim c1
	adopt c1
	[ "$(capsule state c1 | jq -r .status)" = created ]
	capsule start -d c1
	wait_until 5 test -e "$ROOT/c1/exit.json"
	! kernel_tells || [ "$(capsule wait c1)" = 5 ]
	grep -q 'stdout F started' "$ROOT/c1/log"
	capsule delete c1
}

@test "a stop goes on where it was" {
	args sh -c 'trap "" TERM; echo up; while :; do sleep 0.02; done'
	capsule run -d c1
	wait_until 5 grep -q up "$ROOT/c1/log"
	"$CAPSULE" --root "$ROOT" stop -t 4 c1 >/dev/null 2>&1 &
	client=$!
	wait_until 5 eval "jq -e '.stop_at_ms > 0' '$ROOT/c1/shim.json'"
	kill_client
	kill_shim c1
	adopt c1
	wait_until 10 test -e "$ROOT/c1/exit.json"
	! kernel_tells || jq -e '.signal == 9' "$ROOT/c1/exit.json"
	capsule delete c1
}

@test "a container that ends while there is no shim: its status is not known, and delete works" {
	args sleep 1000
	capsule run -d c1
	pid=$(capsule state c1 | jq .pid)
	kill_shim c1
	kill -KILL "$pid"
	gone "$pid"
	adopt c1
	wait_until 5 test -e "$ROOT/c1/exit.json"
	jq -e '(.known | not) and .code == 255' "$ROOT/c1/exit.json"
	run capsule wait c1
	[ "$status" != 0 ]
	[[ $output == *unknown* ]]
	capsule delete c1
	[ ! -e "$ROOT/c1" ]
}

@test "killed while a hook of its create runs: the successor waits, and has the whole container" {
	printf '#!/bin/sh\ntouch %s/hooked\nexec sleep 1\n' "$WORK" >"$WORK/hook"
	chmod +x "$WORK/hook"
	config '.hooks.createRuntime = [{"path": $p}]' --arg p "$WORK/hook"
	args sh -c 'echo it runs; sleep 1000'
	"$CAPSULE" --root "$ROOT" create c1 >/dev/null 2>&1 &
	client=$!
	wait_until 5 test -e "$WORK/hooked"
	kill_client
	kill_shim c1
	adopt c1
	[ "$(capsule state c1 | jq -r .status)" = created ]
	capsule start -d c1
	wait_until 5 grep -q 'it runs' "$ROOT/c1/log"
	capsule state -d c1 | jq -e '.cgroups | length > 0'
	capsule delete -f c1
}

@test "killed with its runtime within a create: refused, and delete -f leaves nothing" {
	local runtime
	printf '#!/bin/sh\ntouch %s/hooked\nexec sleep 1000\n' "$WORK" >"$WORK/hook"
	chmod +x "$WORK/hook"
	config '.hooks.createRuntime = [{"path": $p}]' --arg p "$WORK/hook"
	"$CAPSULE" --root "$ROOT" create c1 >/dev/null 2>&1 &
	client=$!
	wait_until 5 test -e "$WORK/hooked"
	kill_client
	runtime=$(ps -o pid= --ppid "$(shim_pid c1)" | head -n 1)
	kill -STOP "$runtime"
	kill_shim c1
	kill -KILL "$runtime"
	gone "$runtime"
	adopt_fails c1 'its creation was cut short'
	[ -e "$ROOT/c1" ]
	capsule delete -f c1
	[ ! -e "$ROOT/c1" ]
	pkill -f '^sleep 1000' || true # the hook, if its runtime had no time to end it
}

@test "killed while poststart hooks run: the successor waits for them" {
	printf '#!/bin/sh\ntouch %s/hooked\nsleep 1\ntouch %s/done\n' "$WORK" "$WORK" >"$WORK/hook"
	chmod +x "$WORK/hook"
	config '.hooks.poststart = [{"path": $p}]' --arg p "$WORK/hook"
	args sleep 1000
	"$CAPSULE" --root "$ROOT" run -d c1 >/dev/null 2>&1 &
	client=$!
	wait_until 5 test -e "$WORK/hooked"
	kill_client
	kill_shim c1
	adopt c1
	[ -e "$WORK/done" ]
	[ "$(capsule state c1 | jq -r .status)" = running ]
	capsule delete -f c1
}

@test "a terminal hangs up with its shim" {
	config '.process.terminal = true'
	args sh -c 'trap "" HUP; echo up; while :; do sleep 0.02; done'
	capsule run -d c1
	wait_until 5 grep -q up "$ROOT/c1/log"
	kill_shim c1
	adopt c1
	grep -q 'its terminal hung up' "$ROOT/c1/shim.log"
	[ "$(capsule state c1 | jq -r .status)" = running ]
	capsule delete -f c1
}

@test "a successor takes as little as the first one" {
	local fds shim
	args sleep 1000
	capsule run -d c1
	fds=$(ls "/proc/$(shim_pid c1)/fd" | wc -l)
	kill_shim c1
	adopt c1
	shim=$(shim_pid c1)
	capsule exec c1 true
	capsule exec -d c1 true
	wait_until 5 eval "capsule jobs c1 | grep -q Exited"
	sleep 1.5
	[ "$(ls "/proc/$shim/fd" | wc -l)" -le "$fds" ]
	awk '/^Anonymous:/ { print; exit $2 >= 300 }' "/proc/$shim/smaps_rollup"
	[ "$(ls "/proc/$shim/task" | wc -l)" = 1 ]
	# what was executed after the adoption is its child, and reaped
	[ "$(ps -o pid= --ppid "$shim" | wc -l)" = 0 ]
	capsule delete -f c1
}

@test "not adopted: one of an earlier boot, one whose shim lives, none at all" {
	args sleep 1000
	capsule run -d c1
	run timeout 5 "$SHIM" --root "$ROOT" --id c1 --adopt
	[ "$status" = 1 ]
	[[ $output == *"container 'c1' has a shim already" ]]
	kill_shim c1
	jq '.bootId = "00000000-0000-4000-8000-000000000000"' "$ROOT/c1/state.json" >"$WORK/state"
	cp "$ROOT/c1/state.json" "$WORK/kept"
	cp "$WORK/state" "$ROOT/c1/state.json"
	adopt_fails c1 'it is of an earlier boot of this machine'
	capsule list | grep -q '^c1 .*Stopped'
	cp "$WORK/kept" "$ROOT/c1/state.json"
	capsule delete -f c1
	run timeout 5 "$SHIM" --root "$ROOT" --id c1 --adopt
	[ "$status" = 1 ]
	[[ $output == *"no such container: 'c1'" ]]
}
