#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Time namespaces: what the container's clocks say, with offsets and without, of the first process and of exec.
# shellcheck disable=SC2016,SC2154 # what is quoted is for jq and the container; bats sets stderr
bats_require_minimum_version 1.5.0
load helpers
setup() { integ_setup; }
teardown() { integ_teardown; }

offsets() {
	tr -s ' ' <<<"$1"
}

with_offsets() {
	config '.linux.namespaces += [{type: "time"}]
		| .linux.timeOffsets = {monotonic: {secs: 7881, nanosecs: 2718281}, boottime: {secs: 1000000, nanosecs: 3141519}}'
}

@test "without offsets: a namespace of its own, with the host's time" {
	config '.linux.namespaces += [{type: "time"}] | .linux.timeOffsets = null'
	args sh -c 'readlink /proc/self/ns/time; cat /proc/self/timens_offsets'
	run runtime run c1
	[ "${lines[0]}" != "$(readlink /proc/self/ns/time)" ]
	[ "$(offsets "${lines[1]}")" = "monotonic 0 0" ]
	[ "$(offsets "${lines[2]}")" = "boottime 0 0" ]
}

@test "offsets: the kernel has them, and uptime counts from there" {
	local host
	with_offsets
	args sh -c 'cut -d. -f1 /proc/uptime; cat /proc/self/timens_offsets; readlink /proc/self/ns/time; readlink /proc/self/ns/time_for_children'
	host=$(cut -d. -f1 /proc/uptime)
	run runtime run c1
	echo "$output"
	[ "${lines[0]}" -ge $((host + 1000000)) ]
	[ "$(offsets "${lines[1]}")" = "monotonic 7881 2718281" ]
	[ "$(offsets "${lines[2]}")" = "boottime 1000000 3141519" ]
	# it is in it, not only its children
	[ "${lines[3]}" != "$(readlink /proc/self/ns/time)" ]
	[ "time:${lines[3]#*:}" = "time:${lines[4]#*:}" ]
}

@test "offsets: with a user namespace, whose root owns the time namespace" {
	with_offsets
	config '.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}]
		| .linux.gidMappings = .linux.uidMappings'
	args tinit sleep
	runtime create c1
	runtime start c1
	run runtime exec c1 cat /proc/self/timens_offsets
	[ "$(offsets "${lines[1]}")" = "boottime 1000000 3141519" ]
	runtime delete --force c1
}

@test "offsets: negative ones, and exec sees the same time" {
	with_offsets
	config '.linux.timeOffsets = {monotonic: {secs: -1, nanosecs: 500000000}}'
	args tinit sleep
	runtime create c1
	runtime start c1
	run runtime exec c1 sh -c 'cat /proc/self/timens_offsets; readlink /proc/self/ns/time'
	echo "$output"
	[ "$(offsets "${lines[0]}")" = "monotonic -1 500000000" ]
	[ "$(offsets "${lines[1]}")" = "boottime 0 0" ]
	[ "${lines[2]}" = "$(readlink "/proc/$(runtime state c1 | jq .pid)/ns/time")" ]
	runtime delete --force c1
}

@test "a time namespace that is joined" {
	with_offsets
	args tinit sleep
	runtime create c1
	runtime start c1
	config 'del(.linux.timeOffsets) | .linux.namespaces |= map(if .type == "time" then .path = $p else . end)' \
		--arg p "/proc/$(runtime state c1 | jq .pid)/ns/time"
	args cat /proc/self/timens_offsets
	run runtime run c2
	[ "$(offsets "${lines[0]}")" = "monotonic 7881 2718281" ]
	runtime delete --force c1
}

@test "offsets that cannot be: no namespace, a clock that does not move, before the beginning of time" {
	config '.linux.timeOffsets = {boottime: {secs: 5}}'
	run -1 runtime create c1
	[[ $output == *"config.json: linux.timeOffsets: needs a new time namespace in linux.namespaces"* ]]
	config '.linux.namespaces += [{type: "time"}] | .linux.timeOffsets = {realtime: {secs: 5}}'
	run -1 runtime create c1
	[[ $output == *"linux.timeOffsets.realtime: no clock that a time namespace can move"* ]]
	config '.linux.timeOffsets = {boottime: {secs: -4000000000}}'
	run -1 runtime create c1
	[[ $output == *"time-offsets: linux.timeOffsets: "*": Numerical result out of range"* ]]
	[ ! -e "$ROOT/c1" ]
}
