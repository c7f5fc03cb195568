#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016,SC2154 # jq's variables and words for the shells in containers; bats sets stderr
#
# update: what is set is in the cgroup, and acts; what is not set, or refused, stays as it was.
bats_require_minimum_version 1.5.0
load helpers
setup() {
	integ_setup
	config '.linux.cgroupsPath = "/c"'
	args sleep 1000
}
teardown() { integ_teardown; }

memory() {
	value memory memory.limit_in_bytes memory.max
}

@test "flags: memory, pids, cpu, cpuset, as runc spells them" {
	config '.linux.resources.pids.limit = 77'
	runtime create c
	runtime update --memory 64m --memory-reservation 32m c
	[ "$(memory)" = 67108864 ]
	[ "$(value memory memory.soft_limit_in_bytes memory.low)" = 33554432 ]
	[ "$(value pids pids.max pids.max)" = 77 ]
	runtime start c
	runtime update --pids-limit 20 --cpu-quota 50000 --cpu-period 200000 --cpuset-cpus 0 --cpuset-mems 0 c
	[ "$(value pids pids.max pids.max)" = 20 ]
	[ "$(value cpuset cpuset.cpus cpuset.cpus)" = 0 ]
	[ "$(value cpuset cpuset.mems cpuset.mems)" = 0 ]
	if is_v2; then
		[ "$(value '' '' cpu.max)" = '50000 200000' ]
	else
		[ "$(value cpu cpu.cfs_quota_us '')" = 50000 ]
		[ "$(value cpu cpu.cfs_period_us '')" = 200000 ]
	fi
	runtime update --pids-limit 0 --memory 0 c
	[ "$(value pids pids.max pids.max)" = 20 ]
	[ "$(memory)" = 67108864 ]
	runtime update --cpu-share 512 --cpu-quota -1 --pids-limit -1 --memory -1 c
	is_v2 || [ "$(value cpu cpu.shares '')" = 512 ]
	is_v2 || [ "$(value cpu cpu.cfs_quota_us '')" = -1 ]
	[ "$(value pids pids.max pids.max)" = max ]
	[[ "$(memory)" = @(max|9223372036854771712) ]]
	runtime pause c
	runtime update --pids-limit 9 c
	[ "$(value pids pids.max pids.max)" = 9 ]
	runtime delete -f c
}

@test "memory with swap is raised and lowered, whichever has to come first" {
	is_v2 || [ -e /sys/fs/cgroup/memory/memory.memsw.limit_in_bytes ] || skip "no swap accounting"
	runtime create c
	for size in 32m 64m 128m 48m 20m 200m; do
		runtime update --memory $size --memory-swap $size c
		[ "$(memory)" = $((${size%m} << 20)) ]
		is_v2 || [ "$(value memory memory.memsw.limit_in_bytes '')" = $((${size%m} << 20)) ]
	done
	run -1 --separate-stderr runtime update --memory 64m --memory-swap 32m c
	[[ "$stderr" == *'memory.swap'* ]]
	[ "$(memory)" = $((200 << 20)) ]
	runtime delete c
}

@test "a document, from a file and from standard input; the options beside it do not count" {
	runtime create c
	echo '{"memory":{"limit":50331648},"pids":{"limit":33},"cpu":{"shares":0,"cpus":""},"blockIO":{"weight":0}}' >"$WORK/r.json"
	runtime update --resources "$WORK/r.json" --pids-limit 44 c
	[ "$(memory)" = 50331648 ]
	[ "$(value pids pids.max pids.max)" = 33 ]
	echo '{"pids":{"limit":34}}' | runtime update -r - c
	[ "$(value pids pids.max pids.max)" = 34 ]
	[ "$(memory)" = 50331648 ]
	runtime delete c
}

@test "devices: what is allowed anew works, what is no longer allowed does not" {
	config '.process.capabilities = {bounding: ["CAP_MKNOD"], permitted: ["CAP_MKNOD"], effective: ["CAP_MKNOD"]}
		| .linux.resources.devices = [{allow: false, access: "rwm"}]'
	runtime run -d c
	# whether this kernel has a driver of that number or not, the group decides first
	runtime exec c mknod /dev/d c 10 237
	runtime exec c sh -c ': </dev/d' 2>&1 | grep -q 'not permitted'
	echo '{"devices":[{"allow":false,"access":"rwm"},{"allow":true,"type":"c","major":10,"minor":237,"access":"rwm"}]}' | runtime update -r - c
	is_v2 || grep -q 'c 10:237 rwm' /sys/fs/cgroup/devices/c/devices.list
	is_v2 || grep -q 'c 1:3 rwm' /sys/fs/cgroup/devices/c/devices.list
	run runtime exec c sh -c ': </dev/d'
	[[ "$output" != *'not permitted'* ]]
	echo '{"devices":[{"allow":false,"access":"rwm"}]}' | runtime update -r - c
	runtime exec c sh -c ': </dev/d' 2>&1 | grep -q 'not permitted'
	runtime exec c sh -c 'echo >/dev/null'
	runtime delete -f c
}

