#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# When and where the container's processes run: scheduler, I/O priority, CPUs of exec, memory policy, personality.
# shellcheck disable=SC2016,SC2154 # what is quoted is for jq and the container; bats sets stderr
bats_require_minimum_version 1.5.0
load helpers
setup() { integ_setup; }
teardown() { integ_teardown; }

# started FILTER: a sleeping container of the config changed by FILTER; its first process is $pid.
started() {
	config "$1"
	args tinit sleep
	runtime create c1
	runtime start c1
	pid=$(runtime state c1 | jq .pid)
}

# exec_process FILTER: a process document for `exec --process`, that prints a field of its status.
exec_process() {
	jq -n "{cwd: \"/\", args: [\"grep\", \"^Cpus_allowed_list\", \"/proc/self/status\"], env: [\"PATH=/bin\"]} | $1" >process.json
	runtime exec --process process.json c1
}

@test "scheduler: a policy with a nice value, inherited by exec" {
	started '.process.scheduler = {policy: "SCHED_BATCH", nice: 7}'
	run chrt -p "$pid"
	[[ $output == *"SCHED_BATCH"* ]]
	[ "$(awk '{ print $19 }' "/proc/$pid/stat")" = 7 ]
	runtime exec --detach --pid-file "$WORK/pid" c1 tinit sleep
	run chrt -p "$(cat "$WORK/pid")"
	[[ $output == *"SCHED_BATCH"* ]]
	[ "$(awk '{ print $19 }' "/proc/$(cat "$WORK/pid")/stat")" = 7 ]
	runtime delete --force c1
}

@test "scheduler: a deadline and its flag; another one for exec" {
	started '.process.scheduler = {policy: "SCHED_DEADLINE", flags: ["SCHED_FLAG_RESET_ON_FORK"],
		runtime: 2000000, deadline: 10000000, period: 20000000}'
	run chrt -p "$pid"
	echo "$output"
	[[ $output == *"SCHED_DEADLINE|SCHED_RESET_ON_FORK"*"2000000/10000000/20000000"* ]]
	jq -n '{cwd: "/", args: ["tinit", "sleep"], scheduler: {policy: "SCHED_IDLE"}}' >process.json
	runtime exec --process process.json --detach --pid-file "$WORK/pid" c1
	run chrt -p "$(cat "$WORK/pid")"
	[[ $output == *"SCHED_IDLE"* ]]
	runtime delete --force c1
}

@test "scheduler: a deadline and a part of the CPUs exclude each other" {
	[ "$(nproc --all)" -gt 1 ] || skip "one CPU"
	config '.linux.resources.cpu.cpus = "0" | .process.scheduler = {policy: "SCHED_DEADLINE", runtime: 2000000, deadline: 10000000, period: 20000000}'
	run -1 runtime create c1
	echo "$output"
	[[ $output == *"process.scheduler: SCHED_DEADLINE (a deadline is for all CPUs: "*"together with AllowedCPUs"*"Operation not permitted"* ]]
}

@test "scheduler: in a user namespace too, whose root has no power over it" {
	started '.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}]
		| .linux.gidMappings = .linux.uidMappings | .process.scheduler = {policy: "SCHED_OTHER", nice: -5}
		| .process.ioPriority = {class: "IOPRIO_CLASS_RT", priority: 3}'
	[ "$(awk '{ print $19 }' "/proc/$pid/stat")" = -5 ]
	[ "$(ionice -p "$pid")" = "realtime: prio 3" ]
	runtime delete --force c1
}

@test "scheduler: what the kernel refuses is told by name, and nothing is left" {
	# reserved since 2003, and never made
	config '.process.scheduler = {policy: "SCHED_ISO"}'
	run -1 runtime create c1
	[[ $output == *"scheduler: process.scheduler: SCHED_ISO: Invalid argument"* ]]
	[ ! -e "$ROOT/c1" ]
}

@test "I/O priority: of the first process, of its children, of exec" {
	started '.process.ioPriority = {class: "IOPRIO_CLASS_IDLE", priority: 0}'
	[ "$(ionice -p "$pid")" = idle ]
	[ "$(runtime exec c1 ionice)" = idle ]
	runtime delete --force c1
	config '.process.ioPriority = {class: "IOPRIO_CLASS_BE", priority: 6}'
	args sh -c 'ionice; :'
	[ "$(runtime run c1)" = "best-effort: prio 6" ]
}

cpus() {
	sed -n 's/^Cpus_allowed_list:\t//p' "/proc/$1/status"
}

