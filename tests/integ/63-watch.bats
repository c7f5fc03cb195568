#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016,SC2094,SC2314,SC2012 # words for the shells in containers; /proc/PID/fd has no odd names
#
# `capsule shim watch`: shims are killed, and nothing is lost, without any command.
bats_require_minimum_version 1.5.0
load helpers

watch=

setup() {
	integ_setup
	args sh -c 'echo hello; exec sleep 1000'
}

teardown() {
	if [ -n "$watch" ]; then
		kill -CONT "$watch" 2>/dev/null || true
		kill -TERM "$watch" 2>/dev/null || true
		gone "$watch" || true
	fi
	rm -f "$ROOT/watch.lock"
	integ_teardown
}

# watch_start [OPTION...]: of capsule, before the command.
watch_start() {
	(
		ulimit -S -n 1000
		exec "$CAPSULE" --root "$ROOT" "$@" shim watch 2>>"$WORK/watch.err" 3>&-
	) &
	watch=$!
	wait_until 10 grep -qx "$watch" "$ROOT/watch.lock"
	base=$(watch_fds)
}

watch_fds() {
	ls "/proc/$watch/fd" | wc -l
}

# has_fds N: the watch has as many more than when it had just started.
has_fds() {
	[ "$(watch_fds)" = $((base + $1)) ]
}

shim_of() {
	jq -r .pid "$ROOT/$1/shim.json"
}

has_new_shim() { # ID OLD-SHIM
	local now
	now=$(shim_of "$1") && [ -n "$now" ] && [ "$now" != "$2" ] && kill -0 "$now"
}

# kills ID...: their shims, and waits until they are dead.
kills() {
	local id pids=()
	for id in "$@"; do
		pids+=("$(shim_of "$id")")
	done
	kill -KILL "${pids[@]}"
	for id in "${pids[@]}"; do
		gone "$id"
	done
	killed=${pids[0]}
}

@test "a shim is killed: another one, without any command, and said in one line" {
	watch_start
	args sh -c 'n=0; while :; do echo $n; n=$((n+1)); sleep 0.05; done'
	capsule run -d c1
	wait_until 10 has_fds 4
	pid=$(jq .pid "$ROOT/c1/state.json")
	old=$(shim_of c1)
	kill -KILL "$old"
	wait_until 10 has_new_shim c1 "$old"
	wait_until 10 grep -qE "^capsule: c1: shim $old has died, shim [0-9]+ has taken over after [0-9]{1,4} ms\$" "$WORK/watch.err"
	wait_until 10 has_fds 4
	[ "$(capsule state -d c1 | jq .pid)" = "$pid" ]
	[ "$(capsule exec c1 echo inside)" = inside ]
	count=$(capsule log c1 | wc -l)
	wait_until 10 eval "[ \$(capsule log c1 | wc -l) -gt $((count + 3)) ]"
	# the watch has raised its limit of descriptors; what it starts has it as it was
	[ "$(awk '/^Max open files/ { print $4 }' "/proc/$(shim_of c1)/limits")" = 1000 ]
	capsule log c1 >"$WORK/log"
	diff "$WORK/log" <(seq 0 $(($(wc -l <"$WORK/log") - 1)))
	[ "$(wc -l <"$WORK/watch.err")" = 1 ]
	capsule delete -f c1
	wait_until 10 has_fds 0
}

@test "a container ends just after its shim: its exit status and every line are there" {
	watch_start
	args sh -c 'trap "i=0; while [ \$i -lt 2000 ]; do i=\$((i+1)); echo line \$i; done; echo last >&2; exit 7" TERM; echo ready; while :; do sleep 0.05; done'
	capsule run -d c1
	wait_until 10 has_fds 4
	wait_until 10 eval 'capsule log c1 | grep -q ready'
	pid=$(jq .pid "$ROOT/c1/state.json")
	kill -STOP "$watch"
	kills c1
	kill -TERM "$pid"
	gone "$pid"
	kill -CONT "$watch"
	[ "$(timeout 20 "$CAPSULE" --root "$ROOT" wait c1)" = 7 ]
	capsule log c1 2>"$WORK/err" >"$WORK/out"
	[ "$(cat "$WORK/err")" = last ]
	diff "$WORK/out" <(echo ready; seq -f 'line %g' 2000)
	[ "$(jq .known "$ROOT/c1/exit.json")" != false ]
	capsule delete c1
	wait_until 10 has_fds 0
}