@test "lowered under what is in use: the kernel kills, or refuses and nothing has changed" {
	args sh -c 'tinit eat 67108864; sleep 1000'
	runtime create c >"$WORK/out"
	runtime update --memory 256m c
	runtime start c
	wait_until 10 grep -q ate "$WORK/out"
	if is_v2; then
		runtime update --memory 20m --memory-swap 20m c
	else
		# v1 refuses what it cannot free
		run -1 --separate-stderr runtime update --pids-limit 55 --memory 20m --memory-swap 20m c
		[[ "$stderr" == *'memory.limit'*'busy'* ]]
		[ "$(memory)" = $((256 << 20)) ]
		[ "$(value pids pids.max '')" != 55 ]
		runtime update --memory 80m --memory-swap 80m c
		runtime exec -d c tinit eat 67108864
	fi
	wait_until 20 eval 'value memory memory.oom_control memory.events | grep -q "^oom_kill [1-9]"'
	runtime delete -f c
}

@test "checkBeforeUpdate: a limit below what is in use is refused" {
	args tinit eat 67108864
	runtime run -d c >"$WORK/out"
	wait_until 10 grep -q ate "$WORK/out"
	echo '{"memory":{"limit":20971520,"checkBeforeUpdate":true}}' >"$WORK/r.json"
	run -1 --separate-stderr runtime update -r "$WORK/r.json" c
	[[ "$stderr" == *'memory'* ]]
	[ "$(runtime state c | jq -r .status)" = running ]
	runtime delete -f c
}

@test "what is refused by the kernel leaves everything as it was" {
	runtime create c
	runtime update --pids-limit 50 --memory 64m c
	run -1 --separate-stderr runtime update --memory 96m --pids-limit 60 --cpuset-cpus 4000 c
	[[ "$stderr" == *'linux.resources.cpu.cpus'* ]]
	[ "$(value pids pids.max pids.max)" = 50 ]
	[ "$(memory)" = 67108864 ]
	runtime delete c
}

@test "bad input: named, exit code 1, nothing changed" {
	runtime create c
	local bad
	for bad in '--memory 12q' '--memory' '--pids-limit x' '--cpu-quota 1.5' '--cpuset-cpus a-b' '--blkio-weight 5' '--cpu-idle 2' \
		'--l3-cache-schema L3:0=f' '--mem-bw-schema MB:0=20' '--memory -2' '--cpu-share -1' '--nothing 1' '-r /nowhere'; do
		# shellcheck disable=SC2086 # words
		run -1 --separate-stderr runtime update $bad c
		[ -n "$stderr" ]
	done
	for bad in '' '[]' '{' '{"memory":[]}' '{"memory":{"limit":"1"}}' '{"pids":{"limit":1e3}}' '{"devices":[{"type":"x"}]}'; do
		run -1 --separate-stderr runtime update -r - c <<<"$bad"
		[[ "$stderr" == *resources* ]]
	done
	run -1 runtime update --pids-limit 5
	run -1 runtime update --pids-limit 5 nobody
	runtime kill c KILL
	wait_until 5 eval '[ "$(runtime state c | jq -r .status)" = stopped ]'
	run -1 --separate-stderr runtime update --pids-limit 5 c
	[[ "$stderr" == *'container not running: it is stopped'* ]]
	runtime delete c
}

@test "the config that we keep has the new limits, and is as it was elsewhere" {
	config '.linux.resources = {pids: {limit: 12}, memory: {limit: 67108864}} | .annotations = {"a\"b": "c"}'
	runtime create c
	jq -S 'del(.linux.resources)' "$ROOT/c/config.json" >"$WORK/old"
	runtime update --memory 96m --pids-limit 0 --cpu-share 256 c
	[ "$(jq -Sc .linux.resources "$ROOT/c/config.json")" = '{"cpu":{"shares":256},"memory":{"limit":100663296},"pids":{"limit":12}}' ]
	jq -S 'del(.linux.resources)' "$ROOT/c/config.json" | cmp - "$WORK/old"
	runtime start c
	runtime exec c true
	runtime delete -f c
}

@test "many at once: each is whole" {
	runtime create c
	local pids=()
	for i in 1 2 3 4 5 6 7 8; do
		runtime update --memory "$((40 + i))m" --memory-swap "$((40 + i))m" --pids-limit "$((40 + i))" c &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do wait "$pid"; done
	[ "$(memory)" = "$(($(value pids pids.max pids.max) << 20))" ]
	[ "$(jq -r '"\(.linux.resources.memory.limit) \(.linux.resources.pids.limit)"' "$ROOT/c/config.json")" = "$(memory) $(value pids pids.max pids.max)" ]
	runtime delete c
}

