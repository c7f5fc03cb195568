#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016,SC2094,SC1010,SC2314 # words for the shells in containers
#
# Bad input to capsule: one line that names the place, a status that is not zero, nothing left behind.
bats_require_minimum_version 1.5.0
load helpers
setup() { integ_setup; }
teardown() { integ_teardown; }

# refused WORDS ARG...: the command fails (125, or $code) with one line that has the words in it.
refused() {
	local words=$1
	shift
	run -"${code:-125}" capsule "$@"
	echo "$* -> $status: $output"
	[ "${#lines[@]}" = 1 ]
	[[ $output == "capsule: "* ]]
	[[ $output == *"$words"* ]]
}

@test "no command, unknown command, unknown option, missing and too many arguments" {
	refused "a command is missing"
	refused "no such command: 'frobnicate'" frobnicate
	refused "no such command: 'frobnicate'" help frobnicate
	refused "unknown option --frob" list --frob
	refused "unknown option --frob" --frob list
	refused "an argument is missing" create
	refused "an argument is missing" kill
	refused "an argument is missing" exec c1
	refused "too many arguments" state c1 c2
	refused "too many arguments" run c1 c2
	refused "too many arguments" run c1 c2 c3
	refused "needs a value" create --bundle
	refused "neither true nor false" run -d=perhaps c1
	[ ! -e "$ROOT" ]
}

@test "--help and --version everywhere" {
	for command in spec create start run list state kill stop delete exec log logs jobs wait attach ps; do
		run capsule $command --help
		[ "$status" = 0 ]
		[[ ${lines[0]} == "Usage: capsule "* ]]
		[ "$(capsule help $command)" = "$output" ]
		[[ $(capsule $command --version) == "capsule "* ]]
	done
	[[ $(capsule help) == "Usage: capsule "* ]]
	[ "$(capsule --help)" = "$(capsule help)" ]
	[[ $(capsule --version) == "capsule "[0-9]* ]]
	[ ! -e "$ROOT" ]
}

@test "names out of the grammar" {
	for id in .x -- ../x a/b 'a b' $'a\nb' é "$(printf 'x%.0s' {1..65})" ''; do
		for verb in create state kill delete log jobs wait ps; do
			run capsule $verb -- "$id"
			[ "$status" = 125 ]
			[[ $output == *"is no container's name"* ]]
		done
	done
	[ ! -e "$ROOT" ]
}

@test "a name that is taken" {
	args sleep 100
	capsule create c1
	refused "the name 'c1' is taken" create c1
	refused "the name 'c1' is taken" run -d c1
	[ "$(capsule state c1 | jq -r .status)" = created ]
	capsule delete -f c1
}

@test "two creates of one name at once: one wins, the other says so" {
	args sleep 100
	for _ in 1 2 3 4 5; do
		"$CAPSULE" --root "$ROOT" create c1 2>"$WORK/e1" &
		first=$!
		"$CAPSULE" --root "$ROOT" create c1 2>"$WORK/e2" &
		second=$!
		a=0 b=0
		wait $first || a=$?
		wait $second || b=$?
		[ "$((a + b))" = 125 ]
		cat "$WORK/e1" "$WORK/e2" | grep -qE "taken|exists"
		[ "$(capsule state c1 | jq -r .status)" = created ]
		capsule delete -f c1
	done
}

@test "no such container, for every command" {
	for verb in start state kill stop delete log jobs wait attach ps; do
		refused "no such container: 'nosuch'" $verb nosuch
	done
	refused "no such container: 'nosuch'" exec nosuch true
	mkdir -p "$ROOT"
	refused "no such container: 'nosuch'" state nosuch
}

@test "config.json: missing, not JSON, of a wrong type, a field that is not supported" {
	mv config.json good.json
	refused "config.json" create c1
	printf '{\n  "ociVersion": oops\n}\n' >config.json
	refused "line 2" create c1
	jq '.process.cwd = 7' good.json >config.json
	refused "process.cwd" create c1
	jq '.linux.intelRdt = {"closID": "x"}' good.json >config.json
	refused "intelRdt" create c1
	rm good.json
	no_containers
}

