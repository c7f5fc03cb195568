#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2030,SC2031,SC2314 # each test has a directory of its own
#
# Names of containers: given, given up, found by every command; kill -9 of whoever gives them.
bats_require_minimum_version 1.5.0
load helpers

setup() { integ_setup; }

teardown() {
	local id
	for id in $(capsule list -q 2>/dev/null); do
		capsule delete -f "$id" >/dev/null 2>&1 || true
	done
	integ_teardown
}

capsule() {
	"$CAPSULE" --root "$ROOT" --data-root "$WORK/data" "$@"
}

# container ID [OPTION...]: one that runs for long
container() {
	local id=$1
	shift
	capsule image run -d -id "$id" -network none "$@" "$INTEG_ROOTFS" sleep 1000
}

# name_of ID: as inspect and list tell it, which agree
name_of() {
	local name
	name=$(capsule inspect "$1" | jq -r '.[0].name')
	[ "$(capsule list --format json | jq -r --arg id "$1" '.[] | select(.id == $id).name')" = "$name" ] &&
	[ "$(capsule state "$1" | jq -r .name)" = "$name" ] && echo "$name"
}

@test "created, running or stopped: it has a name besides its id, then another one, then none" {
	args sleep 1000
	capsule create c1
	capsule rename c1 web
	[ "$(capsule state web | jq -r '.id, .name, .status' | xargs)" = "c1 web created" ]
	capsule start -d web
	capsule rename web front
	[ "$(name_of c1)" = front ]
	[ "$(capsule state front | jq -r .id)" = c1 ]
	run capsule state web
	[ "$status" = 125 ]
	[[ $output == *"no such container: 'web'"* ]]
	capsule kill front KILL
	[ "$(capsule wait front)" = 137 ]
	capsule rename front web
	[ "$(name_of c1)" = web ]
	capsule rename c1 c1
	[ "$(name_of c1)" = null ]
	run capsule state web
	[ "$status" = 125 ]
	[ "$(find "$ROOT" -type l)" = "" ]
	capsule delete c1
}

@test "list: a column where there is a name, and both for the completion" {
	container c1
	[ "$(capsule list | head -n 1 | tr -s ' ')" = "ID PID STATUS IP BUNDLE CREATED" ]
	container c2
	capsule rename c2 db
	[ "$(capsule list | head -n 1 | tr -s ' ')" = "ID PID STATUS IP BUNDLE CREATED NAME" ]
	[ "$(capsule list | awk '{print $1, $NF}' | xargs)" = "ID NAME c1 - c2 db" ]
	[ "$(capsule list -q | xargs)" = "c1 c2" ]
	[ "$(capsule list --names | xargs)" = "c1 db c2" ]
	[ "$("$RUNTIME" --root "$ROOT" list -q | grep -v events)" = $'c1\nc2' ]
}

@test "every command that takes a container takes its name" {
	local job command
	printf x >"$WORK/x"
	capsule image create base <(tar -C "$INTEG_ROOTFS" -cf - .)
	capsule image run -d -id c1 -network none base sh -c 'echo out; sleep 1000'
	capsule rename c1 web
	for command in state "state -d" ps top jobs inspect port diff debug "network stats"; do
		# shellcheck disable=SC2086
		[ "$(capsule $command web | sed 's/[0-9]//g')" = "$(capsule $command c1 | sed 's/[0-9]//g')" ]
		# shellcheck disable=SC2086
		capsule $command web >"$WORK/out"
	done
	wait_until 5 grep -q out "$WORK/data/containers/c1/log"
	[ "$(capsule log web)" = out ]
	[ "$(capsule exec web echo in)" = in ]
	job=$(capsule exec -d web sleep 1000)
	[ "$(capsule jobs -q web)" = "$job" ]
	capsule kill -exec "$job" web KILL
	[ "$(capsule wait -exec "$job" web)" = 137 ]
	run timeout 0.5 "$CAPSULE" --root "$ROOT" --data-root "$WORK/data" attach --no-stdin web
	[ "$output" = "" ]
	capsule cp "$WORK/x" web:/tmp/x
	capsule cp web:/tmp/x "$WORK/y"
	[ "$(cat "$WORK/y")" = x ]
	capsule diff web | grep -q /tmp/x
	capsule events web | grep -q start
	capsule container export web "$WORK/all.tar"
	tar -tf "$WORK/all.tar" | grep -q 'tmp/x$'
	capsule commit web again
	[ "$(capsule image run --rm -network container:web base readlink /proc/self/ns/net)" = "$(capsule exec web readlink /proc/self/ns/net)" ]
	capsule stop --time 0 web
	[ "$(capsule state web | jq -r .status)" = stopped ]
	capsule image destroyc web
	[ "$(capsule list --names)" = "" ]
	[ "$(find "$ROOT" -type l)" = "" ]
}

