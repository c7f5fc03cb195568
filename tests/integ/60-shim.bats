#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2012,SC2016,SC2030,SC2031,SC2314 # words for the shells in containers
#
# The shim with real containers: disks that are full, memory that runs out, processes that end in odd
# orders, and what it costs to keep a container.
bats_require_minimum_version 1.5.0
load helpers
setup() { integ_setup; }
teardown() {
	if mountpoint -q "$WORK/disk" 2>/dev/null; then wait_until 5 umount "$WORK/disk"; fi # the shim is just ending
	integ_teardown
}

shim_pid() {
	jq .pid "$ROOT/$1/shim.json"
}

small_disk() {
	mkdir "$WORK/disk"
	mount -t tmpfs -o size="$1" tmpfs "$WORK/disk"
}

# The lines of a cri log without their stamps.
log_lines() {
	cut -d' ' -f4- "$@"
}

LINES='i=0; while [ $i -lt 20000 ]; do echo "line $i and some more words"; i=$((i+1)); done'

@test "a full log disk holds the container back; with room again every line is there" {
	small_disk 256k
	ROOT=$WORK/disk/root
	args sh -c "$LINES"
	capsule run -d --log-max-size 0 c1
	sleep 1
	[ "$(capsule state c1 | jq -r .status)" = running ]
	mount -o remount,size=64m "$WORK/disk"
	[ "$(capsule wait c1)" = 0 ]
	wait_until 5 eval "[ \$(wc -l <$ROOT/c1/log) = 20000 ]"
	log_lines "$ROOT/c1/log" | cmp - <(seq -f 'line %.0f and some more words' 0 19999)
	capsule delete c1
	no_containers
	rm -r "$ROOT"
	ROOT=/run/t
}

@test "a full state disk in drop mode: what is lost is counted to the byte" {
	local logged dropped sent
	small_disk 256k
	ROOT=$WORK/disk/root
	args sh -c "$LINES"
	capsule run -d --log-mode drop --log-max-size 0 c1
	[ "$(capsule wait c1)" = 0 ]
	mount -o remount,size=64m "$WORK/disk"
	wait_until 5 grep -q 'capsule: dropped' "$ROOT/c1/log"
	sleep 0.5
	sent=$(seq -f 'line %.0f and some more words' 0 19999 | wc -c)
	dropped=$(log_lines "$ROOT/c1/log" | sed -n 's/^capsule: dropped \([0-9]*\) bytes$/\1/p' | paste -sd+ | bc)
	logged=$(log_lines "$ROOT/c1/log" | grep -v '^capsule: dropped' | wc -c)
	echo "sent $sent logged $logged dropped $dropped"
	[ $((logged + dropped)) = "$sent" ]
	[ "$(grep -vc '^2[0-9-]*T[0-9:.]*Z std\(out\|err\) [FP] ' "$ROOT/c1/log")" = 0 ]
	capsule delete c1
	no_containers
	rm -r "$ROOT"
	ROOT=/run/t
}

@test "a job that ends while the disk is full still says what its log lacks, once it can" {
	local job log logged dropped sent filler
	small_disk 1m
	ROOT=$WORK/disk/root
	args sleep 100
	capsule run -d c1
	job=$(capsule exec -d --log-mode drop --log-max-size 0 c1 sh -c "sleep 0.3; $LINES")
	# whatever gets free is taken at once
	while :; do
		head -c 65536 /dev/zero >>"$WORK/disk/filler" || true
		sleep 0.005
	done 2>/dev/null &
	filler=$!
	[ "$(capsule wait --exec "$job" c1)" = 0 ]
	log=$ROOT/c1/exec/$job/log
	sleep 0.5
	kill "$filler"
	rm "$WORK/disk/filler"
	wait_until 5 grep -q 'capsule: dropped' "$log"
	sent=$(seq -f 'line %.0f and some more words' 0 19999 | wc -c)
	dropped=$(log_lines "$log" | sed -n 's/^capsule: dropped \([0-9]*\) bytes$/\1/p' | paste -sd+ | bc)
	logged=$(log_lines "$log" | grep -v '^capsule: dropped' | wc -c)
	[ $((logged + dropped)) = "$sent" ]
	# nothing is kept for it any longer
	wait_until 5 eval "! [ -e $ROOT/c1/exec/$job/log.journal ]"
	capsule delete -f c1
	no_containers
	rm -r "$ROOT"
	ROOT=/run/t
}

