#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Seccomp filters that notify: the agent gets the container process state and the listener, and answers calls of the program.
# shellcheck disable=SC2016,SC2154 # what is quoted is for jq and the container; bats sets stderr
bats_require_minimum_version 1.5.0
load helpers
setup() {
	integ_setup
	agent=
	# kept short: it is the address of a socket
	socket=$WORK/agent.sock
	mkdir "$WORK/agent"
}
teardown() {
	stop_agent
	integ_teardown
}

start_agent() {
	python3 "$CAPSULE_INTEG/agent.py" "$socket" "$WORK/agent" >&2 3>&- &
	agent=$!
	wait_until 5 test -S "$socket"
}

stop_agent() {
	[ -z "$agent" ] || kill -9 "$agent"
	agent=
}

# notifying NAMES [METADATA]: the filter of the config; 123 is ENOMEDIUM.
notifying() {
	config '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", listenerPath: $s, listenerMetadata: $m,
		syscalls: [{names: ($n / ","), action: "SCMP_ACT_NOTIFY"}]} | .annotations = {color: "blue"}' \
		--arg s "$socket" --arg n "$1" --arg m "${2:-errno=123}"
}

@test "run: the agent answers, and is told of the container; with and without no_new_privs" {
	local privileges
	start_agent
	notifying mkdir,mkdirat
	args sh -c 'mkdir /tmp/x; echo $?; grep ^Seccomp: /proc/self/status; ls /proc/self/task | wc -l'
	for privileges in true false; do
		config ".process.noNewPrivileges = $privileges"
		run runtime run c1
		echo "$output"
		[[ ${lines[0]} == *"mkdir: can't create directory '/tmp/x': No medium found" ]]
		[ "${lines[1]}" = 1 ]
		[ "$(tr -s '\t ' ' ' <<<"${lines[2]}")" = "Seccomp: 2" ]
		[ "${lines[3]}" = 1 ]
	done
	jq -e '.fds == ["seccompFd"] and .pid > 0 and .metadata == "errno=123" and .ociVersion == .state.ociVersion
		and .state.id == "c1" and .state.pid == .pid and .state.status == "creating" and .state.bundle == $b
		and .state.annotations.color == "blue"' --arg b "$BUNDLE" "$WORK/agent/0"
	[ -e "$WORK/agent/1" ]
}

@test "create and start: the agent is told at the start, by whoever starts; nobody is left" {
	start_agent
	notifying mkdir,mkdirat
	args sh -c 'mkdir /tmp/x || exec tinit sleep'
	runtime create c1
	[ ! -e "$WORK/agent/0" ]
	runtime start c1
	wait_until 5 grep -q 'tinit' "/proc/$(runtime state c1 | jq .pid)/cmdline"
	jq -e '.state.status == "created"' "$WORK/agent/0"
	[ "$(runtime ps -f json c1 | jq length)" = 1 ]
	runtime delete --force c1
}

@test "exec: a listener of its own" {
	start_agent
	notifying mkdir,mkdirat
	args tinit sleep
	runtime create c1
	runtime start c1
	run runtime exec c1 mkdir /tmp/x
	[[ $output == *"No medium found"* ]]
	jq -e '.state.status == "running" and .pid != .state.pid' "$WORK/agent/1"
	runtime delete --force c1
}

@test "capsule: its shim leaves the start to the runtime" {
	start_agent
	notifying mkdir,mkdirat
	args sh -c 'mkdir /tmp/x; echo $?'
	run capsule run -b "$BUNDLE" c1
	echo "$output"
	# its two streams come by two ways, in no order
	[[ $output == *"No medium found"* ]]
	grep -qx 1 <<<"$output"
	capsule delete -f c1 || true
}

@test "calls that the runtime itself makes, and a filter that may be killed while it waits" {
	start_agent
	notifying execve,openat,open,read,close,close_range,capset,poll,fcntl,sendmsg,sched_yield,exit,futex
	config '.process.noNewPrivileges = false | .linux.seccomp.flags = ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", "SECCOMP_FILTER_FLAG_TSYNC",
		"SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW"]'
	args sh -c 'cat /etc/hostname; echo done'
	run timeout 20 "$RUNTIME" --root "$ROOT" run c1
	echo "$output"
	[[ $output == *done ]]
	grep -qx 59 "$WORK/agent/calls"
}

@test "without an agent: run and start fail, and nothing is left" {
	notifying mkdir
	args tinit sleep
	run -1 runtime run c1
	echo "$output"
	[ "${#lines[@]}" -eq 1 ]
	[[ $output == *"seccomp: failed to connect with seccomp agent: linux.seccomp.listenerPath '$socket': No such file or directory"* ]]
	[ ! -e "$ROOT/c1" ]
	runtime create c1
	run -1 runtime start c1
	[[ $output == *"failed to connect with seccomp agent"* ]]
	wait_until 5 eval 'runtime state c1 | grep -q stopped'
	runtime delete c1
	# an agent that nobody needs is not looked for
	config '.linux.seccomp.syscalls[0].action = "SCMP_ACT_LOG"'
	args true
	runtime run c1
}

@test "an agent that is gone: its calls fail with ENOSYS" {
	start_agent
	notifying mkdir,mkdirat
	args sh -c 'mkdir /tmp/x 2>/dev/null; while [ ! -e /tmp/gone ]; do usleep 20000; done; mkdir /tmp/y'
	config '.mounts += [{destination: "/tmp", type: "bind", source: ($w + "/agent"), options: ["bind"]}]' --arg w "$WORK"
	runtime run c1 >"$WORK/out" 2>&1 3>&- &
	wait_until 5 test -s "$WORK/agent/calls"
	stop_agent
	touch "$WORK/agent/gone"
	wait $! || true
	cat "$WORK/out"
	grep -q 'Function not implemented' "$WORK/out"
}

@test "filters that could not work are refused" {
	refuses() {
		run -1 runtime create c1
		[[ $output == *"config.json: linux.seccomp$1"* ]]
		[ ! -e "$ROOT/c1" ]
	}
	notifying mkdir,write
	refuses ": SCMP_ACT_NOTIFY cannot be used for the write syscall"
	notifying mkdir
	config 'del(.linux.seccomp.listenerPath)'
	refuses ": SCMP_ACT_NOTIFY needs a 'listenerPath'"
	config '.linux.seccomp.syscalls = []'
	refuses ".listenerMetadata: needs a 'listenerPath'"
	config '.linux.seccomp = {defaultAction: "SCMP_ACT_NOTIFY", listenerPath: "/x"}'
	refuses ".defaultAction: SCMP_ACT_NOTIFY cannot be used as default action"
}
