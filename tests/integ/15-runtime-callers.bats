#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What those who write configurations and hooks for runc count on.
# shellcheck disable=SC2016,SC2154 # jq and containers expand; bats sets stderr
bats_require_minimum_version 1.5.0
load helpers
setup() { integ_setup; }
teardown() { integ_teardown; }

@test "exec --user with --additional-gids: the groups of both" {
	args sleep 300
	runtime run --detach c
	[ "$(runtime exec --user 1000:1000 --additional-gids 100 --additional-gids 65534 c id -G)" = "1000 100 65534" ]
	[ "$(runtime exec --user app --additional-gids 77 c id -G | xargs -n 1 | sort -n | xargs)" = "77 100 1000 2000" ]
	runtime delete --force c
}

@test "HOME that is empty counts as none; of several the last one counts" {
	args sh -c 'echo "$HOME"; cat /proc/self/environ | tr "\0" "\n" | grep -c ^HOME='
	config '.process.env += ["HOME="]'
	[ "$(runtime run c | xargs)" = "/root 1" ]
	config '.process.env += ["HOME=/x", "HOME="]'
	[ "$(runtime run c | xargs)" = "/root 1" ]
	config '.process.env += ["HOME=/y"]'
	[ "$(runtime run c | head -n 1)" != "/root" ]
}

@test "a path that is to be masked twice is masked once" {
	args sh -c 'grep -c " /etc " /proc/self/mountinfo; grep -c " /etc/x " /proc/self/mountinfo; ls /etc'
	config '.linux.maskedPaths = ["/etc", "/etc", "/proc/keys"]'
	[ "$(runtime run c | xargs)" = "1 0" ]
}

@test "a filter that forbids close_range and clone3 lets the program start, and its hooks" {
	own_rootfs
	args sh -c 'cat /tmp/seen'
	config '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["close_range", "clone3"], action: "SCMP_ACT_ERRNO", errnoRet: 1}]}
		| .hooks.startContainer = [{path: "/bin/sh", args: ["sh", "-c", "echo hooked >/tmp/seen"], env: ["PATH=/bin"]}]'
	[ "$(runtime run c)" = hooked ]
	runtime create c
	runtime start c
	wait_until 5 eval '[ "$(runtime state c | jq -r .status)" = stopped ]'
	runtime delete --force c
}

@test "startContainer hooks come under the container's filter" {
	args true
	config '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 1}]}
		| .hooks.startContainer = [{path: "/bin/mkdir", args: ["mkdir", "/tmp/made"]}]'
	run -1 runtime run c
	[[ "$output" == *"error running startContainer hook #0: '/bin/mkdir'"*"Operation not permitted"* ]]
}

@test "a hook without an environment: startContainer has the process's, the others have ours" {
	own_rootfs
	args cat /tmp/env
	config '.process.env = ["PATH=/bin", "MINE=container"]
		| .hooks.startContainer = [{path: "/bin/sh", args: ["sh", "-c", "echo $MINE $HOME >/tmp/env"]}]
		| .hooks.createRuntime = [{path: "/bin/sh", args: ["sh", "-c", "echo $MINE >'"$WORK"'/env"]}]'
	[ "$(MINE=host runtime run c)" = "container /root" ]
	[ "$(cat "$WORK/env")" = host ]
}

@test "a createContainer hook stands in the container's tree, a createRuntime hook in the bundle" {
	own_rootfs
	args cat /etc/made
	config '.hooks.createContainer = [{path: "/bin/sh", args: ["sh", "-c", "echo here >./etc/made"]}]
		| .hooks.createRuntime = [{path: "/bin/sh", args: ["sh", "-c", "test -f ./config.json"]}]'
	[ "$(runtime run c)" = here ]
}

@test "a user namespace that names no ids: root in it is the caller, and nobody else is there" {
	args cat /proc/self/uid_map /proc/self/gid_map
	config '.linux.namespaces += [{type: "user"}]'
	[ "$(runtime run c | xargs)" = "0 0 1 0 0 1" ]
	config '.process.user.uid = 5'
	run -1 runtime run c
	[[ "$output" == *"uid 5 is not in linux.uidMappings"* ]]
}

@test "kernel.domainname may say what domainname says; exec --cap of an unknown one warns" {
	args cat /proc/sys/kernel/domainname
	config '.domainname = "d" | .linux.sysctl = {"kernel.domainname": "d"}'
	[ "$(runtime run c)" = d ]
	args sleep 300
	runtime run --detach c
	run --separate-stderr runtime exec --cap CAP_UNKNOWN --cap CAP_CHOWN c grep CapEff /proc/self/status
	[[ "$stderr" == *"unknown capability 'CAP_UNKNOWN', ignoring"* ]]
	[ $((0x${output##*[[:space:]]} & 1)) = 1 ]
	runtime delete --force c
}

@test "kill 0 asks whether somebody is there; --all has nothing to object to" {
	args sleep 300
	runtime run --detach c
	runtime kill c 0
	runtime kill c KILL
	wait_until 5 eval '[ "$(runtime state c | jq -r .status)" = stopped ]'
	run -1 runtime kill c 0
	[[ "$output" == *"container not running"* ]]
	runtime kill --all c 0
	runtime delete c
}

@test "kill KILL ends all of a container that has no pid namespace, its first process gone or not" {
	local pid
	args sleep 300
	config '.linux.namespaces |= map(select(.type != "pid"))'
	runtime run --detach c
	runtime exec --detach --pid-file "$WORK/more" c sleep 301
	runtime kill c KILL
	gone "$(cat "$WORK/more")"
	wait_until 5 eval '[ "$(runtime state c | jq -r .status)" = stopped ]'
	runtime delete c

	runtime run --detach --pid-file "$WORK/first" c
	runtime exec --detach --pid-file "$WORK/more" c sleep 301
	pid=$(cat "$WORK/first")
	kill -KILL "$pid"
	gone "$pid"
	runtime kill c KILL
	gone "$(cat "$WORK/more")"
	runtime delete c
}

@test "--no-pivot leaves no procfs from which a user namespace could mount one without masks" {
	mount -t proc proc /proc # as a host that is a container itself has it: one over the other
	args unshare -mrpf sh -c 'mount -t proc none /proc && echo mounted'
	config '.process.capabilities.bounding += ["CAP_SETFCAP"] | .process.capabilities.permitted += ["CAP_SETFCAP"]'
	run runtime run --no-pivot c
	umount /proc
	[ "$status" -ne 0 ]
	[[ "$output" == *"mount: permission denied"* ]]
}

@test "the message for a resource of the other cgroup version, and for no such command" {
	if ! is_v2; then
		config '.linux.resources.unified = {"memory.max": "1"}'
		run -1 runtime run c
		[[ "$output" == *"linux.resources.unified: invalid configuration: it is for cgroup v2"* ]]
	fi
	run -3 runtime frobnicate
	[[ "$output" == *"No help topic for 'frobnicate'"* ]]
}