@test "an OOM kill is in the exit record, and told before the exit" {
	config '.linux.resources.memory.limit = 16777216'
	args sh -c 'x=$(cat /dev/zero | head -c 200000000 | tr "\0" x); echo survived'
	capsule run -d c1
	capsule wait c1
	jq -e '.oom' "$ROOT/c1/exit.json"
	capsule state -d c1 | jq -e '.oom_kills >= 1 and .exit.oom'
	capsule delete c1
}

@test "an OOM kill is seen by a shim that may open nothing" {
	local shim pid
	config '.linux.resources.memory.limit = 16777216'
	args sh -c 'while ! [ -e /tmp/go ]; do sleep 0.02; done; x=$(cat /dev/zero | head -c 200000000 | tr "\0" x)'
	capsule run -d c1
	shim=$(shim_pid c1)
	pid=$(jq .pid "$ROOT/c1/state.json")
	capsule exec c1 touch /tmp/go # it takes some 50 ms to eat so much
	prlimit --pid "$shim" --nofile=3:
	wait_until 10 eval "! kill -0 $pid"
	prlimit --pid "$shim" --nofile=1000:
	capsule wait c1
	jq -e '.oom' "$ROOT/c1/exit.json"
	capsule delete c1
}

@test "no OOM, no flag" {
	args sleep 100
	capsule run -d c1
	capsule kill c1 KILL
	[ "$(capsule wait c1)" = 137 ]
	jq -e '(.oom | not) and .signal == 9 and .code == 137' "$ROOT/c1/exit.json"
	capsule delete c1
}

@test "a container without a pid namespace: a child that stays does not hold the exit back" {
	config '.linux.namespaces |= map(select(.type != "pid"))'
	args sh -c '(sleep 2; echo late) & echo early; exit 3'
	capsule run -d c1
	start=$(date +%s%N)
	[ "$(capsule wait c1)" = 3 ]
	[ $(($(date +%s%N) - start)) -lt 1500000000 ]
	wait_until 5 grep -q 'stdout F late' "$ROOT/c1/log"
	capsule delete c1
}

@test "the container's user can open its /dev/stdout again" {
	args sh -c 'echo again >/dev/stdout; echo wrong >/dev/stderr'
	config '.process.user = {"uid": 1234, "gid": 1234}'
	capsule run -d c1
	[ "$(capsule wait c1)" = 0 ]
	grep -q 'stdout F again' "$ROOT/c1/log"
	grep -q 'stderr F wrong' "$ROOT/c1/log"
	capsule delete c1
}

@test "a killed shim leaves the container running; its writes do not fail; delete --force clears up" {
	local shim pid
	args sh -c 'while :; do echo tick || exit 9; sleep 0.05; done'
	capsule run -d c1
	shim=$(shim_pid c1)
	pid=$(jq .pid "$ROOT/c1/state.json")
	kill -9 "$shim"
	gone "$shim"
	sleep 0.5
	[ -d "/proc/$pid" ]
	[ "$(tr '\0' ' ' <"/proc/$pid/cmdline" | cut -c1-5)" = 'sh -c' ]
	capsule delete -f c1
	wait_until 5 eval "! [ -d /proc/$pid ] || [ \$(cut -d' ' -f3 /proc/$pid/stat) = Z ]"
	[ ! -e "$ROOT/c1" ]
}

