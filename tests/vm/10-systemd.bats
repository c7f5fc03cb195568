#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# --systemd-cgroup: the container's cgroup is a scope of systemd's, with its limits, and is gone with the container.
bats_require_minimum_version 1.5.0
load vm-helpers
setup() { vm_setup; }
teardown() { vm_teardown; }

# A property of a unit, as systemctl shows it.
property() {
	systemctl show -P "$2" "$1"
}

# The container's group, as its first process has it.
group_of() {
	cut -d: -f3 "/proc/$(runtime state "$1" | jq .pid)/cgroup"
}

@test "a scope is made in system.slice, delegated, with init in it, and goes with the container" {
	args sleep 100
	config 'del(.linux.cgroupsPath)'
	runtime --systemd-cgroup create c
	[ "$(property capsule-c.scope ActiveState)" = active ]
	[ "$(property capsule-c.scope Slice)" = system.slice ]
	[ "$(property capsule-c.scope Delegate)" = yes ]
	[ "$(property capsule-c.scope DefaultDependencies)" = no ]
	[ "$(group_of c)" = /system.slice/capsule-c.scope ]
	runtime start c
	# another process joins it there
	[ "$(runtime exec c cat /proc/self/cgroup | wc -l)" = 1 ]
	[ "$(runtime ps --format json c | jq length)" = 1 ]
	runtime delete --force c
	[ "$(property capsule-c.scope LoadState)" = not-found ]
	[ ! -e /sys/fs/cgroup/system.slice/capsule-c.scope ]
}

@test "slice:prefix:name, and slices below slices" {
	args sleep 100
	config '.linux.cgroupsPath = "vm-test.slice:pre:name"'
	runtime --systemd-cgroup create c
	[ "$(group_of c)" = /vm.slice/vm-test.slice/pre-name.scope ]
	runtime delete --force c
	config '.linux.cgroupsPath = "::only"'
	runtime --systemd-cgroup create c
	[ "$(group_of c)" = /system.slice/only.scope ]
	runtime delete --force c
}

@test "limits are systemd's and the kernel's" {
	local dir=/sys/fs/cgroup/system.slice/capsule-c.scope
	args sleep 100
	config 'del(.linux.cgroupsPath) | .linux.resources = {memory: {limit: 67108864, swap: 134217728, reservation: 33554432},
		cpu: {quota: 50000, period: 100000, shares: 2048, cpus: "0"}, pids: {limit: 77}, unified: {"memory.high": "50331648"}}'
	runtime --systemd-cgroup create c
	[ "$(property capsule-c.scope MemoryMax)" = 67108864 ]
	[ "$(property capsule-c.scope MemoryHigh)" = 50331648 ]
	[ "$(property capsule-c.scope MemoryLow)" = 33554432 ]
	[ "$(property capsule-c.scope MemorySwapMax)" = 67108864 ]
	[ "$(property capsule-c.scope CPUQuotaPerSecUSec)" = 500ms ]
	[ "$(property capsule-c.scope TasksMax)" = 77 ]
	[ "$(property capsule-c.scope AllowedCPUs)" = 0 ]
	[ "$(cat $dir/memory.max)" = 67108864 ]
	[ "$(cat $dir/pids.max)" = 77 ]
	[ "$(cat $dir/cpu.max)" = "50000 100000" ]
	[ "$(cat $dir/cpuset.cpus)" = 0 ]
	# what systemd does when it goes over its units changes nothing
	systemctl daemon-reload
	[ "$(cat $dir/memory.max)" = 67108864 ]
	[ "$(cat $dir/cpu.max)" = "50000 100000" ]
	# nor to what an update has changed
	runtime update --memory 100663296 --pids-limit 66 c
	[ "$(property capsule-c.scope TasksMax)" = 66 ]
	systemctl daemon-reload
	[ "$(cat $dir/memory.max)" = 100663296 ]
	[ "$(cat $dir/pids.max)" = 66 ]
}

@test "properties by annotation; what is no value of one is refused by name" {
	args sleep 100
	config 'del(.linux.cgroupsPath) | .annotations = {"org.systemd.property.TimeoutStopUSec": "uint64 7000000",
		"org.systemd.property.CollectMode": "'"'inactive-or-failed'"'", "org.systemd.property.Description": "'"'named'"'"}'
	runtime --systemd-cgroup create c
	[ "$(property capsule-c.scope TimeoutStopUSec)" = 7s ]
	[ "$(property capsule-c.scope CollectMode)" = inactive-or-failed ]
	[ "$(property capsule-c.scope Description)" = named ]
	runtime delete --force c
	config '.annotations = {"org.systemd.property.TimeoutStopUSec": "soon"}'
	run -1 runtime --systemd-cgroup create c
	[[ $output == *"org.systemd.property.TimeoutStopUSec"*"soon"* ]]
	config '.annotations = {"org.systemd.property.NoSuchThing": "true"}'
	run -1 runtime --systemd-cgroup create c
	[[ $output == *NoSuchThing* ]]
	[ "$(property capsule-c.scope LoadState)" = not-found ]
}

@test "a create that fails after the scope was made leaves no scope" {
	args /no/such/program
	config 'del(.linux.cgroupsPath)'
	run -1 runtime --systemd-cgroup create c
	[[ $output == *"no such file"* || $output == *"No such file"* ]]
	[ "$(property capsule-c.scope LoadState)" = not-found ]
}

@test "one of that name that runs already is refused; what is not slice:prefix:name too" {
	args sleep 100
	config '.linux.cgroupsPath = "system.slice:x:same"'
	runtime --systemd-cgroup create c
	run -1 runtime --systemd-cgroup create other
	[[ $output == *x-same.scope* ]]
	[ "$(runtime state c | jq -r .status)" = created ]
	runtime delete --force c
	config '.linux.cgroupsPath = "/a/path"'
	run -1 runtime --systemd-cgroup create c
	[[ $output == *"'/a/path' is not slice:prefix:name"* ]]
}

@test "run in the foreground, an OOM kill, and a name that can be used again at once" {
	args tinit eat 209715200
	config 'del(.linux.cgroupsPath) | .linux.resources.memory = {limit: 33554432, swap: 33554432}'
	run -137 runtime --systemd-cgroup run c
	[ "$(property capsule-c.scope LoadState)" = not-found ]
	args true
	runtime --systemd-cgroup run c
}

@test "capsule run --systemd-cgroup: the shim's container too, to its end" {
	args sleep 300
	config 'del(.linux.cgroupsPath) | .linux.resources.pids.limit = 40'
	capsule run --detach --systemd-cgroup c
	[ "$(property capsule-c.scope ActiveState)" = active ]
	[ "$(property capsule-c.scope TasksMax)" = 40 ]
	capsule exec c true
	capsule delete --force c
	[ "$(property capsule-c.scope LoadState)" = not-found ]
	args sh -c 'exit 3'
	run -3 capsule run --systemd-cgroup c
	[ "$(property capsule-c.scope LoadState)" = not-found ]
}
