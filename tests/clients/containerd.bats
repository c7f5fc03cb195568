#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016 # what the containers' shells expand
#
# containerd 1.6 and its shim, asked by ctr: --runc-binary names the runtime under test. With mapped ids, and without pivot_root, ctr
# forgets that option and the shim looks for `runc` in PATH, where it is the same one (tests/clients/run).

load helpers
load containerd

CTR_OPTIONS=(--runc-binary "$RUNTIME")
# What it keeps for itself, and the parents of containers' cgroups
export OWN='^(file /run/(containerd/(runc|fifo)|cni)(/.*)?$|file /run/capsule-runtime(/\.seccomp.*)?$|cgroup /sys/fs/cgroup/([^/]*/)?default$)'

setup_file() {
	containerd_prepare
}

teardown_file() {
	containerd_end
}

setup() {
	integ_setup
}

teardown() {
	containerd_clear
	integ_teardown
}

@test "containerd: in the foreground: output, errors and exit codes 0, 7, 137, and programs that are not there" {
	is hello "$(text ctr_run --rm img new echo hello)"
	is wrong "$(ctr_run --rm img new sh -c 'echo wrong >&2; echo right; sleep 0.2' 2>&1 >/dev/null)"
	fails 7 ctr_run --rm img new sh -c 'exit 7'
	fails 1 ctr_run --rm img new no-such-program
	has "executable file not found" "$output"
	fails 1 ctr_run --rm img new /etc/passwd
	has "permission denied" "$output"
	fails 137 ctr_run --rm img new sh -c 'sleep 1000 & kill -9 $!; wait $!'
	is input "$( (sleep 1; echo input; sleep 0.5) | command ctr run --rm "${CTR_OPTIONS[@]}" localhost/img:latest new-$SRANDOM head -n 1 3>&-)"
}

@test "containerd: detached: state, log, ends" {
	detached_ones
}

@test "containerd: exec: exit code, detached, user, directory, terminal" {
	exec_of_all_kinds
	ctr task kill --exec-id e7 -s KILL x1
	becomes 5 1 sh -c 'ctr task ps x1 | grep -c "^[0-9]"'
}

@test "containerd: a terminal" {
	run script -qec "stty rows 33 cols 77; ctr run --rm -t ${CTR_OPTIONS[*]} localhost/img:latest new-$SRANDOM sh -c 'tty; until stty size | grep \"33 77\"; do sleep 0.1; done'" /dev/null <>/run/never
	has "/dev/pts/0" "$output"
	has "33 77" "$output"
}

@test "containerd: pause, resume" {
	paused_and_resumed
}

@test "containerd: limits, metrics, an end for want of memory" {
	local pid events
	start --memory-limit 67108864 --cpus 0.5 --cpu-shares 512 img l1 tinit sleep
	pid=$(pid l1)
	is 67108864 "$(cgroup_file memory memory.limit_in_bytes "$pid")"
	is "50000 100000" "$(cgroup_file cpu cpu.cfs_quota_us "$pid") $(cgroup_file cpu cpu.cfs_period_us "$pid")"
	is 512 "$(cgroup_file cpu cpu.shares "$pid")"
	has "memory.usage.limit_in_bytes" "$(ctr task metrics l1 | sed 's/memory.limit/memory.usage.limit/')"
	command ctr events >"$WORK/events" 3>&- 4>&- &
	events=$!
	start --memory-limit 16777216 img l2 sh -c 'sleep 0.5; tinit eat 100000000; sleep 1'
	becomes 10 STOPPED state l2
	kill "$events"
	grep -q '/tasks/oom .*"container_id":"l2"' "$WORK/events"
}