@test "an idle shim: one thread, less than 300 kB of its own, no descriptor too many" {
	local shim fds
	args sleep 100
	capsule run -d c1
	shim=$(shim_pid c1)
	capsule exec c1 true
	capsule exec -d c1 true
	wait_until 5 eval "capsule jobs c1 | grep -q Exited"
	sleep 1.5
	[ "$(ls "/proc/$shim/task" | wc -l)" = 1 ]
	awk '/^Anonymous:/ { print; exit $2 >= 300 }' "/proc/$shim/smaps_rollup"
	fds=$(ls "/proc/$shim/fd" | wc -l)
	for _ in 1 2 3 4 5 6 7 8 9 10; do capsule exec c1 true; done
	[ "$(ls "/proc/$shim/fd" | wc -l)" = "$fds" ]
	# and no process beside it
	[ "$(ps -o pid= --ppid "$shim" | wc -l)" = 1 ]
	capsule delete -f c1
}

@test "shims of one machine share their program: 20 cost little" {
	local i shim sum=0
	args sleep 100
	for i in $(seq 20); do capsule run -d "c$i"; done
	sleep 1.5
	for i in $(seq 20); do
		shim=$(shim_pid "c$i")
		sum=$((sum + $(awk '/^Pss:/ { print $2 }' "/proc/$shim/smaps_rollup")))
	done
	echo "mean PSS: $((sum / 20)) kB"
	[ $((sum / 20)) -lt 400 ]
	for i in $(seq 20); do capsule delete -f "c$i"; done
}

@test "a job's process is the shim's child, and its exit is known though nobody waited" {
	local job
	args sleep 100
	capsule run -d c1
	job=$(capsule exec -d c1 sh -c 'exit 17')
	wait_until 5 test -e "$ROOT/c1/exec/$job/exit.json"
	jq -e '.code == 17' "$ROOT/c1/exec/$job/exit.json"
	[ "$(capsule wait --exec "$job" c1)" = 17 ]
	capsule delete -f c1
}

@test "SIGTERM to a shim stops its container and leaves the record" {
	local shim
	args sh -c 'trap "exit 4" TERM; echo up; while :; do sleep 0.02; done'
	capsule run -d c1
	wait_until 5 grep -q up "$ROOT/c1/log"
	shim=$(shim_pid c1)
	kill -TERM "$shim"
	gone "$shim"
	jq -e '.code == 4' "$ROOT/c1/exit.json"
	capsule delete c1
	[ ! -e "$ROOT/c1" ]
}

# A createRuntime hook that hangs, run by the runtime of this container.
hanging_hook() {
	printf '#!/bin/sh\nexec sleep 1000\n' >"$WORK/hook"
	chmod +x "$WORK/hook"
	config '.hooks.createRuntime = [{"path": $p}]' --arg p "$WORK/hook"
}

runtime_of() {
	ps -o pid=,args= --ppid "$(pgrep -f "capsule-shim.*--id $1")" | awk '/capsule-runtime/ { print $1 }'
}

@test "a runtime that is killed in the middle of a create leaves nothing" {
	local job rc
	hanging_hook
	capsule run -d c1 >"$WORK/out" 2>&1 &
	job=$!
	wait_until 5 eval '[ -n "$(runtime_of c1)" ] && pgrep -f "^sleep 1000"'
	kill -9 "$(runtime_of c1)"
	rc=0
	wait $job || rc=$?
	[ $rc = 125 ]
	grep -q 'the runtime was killed by signal 9' "$WORK/out"
	wait_until 5 eval "! [ -e $ROOT/c1 ]"
	pkill -f '^sleep 1000' || true # the hook, if its runtime had no time to end it
}

@test "delete --force ends a create that hangs in a hook" {
	local job rc
	hanging_hook
	capsule run -d c1 >"$WORK/out" 2>&1 &
	job=$!
	wait_until 5 eval '[ -n "$(runtime_of c1)" ] && pgrep -f "^sleep 1000"'
	capsule delete -f c1
	rc=0
	wait $job || rc=$?
	[ $rc = 125 ]
	[ ! -e "$ROOT/c1" ]
	pkill -f '^sleep 1000' || true
}
