#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016,SC2154 # words for the shells in containers; bats sets stderr
#
# capsule checkpoint and restore, with what speaks as CRIU does (fake-criu.py): what the shim makes of it. That processes go on
# as they were is shown in tests/vm/42-capsule-checkpoint.bats.
bats_require_minimum_version 1.5.0
load helpers
setup() {
	integ_setup
	args sh -c 'echo before; exec sleep 1000'
}
teardown() { integ_teardown; }

CRIU=$CAPSULE_INTEG/fake-criu.py

# A CRIU that does something before: criu_that NAME COMMANDS. The shim does not pass our environment on.
criu_that() {
	printf '#!/bin/sh\n%s\nexec "%s" "$@"\n' "$2" "$CRIU" >"$WORK/$1"
	chmod +x "$WORK/$1"
}

start() {
	capsule run -d "$@"
	wait_until 5 grep -q before "$ROOT/${*: -1}/log"
}

checkpoint() {
	capsule checkpoint --criu "$CRIU" --image-path "$WORK/im" "$@"
}

restore() {
	capsule restore --criu "$CRIU" --image-path "$WORK/im" "$@"
}

# A directory that looks like a checkpoint: images [WORD]; the word is read by the fake.
images() {
	mkdir "$WORK/im"
	echo '["file[1f:29]","file[1f:2a]","file[1f:2b]"]' >"$WORK/im/descriptors.json"
	echo "${1:-image}" >"$WORK/im/inventory.img"
}

asked() {
	jq -r "$2" "$WORK/im/$1-request"
}

events() {
	jq -r 'select(.id == "'"$1"'") | .event' "$ROOT/events.log" | paste -sd' '
}

shim_of() {
	jq .pid "$ROOT/$1/shim.json"
}

nothing_of() {
	[ ! -e "$ROOT/$1" ]
	[ -z "$(find /sys/fs/cgroup -name "$1")" ]
	run ! grep criu-root /proc/self/mountinfo
}