@test "containerd: volumes, a root that cannot be written to, directories as roots" {
	mkdir "$WORK/data" "$WORK/root"
	echo from-outside >"$WORK/data/file"
	is from-outside "$(text ctr_run --rm --mount "type=bind,src=$WORK/data,dst=/data,options=rbind:ro" img new cat /data/file)"
	has "Read-only file system" "$(text ctr_run --rm --mount "type=bind,src=$WORK/data,dst=/data,options=rbind:ro" img new sh -c 'touch /data/new 2>&1')"
	ctr_run --rm --mount "type=bind,src=$WORK/data,dst=/data,options=rbind:rw" img new sh -c 'echo from-inside >/data/new'
	is from-inside "$(cat "$WORK/data/new")"
	has "tmpfs /scratch tmpfs rw,nosuid,relatime,size=1024k" \
		"$(text ctr_run --rm --mount "type=tmpfs,src=tmpfs,dst=/scratch,options=nosuid:size=1m" img new cat /proc/mounts)"
	has "Read-only file system" "$(text ctr_run --rm --read-only img new sh -c 'touch /file 2>&1')"
	tar -C "$WORK/root" -xf "$CLIENTS_IMAGE"
	is hello "$(text ctr run --rm "${CTR_OPTIONS[@]}" --rootfs "$WORK/root" new-$SRANDOM /bin/echo hello)"
	is hello "$(text ctr_run --rm --rootfs-propagation rshared img new echo hello)"
	is hello "$(text ctr_run --rm --no-pivot img new echo hello)"
	is hello "$(text ctr_run --rm --cgroup "" img new echo hello)"
}

@test "containerd: capabilities, seccomp, privileged, devices, environment" {
	has 00000000a80425fb "$(text ctr_run --rm img new grep CapEff /proc/self/status)"
	has 00000000a80415fb "$(text ctr_run --rm --cap-drop CAP_NET_RAW --cap-add CAP_NET_ADMIN img new grep CapEff /proc/self/status)"
	has 1 "$(text ctr_run --rm img new grep NoNewPrivs /proc/self/status)"
	has 0 "$(text ctr_run --rm --allow-new-privs img new grep NoNewPrivs /proc/self/status)"
	has 0 "$(text ctr_run --rm img new grep '^Seccomp:' /proc/self/status)"
	has 2 "$(text ctr_run --rm --seccomp img new grep '^Seccomp:' /proc/self/status)"
	echo '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28}]}' >"$WORK/profile"
	fails 1 ctr_run --rm --seccomp --seccomp-profile "$WORK/profile" img new mkdir /new
	ctr_run --rm --privileged img new sh -c 'mkdir /m && mount -t tmpfs tmpfs /m'
	has "$(proc_status self CapBnd)" "$(text ctr_run --rm --privileged img new grep CapEff /proc/self/status)"
	has "10, 229 " "$(text ctr_run --rm --device /dev/fuse img new ls -l /dev/fuse)"
	is "/home/app value" "$(text ctr_run --rm --cwd /home/app --env NAME=value img new sh -c 'echo $PWD $NAME')"
}

@test "containerd: the machine's network, another container's namespaces, user namespaces" {
	local there
	is "$(readlink /proc/self/ns/net)" "$(text ctr_run --rm --net-host img new readlink /proc/self/ns/net)"
	start img n1 tinit sleep
	there=$(pid n1)
	is "$(readlink "/proc/$there/ns/net")$(readlink "/proc/$there/ns/ipc")" \
		"$(text ctr_run --rm --with-ns "network:/proc/$there/ns/net" --with-ns "ipc:/proc/$there/ns/ipc" img new sh -c 'echo $(readlink /proc/self/ns/net)$(readlink /proc/self/ns/ipc)')"
	is "0 100000 5000" "$(text ctr_run --rm --uidmap 0:100000:5000 --gidmap 0:100000:5000 img new sh -c 'echo $(cat /proc/self/uid_map)')"
	start --uidmap 0:100000:5000 --gidmap 0:100000:5000 img n4 tinit sleep
	is 100000 "$(proc_status "$(pid n4)" Uid | cut -f 1)"
	is 0 "$(text ctr task exec --exec-id e1 n4 id -u)"
}

@test "containerd: a bridge network" { bridged; }
