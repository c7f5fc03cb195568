#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Limits of real containers, proved by running into them; on v1, hybrid and v2.
# shellcheck disable=SC2016,SC2030,SC2031 # jq's variables, and eval is given to wait_until as it is
bats_require_minimum_version 1.5.0
load helpers
setup() {
	integ_setup
	config '.linux.cgroupsPath = "/c"'
}
teardown() { integ_teardown; }

# resources JSON: linux.resources, besides the default devices rule.
resources() {
	config '.linux.resources = ({devices: [{allow: false, access: "rwm"}]} + $r)' --argjson r "$1"
}

stopped() {
	[ "$(runtime state c | jq -r .status)" = stopped ]
}

no_groups() {
	[ -z "$(find /sys/fs/cgroup -mindepth 1 -type d -name c)" ]
}

@test "memory.limit: the kernel kills, the group counts it, the status says so" {
	resources '{"memory": {"limit": 33554432, "swap": 33554432}}'
	args tinit eat 134217728
	runtime create c
	runtime start c
	wait_until 20 stopped
	grep -qx 'oom_kill 1' "$(control_file memory memory.oom_control memory.events)"
	runtime delete c
	run -137 runtime run c
}

@test "memory.limit: an OOM kill is known before the exit is told" {
	resources '{"memory": {"limit": 33554432, "swap": 33554432}}'
	args tinit eat 134217728
	capsule run -d c
	run capsule wait c
	[ "$output" = 137 ]
	capsule state -d c >"$WORK/state"
	jq -e '.exit.oom' "$WORK/state"
	capsule delete c
}

@test "memory.swap is memory plus swap; below the limit it is refused" {
	args sleep 100
	resources '{"memory": {"limit": 33554432, "swap": 67108864, "reservation": 16777216}}'
	runtime create c
	if is_v2; then
		[ "$(value memory - memory.swap.max)" = 33554432 ]
		[ "$(value memory - memory.low)" = 16777216 ]
	else
		[ "$(value memory memory.memsw.limit_in_bytes -)" = 67108864 ]
		[ "$(value memory memory.soft_limit_in_bytes -)" = 16777216 ]
	fi
	runtime delete --force c
	resources '{"memory": {"limit": 33554432, "swap": 33554431}}'
	run -1 runtime create c
	[[ $output == *"linux.resources.memory.swap: 33554431"* ]]
	no_groups
}

@test "cpu.quota: a fifth of a CPU is a fifth of a CPU" {
	resources '{"cpu": {"quota": 20000, "period": 100000}}'
	args tinit burn 2
	runtime run c >"$WORK/out"
	echo "# $(cat "$WORK/out") ms of CPU time in 2 s at 20 %" >&3
	[ "$(cat "$WORK/out")" -le 800 ]
}

@test "cpu.shares: two containers on one CPU share it by their shares" {
	local few many
	args tinit burn 3
	resources '{"cpu": {"shares": 512, "cpus": "0"}}'
	runtime create few >"$WORK/few"
	resources '{"cpu": {"shares": 2048, "cpus": "0"}}'
	config '.linux.cgroupsPath = "/many"'
	runtime create many >"$WORK/many"
	runtime start few
	runtime start many
	wait_until 20 test -s "$WORK/few"
	wait_until 20 test -s "$WORK/many"
	few=$(cat "$WORK/few")
	many=$(cat "$WORK/many")
	echo "# $few ms and $many ms of CPU time with 512 and 2048 shares" >&3
	[ $((many * 2)) -ge $((few * 3)) ] # 4 times (v1) or 3 (v2), but for the time that one runs alone
	wait_until 5 eval '[ "$(runtime list -q)" ] && runtime delete few && runtime delete many'
}

@test "cpu.cpus: the container runs there and nowhere else" {
	resources '{"cpu": {"cpus": "0", "mems": "0"}}'
	args sh -c 'grep Cpus_allowed_list /proc/self/status'
	run runtime run c
	[[ $output == *$'\t0' ]]
	resources '{"cpu": {"cpus": "4000"}}'
	run -1 runtime run c
	[[ $output == *"linux.resources.cpu.cpus: "* ]]
	no_groups
}

@test "pids.limit: fork is refused" {
	resources '{"pids": {"limit": 5}}'
	args tinit forks 20
	run runtime run c
	[[ $output == *"forked 4"* ]]
}

@test "pids.limit 0 is a limit, -1 is none" {
	resources '{"pids": {"limit": 0}}'
	args tinit forks 3
	run runtime run c
	[[ $output == *"forked 0"* ]]
	resources '{"pids": {"limit": -1}}'
	run runtime run c
	[[ $output == *"forked 3"* ]]
}

# disk: "MAJOR MINOR" of the machine's first disk.
disk() {
	local dev
	for dev in /sys/block/*; do
		case ${dev##*/} in
		loop* | ram* | zram*) ;;
		*)
			tr : ' ' <"$dev/dev"
			return
			;;
		esac
	done
}