@test "checkpoint: the container has stopped, its end is on record as one, its log is there" {
	local pid job
	start c
	pid=$(capsule state c | jq .pid)
	job=$(capsule exec -d c sleep 1000)
	capsule wait c >"$WORK/wait" &
	cd "$WORK"
	run -0 --separate-stderr capsule checkpoint --criu "$CRIU" --image-path im --tcp-established --file-locks c
	[[ $stderr == *'checkpoint c: its jobs that run (1) are not in it'* ]]
	cd "$BUNDLE"
	wait
	[ "$(cat "$WORK/wait")" = 137 ]
	[ "$(asked dump '"\(.pid) \(.leave_running) \(.tcp_established) \(.file_locks)"')" = "$pid null 1 1" ]
	# its stdio is the shim's, and comes from the next one
	[ "$(jq -r 'map(select(startswith("file["))) | length' "$WORK/im/descriptors.json")" = 3 ]
	[ "$(capsule state c | jq -c '[.status, .exit.code, .exit.signal, .exit.checkpointed]')" = '["stopped",137,9,true]' ]
	[ "$(jq -r .checkpointed "$ROOT/c/exit.json")" = true ]
	[ "$(capsule log c)" = before ]
	[ "$(capsule jobs --format json c | jq -r '.[0] | "\(.exec) \(.status) \(.exit.signal)"')" = "$job exited 9" ]
	[[ $(events c) == 'create start exec '*checkpoint*exit ]]
	[[ $(capsule events c | grep ' checkpoint ') == *'by pid '* ]]
	capsule delete c
	nothing_of c
}

@test "--leave-running and --pre-dump: it goes on; at its real end nothing is said of a checkpoint" {
	start c
	checkpoint --leave-running c
	[ "$(asked dump .leave_running)" = 1 ]
	[ "$(capsule state c | jq -r .status)" = running ]
	checkpoint --pre-dump c
	[ "$(capsule exec c echo still)" = still ]
	capsule pause c
	checkpoint --leave-running c
	capsule resume c
	capsule kill c KILL
	[ "$(capsule wait c)" = 137 ]
	[ "$(capsule state c | jq -c '[.exit.signal, .exit.checkpointed]')" = '[9,null]' ]
	[ "$(events c)" = 'create start checkpoint checkpoint exec exec-exit pause checkpoint resume kill exit' ]
	capsule delete c
}

@test "what cannot be checkpointed; a CRIU that fails or is not there: the container goes on" {
	run -125 --separate-stderr checkpoint c
	[[ $stderr == *"checkpoint c: "* ]]
	capsule create c
	run -125 --separate-stderr checkpoint c
	[[ $stderr == *'checkpoint: the container is created'* ]]
	capsule start -d c
	criu_that fails 'export FAKE_FAIL=dump'
	run -125 --separate-stderr capsule checkpoint --criu "$WORK/fails" --image-path "$WORK/im" c
	[[ $stderr == *"capsule: checkpoint c: criu failed: type DUMP errno 5: fake: it was to fail (log file: $WORK/im/dump.log)"* ]]
	run -125 --separate-stderr capsule checkpoint --criu "$WORK/none" --image-path "$WORK/im" c
	[[ $stderr == *"--criu '$WORK/none': No such file"* ]]
	run -125 --separate-stderr checkpoint --empty-ns pid c
	[[ $stderr == *'namespace "pid" is not supported'* ]]
	run -125 --separate-stderr checkpoint --lazy-pages c
	[[ $stderr == *lazy-pages* ]]
	criu_that lost 'export FAKE_FAIL=lost'
	run -125 --separate-stderr capsule checkpoint --criu "$WORK/lost" --image-path "$WORK/im" c
	[ ! -e "$ROOT/c/checkpointed" ]
	[ "$(capsule exec c echo still)" = still ]
	[ "$(capsule state c | jq -r .status)" = running ]
	capsule stop -t 0 c
	[ "$(capsule state c | jq -c '[.exit.signal, .exit.checkpointed]')" = '[9,null]' ]
	run -125 --separate-stderr checkpoint c
	[[ $stderr == *'checkpoint: the container is stopped'* ]]
	capsule delete c
	[ "$(jq -r 'select(.event == "checkpoint")' "$ROOT/events.log")" = '' ]
}

@test "while CRIU is at work: what would be in its way is refused, an end is not" {
	criu_that waits "touch $WORK/there; while [ ! -e $WORK/go ]; do sleep 0.02; done"
	start c
	capsule checkpoint --criu "$WORK/waits" --image-path "$WORK/im" --leave-running c &
	wait_until 5 test -e "$WORK/there"
	run -125 --separate-stderr capsule exec c true
	[[ $stderr == *'the container is checkpointing'* ]]
	run -125 --separate-stderr checkpoint c
	[[ $stderr == *'the container is checkpointing'* ]]
	[ "$(capsule state c | jq -r .status)" = running ]
	[ "$(jq -r .phase "$ROOT/c/shim.json")" = checkpointing ]
	touch "$WORK/go"
	wait $!
	[ "$(capsule exec c echo still)" = still ]
	# an end meanwhile is told when CRIU has given up
	rm "$WORK/go" "$WORK/there"
	capsule checkpoint --criu "$WORK/waits" --image-path "$WORK/im" c 2>/dev/null &
	wait_until 5 test -e "$WORK/there"
	capsule kill c KILL
	touch "$WORK/go"
	wait $! || true
	[ "$(capsule wait c)" = 137 ]
	capsule delete c
	# and a delete by force does not wait for long
	start c
	rm "$WORK/go" "$WORK/there"
	capsule checkpoint --criu "$WORK/waits" --image-path "$WORK/im" c 2>/dev/null &
	wait_until 5 test -e "$WORK/there"
	capsule delete -f c &
	sleep 0.2
	touch "$WORK/go"
	wait
	nothing_of c
}

@test "restore: it runs under a shim of its own, with its log, its stdin, its limits, its exit status" {
	local pid line
	images
	config '.linux.resources.pids.limit = 30'
	restore --pid-file "$WORK/pid" --stop-timeout 3 -b "$BUNDLE" c
	pid=$(capsule state c | jq .pid)
	[ "$(cat "$WORK/pid")" = "$pid" ]
	[ "$(capsule state c | jq -r .status)" = running ]
	[ "$(asked restore '.inherited | map(join(" ")) | join(",")')" = 'file[1f:29] 0,file[1f:2a] 1,file[1f:2b] 2' ]
	[ "$(cut -d' ' -f4 "/proc/$pid/stat")" = "$(shim_of c)" ]
	[ "$(readlink "/proc/$pid/fd/1")" = "$ROOT/c/stdout" ]
	[ "$(cat "$(find /sys/fs/cgroup -path '*/c/pids.max' | head -n 1)")" = 30 ]
	# what it writes, as anyone who has its stdout does
	echo after >"/proc/$pid/fd/1"
	wait_until 5 grep -q ' stdout F after' "$ROOT/c/log"
	# what comes to its stdin
	exec 7<"/proc/$pid/fd/0"
	printf 'to it\n' | capsule attach c >"$WORK/attached" 7<&- &
	read -r -t 5 -u 7 line
	exec 7<&-
	[ "$line" = 'to it' ]
	[ "$(capsule exec c echo still)" = still ]
	[ "$(jq -r '"\(.phase) \(.stop_timeout_ms) \(.init.pid)"' "$ROOT/c/shim.json")" = "running 3000 $pid" ]
	jq -e .started_at "$ROOT/c/shim.json"
	capsule kill c USR1
	[ "$(capsule wait c)" = 3 ]
	wait
	[ "$(capsule state c | jq -c '[.status, .exit.code, .exit.checkpointed]')" = '["stopped",3,null]' ]
	[[ $(events c) == 'restore '*'kill exit' ]]
	[ "$(jq -r 'select(.event == "restore") | .bundle' "$ROOT/events.log")" = "$BUNDLE" ]
	capsule delete c
	nothing_of c
}

@test "there and back: what checkpoint has written restore takes, under another name, too" {
	start c
	checkpoint c
	echo image >"$WORK/im/inventory.img"
	run -125 --separate-stderr restore c
	[[ $stderr == *"restore c: the name 'c' is taken"* ]]
	[ "$(capsule state c | jq -r .status)" = stopped ]
	restore d
	[ "$(asked restore '[.inherited[][0]]' | jq -c .)" = "$(jq -c . "$WORK/im/descriptors.json")" ]
	checkpoint --leave-running d
	capsule stop -t 1 d
	capsule delete c
	capsule delete d
}

@test "a terminal is the new shim's: logged, attached to, sized" {
	local pid
	images terminal
	config '.process.terminal = true'
	restore c
	pid=$(capsule state c | jq .pid)
	[ "$(capsule debug --format json c | jq -r '.. | .terminal? // empty' | head -n 1)" = true ]
	echo seen >"/proc/$pid/fd/1"
	wait_until 5 grep -q seen "$ROOT/c/log"
	capsule delete -f c
	# none came
	echo image >"$WORK/im/inventory.img"
	run -125 --separate-stderr restore c
	[[ $stderr == *'restore c: '*'no terminal came from the container'* ]]
	nothing_of c
}

@test "a restore that fails leaves nothing" {
	run -125 --separate-stderr restore c
	[[ $stderr == *"--image-path '$WORK/im': No such file"* ]]
	nothing_of c
	images
	criu_that fails 'export FAKE_FAIL=restore'
	criu_that late 'export FAKE_FAIL=late'
	criu_that dies 'export FAKE_FAIL=die'
	run -125 --separate-stderr capsule restore --criu "$WORK/fails" --image-path "$WORK/im" c
	[[ $stderr == *'capsule: restore c: restore: criu failed: type RESTORE errno 5: fake: it was to fail'* ]]
	nothing_of c
	run -125 --separate-stderr capsule restore --criu "$WORK/late" --image-path "$WORK/im" c
	nothing_of c
	run -125 --separate-stderr capsule restore --criu "$WORK/dies" --image-path "$WORK/im" c
	[[ $stderr == *'CRIU ended without an answer'* ]]
	nothing_of c
	ln -s /etc/passwd "$WORK/im/pages-1.img"
	run -125 --separate-stderr restore c
	[[ $stderr == *"'pages-1.img' is a symlink"* ]]
	nothing_of c
	[ "$(events c)" = 'create-failed create-failed create-failed create-failed create-failed' ]
}

@test "its shim is killed: the next command brings one that takes it over, and what comes to be then is known" {
	local old
	images
	restore c
	old=$(shim_of c)
	kill -KILL "$old"
	wait_until 5 gone "$old"
	[ "$(capsule exec c echo still)" = still ]
	[ "$(shim_of c)" != "$old" ]
	echo again >"/proc/$(capsule state c | jq .pid)/fd/1"
	wait_until 5 grep -q again "$ROOT/c/log"
	checkpoint c
	[ "$(capsule state c | jq -c '[.status, .exit.checkpointed]')" = '["stopped",true]' ]
	capsule delete c
}

@test "its shim is killed while CRIU is at work: the successor waits for that" {
	local old
	criu_that waits "touch $WORK/there; while [ ! -e $WORK/go ]; do sleep 0.02; done"
	start c
	old=$(shim_of c)
	capsule checkpoint --criu "$WORK/waits" --image-path "$WORK/im" --leave-running c 2>"$WORK/said" &
	wait_until 5 test -e "$WORK/there"
	kill -KILL "$old"
	wait_until 5 gone "$old"
	sleep 0.3
	[ "$(shim_of c)" = "$old" ] # it is not taken over yet
	touch "$WORK/go"
	wait $!
	[ "$(capsule exec c echo still)" = still ]
	[ "$(shim_of c)" != "$old" ]
	[ ! -e "$ROOT/c/checkpointed" ]
	# one that ends with it: the next shim knows why, and so does who has asked
	rm "$WORK/go" "$WORK/there"
	old=$(shim_of c)
	capsule checkpoint --criu "$WORK/waits" --image-path "$WORK/im2" c 2>"$WORK/said" &
	wait_until 5 test -e "$WORK/there"
	kill -KILL "$old"
	wait_until 5 gone "$old"
	touch "$WORK/go"
	wait $!
	[ "$(capsule state c | jq -c '[.status, .exit.checkpointed]')" = '["stopped",true]' ]
	capsule delete c
}

@test "a container of an image is not written down, as it could not be restored" {
	local -a with=(--root "$ROOT" --data-root "$WORK/data")
	"$CAPSULE" "${with[@]}" image run -d -id c -network none "$INTEG_ROOTFS" sleep 1000
	run -125 --separate-stderr "$CAPSULE" "${with[@]}" checkpoint --criu "$CRIU" --image-path "$WORK/im" c
	[[ $stderr == *'checkpoint c: containers of images cannot be restored'* ]]
	[ "$("$CAPSULE" "${with[@]}" state c | jq -r .status)" = running ]
	"$CAPSULE" "${with[@]}" delete -f c
}
