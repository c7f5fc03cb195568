#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What the container's process is allowed to be, as the kernel tells it: capabilities, no_new_privs, limits, ids, scores.
# shellcheck disable=SC2016,SC2154 # what is quoted is for jq and the container; bats sets stderr
bats_require_minimum_version 1.5.0
load helpers
setup() { integ_setup; }
teardown() { integ_teardown; }

# status_of FIELD...: prints the fields of /proc/self/status of a container's first process.
status_of() {
	local pattern
	pattern=$(printf '|%s' "$@")
	args grep -E "^(${pattern#|}):" /proc/self/status
	runtime run c1 | tr -s '\t ' ' '
}

@test "capabilities: exactly the sets of the config" {
	# CAP_CHOWN 0, CAP_KILL 5, CAP_NET_BIND_SERVICE 10, CAP_SYS_CHROOT 18
	config '.process.capabilities = {bounding: ["CAP_CHOWN", "CAP_KILL", "CAP_NET_BIND_SERVICE", "cap_sys_chroot"],
		permitted: ["CAP_CHOWN", "CAP_KILL"], effective: ["CAP_CHOWN", "CAP_KILL"]}'
	run status_of CapInh CapPrm CapEff CapBnd CapAmb
	echo "$output"
	[ "$output" = "CapInh: 0000000000000000
CapPrm: 0000000000000021
CapEff: 0000000000000021
CapBnd: 0000000000040421
CapAmb: 0000000000000000" ]
	# without no_new_privs, root's execve gains what the bounding set has
	config '.process.noNewPrivileges = false'
	run status_of CapPrm CapEff CapBnd
	[ "$output" = "CapPrm: 0000000000040421
CapEff: 0000000000040421
CapBnd: 0000000000040421" ]
}

@test "capabilities: the ambient set reaches a program that is not root" {
	config '.process.capabilities = {bounding: ["CAP_KILL", "CAP_CHOWN"], permitted: ["CAP_KILL", "CAP_CHOWN"],
		effective: ["CAP_KILL"], inheritable: ["CAP_KILL"], ambient: ["CAP_KILL"]} | .process.user = {uid: 1000, gid: 1000}'
	run status_of CapInh CapPrm CapEff CapBnd CapAmb
	echo "$output"
	[ "$output" = "CapInh: 0000000000000020
CapPrm: 0000000000000020
CapEff: 0000000000000020
CapBnd: 0000000000000021
CapAmb: 0000000000000020" ]
}

@test "capabilities: what cannot be ambient is a warning" {
	config '.process.capabilities = {bounding: ["CAP_KILL", "CAP_CHOWN"], permitted: ["CAP_KILL", "CAP_CHOWN"],
		effective: ["CAP_KILL"], inheritable: ["CAP_KILL"], ambient: ["CAP_KILL", "CAP_CHOWN"]}'
	run status_of CapAmb
	echo "$output"
	[[ $output == *"can't raise ambient capability CAP_CHOWN: it is not among the permitted and inheritable ones"* ]]
	[[ $output != *"ambient capability CAP_KILL"* && $output == *"CapAmb: 0000000000000020"* ]]
	# without inheritable ones nobody meant it
	config '.process.capabilities.inheritable = []'
	run status_of CapAmb
	[ "$output" = "CapAmb: 0000000000000000" ]
}

@test "capabilities: a user that is not root has none by default" {
	config '.process.user = {uid: 1000, gid: 1000}'
	run status_of CapInh CapPrm CapEff CapAmb
	echo "$output"
	[ "$(grep -c ': 0000000000000000$' <<<"$output")" -eq 4 ]
}

@test "capabilities: no capabilities object means none" {
	config 'del(.process.capabilities)'
	run status_of CapInh CapPrm CapEff CapBnd CapAmb
	echo "$output"
	[ "$(grep -c ': 0000000000000000$' <<<"$output")" -eq 5 ]
}

@test "capabilities: what is not there cannot be done" {
	config '.process.capabilities = {bounding: [], permitted: [], effective: []}'
	args sh -c 'chown 1:1 /tmp; echo $?; mount -t tmpfs t /mnt 2>/dev/null; echo $?; chroot / true; echo $?'
	run --separate-stderr runtime run c1
	[ "$output" = $'1\n1\n1' ]
}