@test "a job ends just after its shim: its exit status and every line are there" {
	watch_start
	capsule run -d c1
	job=$(capsule exec -d c1 sh -c 'trap "echo bye; echo error >&2; exit 9" TERM; echo up; while :; do sleep 0.05; done')
	wait_until 10 has_fds 7
	wait_until 10 eval "capsule log -exec $job c1 | grep -q up"
	pid=$(capsule jobs --format json c1 | jq '.[0].pid')
	kill -STOP "$watch"
	kills c1
	kill -TERM "$pid"
	gone "$pid"
	kill -CONT "$watch"
	[ "$(timeout 20 "$CAPSULE" --root "$ROOT" wait -exec "$job" c1)" = 9 ]
	[ "$(capsule log -exec "$job" c1 2>/dev/null)" = $'up\nbye' ]
	[ "$(capsule log -exec "$job" c1 2>&1 >/dev/null)" = error ]
	wait_until 10 has_fds 4
	capsule delete -f c1
}

@test "a terminal survives its shim: output goes on, its size can be changed" {
	args sh -c 'trap "echo hung up" HUP; while :; do stty size; sleep 0.05; done'
	config '.process.terminal = true'
	watch_start
	capsule run -d c1
	wait_until 10 has_fds 3
	old=$(shim_of c1)
	kill -KILL "$old"
	wait_until 10 has_new_shim c1 "$old"
	[ "$(capsule state c1 | jq -r .status)" = running ]
	# nobody types; the terminal's end is attach's, too
	mkfifo "$WORK/never"
	script -qefc "stty rows 44 cols 99; '$CAPSULE' --root '$ROOT' attach c1" /dev/null <>"$WORK/never" >/dev/null 3>&- &
	attach=$!
	wait_until 20 eval "capsule log c1 | grep -q '44 99'"
	kill -KILL "$attach"
	wait "$attach" || true
	run ! eval "capsule log c1 | grep -q 'hung up'"
	wait_until 10 has_fds 3
	capsule delete -f c1
}

@test "twenty shims killed at once" {
	watch_start
	ids=()
	for n in {1..20}; do
		capsule run -d "c$n"
		ids+=("c$n")
	done
	wait_until 20 has_fds 80
	kills "${ids[@]}"
	wait_until 60 eval '[ $(grep -c "has taken over" "$WORK/watch.err") = 20 ]'
	wait_until 20 has_fds 80
	for id in "${ids[@]}"; do
		[ "$(capsule exec "$id" echo "$id")" = "$id" ]
	done
	capsule delete -f "${ids[@]}"
	wait_until 10 has_fds 0
}

@test "what was there before the watch, with a shim and without; a watch that is killed and comes again" {
	capsule run -d c1
	capsule run -d c2
	capsule create c3
	kills c2
	watch_start
	wait_until 10 has_new_shim c2 "$killed"
	wait_until 10 eval '[ $(watch_fds) -ge 18 ]'
	kill -KILL "$watch"
	wait "$watch" || true
	kills c1
	kills c3
	old=$killed
	watch_start
	wait_until 10 has_new_shim c3 "$old"
	wait_until 10 eval '[ $(grep -c "has taken over" "$WORK/watch.err") = 3 ]'
	[ "$(capsule state c3 | jq -r .status)" = created ]
	capsule start -d c3
	[ "$(capsule exec c3 echo x)" = x ]
	[ "$(capsule exec c1 echo x)" = x ]
	capsule delete -f c1 c2 c3
}

@test "containers that come and go leave nothing in the watch" {
	watch_start
	args sh -c 'exit 3'
	capsule run -d c1
	[ "$(capsule wait c1)" = 3 ]
	capsule delete c1
	wait_until 10 has_fds 0
	before=$(awk '/^VmData/ { print $2 }' "/proc/$watch/status")
	for n in {1..50}; do
		capsule run -d c1
		[ $((n % 10)) != 0 ] || sleep 0.1 # long enough to be noticed
		capsule delete -f c1
	done
	args no-such-program
	run -127 capsule run -d c1
	wait_until 10 has_fds 0
	[ $(($(awk '/^VmData/ { print $2 }' "/proc/$watch/status") - before)) -le 64 ]
	[ ! -s "$WORK/watch.err" ]
}

