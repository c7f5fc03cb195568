#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What the README promises: the tour works when it is pasted, and the demonstration runs to its end.
bats_require_minimum_version 1.5.0
load helpers
setup() { integ_setup; }
teardown() {
	"$CAPSULE" delete -f tour >/dev/null 2>&1 || true
	rm -rf /tmp/tour
	# what stays on purpose, for the next container
	rm -f /run/capsule/events.log
	rmdir /run/capsule /sys/fs/cgroup/capsule /sys/fs/cgroup/*/capsule 2>/dev/null || true
	integ_teardown
}

@test "the tour of the README works when pasted" {
	awk '/^## / { here = /^## A tour/ } here && /^```sh/ { on = 1; next } /^```/ { on = 0 } on' "$CAPSULE_INTEG/../../README.md" >"$WORK/tour.sh"
	grep -q 'capsule run' "$WORK/tour.sh"
	mkdir "$WORK/top"
	ln -s "$CAPSULE_BUILD" "$WORK/top/build"
	cd "$WORK/top"
	run bash -e "$WORK/tour.sh"
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *"hello from capsule, pid "*"exit status 3"*"line 1"*"line 3"* ]]
	[[ $output == *"sh -c for i in 1 2 3"* ]]
	# of the job, of the stopped container, and what sort made of three lines
	[[ $output == *$'\n4\n137\ntwo\nthree\none' ]]
	[ ! -e /run/capsule/tour ]
}

@test "the demonstration runs to its end" {
	command -v redis-server >/dev/null || skip "redis-server is not installed"
	run bash "$CAPSULE_INTEG/../demo/demo.sh" "$CAPSULE_BUILD"
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *$'redis-cli get colour\ngreen'* ]]
	[[ $output == *$'tail /dev/zero\n(exit status 137)'* ]]
	[[ $output == *$'\n1\n2\n3\n4\n5\n'* ]]
	[[ $output == *'"code":0,"signal":0'* ]]
}
