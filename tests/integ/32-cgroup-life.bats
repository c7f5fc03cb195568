#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Where a container's groups are, who may be in them, and what becomes of them.
# shellcheck disable=SC2016 # eval is given to wait_until as it is
bats_require_minimum_version 1.5.0
load helpers
setup() { integ_setup; }
teardown() { integ_teardown; }

# groups NAME: all directories of that name in the hierarchies.
groups() {
	find /sys/fs/cgroup -mindepth 1 -type d -name "$1"
}

hierarchies() {
	if is_v2; then
		echo 1
	else
		find /sys/fs/cgroup -mindepth 1 -maxdepth 1 -type d | wc -l
	fi
}

@test "cgroupsPath is honoured exactly, in every hierarchy" {
	args sleep 100
	config '.linux.cgroupsPath = "/here"'
	runtime create c
	[ "$(groups here | wc -l)" = "$(hierarchies)" ]
	local pid dir
	pid=$(runtime state c | jq .pid)
	for dir in $(groups here); do
		[ "$(cat "$dir/cgroup.procs")" = "$pid" ]
	done
	runtime delete --force c
	[ -z "$(groups here)" ]
}

@test "a relative cgroupsPath, and none at all, are below the caller's own group" {
	args sleep 100
	config '.linux.cgroupsPath = "./there"'
	runtime create c
	[ "$(groups there | wc -l)" = "$(hierarchies)" ]
	runtime delete --force c
	config 'del(.linux.cgroupsPath)'
	runtime create c1
	[ "$(groups c1 | wc -l)" = "$(hierarchies)" ]
	runtime delete --force c1
}

@test "a parent that somebody else is still setting up: half a cpuset is filled in" {
	local parent=/sys/fs/cgroup/half
	is_v2 || parent=/sys/fs/cgroup/cpuset/half
	mkdir "$parent"
	if ! is_v2; then
		# as whoever makes the first container leaves it between two writes
		echo 1 >"$parent/cgroup.clone_children"
		cat "${parent%/*}/cpuset.cpus" >"$parent/cpuset.cpus"
		[ -z "$(cat "$parent/cpuset.mems")" ]
	fi
	args true
	config '.linux.cgroupsPath = "/half/c"'
	runtime run c
	find /sys/fs/cgroup -mindepth 1 -depth -type d -name half -exec rmdir {} \;
}

@test "a cgroupsPath with .. or of nobody is refused, and makes nothing" {
	local path
	args true
	for path in .. /.. /a/../../b a/.. /; do
		config '.linux.cgroupsPath = $p' --arg p "$path"
		run -1 runtime run c
		[[ $output == *"cgroup path '$path'"* ]]
	done
	[ -z "$(groups a)$(groups b)" ]
}

@test "a group in use is refused; one left behind empty is taken over" {
	local dir
	args sleep 100
	config '.linux.cgroupsPath = "/shared"'
	runtime create first
	run -1 runtime create second
	[[ $output == *"container's cgroup is not empty"* ]]
	runtime delete --force first
	if is_v2; then
		mkdir /sys/fs/cgroup/shared
	else
		for dir in /sys/fs/cgroup/*/; do
			mkdir "$dir/shared"
		done
	fi
	runtime create third
	runtime delete --force third
	[ -z "$(groups shared)" ]
}

# The kernel ends a pid namespace with its first process; without one it is the cgroup that says who is to die. (A real
# fork bomb is in cgroup-real.)
@test "delete --force ends all processes of a container without a pid namespace" {
	config '.linux.namespaces |= map(select(.type != "pid"))'
	args sh -c 'i=0; while [ $i -lt 60 ]; do setsid sleep 100 & i=$((i + 1)); done; wait'
	runtime create c
	runtime start c
	wait_until 20 eval '[ "$(runtime ps --format json c | jq length)" = 61 ]'
	runtime delete --force c
	[ -z "$(groups c)" ]
	run ! pgrep -x sleep
}

@test "kill --all reaches processes that have another parent" {
	args sh -c 'sleep 100 & setsid sleep 100 & exec sleep 100'
	runtime create c
	runtime start c
	wait_until 5 eval '[ "$(runtime ps --format json c | jq length)" = 3 ]'
	runtime kill --all c KILL
	wait_until 5 eval '[ "$(runtime state c | jq -r .status)" = stopped ]'
	runtime delete c
}

@test "a mount of type cgroup shows the container's own group, read-only" {
	config '.mounts += [{destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["ro", "nosuid", "noexec", "nodev"]}]'
	config '.linux.resources.pids = {limit: 77}'
	local ns
	for ns in '' cgroup; do
		if [ -n "$ns" ]; then config '.linux.namespaces += [{type: "cgroup"}]'; fi
		if is_v2; then
			args sh -c 'cat /sys/fs/cgroup/pids.max; mkdir /sys/fs/cgroup/x'
		else
			args sh -c 'cat /sys/fs/cgroup/pids/pids.max; mkdir /sys/fs/cgroup/pids/x; touch /sys/fs/cgroup/y'
		fi
		run runtime run c
		[ "${lines[0]}" = 77 ]
		[[ ${lines[1]} == *"Read-only file system"* ]]
		is_v2 || [[ ${lines[2]} == *"Read-only file system"* ]]
	done
}

@test "with a cgroup namespace the container sees its group as the root" {
	args sh -c 'cut -d: -f3 /proc/self/cgroup | sort -u'
	config '.linux.namespaces += [{type: "cgroup"}]'
	run runtime run c
	[ "$output" = / ]
}

@test "groups that the container made go with it" {
	config '.mounts += [{destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["rw"]}]'
	config '.linux.namespaces += [{type: "cgroup"}] | .linux.cgroupsPath = "/nest"'
	if is_v2; then
		args sh -c 'mkdir -p /sys/fs/cgroup/a/b && sleep 100'
	else
		args sh -c 'mkdir -p /sys/fs/cgroup/pids/a/b && sleep 100'
	fi
	runtime create c
	runtime start c
	wait_until 5 eval '[ -n "$(groups b)" ]'
	runtime delete --force c
	[ -z "$(groups nest)" ]
}

@test "hierarchies that are not mounted are done without; what needs one is refused by name" {
	is_v2 && skip "cgroup v1 and hybrid only"
	args sh -c 'cut -d: -f2- /proc/self/cgroup'
	config '.linux.cgroupsPath = "/some"'
	cat >"$WORK/without" <<-'END'
		for dir in unified blkio cpuacct systemd; do
			umount /sys/fs/cgroup/$dir || exit 99
		done
		exec "$@"
	END
	run unshare -m --propagation private sh "$WORK/without" "$RUNTIME" --root "$ROOT" run c
	[ "$status" = 0 ]
	[[ $output == *memory:/some* ]]
	[[ $output != *blkio:/some* ]]
	config '.linux.resources.blockIO = {throttleReadBpsDevice: [{major: 7, minor: 0, rate: 1048576}]}'
	run -1 unshare -m --propagation private sh "$WORK/without" "$RUNTIME" --root "$ROOT" run c
	[[ $output == *"linux.resources.blockIO.throttleReadBpsDevice: "*"no blkio controller"* ]]
	[ -z "$(groups some)" ]
}
