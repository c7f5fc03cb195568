#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The life of a container under capsule-runtime, as podman, Docker and containerd drive it.
# shellcheck disable=SC2016,SC2154 # eval is given to wait_until as it is; bats sets stderr
bats_require_minimum_version 1.5.0
load helpers
setup() { integ_setup; }
teardown() { integ_teardown; }

status_of() {
	runtime state "$1" | jq -r .status
}

@test "created, running, stopped, gone" {
	args sh -c 'echo hello; exec sleep 300'
	runtime create --pid-file "$WORK/pid" c >"$WORK/out"
	[ "$(status_of c)" = created ]
	[ ! -s "$WORK/out" ]
	runtime start c
	wait_until 5 grep -q hello "$WORK/out"
	[ "$(status_of c)" = running ]
	runtime kill c KILL
	wait_until 5 eval '[ "$(status_of c)" = stopped ]'
	[ "$(runtime state c | jq .pid)" = 0 ]
	runtime delete c
	run -1 --separate-stderr runtime state c
	[[ "$stderr" == *'container \"c\" does not exist'* ]]
}

@test "the pid file holds digits only, of the first process" {
	args sleep 300
	runtime create --pid-file "$WORK/pid" c
	[[ "$(od -c <"$WORK/pid")" != *'\n'* ]]
	[ "$(cat "$WORK/pid")" = "$(runtime state c | jq .pid)" ]
	grep -q '^NSpid:.*	1$' "/proc/$(cat "$WORK/pid")/status"
	runtime delete --force c
}

@test "state has what runc's has" {
	args sleep 300
	config '.annotations = {"a.b/c": "d\"e"}'
	runtime create c
	runtime state c >"$WORK/state"
	[ "$(jq -r '.annotations["a.b/c"]' "$WORK/state")" = 'd"e' ]
	[ "$(jq -r '.bundle' "$WORK/state")" = "$BUNDLE" ]
	[ "$(jq -r '.rootfs' "$WORK/state")" = "$INTEG_ROOTFS" ]
	[ "$(jq -r '.id + .ociVersion + .owner' "$WORK/state")" = c1.0.2 ]
	date -d "$(jq -r .created "$WORK/state")"
	runtime delete c
}

@test "run is the program's status, and leaves nothing" {
	args sh -c 'exit 42'
	run -42 runtime run c
	args true
	runtime run c
	args sh -c 'sh -c "kill -9 \$\$"; exit $?'
	run -137 runtime run c
	run -1 runtime state c
}

@test "run --detach leaves a container that is running" {
	args sleep 300
	runtime run --detach --pid-file "$WORK/pid" c
	[ "$(status_of c)" = running ]
	kill -0 "$(cat "$WORK/pid")"
	runtime delete --force c
	gone "$(cat "$WORK/pid")"
}

@test "signals of run go to the program" {
	args tinit sleep
	"$RUNTIME" --root "$ROOT" run c >"$WORK/out" 3>&- &
	local pid=$!
	wait_until 5 grep -q ready "$WORK/out"
	kill -USR1 $pid
	# Not by bats' run: a subshell cannot wait for our child.
	local rc=0
	wait $pid || rc=$?
	[ "$rc" -eq 3 ]
}

@test "start of a started container, delete of a running one, kill of a stopped one are refused" {
	args sleep 300
	runtime run --detach c
	run -1 runtime start c
	[[ "$output" == *"cannot start an already running container"* ]]
	run -1 runtime delete c
	[[ "$output" == *"that is not stopped: running"* ]]
	runtime kill --all c KILL
	wait_until 5 eval '[ "$(status_of c)" = stopped ]'
	run -1 runtime kill c TERM
	[[ "$output" == *"container not running"* ]]
	run -1 runtime start c
	run -255 runtime exec c true
	[[ "$output" == *"stopped"* ]]
	runtime delete c
	run -1 runtime delete c
	[[ "$output" == *"does not exist"* ]]
	runtime delete --force c
}

@test "an id is taken once" {
	args sleep 300
	runtime create c
	run -1 runtime create c
	[[ "$output" == *"already exists"* ]]
	[ "$(status_of c)" = created ]
	runtime delete c
	for id in '' . .. ../c a/b 'a b' -x "$(printf 'a%.0s' {1..65})"; do
		run -1 runtime create -- "$id"
		[ "${#lines[@]}" -eq 1 ]
	done
}

