#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Seccomp in real containers: the call that fails, and how; the same filter on exec; the cache.
# shellcheck disable=SC2016,SC2154 # what is quoted is for jq and the container; bats sets stderr
bats_require_minimum_version 1.5.0
load helpers
setup() { integ_setup; }
teardown() { integ_teardown; }

# profile FILTER: a profile that allows everything, changed by a jq filter.
profile() {
	config ".linux.seccomp = ({defaultAction: \"SCMP_ACT_ALLOW\"} | $1)"
}

mkdir_nr=83 uname_nr=63 getpid_nr=39
[ "$(uname -m)" = x86_64 ] || mkdir_nr='' # the numbers below are this machine's

need_x86_64() {
	[ -n "$mkdir_nr" ] || skip "numbers of x86_64"
}

@test "a rule's errno, for that call only" {
	need_x86_64
	profile '.syscalls = [{names: ["uname"], action: "SCMP_ACT_ERRNO", errnoRet: 71}]'
	args sh -c "tinit syscall $uname_nr; tinit syscall $getpid_nr; grep ^Seccomp: /proc/self/status"
	run runtime run c1
	echo "$output"
	[[ ${lines[0]} == "ret -1 errno 71" ]]
	[[ ${lines[1]} == "ret "*" errno 0" && ${lines[1]} != "ret -1"* ]]
	[ "$(tr -s '\t ' ' ' <<<"${lines[2]}")" = "Seccomp: 2" ]
}

@test "the default action, and calls newer than the profile" {
	need_x86_64
	# all that the shell and tinit need, and nothing else
	config '.linux.seccomp = {defaultAction: "SCMP_ACT_ERRNO", syscalls: [{action: "SCMP_ACT_ALLOW", names: ["execve", "brk", "mmap",
		"munmap", "mprotect", "arch_prctl", "set_tid_address", "set_robust_list", "rseq", "prlimit64", "readlink", "readlinkat", "getrandom",
		"newfstatat", "fstat", "write", "writev", "exit", "exit_group", "new_in_2040"]}]}'
	args tinit syscall "$mkdir_nr"
	run runtime run c1
	[ "$output" = "ret -1 errno 1" ]
	args tinit syscall 5000
	run runtime run c1
	[ "$output" = "ret -1 errno 38" ]
	# with a default of its own the new call gets ENOSYS as well
	config '.linux.seccomp.defaultErrnoRet = 13'
	args tinit syscall "$mkdir_nr"
	run runtime run c1
	[ "$output" = "ret -1 errno 13" ]
	args tinit syscall 5000
	run runtime run c1
	[ "$output" = "ret -1 errno 38" ]
}

@test "an argument decides" {
	need_x86_64
	# personality(8) is allowed, personality(4) is not
	profile '.syscalls = [{names: ["personality"], action: "SCMP_ACT_ERRNO", args: [{index: 0, op: "SCMP_CMP_EQ", value: 4}]}]'
	args sh -c 'tinit syscall 135 8; tinit syscall 135 4'
	run runtime run c1
	[ "$output" = $'ret 0 errno 0\nret -1 errno 1' ]
}

@test "kill: the container's status says SIGSYS" {
	need_x86_64
	profile '.syscalls = [{names: ["mkdir"], action: "SCMP_ACT_KILL_PROCESS"}]'
	args sh -c "tinit syscall $mkdir_nr; echo \$?"
	run runtime run c1
	[ "$output" = 159 ] || [[ $output == *$'\n159' ]]
}

@test "a log action lets the call through" {
	need_x86_64
	profile '.syscalls = [{names: ["uname"], action: "SCMP_ACT_LOG"}] | .flags = ["SECCOMP_FILTER_FLAG_LOG"]'
	args tinit syscall "$getpid_nr"
	run runtime run c1
	[[ $output == "ret 1 "* ]]
	run runtime --debug run c1
	[[ $output == *'msg="seccomp filter flags: 2"'* ]]
	profile '.syscalls = [{names: ["uname"], action: "SCMP_ACT_LOG"}] | .flags = []'
	run runtime --debug run c1
	[[ $output == *'msg="seccomp filter flags: 0"'* ]]
	# the default: SPEC_ALLOW
	profile '.syscalls = [{names: ["uname"], action: "SCMP_ACT_LOG"}]'
	run runtime --debug run c1
	[[ $output == *'msg="seccomp filter flags: 4"'* ]]
}