@test "bundle missing, no directory; rootfs missing" {
	refused "bundle '/nonexistent'" create -b /nonexistent c1
	refused "bundle" create -b config.json c1
	config '.root.path = "/nonexistent"'
	refused "/nonexistent" create c1
	refused "/nonexistent" run c1
	refused "/nonexistent" run -d c1
	no_containers
}

@test "command missing: 127; not executable: 126; both at create; run -d too" {
	own_rootfs
	echo text >rootfs/plain
	args nosuchprogram
	code=127
	for verb in create run "run -d"; do
		# shellcheck disable=SC2086
		refused nosuchprogram $verb c1
	done
	args /bin/nosuch/x
	refused /bin/nosuch/x run c1
	code=126
	args /plain
	refused /plain run c1
	args /bin
	refused /bin run c1
	no_containers
}

@test "not a program after all (found by execve only): 126" {
	own_rootfs
	printf '\177ELFnothing of the kind' >rootfs/fake
	chmod 755 rootfs/fake
	args /fake
	code=126
	refused fake run c1
	capsule create c1
	refused fake start c1
	capsule delete -f c1
	no_containers
}

@test "signals that there are none of" {
	args sleep 100
	refused "no such signal: 'FROB'" create --stop-signal FROB c1
	capsule run -d c1
	for signal in FROB SIGFROB 0x9 -1 65 1.5 ''; do
		run capsule kill c1 -- $signal
		run capsule kill -- c1 "$signal"
		[ "$status" = 125 ]
		[[ $output == *"no such signal: '$signal'"* ]]
	done
	capsule delete -f c1
}

@test "bad values of options" {
	args sleep 100
	refused "--log-driver" create --log-driver syslog c1
	refused "--log-mode" create --log-mode maybe c1
	refused "--log-max-size" create --log-max-size much c1
	refused "--log-max-files" create --log-max-files 0 c1
	refused "--log-max-files" create --log-max-files 1001 c1
	refused "--stop-timeout" create --stop-timeout soon c1
	refused "--jobs-max" create --jobs-max -1 c1
	[ ! -e "$ROOT" ]
	refused "--format" list --format yaml
	refused "-t" stop -t soon c1
	capsule run -d c1
	refused "--tail" log --tail some c1
	refused "--since" log --since yesterday c1
	refused "-exec" log -exec 1234 c1
	refused "no such job" log -exec 00000000-0000-0000-0000-000000000000 c1
	refused "00000000-0000-0000-0000-000000000000" wait -exec 00000000-0000-0000-0000-000000000000 c1
	refused "00000000-0000-0000-0000-000000000000" kill -exec 00000000-0000-0000-0000-000000000000 c1
	refused "is not NAME=VALUE" exec -e novalue c1 true
	refused "exclude each other" kill --all -exec 00000000-0000-0000-0000-000000000000 c1
	refused "working directory" exec -cwd /nonexistent c1 true
	capsule delete -f c1
}

@test "operations in the wrong state name the state" {
	args sleep 100
	capsule create c1
	refused created exec c1 true
	refused created delete c1
	capsule start -d c1
	refused running start c1
	refused running start -d c1
	refused running delete c1
	capsule kill c1 KILL
	capsule wait c1
	refused stopped start -d c1
	refused stopped kill c1
	refused stopped exec c1 true
	refused stopped attach c1
	capsule delete c1
}

@test "root directory: not writable, a file, a dangling link" {
	args true
	touch "$WORK/file"
	run "$CAPSULE" --root "$WORK/file" create c1
	[ "$status" = 125 ]
	[[ $output == *"$WORK/file"* ]]
	run "$CAPSULE" --root "$WORK/file/x" list
	[ "$status" = 125 ]
	mkdir "$WORK/ro"
	mount -t tmpfs -o ro tmpfs "$WORK/ro"
	run "$CAPSULE" --root "$WORK/ro" create c1
	[ "$status" = 125 ]
	[[ $output == *"$WORK/ro"* ]]
	run "$CAPSULE" --root "$WORK/ro/below" create c1
	[ "$status" = 125 ]
	umount "$WORK/ro"
}