@test "capabilities: an unknown name is a warning" {
	config '.process.capabilities.bounding += ["CAP_NEW_IN_2040"]'
	args true
	run --separate-stderr runtime run c1
	[ "$status" -eq 0 ]
	[[ $stderr == *"capability 'CAP_NEW_IN_2040' is unknown, ignoring"* ]]
}

@test "no_new_privs: set, and a setuid program gains nothing" {
	own_rootfs
	cp rootfs/bin/tinit rootfs/bin/gain
	chmod 4755 rootfs/bin/gain
	config '.process.user = {uid: 1000, gid: 1000} | .process.noNewPrivileges = true'
	run status_of NoNewPrivs
	[ "$output" = "NoNewPrivs: 1" ]
	args gain syscall 107 # geteuid
	run runtime run c1
	[[ $output == "ret 1000 "* ]]
	# the same program does gain without it, so that this test tests something
	config '.process.noNewPrivileges = false'
	run status_of NoNewPrivs
	[ "$output" = "NoNewPrivs: 0" ]
	args gain syscall 107
	run runtime run c1
	[[ $output == "ret 0 "* ]]
}

@test "rlimits: soft and hard, and hit" {
	config '.process.rlimits = [{type: "RLIMIT_NOFILE", soft: 64, hard: 128}, {type: "RLIMIT_CORE", soft: 0, hard: 0},
		{type: "RLIMIT_FSIZE", soft: 4096, hard: 8192}, {type: "RLIMIT_STACK", soft: 1048576, hard: 2097152}]'
	args cat /proc/self/limits
	run runtime run c1
	echo "$output"
	grep -Eq '^Max open files +64 +128 ' <<<"$output"
	grep -Eq '^Max core file size +0 +0 ' <<<"$output"
	grep -Eq '^Max file size +4096 +8192 ' <<<"$output"
	grep -Eq '^Max stack size +1048576 +2097152 ' <<<"$output"
	# SIGXFSZ (25) at byte 4097
	args sh -c 'dd if=/dev/zero of=/tmp/f bs=4096 count=2 2>/dev/null; echo "$? $(stat -c %s /tmp/f)"'
	run runtime run c1
	[[ $output == *" 4096" && $output != "0 "* ]]
}