@test "without no_new_privs, and as a user without capabilities" {
	need_x86_64
	profile '.syscalls = [{names: ["uname"], action: "SCMP_ACT_ERRNO", errnoRet: 71}]'
	config '.process.noNewPrivileges = false | .process.user = {uid: 1000, gid: 1000}'
	args sh -c "tinit syscall $uname_nr; grep -E '^(Seccomp|NoNewPrivs|CapEff|CapPrm|CapBnd):' /proc/self/status"
	run runtime run c1
	echo "$output"
	[ "$(tr -s '\t ' ' ' <<<"$output")" = "ret -1 errno 71
CapPrm: 0000000000000000
CapEff: 0000000000000000
CapBnd: 0000000020000420
NoNewPrivs: 0
Seccomp: 2" ]
}

@test "exec gets the same filter" {
	need_x86_64
	profile '.syscalls = [{names: ["uname"], action: "SCMP_ACT_ERRNO", errnoRet: 71}]'
	args sleep 100
	runtime create c1
	runtime start c1
	run runtime exec c1 tinit syscall "$uname_nr"
	[ "$output" = "ret -1 errno 71" ]
	config '.process.noNewPrivileges = false'
	run runtime exec --user 1000 c1 sh -c "tinit syscall $uname_nr; grep ^Seccomp: /proc/self/status"
	[ "$(tr -s '\t ' ' ' <<<"$output")" = $'ret -1 errno 71\nSeccomp: 2' ]
	runtime delete --force c1
}

@test "docker's own profile: new namespaces and keyrings are denied, programs work" {
	need_x86_64
	jq '.linux.seccomp' "$CAPSULE_INTEG/../data/configs/docker-plain.json" >profile.json
	config '.linux.seccomp = $p[0]' --slurpfile p profile.json
	# unshare(CLONE_NEWUSER), keyctl, bpf, and a number of the future
	args sh -c 'tinit syscall 272 0x10000000; tinit syscall 250; tinit syscall 321; tinit syscall 5000; ls / | wc -l; echo x | grep -c x'
	run runtime run c1
	echo "$output"
	[ "${lines[0]}" = "ret -1 errno 1" ]
	[ "${lines[1]}" = "ret -1 errno 1" ]
	[ "${lines[2]}" = "ret -1 errno 1" ]
	[ "${lines[3]}" = "ret -1 errno 38" ]
	[ "${lines[4]}" -gt 5 ]
	[ "${lines[5]}" = 1 ]
}

@test "the cache: used, and rebuilt when it is damaged" {
	need_x86_64
	local dir file
	profile '.syscalls = [{names: ["uname"], action: "SCMP_ACT_ERRNO", errnoRet: 71}]'
	args tinit syscall "$uname_nr"
	run runtime run c1
	[ "$output" = "ret -1 errno 71" ]
	file=$(find "$ROOT" -name '*.bpf')
	[ "$(wc -l <<<"$file")" -eq 1 ]
	dir=$(dirname "$file")
	[ "$(stat -c '%a %u' "$dir")" = "700 0" ]
	[ "$(stat -c '%a %u' "$file")" = "600 0" ]
	run runtime run c1
	[ "$output" = "ret -1 errno 71" ]
	[ "$(find "$ROOT" -name '*.bpf')" = "$file" ]
	head -c 100 /dev/urandom >"$file"
	run runtime run c1
	[ "$output" = "ret -1 errno 71" ]
	[ "$(stat -c %s "$file")" -ne 100 ]
}

@test "a name that libseccomp does not know is ignored, or fails with run.oci.seccomp_fail_unknown_syscall" {
	profile '. + {syscalls: [{names: ["getpid", "no_such_call"], action: "SCMP_ACT_ALLOW"}]}'
	args true
	runtime run c
	config '.annotations["run.oci.seccomp_fail_unknown_syscall"] = "1"'
	run -1 runtime run c
	[[ $output == *"linux.seccomp.syscalls[0].names[1]"*"'no_such_call'"* ]]
	[ ! -e "$ROOT/c" ]
	config '.annotations["run.oci.seccomp_fail_unknown_syscall"] = "0"'
	runtime run c
}
