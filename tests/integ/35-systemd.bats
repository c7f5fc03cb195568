#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# --systemd-cgroup where no systemd can be asked; what it does elsewhere is in tests/vm/10-systemd.bats.
# shellcheck disable=SC2016 # jq's variables
bats_require_minimum_version 1.5.0
load helpers
setup() { integ_setup; }
teardown() { integ_teardown; }

@test "--systemd-cgroup without a bus: a clear error, and nothing is left" {
	args true
	config 'del(.linux.cgroupsPath)'
	run -1 runtime --systemd-cgroup run c
	[[ $output == *"scope: --systemd-cgroup: no systemd answers: connect to the system's bus: "* ]]
	run -1 runtime state c
	run -1 env DBUS_SESSION_BUS_ADDRESS=unix:path=/nowhere "$RUNTIME" --root "$ROOT" --systemd-cgroup create c
	[[ $output == *"no systemd answers"* ]]
}

@test "--systemd-cgroup: what is no slice:prefix:name is refused before anything is made" {
	local path
	args true
	for path in /a/b a a:b a:b:c:d 'x.service:a:b' '../x.slice:a:b' '-x.slice:a:b' 'x--y.slice:a:b' 'system.slice:a/b:c'; do
		config '.linux.cgroupsPath = $p' --arg p "$path"
		run -1 runtime --systemd-cgroup run c
		[[ $output == *linux.cgroupsPath:* ]]
	done
}

@test "--systemd-cgroup: its program is looked for beside ours and in PATH, and missed by name" {
	args true
	config 'del(.linux.cgroupsPath)'
	cp "$RUNTIME" "$WORK/capsule-runtime"
	PATH=/bin run -1 "$WORK/capsule-runtime" --root "$ROOT" --systemd-cgroup run c
	[[ $output == *"capsule-systemd is neither beside"* ]]
	PATH=$CAPSULE_BUILD:/bin run -1 "$WORK/capsule-runtime" --root "$ROOT" --systemd-cgroup run c
	[[ $output == *"no systemd answers"* ]]
	# without the option nobody looks for it
	"$WORK/capsule-runtime" --root "$ROOT" run c
}

@test "capsule-systemd refuses what it is not told properly" {
	local request
	for request in '' '{' '[]' '{}' '{"do":"start"}' '{"do":"dance","unit":"a.scope"}' '{"do":"stop","unit":"a.scope","properties":3}'; do
		run -1 "$CAPSULE_BUILD/capsule-systemd" <<<"$request"
		[ -n "$output" ]
	done
}

@test "capsule run --systemd-cgroup: the same error, and nothing is left" {
	args true
	config 'del(.linux.cgroupsPath)'
	run -125 capsule run --systemd-cgroup c
	[[ $output == *"no systemd answers"* ]]
	no_containers
}
