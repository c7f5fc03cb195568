#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016,SC2094,SC1010,SC2314 # words for the shells in containers
#
# The older tool's documented command lines for containers of bundles, as they were written.
bats_require_minimum_version 1.5.0
load helpers
setup() {
	integ_setup
	args sleep 1000
}
teardown() { integ_teardown; }

is_running() {
	capsule list | grep -q "^$1 .*Running"
}

@test "capsule spec; capsule create NAME; capsule start NAME" {
	rm config.json
	capsule spec
	config '.root.path = $r | .process.args = ["sh", "-c", "echo started"]' --arg r "$INTEG_ROOTFS"
	capsule create web1
	capsule list | grep -q '^web1 .*Created'
	[ "$(capsule start web1 </dev/null)" = started ]
	capsule delete web1
}

@test "capsule create -bundle DIR NAME, -b DIR NAME, NAME -b DIR" {
	cd /
	capsule create -bundle "$BUNDLE" c1
	capsule create -b "$BUNDLE" c2
	capsule create c3 -b "$BUNDLE"
	capsule create c4 -bundle="$BUNDLE"
	capsule create --bundle="$BUNDLE" c5
	[ "$(capsule list -q | wc -l)" = 5 ]
	capsule delete -f c1 c2 c3 c4 c5
}

@test "capsule run -d NAME, -detach NAME, -d true NAME, NAME -d" {
	capsule run -d c1
	capsule run -detach c2
	capsule run -d true c3
	capsule run c4 -d
	capsule run -d=true c5
	for id in c1 c2 c3 c4 c5; do
		is_running $id
	done
	capsule delete -f c1 c2 c3 c4 c5
}

@test "capsule run -d false NAME is the foreground; so is -d=false" {
	args sh -c 'echo in front; exit 3'
	for how in "-d false c1" "-d=false c1" "-detach false c1" "--detach=false c1" "c1 -d=false" "c1"; do
		# shellcheck disable=SC2086
		run capsule run $how
		[ "$status" = 3 ]
		[ "$output" = "in front" ]
		[ "$(capsule list -q)" = "" ]
	done
}

@test "a container may be called false" {
	capsule run -d false
	is_running false
	capsule delete -f false
}

@test "capsule list: ID PID STATUS IP BUNDLE CREATED" {
	capsule run -d c1
	[ "$(capsule list | head -n 1 | tr -s ' ')" = "ID PID STATUS IP BUNDLE CREATED" ]
	capsule delete -f c1
}

@test "capsule state NAME, NAME -d, -d NAME, NAME -detail" {
	capsule run -d c1
	[ "$(capsule state c1 | jq -r .id)" = c1 ]
	for how in "c1 -d" "-d c1" "c1 -detail" "--detail c1"; do
		# shellcheck disable=SC2086
		capsule state $how | jq -e .shim.pid
	done
	capsule delete -f c1
}

@test "capsule kill NAME and kill NAME SIGNAL" {
	args sh -c 'trap "exit 5" TERM; echo ready; while :; do sleep 0.05; done'
	capsule run -d c1
	wait_until 10 bash -c "'$CAPSULE' --root '$ROOT' log c1 | grep -q ready"
	capsule kill c1
	[ "$(capsule wait c1)" = 5 ]
	args sleep 1000
	capsule run -d c2
	capsule kill c2 SIGKILL
	[ "$(capsule wait c2)" = 137 ]
	capsule delete c1
	capsule delete -f c2
}

@test "capsule exec NAME ARGS -e K=V -cwd DIR -d" {
	capsule run -d c1
	[ "$(capsule exec c1 "sh -c 'echo \$K; pwd'" -e K=V -cwd /tmp)" = $'V\n/tmp' ]
	[ "$(capsule exec c1 pwd)" = / ]
	id=$(capsule exec c1 "sh -c 'echo in the background'" -d)
	[[ $id =~ ^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$ ]]
	capsule wait -exec "$id" c1
	[ "$(capsule log c1 -exec "$id")" = "in the background" ]
	capsule delete -f c1
}

@test "capsule exec NAME sh, a shell on a pipe" {
	capsule run -d c1
	[ "$(echo 'echo $((6*7))' | capsule exec c1 sh)" = 42 ]
	capsule delete -f c1
}

@test "capsule ps NAME; capsule log NAME" {
	args sh -c 'echo logged; sleep 1000'
	capsule run -d c1
	wait_until 10 bash -c "'$CAPSULE' --root '$ROOT' log c1 | grep -q logged"
	[ "$(capsule log c1)" = logged ]
	capsule ps c1 | grep -q 'sleep 1000'
	capsule delete -f c1
}

@test "-root with one dash, and = for its value" {
	"$CAPSULE" -root "$ROOT" create c1
	[ "$("$CAPSULE" -root="$ROOT" list -q)" = c1 ]
	[ "$("$CAPSULE" --root="$ROOT" list -q)" = c1 ]
	capsule delete -f c1
}

@test "a network and a port that cannot be are refused by name, and nothing is left" {
	for option in "-net web" "--network web" "-network=web"; do
		for verb in create run; do
			# shellcheck disable=SC2086
			run capsule $verb $option c1
			[ "$status" = 125 ]
			[ "$output" = "capsule: $verb c1: there is no network 'web'" ]
		done
	done
	for option in "-p 80:80" "--port 80:80" "-port=80:80"; do
		# shellcheck disable=SC2086
		run capsule run -network none $option c1
		[ "$status" = 125 ]
		[ "$output" = "capsule: run c1: -port: the container is on no network" ]
	done
	[ ! -e "$ROOT" ]
}