@test "execCPUAffinity: initial and final, of the config and of the process; not the first process's" {
	local all last
	all=$(cpus self)
	last=$(nproc --all)
	last=$((last - 1))
	started '.process.execCPUAffinity = {initial: "0"}'
	[ "$(cpus "$pid")" = "$all" ]
	[ "$(runtime exec c1 sh -c 'grep ^Cpus_allowed_list /proc/self/status' | cut -f2)" = 0 ]
	[ "$(exec_process ".execCPUAffinity = {initial: \"0\", final: \"$last\"}" | cut -f2)" = "$last" ]
	[ "$(exec_process ".execCPUAffinity = {final: \"0-$last\"}" | cut -f2)" = "$all" ]
	[ "$(exec_process . | cut -f2)" = "$all" ]
	run -255 exec_process '.execCPUAffinity = {final: "8000"}'
	[[ $output == *"cpu-affinity-final: process.execCPUAffinity.final: Invalid argument"* ]]
	run -255 exec_process '.execCPUAffinity = {final: "1-"}'
	[[ $output == *"process: execCPUAffinity.final: '1-' is no list like 0-3,8"* ]]
	runtime delete --force c1
}

# on_first_cpu ARGUMENT ...: the runtime, on the machine's first CPU
on_first_cpu() {
	taskset -c 0 "$RUNTIME" --root "$ROOT" "$@"
}

@test "the CPUs of whoever calls are not the container's: it has those of its group, and exec too" {
	local all
	[ "$(nproc --all)" -gt 1 ] || skip "one CPU"
	all=$(cpus self)
	[ "$(taskset -c 0 sed -n 's/^Cpus_allowed_list:\t//p' /proc/self/status)" = 0 ]
	args grep ^Cpus_allowed_list /proc/self/status
	[ "$(on_first_cpu run c1 | cut -f2)" = "$all" ]
	config '.linux.resources.cpu.cpus = "1"'
	[ "$(on_first_cpu run c1 | cut -f2)" = 1 ]
	config 'del(.linux.resources.cpu)'
	started .
	[ "$(on_first_cpu exec c1 grep ^Cpus_allowed_list /proc/self/status | cut -f2)" = "$all" ]
	runtime delete --force c1
}

@test "memory policy: of the first process and of exec, with its nodes" {
	started '.linux.memoryPolicy = {mode: "MPOL_BIND", nodes: "0", flags: ["MPOL_F_STATIC_NODES"]}'
	grep -q ' bind=static:0 ' "/proc/$pid/numa_maps"
	[ "$(runtime exec c1 grep -c bind=static:0 /proc/self/numa_maps)" -gt 0 ]
	runtime delete --force c1
	config '.linux.memoryPolicy = {mode: "MPOL_BIND"}'
	run -1 runtime create c1
	[[ $output == *"memory-policy: linux.memoryPolicy: MPOL_BIND: Invalid argument"* ]]
	config '.linux.memoryPolicy = {mode: "MPOL_LOCAL", nodes: "0-2,5"}'
	run -1 runtime create c1
	[[ $output == *"linux.memoryPolicy: MPOL_LOCAL: mode requires 0 nodes but got 4: Invalid argument"* ]]
	[ ! -e "$ROOT/c1" ]
}

@test "personality: uname says 32 bit, in exec as well" {
	[ "$(uname -m)" = x86_64 ] || skip "numbers of x86_64"
	started '.linux.personality = {domain: "LINUX32"}'
	[ "$(cat "/proc/$pid/personality")" = 00000008 ]
	[ "$(runtime exec c1 uname -m)" = i686 ]
	runtime delete --force c1
	config '.linux.personality = {domain: "LINUX"}'
	args uname -m
	[ "$(runtime run c1)" = x86_64 ]
}

@test "limits that are not ours to give are cut, with a warning" {
	config '.process.rlimits = [{type: "RLIMIT_NOFILE", soft: 3000000000, hard: 4000000000}, {type: "RLIMIT_CORE", soft: 0, hard: 0}]'
	args sh -c 'ulimit -Hn; ulimit -Sn; ulimit -c'
	run --separate-stderr runtime run c1
	[ "$status" -eq 0 ]
	[[ $stderr == *"RLIMIT_NOFILE: 3000000000:4000000000 is not ours to give, setting $(ulimit -Hn):$(ulimit -Hn)"* ]]
	[ "$output" = "$(ulimit -Hn)"$'\n'"$(ulimit -Hn)"$'\n0' ]
}
