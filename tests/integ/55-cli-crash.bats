#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016,SC2094,SC1010,SC2314 # words for the shells in containers
#
# Shims that are dead or stuck, remains of crashes: every command says what is the matter, none hangs,
# `delete -f` clears up.
bats_require_minimum_version 1.5.0
load helpers
setup() {
	integ_setup
	args sh -c 'echo hello; sleep 1000'
}
teardown() { integ_teardown; }

@test "shim stopped (SIGSTOP): commands give up in time; list and state do not ask it; delete -f clears up" {
	capsule run -d c1
	shim=$(capsule state -d c1 | jq -r .shim.pid)
	kill -STOP "$shim"
	[ "$(capsule state c1 | jq -r .status)" = running ]
	capsule list | grep -q '^c1 .*Running'
	SECONDS=0
	run timeout 30 "$CAPSULE" --root "$ROOT" kill c1
	[ "$status" = 125 ]
	[[ $output == *"did not answer within 10 s"* ]]
	[ $SECONDS -lt 20 ]
	timeout 40 "$CAPSULE" --root "$ROOT" delete -f c1
	gone "$shim"
	[ ! -e "$ROOT/c1" ]
}

@test "capsule killed while it creates: nothing, or something that list names and delete -f removes" {
	for delay in 0 0.0005 0.001 0.0015 0.002 0.003 0.004 0.006 0.01; do
		"$CAPSULE" --root "$ROOT" run -d c1 2>/dev/null &
		client=$!
		sleep $delay
		kill -KILL $client 2>/dev/null || true
		wait $client 2>/dev/null || true
		sleep 0.2
		if [ -e "$ROOT/c1" ]; then
			capsule list | grep -q '^c1 '
			capsule delete -f c1
		fi
		[ ! -e "$ROOT/c1" ]
	done
}

@test "state files truncated or full of noise: list names the container, delete -f removes it" {
	for file in state.json exit.json shim.json; do
		for noise in '' '{' '{"pid":' 'null' '[]' "$(head -c 300 /dev/urandom | base64)" '{"pid":99999999999}'; do
			mkdir -p "$ROOT/bad"
			echo "$noise" >"$ROOT/bad/$file"
			run capsule list
			[ "$status" = 0 ]
			[[ $output == *"bad "*Broken* ]]
			run capsule state bad
			[ "$status" = 125 ]
			[ "${#lines[@]}" = 1 ]
			run capsule delete bad
			[ "$status" = 125 ]
			run capsule delete -f bad
			[ "$status" = 0 ]
			# what cannot be known is said
			[ $file != state.json ] || [[ $output == "capsule: delete bad: "*"state.json: "*"if any, are left" ]]
			[ ! -e "$ROOT/bad" ]
		done
	done
}

@test "state.json damaged under a running container: delete -f still ends it" {
	capsule run -d c1
	pid=$(capsule state c1 | jq -r .pid)
	echo '{"pid":1' >"$ROOT/c1/state.json"
	capsule list | grep -q '^c1 .*Broken'
	capsule delete -f c1
	[ ! -e "$ROOT/c1" ]
	gone "$pid"
	# where its cgroups were, nothing was left to tell
	find /sys/fs/cgroup -depth -type d -path '*/capsule/c1*' -exec rmdir {} +
}

@test "an empty directory, a file, a link in the root: only the directory is a container's remains" {
	mkdir -p "$ROOT/empty"
	touch "$ROOT/file"
	ln -s empty "$ROOT/link"
	[ "$(capsule list -q)" = empty ]
	run capsule state empty
	[[ $output == *"its creation was cut short"* ]]
	capsule delete -f empty
	run capsule state link
	[ "$status" = 125 ]
	rm "$ROOT/file" "$ROOT/link"
}

@test "a pid that somebody else has now is not the container's" {
	mkdir -p "$ROOT/old"
	sleep 1000 &
	stranger=$!
	jq -n --argjson p $stranger '{ociVersion:"1.2.0",id:"old",bundle:"/b",pid:$p,startTime:1,bootId:"x",created:"2026-01-01T00:00:00Z"}' >"$ROOT/old/state.json"
	capsule list | grep -q '^old .*Stopped'
	capsule delete -f old
	kill -0 $stranger
	kill $stranger
}

@test "a shim that never says a word is given up and killed" {
	printf '#!/bin/sh\necho $$ >%s/shim.pid\nexec sleep 1000\n' "$WORK" >"$WORK/shim"
	chmod 755 "$WORK/shim"
	run timeout 30 "$CAPSULE" --root "$ROOT" --shim "$WORK/shim" create c1
	[ "$status" = 125 ]
	[ "${#lines[@]}" = 1 ]
	[[ $output == *"(pid $(cat "$WORK/shim.pid")) did not answer within 10 s" ]]
	gone "$(cat "$WORK/shim.pid")"
	no_containers
}

@test "list of 500 containers asks no shim and is quick" {
	mkdir -p "$ROOT"
	for n in {1..500}; do
		mkdir "$ROOT/c$n"
		echo "{\"ociVersion\":\"1.2.0\",\"id\":\"c$n\",\"bundle\":\"/b\",\"pid\":4000000,\"startTime\":1,\"bootId\":\"x\",\"created\":\"2026-01-01T00:00:00Z\"}" >"$ROOT/c$n/state.json"
	done
	SECONDS=0
	[ "$(capsule list | grep -c Stopped)" = 500 ]
	[ $SECONDS -le 1 ]
	rm -r "$ROOT"
}
