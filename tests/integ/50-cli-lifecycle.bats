#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016,SC2094,SC1010,SC2314 # words for the shells in containers
#
# capsule's commands over a container's whole life.
bats_require_minimum_version 1.5.0
load helpers
setup() { integ_setup; }
teardown() { integ_teardown; }

status_of() {
	capsule list --format json | jq -r --arg id "$1" '.[] | select(.id == $id) | .status'
}

is_status() {
	[ "$(status_of "$1")" = "$2" ]
}

@test "create, start -d, kill, wait, delete: each status and the exit code" {
	args sleep 100
	capsule create c1
	[ "$(status_of c1)" = created ]
	[ "$(capsule state c1 | jq -r .status)" = created ]
	capsule start -d c1
	[ "$(status_of c1)" = running ]
	capsule kill c1 KILL
	[ "$(capsule wait c1)" = 137 ]
	[ "$(status_of c1)" = stopped ]
	capsule delete c1
	[ "$(capsule list -q)" = "" ]
	[ ! -e "$ROOT/c1" ]
}

@test "run in the foreground: output, error, exit code, and the container is deleted" {
	args sh -c 'echo out; echo err >&2; exit 7'
	run --separate-stderr capsule run c1
	[ "$status" = 7 ]
	[ "$output" = out ]
	# shellcheck disable=SC2154
	[ "$stderr" = err ]
	[ ! -e "$ROOT/c1" ]
}

@test "run in the foreground passes standard input and its end" {
	args cat
	[ "$(seq 1 20000 | capsule run c1 | md5sum)" = "$(seq 1 20000 | md5sum)" ]
}

@test "run in the foreground: 16 MB through the container are all there" {
	args sh -c 'cat; echo done >&2'
	head -c 16777216 /dev/urandom >"$WORK/big"
	capsule run c1 <"$WORK/big" 2>"$WORK/err" | cmp - "$WORK/big"
	[ "$(cat "$WORK/err")" = done ]
}

@test "run in the foreground with stdout closed by its reader goes on to the end" {
	args sh -c 'i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done; exit 3'
	(
		set +e
		capsule run c1 </dev/null
		echo $? >"$WORK/code"
	) | head -n 1 >"$WORK/first"
	[ "$(cat "$WORK/first")" = "line 0" ]
	[ "$(cat "$WORK/code")" = 3 ]
}

@test "create, then start in the foreground: attached from the first byte, kept at the end" {
	args sh -c 'echo first; cat; exit 4'
	capsule create c1
	run bash -c "echo typed | '$CAPSULE' --root '$ROOT' start c1"
	[ "$status" = 4 ]
	[ "$output" = $'first\ntyped' ]
	[ "$(status_of c1)" = stopped ]
	capsule delete c1
}

@test "start -d: standard input is at its end" {
	args sh -c 'cat; exit 5'
	capsule create c1
	capsule start c1 -d
	[ "$(capsule wait c1)" = 5 ]
	capsule delete c1
}

@test "run -d: standard input is at its end, the log has the output" {
	args sh -c 'cat; echo hello; exit 6'
	capsule run -d c1
	[ "$(capsule wait c1)" = 6 ]
	[ "$(capsule log c1)" = hello ]
	capsule delete c1
}

@test "signals are passed on to a container in the foreground" {
	args sh -c 'trap "echo got term; exit 9" TERM; echo ready; while :; do sleep 0.1; done'
	"$CAPSULE" --root "$ROOT" run c1 >"$WORK/out" </dev/null &
	pid=$!
	wait_until 10 grep -q ready "$WORK/out"
	kill -TERM $pid
	code=0
	wait $pid || code=$?
	[ $code = 9 ]
	grep -q 'got term' "$WORK/out"
	[ ! -e "$ROOT/c1" ]
}

@test "exit code 128+N of a container that a signal ended" {
	args sleep 100
	"$CAPSULE" --root "$ROOT" run c1 </dev/null &
	pid=$!
	wait_until 10 is_status c1 running
	capsule kill c1 9
	code=0
	wait $pid || code=$?
	[ $code = 137 ]
}