@test "an id is never shadowed, and a name never becomes one; both are free when their container has gone" {
	container c1
	container c2
	run capsule rename c1 c2
	[ "$status" = 125 ]
	[ "$output" = "capsule: rename c1: 'c2' is a container's id" ]
	capsule rename c1 web
	run capsule rename c2 web
	[ "$status" = 125 ]
	[ "$output" = "capsule: rename c2: 'web' is the name of container c1" ]
	run container web
	[ "$status" = 125 ]
	[[ $output == *"the name 'web' is taken"* ]]
	[ ! -e "$WORK/data/containers/web" ]
	capsule rename c1 web
	capsule rename c1 c1
	capsule rename c2 web
	capsule delete -f web
	container web
	run capsule rename c1 web
	[ "$status" = 125 ]
	[ "$(capsule list -q | xargs)" = "c1 web" ]
}

@test "what is no name, and whom there is not" {
	container c1
	for name in '' -x ../x 'a b' a/b "$(printf %065d 0)" $'a\nb' events.log watch.lock; do
		run capsule rename -- c1 "$name"
		[ "$status" = 125 ]
	done
	run "$CAPSULE" --root "$ROOT" rename c1 data
	[ "$status" = 125 ]
	[[ $output == *"'data' is the data root" ]]
	run capsule rename nobody web
	[ "$status" = 125 ]
	[ "$output" = "capsule: rename nobody: no such container: 'nobody'" ]
	run capsule rename c1
	[ "$status" = 125 ]
	[ "$(find "$ROOT" -type l)" = "" ]
}

@test "ten renames to one name at once: one has it" {
	local i n=0
	for i in 1 2 3 4; do
		container "c$i"
	done
	for i in 1 2 3 4 1 2 3 4; do
		capsule rename "c$i" web 2>/dev/null &
	done
	wait
	for i in 1 2 3 4; do
		[ "$(name_of "c$i")" != web ] || n=$((n + 1))
	done
	[ "$n" = 1 ]
	[ "$(find "$ROOT" -type l | wc -l)" = 2 ]
}

@test "a shim that is killed, and the next one: the name stays" {
	container c1
	capsule rename c1 web
	kill -9 "$(capsule state -d web | jq .shim.pid)"
	[ "$(capsule exec web echo there)" = there ]
	[ "$(name_of c1)" = web ]
}

@test "rename killed at any of its steps: it has the one name or the other, and nothing is in the way" {
	local call n killed=0
	container c1
	container c2
	capsule rename c1 old
	for call in flock symlinkat renameat unlinkat; do
		for n in 1 2 3; do
			if strace -qq -o /dev/null -e trace="$call" -e inject="$call:signal=SIGKILL:when=$n" \
				"$CAPSULE" --root "$ROOT" --data-root "$WORK/data" rename c1 new; then
				capsule rename new old
				continue
			fi
			killed=$((killed + 1))
			[[ $(name_of c1) =~ ^(old|new)$ ]]
			capsule system check
			# whoever wants the other name, has it
			if [ "$(name_of c1)" = old ]; then
				capsule rename c2 new
				capsule rename c2 c2
			else
				container old
				capsule delete -f old
			fi
			capsule rename c1 old
			capsule system prune >"$WORK/pruned"
			[ "$(find "$ROOT" -type l | wc -l)" = 2 ]
		done
	done
	[ "$killed" -ge 5 ]
}

@test "system prune removes the names of nothing" {
	container c1
	capsule rename c1 web
	# somebody else's way to delete it, which knows of no names
	capsule kill c1 KILL
	capsule wait c1
	kill -9 "$(capsule state -d c1 | jq .shim.pid)"
	"$RUNTIME" --root "$ROOT" delete --force c1
	rm -rf "${ROOT:?}/c1"
	[ "$(find "$ROOT" -type l)" = "$ROOT/web" ]
	run capsule state web
	[[ $output == *"no such container: 'web'"* ]]
	[ "$(capsule system prune | grep names)" = "names 1" ]
	[ "$(find "$ROOT" -type l)" = "" ]
}
