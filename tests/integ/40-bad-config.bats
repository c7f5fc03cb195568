#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Bad input in config.json: one line that names the place, status 1, and nothing left behind. What the parser refuses is
# tested row by row in tests/unit/test-spec-bad.c; here is one of each kind, and what only a real create can find out.
# shellcheck disable=SC2016,SC2154 # what is quoted is for jq and the container; bats sets stderr
bats_require_minimum_version 1.5.0
load helpers
setup() { integ_setup; }
teardown() { integ_teardown; }

# refused TEXT: create fails with one line that holds TEXT. (The snapshot sees to the rest.)
refused() {
	run --separate-stderr runtime create c1
	echo "status $status: $stderr"
	[ "$status" -eq 1 ]
	[ -z "$output" ]
	[ "${#stderr_lines[@]}" -eq 1 ]
	[[ $stderr == *"$1"* ]]
	[ ! -e "$ROOT/c1" ]
	run ! runtime state c1
}

@test "config.json is missing" {
	rm config.json
	refused "config.json"
	refused "No such file or directory"
}

@test "config.json is a directory, a FIFO, or endless" {
	rm config.json
	mkdir config.json
	refused "config.json"
	rmdir config.json
	mkfifo config.json
	refused "config.json"
	rm config.json
	ln -s /dev/zero config.json
	refused "config.json"
}

@test "config.json is too large" {
	head -c 4194305 /dev/zero | tr '\0' ' ' >config.json
	refused "config.json"
}

@test "config.json is not JSON: line and column" {
	printf '{\n\t"ociVersion": "1.0.2",\n\t"root": {"path": oops}\n}\n' >config.json
	refused "config.json: line 3, column "
	printf '\0\1\2\3' >config.json
	refused "config.json: line 1, column 1"
	: >config.json
	refused "config.json: line 1, column 1"
}

@test "config.json of a hundred nested arrays" {
	printf '%0100d' 0 | tr 0 '[' >config.json
	refused "config.json: line 1, column "
}

@test "a wrong type: its JSON path" {
	config '.process.args[0] = 5'
	refused "config.json: process.args[0]: expected a string, got a number"
}

@test "a number out of its range, and one that is no integer" {
	config '.process.user.uid = 4294967295'
	refused "config.json: process.user.uid: 4294967295 is not within 0 and 4294967294"
	config '.process.user.uid = 1.5'
	refused "config.json: process.user.uid: expected an integer, got 1.5"
}

@test "a missing member" {
	config 'del(.process.cwd)'
	refused "config.json: process: 'cwd' is missing"
}

@test "a group of Intel RDT, where there is none" {
	[ ! -e /sys/fs/resctrl/schemata ] || skip "this machine has Intel RDT"
	config '.linux.intelRdt = {closID: "x"}'
	refused "intel-rdt-paths: linux.intelRdt: no resctrl file system is mounted (/sys/fs/resctrl)"
	config '.linux.intelRdt = {}'
	refused "intel-rdt-paths: linux.intelRdt: no resctrl"
}

@test "resources that no controller is mounted for are refused by name" {
	local field change
	cp config.json good.json
	while read -r field change; do
		config ".linux.resources.$change"
		run -1 runtime create c1
		echo "$output"
		[ "${#lines[@]}" -eq 1 ]
		[[ $output == *"cgroup-limits: linux.resources.$field"* ]]
		[ ! -e "$ROOT/c1" ]
		cp good.json config.json
	done <<'ROWS'
rdma rdma.mlx5_0.hcaHandles = 1
network.classID network.classID = 1048577
network.priorities network.priorities = [{name: "lo", priority: 3}]
ROWS
}

@test "labels of security modules that the kernel does not have are refused by name, in exec as well" {
	if grep -q selinuxfs /proc/filesystems || [ -e /sys/module/apparmor ]; then
		skip "this kernel has security modules"
	fi
	cp config.json good.json
	config '.process.apparmorProfile = "web"'
	refused "check-labels: process.apparmorProfile: 'web': this kernel has no AppArmor, or it is switched off"
	cp good.json config.json
	config '.process.selinuxLabel = "a:b:c"'
	refused "check-labels: process.selinuxLabel: 'a:b:c': this kernel has no SELinux, or it is switched off"
	cp good.json config.json
	config '.linux.mountLabel = "a:b:c:s0:c1,c2"'
	refused "check-labels: linux.mountLabel: 'a:b:c:s0:c1,c2': this kernel has no SELinux, or it is switched off"
	# what asks for nothing
	cp good.json config.json
	config '.process.apparmorProfile = "unconfined" | .process.selinuxLabel = "" | .process.args = ["tinit", "sleep"]'
	runtime create c1
	runtime start c1
	run -255 runtime exec --apparmor web c1 true
	[[ $output == *"process.apparmorProfile: 'web'"* ]]
	run -255 runtime exec --process-label a:b:c c1 true
	[[ $output == *"process.selinuxLabel: 'a:b:c'"* ]]
	runtime exec --apparmor unconfined c1 true
	runtime delete --force c1
}

