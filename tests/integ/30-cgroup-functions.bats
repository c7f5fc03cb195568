#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The functions of runtime/cgroup*.c on real hierarchies, without a container around them.
load helpers
setup() { integ_setup; }
teardown() { integ_teardown; }

@test "limits, devices, kill, removal and mounts on the real hierarchies" {
	run "$CAPSULE_BUILD/tests/integ/cgroup-real"
	echo "$output"
	grep '^#' <<<"$output" >&3 || true # figures, for the record
	[ "$status" -eq 0 ]
	[[ $output == 1..* ]]
}