@test "capsule killed by SIGKILL in the foreground: the container lives on" {
	args sh -c 'echo a; sleep 1; echo b; sleep 100'
	"$CAPSULE" --root "$ROOT" run c1 >/dev/null </dev/null &
	pid=$!
	wait_until 10 is_status c1 running
	kill -KILL $pid
	wait $pid || true
	wait_until 10 bash -c "'$CAPSULE' --root '$ROOT' log c1 | grep -q b"
	[ "$(status_of c1)" = running ]
	capsule delete -f c1
}

@test "list: the table, -q, --format json, ps without an id" {
	[ "$(capsule list)" = "ID   PID   STATUS   IP   BUNDLE   CREATED" ]
	[ "$(capsule list --format json | jq -c .)" = "[]" ]
	args sleep 100
	capsule run -d beta
	capsule create alpha
	[ "$(capsule list -q)" = $'alpha\nbeta' ]
	run capsule list
	[[ ${lines[0]} =~ ^ID\ +PID\ +STATUS\ +IP\ +BUNDLE\ +CREATED$ ]]
	[[ ${lines[1]} =~ ^alpha\ +[0-9]+\ +Created\ +-\ +$BUNDLE\ +20[0-9-]+T[0-9:.]+Z$ ]]
	[[ ${lines[2]} =~ ^beta\ +[0-9]+\ +Running\ +-\ +$BUNDLE\ +20 ]]
	[ "$(capsule ps)" = "$(capsule list)" ]
	[ "$(capsule list --format json | jq -r '.[1] | [.id, .status, .bundle] | join(" ")')" = "beta running $BUNDLE" ]
	capsule kill beta KILL
	capsule wait beta
	run capsule list
	[[ ${lines[2]} =~ ^beta\ +0\ +Stopped\  ]]
	capsule delete -f alpha beta
}

@test "state: the OCI object; -d adds namespaces, cgroups, shim, exit, log, jobs" {
	args sleep 100
	config '.annotations = {"org.example.a": "b"}'
	capsule run -d c1
	run capsule state c1
	[ "$(jq -r '[.id, .status, .bundle, .annotations["org.example.a"]] | join(" ")' <<<"$output")" = "c1 running $BUNDLE b" ]
	[ "$(jq -r .ociVersion <<<"$output")" != null ]
	pid=$(jq -r .pid <<<"$output")
	[ "$(tr '\0' ' ' <"/proc/$pid/cmdline")" = "sleep 100 " ]
	capsule exec -d c1 sleep 50
	run capsule state c1 -d
	[ "$(jq -r .namespaces.pid.path <<<"$output")" = "/proc/$pid/ns/pid" ]
	[ "pid:[$(jq -r .namespaces.pid.inode <<<"$output")]" = "$(readlink "/proc/$pid/ns/pid")" ]
	jq -e '.cgroups | length > 0 and all(endswith("/capsule/c1"))' <<<"$output"
	[ "$(jq -r .shim.pid <<<"$output")" = "$(ps -o ppid= -p "$pid" | tr -d ' ')" ]
	[ "$(jq -r .log.path <<<"$output")" = "$ROOT/c1/log" ]
	[ "$(jq -r '.exit' <<<"$output")" = null ]
	[ "$(jq -r '.jobs[0].args | join(" ")' <<<"$output")" = "sleep 50" ]
	capsule kill c1 KILL
	capsule wait c1
	run capsule state --detail c1
	[ "$(jq -r '[.status, .pid, .exit.code, .exit.signal] | join(" ")' <<<"$output")" = "stopped 0 137 9" ]
	capsule delete c1
}

@test "stop: the stop signal, then SIGKILL after the timeout; several at once" {
	args sh -c 'trap "exit 8" USR1; while :; do sleep 0.1; done'
	capsule run -d --stop-signal USR1 polite
	args sh -c 'trap "" TERM; echo ready; while :; do sleep 0.1; done'
	capsule run -d deaf
	wait_until 10 bash -c "'$CAPSULE' --root '$ROOT' log deaf | grep -q ready"
	SECONDS=0
	capsule stop -t 1 polite deaf
	[ $SECONDS -lt 6 ]
	[ "$(capsule wait polite deaf)" = $'8\n137' ]
	capsule stop polite # it has stopped already
	capsule delete polite deaf
}

