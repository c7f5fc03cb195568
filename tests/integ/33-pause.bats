#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016,SC2154 # words for the shells in containers; bats sets stderr
#
# pause and resume: the processes stand still, and what may still be done to a container whose processes do.
bats_require_minimum_version 1.5.0
load helpers
setup() {
	integ_setup
	mkdir "$WORK/shared"
	config '.mounts += [{"destination":"/mnt","type":"bind","source":$w,"options":["bind"]}]' --arg w "$WORK/shared"
	args sh -c 'i=0; while :; do i=$((i+1)); echo $i >/mnt/new; mv /mnt/new /mnt/count; done'
}
teardown() { integ_teardown; }

count() {
	cat "$WORK/shared/count"
}

counts() {
	local before
	before=$(count) || return 1
	sleep 0.05
	[ "$(count)" -gt "$before" ]
}

stands_still() {
	local before
	before=$(count)
	sleep 0.2
	[ "$(count)" = "$before" ]
}

status_of() {
	runtime state "$1" | jq -r .status
}

freezer() {
	control_file freezer freezer.state cgroup.freeze "$1"
}

@test "a counter stands still, and goes on: state and list say so" {
	runtime run -d c
	wait_until 15 counts
	runtime pause c
	stands_still
	[ "$(status_of c)" = paused ]
	[ "$(runtime state c | jq .pid)" -gt 0 ]
	[ "$(runtime list --format json | jq -r '.[0].status')" = paused ]
	runtime list | grep -q '^c .*paused'
	[[ "$(cat "$(freezer c)")" = @(FROZEN|1) ]]
	runtime resume c
	wait_until 15 counts
	[ "$(status_of c)" = running ]
	[[ "$(cat "$(freezer c)")" = @(THAWED|0) ]]
	runtime delete -f c
}

@test "every process of it stands still, those of exec too" {
	runtime run -d c
	runtime exec -d c sh -c 'i=0; while :; do i=$((i+1)); echo $i >/mnt/new2; mv /mnt/new2 /mnt/second; done'
	wait_until 5 test -s "$WORK/shared/second"
	runtime pause c
	before=$(cat "$WORK/shared/second")
	stands_still
	[ "$(cat "$WORK/shared/second")" = "$before" ]
	runtime delete -f c
}

@test "what cannot be paused or resumed: not running, not paused, not there" {
	args sleep 300
	runtime create c
	run -1 --separate-stderr runtime pause c
	[[ "$stderr" == *'container not running: it is created'* ]]
	run -1 --separate-stderr runtime resume c
	[[ "$stderr" == *'container not paused: it is created'* ]]
	runtime start c
	run -1 --separate-stderr runtime resume c
	[[ "$stderr" == *'container not paused: it is running'* ]]
	runtime pause c
	run -1 --separate-stderr runtime pause c
	[[ "$stderr" == *'container not running: it is paused'* ]]
	run -1 --separate-stderr runtime start c
	[[ "$stderr" == *'cannot start an already paused container'* ]]
	run -1 --separate-stderr runtime delete c
	[[ "$stderr" == *'not stopped: paused'* ]]
	runtime resume c
	runtime kill c KILL
	wait_until 5 eval '[ "$(status_of c)" = stopped ]'
	run -1 --separate-stderr runtime pause c
	[[ "$stderr" == *'container not running: it is stopped'* ]]
	runtime delete c
	run -1 --separate-stderr runtime pause c
	[[ "$stderr" == *'container \"c\" does not exist'* ]]
	run -1 runtime pause
	run -1 runtime resume c d
}

@test "exec into a paused container is refused, and waits if it is told to" {
	runtime run -d c
	wait_until 15 counts
	runtime pause c
	run -255 --separate-stderr runtime exec c touch /mnt/executed
	[[ "$stderr" == *'cannot exec in a paused container (use --ignore-paused to override)'* ]]
	runtime exec --ignore-paused c touch /mnt/executed &
	sleep 0.2
	[ ! -e "$WORK/shared/executed" ]
	runtime resume c
	wait $!
	[ -e "$WORK/shared/executed" ]
	runtime delete -f c
}