@test "shim or runtime missing or none" {
	args true
	touch "$WORK/none"
	refused "/nonexistent" --shim /nonexistent create c1
	refused "$WORK/none" --shim "$WORK/none" create c1
	refused "/bin/true" --shim /bin/true create c1
	refused "/nonexistent" --runtime /nonexistent create c1
	refused "" --runtime /bin/false create c1
	refused "" --runtime /bin/true create c1
	no_containers
}

@test "standard output full: said, and not a success" {
	args sleep 100
	capsule run -d c1
	run bash -c "'$CAPSULE' --root '$ROOT' list >/dev/full"
	[ "$status" = 125 ]
	[[ $output == *"No space left"* ]]
	run bash -c "'$CAPSULE' --root '$ROOT' state c1 >/dev/full"
	[ "$status" = 125 ]
	capsule delete -f c1
}

@test "with descriptors 0, 1 and 2 closed nothing is mistaken for them" {
	args sh -c 'cat; echo out; echo err >&2; exit 3'
	run bash -c "exec 0<&- 1>&- 2>&-; '$CAPSULE' --root '$ROOT' run c1"
	[ "$status" = 3 ]
	run bash -c "exec 0<&- 1>&- 2>&-; '$CAPSULE' --root '$ROOT' run -d c1"
	[ "$status" = 0 ]
	[ "$(capsule wait c1)" = 3 ]
	capsule delete c1
}

@test "a hook that hangs: SIGINT or SIGTERM ends create and run, and nothing is left" {
	printf '#!/bin/sh\necho $$ >%s/hook.pid\nexec sleep 1000\n' "$WORK" >"$WORK/hook"
	chmod 755 "$WORK/hook"
	config '.hooks.createRuntime = [{"path": $h}]' --arg h "$WORK/hook"
	for how in create run "run -d"; do
		rm -f "$WORK/hook.pid"
		# shellcheck disable=SC2086
		"$CAPSULE" --root "$ROOT" $how c1 2>"$WORK/err" </dev/null &
		pid=$!
		wait_until 10 test -s "$WORK/hook.pid"
		kill -WINCH $pid # is nothing to end for
		sleep 0.2
		kill -TERM $pid
		code=0
		wait $pid || code=$?
		[ $code = 125 ]
		[[ $(cat "$WORK/err") == "capsule: "*"c1: interrupted by a signal" ]]
		gone "$(cat "$WORK/hook.pid")"
		no_containers
	done
}

@test "no descriptors left: said, and nothing is left" {
	args sleep 100
	for n in 4 5 6 7 8; do
		run bash -c "ulimit -n $n; '$CAPSULE' --root '$ROOT' run -d c$n"
		[ "$status" = 0 ] || {
			[ "$status" = 125 ]
			[ "${#lines[@]}" = 1 ]
			[[ $output == "capsule: run c$n: "* ]]
			[ ! -e "$ROOT/c$n" ]
		}
	done
	run bash -c "ulimit -n 3; '$CAPSULE' --root '$ROOT' run -d c3"
	[ "$status" = 125 ]
	[[ $output == *"Too many open files" ]]
	for n in 4 5 6 7 8; do
		capsule delete -f c$n
	done
}

@test "disk full: create and spec say so and leave nothing" {
	mkdir "$WORK/small"
	mount -t tmpfs -o size=16k tmpfs "$WORK/small"
	head -c 16384 /dev/zero >"$WORK/small/filler" || true
	run "$CAPSULE" spec -b "$WORK/small"
	[ "$status" = 125 ]
	[[ $output == *"No space left on device" ]]
	[ ! -e "$WORK/small/config.json" ]
	run "$CAPSULE" --root "$WORK/small" create c1
	[ "$status" = 125 ]
	[[ $output == *"No space left on device"* ]]
	[ "$(find "$WORK/small" -mindepth 1 ! -name events.log -printf %f)" = filler ]
	umount "$WORK/small"
}