@test "stop: --stop-timeout of the container holds without -t" {
	args sh -c 'trap "" TERM; echo ready; while :; do sleep 0.1; done'
	capsule run -d --stop-timeout 0.2s c1 || capsule run -d --stop-timeout 200ms c1
	wait_until 10 bash -c "'$CAPSULE' --root '$ROOT' log c1 | grep -q ready"
	SECONDS=0
	capsule stop c1
	[ $SECONDS -lt 5 ]
	capsule delete c1
}

@test "kill --all reaches every process" {
	args sh -c 'sleep 101 & sleep 102 & wait'
	capsule run -d c1
	wait_until 10 bash -c "'$CAPSULE' --root '$ROOT' ps c1 | grep -q 'sleep 102'"
	capsule kill --all c1 KILL
	[ "$(capsule wait c1)" = 137 ]
	capsule delete c1
}

@test "signals by name, with SIG, by number, in any case" {
	args sh -c 'trap "echo usr1" USR1; trap "exit 3" USR2; echo ready; while :; do sleep 0.05; done'
	capsule run -d c1
	wait_until 10 bash -c "'$CAPSULE' --root '$ROOT' log c1 | grep -q ready"
	n=0
	for signal in USR1 SIGUSR1 10 usr1 sigusr1; do
		capsule kill c1 $signal
		n=$((n + 1))
		wait_until 10 bash -c "[ \$('$CAPSULE' --root '$ROOT' log c1 | grep -c usr1) = $n ]"
	done
	capsule kill c1 USR2
	[ "$(capsule wait c1)" = 3 ]
	capsule delete c1
}

@test "delete -f of a running and of a created container; of one that is not there" {
	args sleep 100
	capsule run -d c1
	capsule create c2
	run ! capsule delete c1
	capsule delete -f c1 c2
	capsule delete -f c1
	run ! capsule delete c1
	[ "$(capsule list -q)" = "" ]
}

@test "delete of several: one that fails does not keep the others" {
	args true
	capsule run -d c1
	capsule wait c1
	args sleep 100
	capsule run -d c2
	run capsule delete nosuch c2 c1
	[ "$status" = 125 ]
	[[ $output == *"delete nosuch: no such container: 'nosuch'"* ]]
	[[ $output == *"delete c2: "* ]]
	[ "$(capsule list -q)" = c2 ]
	capsule delete -f c2
}

@test "--pid-file holds the pid" {
	args sleep 100
	capsule create --pid-file pid c1
	[ "$(cat pid)" = "$(capsule state c1 | jq -r .pid)" ]
	capsule delete -f c1
	rm pid
}

@test "spec writes a sample that runs, and does not overwrite" {
	mkdir "$WORK/b2"
	capsule spec -b "$WORK/b2"
	run capsule spec --bundle "$WORK/b2"
	[ "$status" = 125 ]
	[[ $output == *"exists; it is not overwritten"* ]]
	[ "$(jq -c '[.process.args, .hostname, .root.readonly, .linux.resources.memory.limit, .linux.resources.cpu.shares]' "$WORK/b2/config.json")" \
		= '[["sleep","24h"],"capsule",true,104857600,512]' ]
	[ "$(jq -c '[.mounts[].destination]' "$WORK/b2/config.json")" = '["/proc","/dev","/dev/pts","/dev/shm","/dev/mqueue","/sys"]' ]
	[ "$(jq -c '[.linux.namespaces[].type] | sort' "$WORK/b2/config.json")" = '["ipc","mount","network","pid","uts"]' ]
	ln -s "$INTEG_ROOTFS" "$WORK/b2/rootfs"
	capsule run -d -b "$WORK/b2" c1
	[ "$(capsule exec c1 hostname)" = capsule ]
	capsule delete -f c1
}