@test "a paused container dies by KILL, and by delete --force; other signals wait" {
	args sh -c 'trap "echo term >/mnt/term; exit 7" TERM; echo 1 >/mnt/count; while :; do sleep 0.02; done'
	runtime run -d c
	wait_until 5 count
	runtime pause c
	runtime kill c TERM
	sleep 0.1
	[ ! -e "$WORK/shared/term" ]
	[ "$(status_of c)" = paused ]
	runtime kill c KILL
	wait_until 5 eval '[ "$(status_of c)" = stopped ]'
	runtime delete c
	runtime run -d c
	runtime pause c
	runtime kill --all c KILL
	wait_until 5 eval '[ "$(status_of c)" = stopped ]'
	runtime delete c
	runtime run -d c
	runtime pause c
	runtime delete --force c
	run -1 runtime state c
	# without a pid namespace nobody but the cgroup knows who belongs to it
	config 'del(.linux.namespaces[] | select(.type == "pid"))'
	runtime run -d c
	runtime exec -d c sleep 400
	runtime pause c
	runtime delete --force c
}

@test "a container of capsule: pause, list, exec, resume, the record of events" {
	capsule run -d c1
	capsule run -d c2
	wait_until 15 counts
	capsule pause c1 c2
	stands_still
	capsule list | grep -q '^c1 .*Paused'
	[ "$(capsule list --format json | jq -r '.[1].status')" = paused ]
	[ "$(capsule state c1 | jq -r .status)" = paused ]
	capsule ps c1 | grep -q sh
	run -125 --separate-stderr capsule exec c1 true
	[[ "$stderr" == *'cannot exec in a paused container'* ]]
	run -125 --separate-stderr capsule pause c1
	[[ "$stderr" == *'pause c1: '*'container not running: it is paused'* ]]
	capsule resume c1 c2
	capsule list | grep -q '^c1 .*Running'
	capsule exec c1 true
	run -125 --separate-stderr capsule resume c1 c3
	[[ "$stderr" == *'resume c1: '*'container not paused: it is running'* ]]
	[[ "$stderr" == *'resume c3: '*'no such container'* ]]
	[ "$(capsule events --format json c1 | jq -r 'select(.event == "pause" or .event == "resume") | "\(.event) \(.by.uid)"')" = $'pause 0\nresume 0' ]
	capsule delete -f c1 c2
	run -125 capsule pause
}

@test "what others pause is paused for capsule too; a shim that dies over it changes nothing" {
	capsule run -d c1
	wait_until 15 counts
	runtime pause c1
	capsule list | grep -q '^c1 .*Paused'
	kill -KILL "$(jq .pid "$ROOT/c1/shim.json")"
	capsule list | grep -q '^c1 .*Paused'
	stands_still
	capsule resume c1
	wait_until 15 counts
	capsule delete -f c1
}

@test "stop lets a paused container end by itself; kill and delete -f do not need it to" {
	args sh -c 'trap "exit 7" TERM; echo 1 >/mnt/count; while :; do sleep 0.02; done'
	capsule run -d c1
	wait_until 5 count
	capsule pause c1
	capsule stop -t 20 c1
	[ "$(capsule wait c1)" = 7 ]
	capsule delete c1
	capsule run -d c1
	capsule pause c1
	capsule kill c1 KILL
	[ "$(capsule wait c1)" = 137 ]
	capsule delete c1
	capsule run -d c1
	capsule pause c1
	capsule delete -f c1
	no_containers
}

@test "pause and resume at once from many sides end in one of the two" {
	capsule run -d c1
	wait_until 15 counts
	local pids=()
	for _ in 1 2 3 4 5; do
		capsule pause c1 2>/dev/null &
		pids+=($!)
		runtime resume c1 2>/dev/null &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do wait "$pid" || true; done
	[ "$(capsule events --format json c1 | grep -c '"event":"pause"')" -ge 1 ]
	[[ "$(status_of c1)" = @(paused|running) ]]
	capsule resume c1 2>/dev/null || true
	wait_until 15 counts
	capsule delete -f c1
}

@test "a first process that was frozen in somebody else's group dies all the same, and that group stays frozen" {
	is_v2 && skip "who is killed dies on v2, frozen or not"
	local other=/sys/fs/cgroup/freezer/others pid neighbour
	args sleep 300 # no children, which would be born in that group and stay frozen there
	runtime run -d --pid-file "$WORK/pid" c
	pid=$(cat "$WORK/pid")
	mkdir "$other"
	sleep 300 3>&- &
	neighbour=$!
	echo "$neighbour" >"$other/cgroup.procs"
	echo "$pid" >"$other/cgroup.procs"
	echo FROZEN >"$other/freezer.state"
	wait_until 5 grep -qx FROZEN "$other/freezer.state"
	runtime delete --force c
	[ "$(cat "$other/cgroup.procs")" = "$neighbour" ]
	grep -qx FROZEN "$other/freezer.state"
	echo THAWED >"$other/freezer.state"
	kill -9 "$neighbour"
	wait "$neighbour" || true
	rmdir "$other"
}
