#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The application with MySQL and redis: as the README has it, pasted; and the demonstration, which checks what it shows. The images are
# made before (three-tier-test.sh).
bats_require_minimum_version 1.5.0
load ../integ/helpers
unset CAPSULE_NETWORK # what is not said is the default bridge
setup() {
	integ_setup
	[ "$(id -u)" = 0 ] || skip "containers need root"
}
teardown() {
	local id
	for id in web mysql redis; do
		"$CAPSULE" image destroyc "$id" -f >/dev/null 2>&1 || true
	done
	rm -rf /tmp/demo /run/capsule/events.log* /run/capsule/.seccomp /var/lib/capsule/*
	rmdir /run/capsule /sys/fs/cgroup/capsule /sys/fs/cgroup/*/capsule 2>/dev/null || true
	integ_teardown
}

@test "the three tiers of the README work when pasted" {
	awk '/^## / { here = /^## Three tiers/ } here && /^```sh/ { on = 1; next } /^```/ { on = 0 } on' \
		"$CAPSULE_INTEG/../../README.md" >"$WORK/tiers.sh"
	grep -q 'capsule image runc' "$WORK/tiers.sh"
	mkdir "$WORK/top"
	ln -s "$CAPSULE_BUILD" "$WORK/top/build"
	ln -s "$CAPSULE_INTEG/../../tests" "$WORK/top/tests"
	cd "$WORK/top"
	run bash -e "$WORK/tiers.sh"
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *'X-Cache: miss'*'X-Cache: hit'* ]]
	[[ $output == *'"name": "Ada"'* ]]
}

@test "the demonstration of three tiers runs to its end" {
	CAPSULE_DEMO_INSIDE=yes run bash "$CAPSULE_INTEG/../demo/three-tier.sh" "$CAPSULE_BUILD"
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *'three tiers: all as it should be'* ]]
}