@test "ps: the processes by cgroup, with pids of this machine; --format json" {
	args sh -c 'sleep 101 & wait'
	capsule run -d c1
	capsule exec -d -u 65534 c1 sleep 102
	wait_until 10 bash -c "'$CAPSULE' --root '$ROOT' ps c1 | grep -q 'sleep 101'"
	run capsule ps c1
	[[ ${lines[0]} =~ ^PID\ +PPID\ +UID\ +STATE\ +TIME\ +COMMAND$ ]]
	[ "${#lines[@]}" = 4 ]
	pid=$(capsule ps --format json c1 | jq -r '.[] | select(.command == "sleep 102") | .pid')
	[ "$(tr '\0' ' ' <"/proc/$pid/cmdline")" = "sleep 102 " ]
	[ "$(capsule ps --format json c1 | jq -r '.[] | select(.command == "sleep 102") | .uid')" = 65534 ]
	capsule kill --all c1 KILL
	capsule wait c1
	[ "$(capsule ps --format json c1 | jq -c .)" = "[]" ]
	capsule delete c1
}

@test "attach: output from then on, input, and the exit code" {
	args sh -c 'echo early; read x; echo "got $x"; exit 11'
	capsule create c1
	# somebody starts it in the foreground and lets it go on
	mkfifo "$WORK/in"
	"$CAPSULE" --root "$ROOT" start c1 <"$WORK/in" >"$WORK/out" &
	pid=$!
	exec 7>"$WORK/in"
	wait_until 10 grep -q early "$WORK/out"
	(
		sleep 0.3
		echo typed
	) | "$CAPSULE" --root "$ROOT" attach c1 >"$WORK/attached" && code=0 || code=$?
	exec 7>&-
	[ $code = 11 ]
	[ "$(cat "$WORK/attached")" = "got typed" ]
	code=0
	wait $pid || code=$?
	[ $code = 11 ]
	[ "$(cat "$WORK/out")" = $'early\ngot typed' ]
	capsule delete c1
}

@test "attach --no-stdin watches; a signal ends the attachment and not the container" {
	args sh -c 'while :; do echo tick; sleep 0.1; done'
	capsule run -d c1
	"$CAPSULE" --root "$ROOT" attach --no-stdin c1 >"$WORK/out" &
	pid=$!
	wait_until 10 grep -q tick "$WORK/out"
	kill -TERM $pid
	code=0
	wait $pid || code=$?
	[ $code = 143 ]
	[ "$(status_of c1)" = running ]
	capsule delete -f c1
}

@test "start -d of containers that end at once, again and again" {
	args true
	for _ in {1..20}; do
		capsule create c1
		capsule start -d c1
		[ "$(capsule wait c1)" = 0 ]
		capsule delete c1
	done
}

@test "start of a running container leaves its input alone" {
	args sh -c 'echo ready; read x; echo "got $x"'
	capsule create c1
	mkfifo "$WORK/in"
	"$CAPSULE" --root "$ROOT" start c1 <"$WORK/in" >"$WORK/out" &
	pid=$!
	exec 7>"$WORK/in"
	wait_until 10 grep -q ready "$WORK/out"
	run capsule start c1 </dev/null
	[ "$status" = 125 ]
	[[ $output == *"the container is running, not created" ]]
	run capsule start -d c1
	[ "$status" = 125 ]
	echo typed >&7
	wait $pid
	exec 7>&-
	grep -q 'got typed' "$WORK/out"
	capsule delete c1
}

@test "ten containers at once in the foreground, each with its own output and exit code" {
	for n in {1..10}; do
		mkdir "$WORK/b$n"
		jq --argjson n "$n" '.process.args = ["sh", "-c", "cat; echo from \($n); exit \($n)"]' config.json >"$WORK/b$n/config.json"
	done
	pids=()
	for n in {1..10}; do
		echo "to $n" | "$CAPSULE" --root "$ROOT" run -b "$WORK/b$n" "c$n" >"$WORK/out$n" &
		pids+=($!)
	done
	for n in {1..10}; do
		code=0
		wait "${pids[n - 1]}" || code=$?
		[ $code = "$n" ]
		[ "$(cat "$WORK/out$n")" = "$(printf 'to %s\nfrom %s' "$n" "$n")" ]
	done
	no_containers
}

@test "delete -f from several at once: it is gone, and nobody hangs" {
	args sleep 1000
	capsule run -d c1
	for _ in 1 2 3 4; do
		timeout 20 "$CAPSULE" --root "$ROOT" delete -f c1 2>>"$WORK/errors" &
	done
	wait
	[ ! -e "$ROOT/c1" ]
	cat "$WORK/errors"
}