@test "list and ps" {
	run -1 runtime list
	[[ "$output" == *"list: --root '$ROOT': No such file or directory"* ]]
	mkdir "$ROOT"
	[ "$(runtime list -f json)" = null ]
	args sleep 300
	runtime run --detach one
	runtime create two
	[ "$(runtime list -q | xargs)" = "one two" ]
	[ "$(runtime list -f json | jq -r '.[] | .id + ":" + .status' | xargs)" = "one:running two:created" ]
	runtime list | grep -q '^one .*running.*root$'
	[ "$(runtime ps -f json one)" = "[$(runtime state one | jq .pid)]" ]
	runtime ps one | grep -q 'sleep 300$'
	[[ "$(runtime ps one | head -n 1)" =~ ^UID\ +PID\ +PPID\ +C\ +STIME\ +TTY\ +TIME\ +CMD ]]
	[[ "$(runtime ps one -e -x | head -n 1)" =~ PID\ +TTY\ +STAT\ +TIME\ +COMMAND ]]
	[ "$(runtime ps one -eo pid,comm | wc -l)" = 2 ]
	run -1 runtime ps one -eo comm
	[[ "$output" == *"these options show no column PID"* ]]
	run -1 runtime ps one --nonsense
	[[ "$output" == *"the host's ps has failed"* || "$output" == *"no column PID"* ]]
	runtime delete --force one
	runtime delete two
}

@test "a created container that is killed never starts its program" {
	args sh -c 'echo no'
	for signal in KILL TERM; do
		runtime create c >"$WORK/out"
		runtime kill c $signal
		wait_until 5 eval '[ "$(status_of c)" = stopped ]'
		run -1 runtime start c
		runtime delete c
		[ ! -s "$WORK/out" ]
	done
	# a program that has started is told of it as any first process of a pid namespace is
	args sh -c 'grep ^SigCgt /proc/self/status; exec sleep 300'
	runtime create c >"$WORK/out"
	runtime start c
	wait_until 5 grep -q 'SigCgt:.0000000000000000' "$WORK/out"
	runtime kill c TERM
	[ "$(status_of c)" = running ]
	runtime delete --force c
}

@test "a state that nobody can read is listed, and deleted by force" {
	mkdir -p "$ROOT/wreck"
	echo '{"ociVersion":' >"$ROOT/wreck/state.json"
	runtime list | grep -q '^wreck .*broken'
	run -1 runtime state wreck
	run -1 runtime delete wreck
	runtime delete --force wreck
	[ ! -e "$ROOT/wreck" ]
	head -c 4096 /dev/urandom >"$WORK/noise"
	mkdir "$ROOT/noise" && cp "$WORK/noise" "$ROOT/noise/state.json"
	run -1 runtime state noise
	runtime delete --force noise
	[ ! -e "$ROOT/noise" ]
}

@test "a pid that has been given to somebody else is not the container's" {
	args sleep 300
	runtime run --detach c
	runtime kill c KILL
	wait_until 5 eval '[ "$(status_of c)" = stopped ]'
	sleep 100 3>&- &
	jq -c ".pid = $!" "$ROOT/c/state.json" >"$WORK/s" && cp "$WORK/s" "$ROOT/c/state.json"
	[ "$(status_of c)" = stopped ]
	run -1 runtime kill c KILL
	runtime delete --force c
	kill -0 $! && kill $!
}

@test "descriptors of the caller do not reach the container, but those that --preserve-fds names" {
	args tinit fds
	exec 7<"$WORK/before"
	runtime run c >"$WORK/out" 3</dev/null 4</dev/zero
	[ "$(cut -d' ' -f1 "$WORK/out" | sort -n | xargs)" = "0 1 2" ]
	runtime run --preserve-fds 2 c >"$WORK/out" 3</dev/null 4</dev/zero
	exec 7<&-
	[ "$(cut -d' ' -f1 "$WORK/out" | sort -n | xargs)" = "0 1 2 3 4" ]
}

