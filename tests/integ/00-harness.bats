#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The harness itself: a snapshot that finds nothing would make every other test worthless.
bats_require_minimum_version 1.5.0
load helpers
setup() { integ_setup; }
teardown() { integ_teardown; }

# inner NAME BODY: runs a one-test file with that body, through the same helpers.
inner() {
	mkdir -p "$WORK/inner"
	printf 'load %s/helpers\nsetup() { integ_setup; }\nteardown() { integ_teardown; }\n@test "inner" {\n%s\n}\n' \
		"$CAPSULE_INTEG" "$1" >"$WORK/inner/inner.bats"
	# shellcheck disable=SC2034 # inner bats must not take this one's descriptors for its own
	run env -u BATS_TEST_NAME bats --tap "$WORK/inner/inner.bats" 3>&-
}

@test "the run has cgroups of its own, and the machine's layout" {
	run ! grep -q cps-integ /proc/self/cgroup
	if is_v2; then
		[ -e /sys/fs/cgroup/cgroup.controllers ]
	else
		[ -e /sys/fs/cgroup/memory/cgroup.procs ]
	fi
}

@test "a test that leaves nothing passes" {
	inner 'true'
	[ "$status" -eq 0 ]
}

@test "a process left behind is found, and ended" {
	inner 'sleep 77 3>&- &'
	[ "$status" -ne 0 ]
	[[ $output == *"> process sleep 77"* ]]
	run ! pgrep -f 'sleep 77'
}

@test "a cgroup left behind is found" {
	local dir=/sys/fs/cgroup/memory/left
	is_v2 && dir=/sys/fs/cgroup/left
	inner "mkdir $dir"
	rmdir "$dir"
	[ "$status" -ne 0 ]
	[[ $output == *"> cgroup $dir"* ]]
}

@test "a mount left behind is found" {
	inner 'mount -t tmpfs tmpfs /home'
	umount /home
	[ "$status" -ne 0 ]
	[[ $output == *"/home"* ]]
}

@test "a file in the root file system that the tests share is found" {
	# shellcheck disable=SC2016 # for the inner shell
	inner 'echo x >"$INTEG_ROOTFS/etc/left"'
	rm "$INTEG_ROOTFS/etc/left"
	[ "$status" -ne 0 ]
	[[ $output == *"etc/left"* ]]
}

@test "a netdev left behind is found" {
	inner '/bin/busybox ip link add left type veth'
	/bin/busybox ip link del left
	[ "$status" -ne 0 ]
	[[ $output == *"netdev left"* ]]
}