@test "one that has stopped costs nothing, and its shim's death is no news" {
	watch_start
	args sh -c 'sleep 0.3; exit 3'
	capsule run -d c1
	[ "$(capsule wait c1)" = 3 ]
	wait_until 10 has_fds 0
	kills c1
	sleep 0.2
	[ ! -s "$WORK/watch.err" ]
	[ "$(jq .code "$ROOT/c1/exit.json")" = 3 ]
	capsule delete c1
}

@test "two watches: the second one says so" {
	watch_start
	run timeout 10 "$CAPSULE" --root "$ROOT" shim watch
	[ "$status" = 125 ]
	[ "$output" = "capsule: shim watch: '$ROOT' is being watched already, by pid $watch" ]
}

@test "SIGTERM: the watch goes with 0, containers and their new shims stay" {
	watch_start
	capsule run -d c1
	wait_until 10 has_fds 4
	kills c1
	wait_until 10 has_new_shim c1 "$killed"
	kill -TERM "$watch"
	wait "$watch"
	[ ! -e "$ROOT/watch.lock" ]
	sleep 0.1
	kill -0 "$(shim_of c1)"
	[ "$(capsule exec c1 echo x)" = x ]
	capsule delete -f c1
}

@test "a command right after the kill has its answer from the successor" {
	watch_start
	capsule run -d c1
	wait_until 10 has_fds 4
	for n in 1 2 3 4 5; do
		kill -KILL "$(shim_of c1)"
		[ "$(timeout 20 "$CAPSULE" --root "$ROOT" exec c1 echo "$n")" = "$n" ]
		wait_until 10 eval "[ \$(grep -c 'has taken over' '$WORK/watch.err') = $n ]"
		wait_until 10 has_fds 4
	done
	capsule delete -f c1
}

@test "shims that do not live: told once, ever more slowly, the others do not suffer" {
	printf '#!/bin/sh\ncase "$*" in *--adopt*) echo x >>%s/tries; [ -e %s/well ] || exit 1 ;; esac\nexec %s "$@"\n' \
		"$WORK" "$WORK" "$SHIM" >"$WORK/shim"
	chmod 755 "$WORK/shim"
	watch_start --shim "$WORK/shim"
	capsule run -d c1
	wait_until 10 has_fds 4
	kills c1
	wait_until 20 grep -q "^capsule: c1: its shims do not live" "$WORK/watch.err"
	sleep 1.5
	[ "$(grep -c 'its shims do not live' "$WORK/watch.err")" = 1 ]
	[ "$(wc -l <"$WORK/tries")" -le 12 ]
	touch "$WORK/well"
	wait_until 20 has_new_shim c1 "$killed"
	[ "$(capsule exec c1 echo x)" = x ]
	capsule delete -f c1
}

@test "too few descriptors: said once, the connections are kept, nobody is forgotten" {
	(
		ulimit -n 64
		exec "$CAPSULE" --root "$ROOT" shim watch 2>"$WORK/watch.err" 3>&-
	) &
	watch=$!
	wait_until 10 grep -qx "$watch" "$ROOT/watch.lock"
	base=$(watch_fds)
	ids=()
	for n in {1..12}; do
		capsule run -d "c$n"
		ids+=("c$n")
	done
	wait_until 10 has_fds 32 # of 48
	[ "$(grep -c 'do not suffice' "$WORK/watch.err")" = 1 ]
	kills "${ids[@]}"
	wait_until 60 eval '[ $(grep -c "has taken over" "$WORK/watch.err") = 12 ]'
	capsule delete -f "${ids[@]}"
	wait_until 10 has_fds 0
}

@test "the root is removed and made again" {
	watch_start
	rm "$ROOT/watch.lock"
	rmdir "$ROOT"
	wait_until 10 grep -q 'was removed' "$WORK/watch.err"
	sleep 1.2
	[ ! -e "$ROOT" ]
	capsule run -d c1
	wait_until 10 has_fds 4
	kills c1
	wait_until 10 has_new_shim c1 "$killed"
	capsule delete -f c1
}

@test "ready is told to who has asked for it, as systemd does" {
	python3 - "$WORK/notify" >"$WORK/told" <<-'END' &
		import socket, sys
		s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
		s.bind(sys.argv[1])
		s.settimeout(10)
		print(s.recv(100).decode())
	END
	wait_until 10 test -S "$WORK/notify"
	NOTIFY_SOCKET=$WORK/notify watch_start
	wait_until 10 grep -qx READY=1 "$WORK/told"
	rm "$WORK/notify"
}