@test "members that the runtime-spec does not know are ignored, and named with --debug" {
	config '.newIn2040 = {a: 1} | .process.newToo = true'
	args true
	run --separate-stderr runtime run c1
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	run --separate-stderr runtime --debug run c1
	[ "$status" -eq 0 ]
	[[ $stderr == *"newIn2040: not known to the runtime-spec, ignoring"* ]]
	[[ $stderr == *"process.newToo: not known to the runtime-spec, ignoring"* ]]
}

@test "the root file system is missing, or no directory" {
	config '.root.path = "nothing"'
	refused "nothing"
	touch nothing
	refused "nothing"
}

@test "args[0] is missing, not executable, a directory" {
	args no-such-program
	refused 'exec: \"no-such-program\": executable file not found in $PATH'
	args /no/such/program
	refused 'exec: \"/no/such/program\": stat /no/such/program: no such file or directory'
	args /etc/passwd
	refused 'exec: \"/etc/passwd\": permission denied'
	args /bin
	refused 'exec: \"/bin\": is a directory'
}

@test "the working directory is a file" {
	config '.process.cwd = "/etc/passwd"'
	refused "/etc/passwd"
}

@test "a mount's source is missing" {
	config '.mounts += [{destination: "/mnt", type: "bind", source: "/no/such/source", options: ["bind"]}]'
	refused "/no/such/source"
}

@test "a mount's type is unknown to the kernel" {
	config '.mounts += [{destination: "/mnt", type: "nosuchfs", source: "x"}]'
	refused "nosuchfs"
}

@test "a mount's destination leaves the root file system by symlinks" {
	mkdir -p "$WORK/outside"
	own_rootfs
	ln -s "../../../../../../../../..$WORK/outside" rootfs/escape
	ln -s "$WORK/outside" rootfs/absolute
	config '.mounts += [{destination: "/escape/a", type: "tmpfs", source: "t"}, {destination: "/absolute/b", type: "tmpfs", source: "t"}]'
	args ls -d "$WORK/outside/a" "$WORK/outside/b"
	run runtime run c1
	echo "$output"
	# either is right: refused, or taken inside; never made outside
	[ -z "$(ls "$WORK/outside")" ]
}

@test "a namespace's path is missing, or of another type" {
	config '(.linux.namespaces[] | select(.type == "network")).path = "/proc/self/ns/nothing"'
	refused "/proc/self/ns/nothing"
	config '(.linux.namespaces[] | select(.type == "network")).path = "/proc/self/ns/uts"'
	refused "/proc/self/ns/uts"
	config '(.linux.namespaces[] | select(.type == "network")).path = "/etc/passwd"'
	refused "/etc/passwd"
}

@test "a cgroup path that climbs" {
	config '.linux.cgroupsPath = "/a/../../b"'
	refused ".."
}

@test "id maps that do not fit" {
	config '.linux.namespaces += [{type: "user"}]'
	config '.linux.uidMappings = [{containerID: 0, hostID: 100000, size: 10}]'
	refused "config.json: linux.namespaces: a new user namespace needs linux.uidMappings and gidMappings"
	config '.linux.uidMappings = [{containerID: 0, hostID: 100000, size: 10}] | .linux.gidMappings = .linux.uidMappings'
	config '.process.user.uid = 10'
	refused "config.json: process.user: uid 10 is not in linux.uidMappings"
	config '.process.user.uid = 0 | .linux.uidMappings += [{containerID: 9, hostID: 0, size: 1}]'
	refused "config.json: linux.uidMappings[1]: container ids overlap with range 0"
}

@test "a sysctl of the host's" {
	config '.linux.sysctl = {"kernel.core_pattern": "|/x"}'
	refused "config.json: linux.sysctl: 'kernel.core_pattern' is the host's, in no namespace"
	config '.linux.sysctl = {"net/../kernel/core_pattern": "|/x"}'
	refused "not the name of a sysctl"
	config 'del(.linux.sysctl) | .linux.namespaces -= [{type: "network"}] | .linux.sysctl = {"net.ipv4.ip_forward": "1"}'
	refused "needs a network namespace"
}

@test "a sysctl's value that the kernel refuses" {
	config '.linux.sysctl = {"net.ipv4.ip_forward": "many"}'
	refused "net.ipv4.ip_forward"
}

@test "exec: a process document with faults" {
	args sleep 100
	runtime create c1
	runtime start c1
	echo '{"args": ["true"]}' >process.json
	run --separate-stderr runtime exec --process process.json c1
	[ "$status" -eq 255 ]
	[[ $stderr == *"process: (top): 'cwd' is missing"* ]]
	echo '{"args": ["true"], "cwd": "/", "env": ["A"]}' >process.json
	run --separate-stderr runtime exec --process process.json c1
	[ "$status" -eq 255 ]
	[[ $stderr == *"process: env[0]: 'A' is not KEY=VALUE"* ]]
	echo '{' >process.json
	run --separate-stderr runtime exec --process process.json c1
	[ "$status" -eq 255 ]
	[[ $stderr == *"process: line 2, column 1: "* ]]
	run --separate-stderr runtime exec --process nothing.json c1
	[ "$status" -eq 255 ]
	[[ $stderr == *"nothing.json"* ]]
	run --separate-stderr runtime exec --user nobody-here c1 true
	[ "$status" -eq 255 ]
	[[ $stderr == *"nobody-here"* ]]
	runtime exec c1 true
	runtime delete --force c1
}
