#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# capsule debug: what explains a container that is stuck.
#
# shellcheck disable=SC2016,SC2030,SC2031 # scripts for containers; each test is a subshell
bats_require_minimum_version 1.5.0
load helpers
setup() { integ_setup; }
teardown() {
	[ -z "${stuck:-}" ] || kill -9 "$stuck" 2>/dev/null || true
	[ -z "${shim:-}" ] || kill -CONT "$shim" 2>/dev/null || true
	integ_teardown
}

# debug FILTER: jq's verdict of what capsule debug says of c1.
debug() {
	capsule debug --format json c1 >"$WORK/debug.json"
	jq -e "$1" "$WORK/debug.json"
}

shim_pid() {
	jq .pid "$ROOT/$1/shim.json"
}

@test "a container that is well: everything is there, as JSON and as text" {
	args sleep 1000
	capsule run -d c1
	job=$(capsule exec -d c1 sleep 1000)
	debug '.no_answer == null and .machine == "running" and .status == "running"'
	[ "$(jq .shim.pid "$WORK/debug.json")" = "$(shim_pid c1)" ]
	jq -e '[.transitions[] | select(.exec | not) | .next] == ["creating","created","starting","running","running"]' "$WORK/debug.json"
	jq -e '[.transitions[] | select(.exec) | .next] == ["running"]' "$WORK/debug.json"
	jq -e '.runtime == [] and .stdio.paused == null and .stdio.stdout.open' "$WORK/debug.json"
	jq -e --arg job "$job" '.execs | length == 1 and .[0].exec == $job and .[0].args == ["sleep","1000"]' "$WORK/debug.json"
	jq -e '.counters | .execs == 1 and .requests >= 6 and .wakeups > 3' "$WORK/debug.json"
	jq -e '.shim_process.alive and .init_process.alive and .shim_process.fds > 5' "$WORK/debug.json"
	jq -e '.cgroups | length > 0' "$WORK/debug.json"
	capsule debug c1 >text
	grep -qx 'machine: running' text
	grep -q '  - at 2.*, state creating, event create-done, next created, rc 0' text
	capsule delete -f c1
}

@test "the log's disk is full: the pause has a reason, the log has what it holds, shim.log tells the time" {
	mkdir "$WORK/disk"
	mount -t tmpfs -o size=64k tmpfs "$WORK/disk"
	ROOT=$WORK/disk/root
	args sh -c 'i=0; while [ $i -lt 20000 ]; do echo "line $i and some more words"; i=$((i+1)); done'
	capsule run -d --log-max-size 0 c1
	wait_until 5 debug '.stdio.paused == "the log is blocked by its disk"'
	debug '.log_work.blocked and .log_work.held > 0 and .timers_ms.log_or_terminal_retry <= 200'
	wait_until 5 debug '.stdio.stdout.waiting > 0'
	mount -o remount,size=64m "$WORK/disk"
	[ "$(capsule wait c1)" = 0 ]
	debug '.log_work.blocked == false and .stdio.paused == null'
	grep -q 'the log goes on after' "$ROOT/c1/shim.log"
	capsule delete c1
	wait_until 5 umount "$WORK/disk"
	ROOT=/run/t
}

@test "a hook of create hangs: the runtime's operation and who waits for it" {
	args sleep 1000
	config '.hooks.createRuntime = [{"path":"/bin/sh","args":["sh","-c","sleep 6"]}]'
	capsule create c1 3>&- &
	creating=$!
	wait_until 5 debug '.machine == "creating" and .runtime[0].op == "create" and .runtime[0].for_ms > 500'
	jq -e '.waiters.create == 1 and .pid > 1 and (.runtime[0].answered | not)' "$WORK/debug.json"
	jq -e '.connections | any(.waits == 1)' "$WORK/debug.json"
	wait "$creating"
	grep -q 'the runtime took [0-9]* ms for create' "$ROOT/c1/shim.log"
	capsule delete -f c1
}

@test "a client that reads nothing is seen by what is unread" {
	args sleep 1000
	capsule run -d c1
	python3 - "$ROOT/c1/shim.sock" 3>&- <<'END' &
import socket, struct, sys, time
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
s.connect(sys.argv[1])
def ask(text):
    s.send(b"CPS1" + struct.pack("<HHII", 1, 0, 1, len(text)) + text)
ask(b'{"op":"hello","protocol":1}')
for _ in range(20):
    ask(b'{"op":"state"}')
time.sleep(1000)
END
	stuck=$!
	wait_until 5 debug ".connections | any(.pid == $stuck and .unread > 4000)"
	kill -9 "$stuck"
	capsule delete -f c1
}

@test "a shim that is stopped does not answer: the files and /proc do, within three seconds" {
	local before=$SECONDS
	args sh -c 'echo hello; sleep 1000'
	capsule run -d c1
	shim=$(shim_pid c1)
	kill -STOP "$shim"
	debug '.no_answer | test("did not answer")'
	[ $((SECONDS - before)) -le 4 ]
	jq -e '.shim_process.state | startswith("T")' "$WORK/debug.json"
	jq -e '.init_process.alive and .files["state.json"].id == "c1" and .files["shim.json"].pid > 1' "$WORK/debug.json"
	jq -e '.fifos | has("stdout")' "$WORK/debug.json"
	kill -CONT "$shim"
	debug '.no_answer == null'
	capsule delete -f c1
}

@test "a shim that is dead is not adopted by looking" {
	args sleep 1000
	capsule run -d c1
	shim=$(shim_pid c1)
	kill -9 "$shim"
	wait_until 5 debug '(.no_answer | test("connect to it")) and .shim_process.alive == false'
	jq -e '.shim_process.alive == false and .init_process.alive and .status == "running"' "$WORK/debug.json"
	[ "$(shim_pid c1)" = "$shim" ]
	capsule debug c1 | grep -q '^no_answer: connect to it'
	capsule delete -f c1
}

@test "no such container, no such format" {
	run -125 capsule debug c1
	[[ $output = *"no such container"* ]]
	args sleep 1000
	capsule run -d c1
	run -125 capsule debug --format table c1
	capsule delete -f c1
}