@test "user: ids, groups and umask" {
	config '.process.user = {uid: 1234, gid: 100, additionalGids: [2000, 7], umask: 63}'
	args sh -c 'id -u; id -g; grep ^Groups: /proc/self/status; umask; touch /tmp/f; stat -c %a /tmp/f'
	run runtime run c1
	[ "$(tr -s '\t ' ' ' <<<"$output")" = "1234
100
Groups: 7 2000 
0077
600" ]
}

@test "user: without additionalGids there are no groups, not the caller's" {
	args grep ^Groups: /proc/self/status
	run runtime run c1
	[ "$(tr -d '\t ' <<<"$output")" = "Groups:" ]
}

@test "oom_score_adj" {
	config '.process.oomScoreAdj = 500'
	args cat /proc/self/oom_score_adj
	run runtime run c1
	[ "$output" = 500 ]
}

@test "environment: the config's, nothing of the caller's" {
	config '.process.env = ["PATH=/bin", "A=1", "B=x y", "A=2", "EMPTY="]'
	args env
	export LEAK=secret
	run runtime run c1
	echo "$output"
	[[ $output == *$'A=2'* && $output != *A=1* && $output == *'B=x y'* && $output == *EMPTY=* ]]
	[[ $output != *LEAK* && $output != *BATS* && $output != *TOP_SRCDIR* ]]
}

@test "working directory" {
	config '.process.cwd = "/home/app"'
	args pwd
	run runtime run c1
	[ "$output" = /home/app ]
}

@test "hostname and domainname" {
	config '.hostname = "web1" | .domainname = "example.org"'
	args sh -c 'hostname; cat /proc/sys/kernel/domainname'
	run runtime run c1
	[ "$output" = $'web1\nexample.org' ]
	[ "$(hostname)" = integ-host ]
}

@test "sysctl: of the container's namespaces, the host's stay" {
	local before
	before=$(cat /proc/sys/kernel/shmmni)
	config '.linux.sysctl = {"kernel.shmmni": "77", "net.ipv4.ip_unprivileged_port_start": "0", "net/ipv4/conf/lo/forwarding": "1"}'
	args cat /proc/sys/kernel/shmmni /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/net/ipv4/conf/lo/forwarding
	run runtime run c1
	[ "$output" = $'77\n0\n1' ]
	[ "$(cat /proc/sys/kernel/shmmni)" = "$before" ]
}

@test "descriptors: 0, 1 and 2, nothing else" {
	args tinit fds
	exec 7<"$BUNDLE/config.json" 8</
	run runtime run c1
	exec 7<&- 8<&-
	echo "$output"
	[ "$(cut -d' ' -f1 <<<"$output" | sort | tr '\n' ' ')" = "0 1 2 " ]
}

@test "exec: the same rules hold as for the container's own process" {
	config '.process.user = {uid: 1000, gid: 1000, umask: 63} | .process.rlimits = [{type: "RLIMIT_NOFILE", soft: 64, hard: 64}]'
	args sleep 100
	runtime create c1
	runtime start c1
	run runtime exec c1 sh -c 'id -u; umask; ulimit -n; grep -E "^(CapEff|CapBnd|NoNewPrivs):" /proc/self/status'
	echo "$output"
	[ "$(tr -s '\t ' ' ' <<<"$output")" = "1000
0077
64
CapEff: 0000000000000000
CapBnd: 0000000020000420
NoNewPrivs: 1" ]
	run runtime exec --user 1234:100 --env X=5 --cwd /tmp c1 sh -c 'id -u; id -g; echo $X; pwd'
	[ "$output" = $'1234\n100\n5\n/tmp' ]
	# a process document is taken as it is: no user is root, as in config.json
	echo '{"args": ["sh", "-c", "id -u; echo $A; grep ^CapEff: /proc/self/status"], "cwd": "/", "env": ["PATH=/bin", "A=1"]}' >process.json
	run runtime exec --process process.json c1
	echo "$output"
	[ "$(tr -s '\t ' ' ' <<<"$output")" = "0
1
CapEff: 0000000000000000" ]
	runtime delete --force c1
}

@test "no process: created, and what exec adds runs; start says what is missing" {
	config 'del(.process)'
	runtime create --pid-file "$WORK/pid" c
	[ "$(runtime state c | jq -r .status)" = created ]
	[ "$(runtime exec c /bin/pwd)" = / ]
	run -1 runtime start c
	[[ $output == *"process: is missing"* ]]
	gone "$(cat "$WORK/pid")"
	runtime delete c
	run -1 runtime run c
	[[ $output == *"process: is missing"* ]]
	[ ! -e "$ROOT/c" ]
}

@test "annotation run.oci.keep_original_groups: the caller's groups are the process's, and those of exec" {
	local as=(python3 -c 'import os, sys; os.setgroups([7, 4711]); os.execv(sys.argv[1], sys.argv[1:])' "$RUNTIME" --root "$ROOT")
	args sh -c 'grep ^Groups: /proc/self/status; exec sleep 300'
	"${as[@]}" run --detach c >"$WORK/out"
	wait_until 5 grep -q ^Groups "$WORK/out"
	[ "$(xargs <"$WORK/out")" = Groups: ]
	runtime delete --force c
	config '.annotations["run.oci.keep_original_groups"] = "1"'
	"${as[@]}" run --detach c >"$WORK/out"
	wait_until 5 grep -q ^Groups "$WORK/out"
	[ "$(xargs <"$WORK/out")" = "Groups: 7 4711" ]
	[ "$("${as[@]}" exec c grep ^Groups: /proc/self/status | xargs)" = "Groups: 7 4711" ]
	runtime delete --force c
	# in a user namespace they have no names but are there
	config '.linux.namespaces += [{"type":"user"}] | .linux.uidMappings = [{"containerID":0,"hostID":0,"size":1000}]
		| .linux.gidMappings = [{"containerID":0,"hostID":0,"size":1000}]'
	args grep ^Groups: /proc/self/status
	[ "$("${as[@]}" run c | xargs)" = "Groups: 7 65534" ]
}