# open_loop MODE: what a container says that makes a node for the first loop device (which needs no disk behind it, and
# on some machines no driver: then it is ENXIO) and opens that.
open_loop() {
	args sh -c "mknod /dev/node b 7 0 && dd $1=/dev/node count=0 conv=notrunc 2>&1; echo end"
	run runtime run c
	[[ $output == *end ]]
}

@test "devices: denied unless named, whatever nodes the container makes" {
	config '.process.capabilities |= map_values(. + ["CAP_MKNOD"])'
	open_loop if
	[[ $output == *"Operation not permitted"* ]]
	config '.linux.resources.devices += [{allow: true, type: "b", major: 7, minor: 0, access: "r"}]'
	open_loop if
	[[ $output != *"Operation not permitted"* ]]
	open_loop of
	[[ $output == *"Operation not permitted"* ]]
	config '.linux.resources.devices = [{allow: true, access: "rwm"}]'
	open_loop of
	[[ $output != *"Operation not permitted"* ]]
	config 'del(.linux.resources)'
	open_loop if
	[[ $output == *"Operation not permitted"* ]]
	args sh -c 'for d in null zero full random urandom tty; do head -c 1 /dev/$d >/dev/null || echo $d; done'
	run runtime run c
	[[ $output != *"Operation not permitted"* ]]
}

@test "devices: a node of linux.devices is made, and used only if a rule says so" {
	config '.linux.devices = [{path: "/dev/loop7", type: "b", major: 7, minor: 7, fileMode: 438}]'
	args sh -c 'ls -ln /dev/loop7; dd if=/dev/loop7 of=/dev/null count=0 2>&1; echo end'
	run runtime run c
	[[ $output == brw-rw-rw-*"7,"*"7 "*"Operation not permitted"*end ]]
	config '.linux.resources.devices = [{allow: false, access: "rwm"}, {allow: true, type: "b", major: 7, minor: 7, access: "r"}]'
	run runtime run c
	[[ $output == brw-rw-rw-*end && $output != *"Operation not permitted"* ]]
}

@test "blockIO: throttles are in force for the disk they name" {
	local numbers
	numbers=$(disk | tr ' ' :)
	[ -n "$numbers" ] || skip "no disk"
	args sleep 100
	resources "{\"blockIO\": {\"throttleReadBpsDevice\": [{\"major\": ${numbers%:*}, \"minor\": ${numbers#*:}, \"rate\": 1048576}],
		\"throttleWriteIOPSDevice\": [{\"major\": ${numbers%:*}, \"minor\": ${numbers#*:}, \"rate\": 100}]}}"
	runtime create c
	if is_v2; then
		[ "$(value - - io.max)" = "$numbers rbps=1048576 wbps=max riops=max wiops=100" ]
	else
		[ "$(value blkio blkio.throttle.read_bps_device -)" = "$numbers 1048576" ]
		[ "$(value blkio blkio.throttle.write_iops_device -)" = "$numbers 100" ]
	fi
	runtime delete --force c
	resources '{"blockIO": {"weight": 5}}'
	run -1 runtime create c
	echo "$output"
	[[ $output == *"linux.resources.blockIO.weight: "* ]]
	no_groups
}

@test "hugepageLimits: in force, or refused naming field and controller" {
	args sleep 100
	resources '{"hugepageLimits": [{"pageSize": "2MB", "limit": 4194304}]}'
	if is_v2 || [ -d /sys/fs/cgroup/hugetlb ]; then
		runtime create c
		[ "$(value hugetlb hugetlb.2MB.limit_in_bytes hugetlb.2MB.max)" = 4194304 ]
		runtime delete --force c
	else
		run -1 runtime create c
		[[ $output == *"linux.resources.hugepageLimits: "*"hugetlb controller"* ]]
		no_groups
	fi
}

@test "unified: in force on v2, refused by name on v1" {
	args sleep 100
	resources '{"unified": {"memory.high": "33554432", "pids.max": "77"}}'
	if is_v2; then
		runtime create c
		[ "$(cat /sys/fs/cgroup/c/memory.high)" = 33554432 ]
		[ "$(cat /sys/fs/cgroup/c/pids.max)" = 77 ]
		runtime delete --force c
		resources '{"unified": {"no.such": "1"}}'
		run -1 runtime create c
		[[ $output == *"linux.resources.unified: "*"no.such"* ]]
	else
		run -1 runtime create c
		[[ $output == *"linux.resources.unified: "* ]]
	fi
	no_groups
}

@test "what v2 has no word for is refused by name there" {
	is_v2 || skip "cgroup v2 only"
	args sleep 100
	resources '{"memory": {"swappiness": 10}}'
	run -1 runtime create c
	[[ $output == *"linux.resources.memory.swappiness: "* ]]
	resources '{"cpu": {"realtimePeriod": 1000000}}'
	run -1 runtime create c
	[[ $output == *"linux.resources.cpu.realtimePeriod: "* ]]
	no_groups
}