@test "hooks: all six, in order, each with its state" {
	cat >"$WORK/hook" <<-'END'
		#!/bin/sh
		echo "$1 $(/usr/bin/jq -r '.status + " " + .id + " " + (if .pid > 0 then "pid" else "none" end)')" >>"$2"
	END
	chmod +x "$WORK/hook"
	args true
	config '.hooks = (["prestart", "createRuntime", "createContainer", "poststart", "poststop"]
		| map({key: ., value: [{path: $p, args: ["hook", ., $o], env: ["PATH=/usr/bin:/bin"]}]}) | from_entries)
		| .hooks.startContainer = [{path: "/bin/sh", args: ["sh", "-c", "cat >/tmp/state"]}]
		| .process.args = ["cat", "/tmp/state"]' --arg p "$WORK/hook" --arg o "$WORK/calls"
	runtime create c >"$WORK/out"
	runtime start c
	wait_until 5 eval '[ "$(status_of c)" = stopped ]'
	runtime delete c
	diff - "$WORK/calls" <<-END
		prestart creating c pid
		createRuntime creating c pid
		createContainer creating c pid
		poststart running c pid
		poststop stopped c none
	END
	[ "$(jq -r .status "$WORK/out")" = created ]
}

@test "a hook that fails or hangs fails the create, and nothing is left" {
	args true
	config '.hooks.createRuntime = [{path: "/bin/sh", args: ["sh", "-c", "echo wrong >&2; exit 3"]}]'
	run -1 runtime create c
	[[ "$output" == *"createRuntime hook #0: '/bin/sh': exit status 3: wrong"* ]]
	config '.hooks.createRuntime = [{path: "/bin/sleep", args: ["sleep", "300"], timeout: 1}]'
	run -1 runtime create c
	[[ "$output" == *"timed out after 1000 ms"* ]]
	config '.hooks.createRuntime = [{path: "/no/such"}]'
	run -1 runtime create c
	[[ "$output" == *"No such file or directory"* ]]
	[ ! -e "$ROOT/c" ]
}

@test "the JSON log of a failing create is one object" {
	args nosuch
	run -1 --separate-stderr runtime --log "$WORK/log" --log-format json create c
	[ "$(jq -s length "$WORK/log")" = 1 ]
	[ "$(jq -r .level "$WORK/log")" = error ]
	[[ "$(jq -r .msg "$WORK/log")" == *'executable file not found in $PATH'* ]]
	[[ "$stderr" == *'executable file not found in $PATH'* ]]
	date -d "$(jq -r .time "$WORK/log")"
}

@test "XDG_RUNTIME_DIR empty, no PATH, no HOME" {
	args true
	env -i ${ASAN_OPTIONS+"ASAN_OPTIONS=$ASAN_OPTIONS"} XDG_RUNTIME_DIR= "$RUNTIME" run --bundle "$BUNDLE" c
	rmdir /run/capsule-runtime
}

@test "version, features, spec" {
	runtime --version | grep -qx 'capsule-runtime version .*'
	runtime --version | grep -qx 'spec: 1.3.0'
	[ "$(runtime features | jq -r '.linux.capabilities | length')" = 41 ]
	[ "$(runtime features | jq -r '.hooks | length')" = 6 ]
	mkdir "$WORK/new"
	runtime spec -b "$WORK/new"
	[ "$(jq -r .ociVersion "$WORK/new/config.json")" = 1.3.0 ]
	run -1 runtime spec -b "$WORK/new"
	[[ "$output" == *"File exists"* ]]
	run -3 runtime nosuch
}

@test "the program file that a container can reach is not writable" {
	cp "$RUNTIME" "$WORK/rt"
	args sleep 300
	"$WORK/rt" --root "$ROOT" create --pid-file "$WORK/pid" c
	local exe
	exe=/proc/$(cat "$WORK/pid")/exe
	cmp "$exe" "$WORK/rt"
	run ! dd if=/dev/null of="$exe" conv=notrunc
	run ! bash -c "exec 9<>$exe"
	"$WORK/rt" --root "$ROOT" delete c
}

@test "the runtime that waits for an exec'd process is not writable through /proc either" {
	cp "$RUNTIME" "$WORK/rt"
	args sleep 300
	"$WORK/rt" --root "$ROOT" run --detach c
	"$WORK/rt" --root "$ROOT" exec --pid-file "$WORK/pid" c sleep 300 &
	wait_until 5 test -s "$WORK/pid"
	local exe=/proc/$!/exe
	cmp "$exe" "$WORK/rt"
	[ "$(stat -f -c %i "$exe")" = "$(stat -f -c %i "$WORK/rt")" ] # the same file system: no copy was needed
	run ! dd if=/dev/null of="$exe" conv=notrunc
	run ! bash -c "exec 9<>$exe"
	"$WORK/rt" --root "$ROOT" delete --force c
	wait $! || true
}