@test "capsule update: the words of image run, several containers" {
	config 'del(.linux.cgroupsPath)'
	capsule run -d c1
	capsule run -d c2
	capsule update -m 100m --pids-limit 21 --cpus 0.5 c1 c2
	for id in c1 c2; do
		file=$(capsule state -d $id | jq -r '.cgroups | .memory // .unified')
		is_v2 || [ "$(cat "$file/memory.limit_in_bytes")" = 104857600 ]
		! is_v2 || [ "$(cat "$file/memory.max")" = 104857600 ]
		file=$(capsule state -d $id | jq -r '.cgroups | .pids // .unified')
		[ "$(cat "$file/pids.max")" = 21 ]
		file=$(capsule state -d $id | jq -r '.cgroups | .cpu // .unified')
		is_v2 || [ "$(cat "$file/cpu.cfs_quota_us") $(cat "$file/cpu.shares")" = '50000 1024' ]
	done
	run -125 --separate-stderr capsule update c1
	[[ "$stderr" == *'no limit is given'* ]]
	run -125 --separate-stderr capsule update -m 12q c1
	[[ "$stderr" == *"--memory: '12q' is no size"* ]]
	run -125 --separate-stderr capsule update --pids-limit 22 c3 c1
	[[ "$stderr" == *'update c3: '* ]]
	[ "$(cat "$(capsule state -d c1 | jq -r '.cgroups | .pids // .unified')/pids.max")" = 22 ]
	capsule stop -t 0 c2
	run -125 --separate-stderr capsule update --pids-limit 22 c2
	[[ "$stderr" == *'the container is stopped'* ]]
	capsule delete -f c1 c2
}

# group CONTROLLER: the directory of c1's group.
group() {
	capsule state -d c1 | jq -r --arg c "$1" '.cgroups | .[$c] // .unified'
}

@test "capsule update: every limit that it has, in the group" {
	local weight
	capsule run -d c1
	capsule update --memory 100m --memory-reservation 50m --cpu-quota 30000 --cpu-period 60000 -c 512 --cpuset 0 --cpuset-mems 0 c1
	[ "$(cat "$(group cpuset)/cpuset.cpus")" = 0 ]
	[ "$(cat "$(group cpuset)/cpuset.mems")" = 0 ]
	if is_v2; then
		[ "$(cat "$(group memory)/memory.low")" = 52428800 ]
		[ "$(cat "$(group cpu)/cpu.max")" = '30000 60000' ]
	else
		[ "$(cat "$(group memory)/memory.soft_limit_in_bytes")" = 52428800 ]
		[ "$(cat "$(group cpu)/cpu.cfs_quota_us") $(cat "$(group cpu)/cpu.cfs_period_us")" = '30000 60000' ]
		[ "$(cat "$(group cpu)/cpu.shares")" = 512 ]
	fi
	# any time again; the period stays
	capsule update --cpu-quota -1 c1
	is_v2 || [ "$(cat "$(group cpu)/cpu.cfs_quota_us") $(cat "$(group cpu)/cpu.cfs_period_us")" = '-1 60000' ]
	! is_v2 || [ "$(cat "$(group cpu)/cpu.max")" = 'max 60000' ]
	# where the kernel has them: the weight by one of its schedulers, the other by groups of real-time processes
	run capsule update --blkio-weight 300 c1
	echo "$output"
	weight=$(find "$(group blkio)" "$(group io)" -maxdepth 1 -name '*.weight' ! -name 'cpu.*' 2>/dev/null | head -n 1)
	if [ -n "$weight" ]; then
		[ "$status" -eq 0 ]
		# v2's own goes to 10000, and the number is made one of those
		if is_v2; then ! grep -qx 'default 100' "$weight"; else grep -qw 300 "$weight"; fi
	else
		[ "$status" -eq 125 ]
		[[ "$output" == *"linux.resources.blockIO.weight"* ]]
	fi
	run capsule update --cpu-rt-runtime 1000 c1
	echo "$output"
	if [ "$status" -eq 0 ]; then
		[ "$(cat "$(group cpu)/cpu.rt_runtime_us")" = 1000 ]
	else
		[[ "$output" == *"linux.resources.cpu.realtimeRuntime"* ]]
	fi
	run -125 capsule update --cpus 1 --cpu-quota 5000 c1
	[[ "$output" == *'update: --cpu, --cpus, and --cpu-quota with --cpu-period: one of them'* ]]
	capsule delete -f c1
}
