#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Every row of both tables fails before its work, fails after it, or dies: the error names the row, and
# nothing is left, at once or (where the runtime itself was killed) after delete --force.
bats_require_minimum_version 1.5.0
load helpers
setup() {
	integ_setup
	if runtime debug steps >/dev/null && ! CAPSULE_FAULT=before:plan runtime run probe 2>&1 | grep -q "fault injected"; then
		integ_teardown
		skip "built without --enable-faults"
	fi
}
teardown() {
	[ -z "${BATS_TEST_SKIPPED:-}" ] || return 0
	ip link delete peer9 2>/dev/null || true
	integ_teardown
}

# rows TABLE: "side row" of each.
rows() {
	"$RUNTIME" debug steps | awk -v t="$1" '/^## / { on = $2 == t } on && /^\| [0-9]/ { print $4, $6 }'
}

# Nothing of container $1 is left in this world.
nothing_left() {
	[ ! -e "$ROOT/$1" ] || { echo "left: state directory"; return 1; }
	[ -z "$(find /sys/fs/cgroup -mindepth 1 -type d -name "$1")" ] || { echo "left: cgroups"; return 1; }
	! pgrep -f 'tinit sleep|sleep 3[0-9][0-9]' >/dev/null || { echo "left: process"; return 1; }
}

# The device that everything_on gives away: it goes with a namespace, and comes back from a container that is not made.
device() {
	[ -z "${with_device:-}" ] || wait_until 5 eval 'ip link show given9 || ip link add given9 type veth peer name peer9'
}

# attempt SIDE ROW KIND COMMAND...: fails as it should, or the row is not wanted and it succeeds.
attempt() {
	local side=$1 row=$2 kind=$3 rc=0
	shift 3
	device
	CAPSULE_FAULT=$kind:$row timeout 20 "$RUNTIME" --root "$ROOT" "$@" >"$WORK/out" 2>&1 </dev/null || rc=$?
	case $rc in
	0) echo "$row" >>"$WORK/unwanted" ;;
	124) echo "$kind:$row: hangs" && return 1 ;;
	*)
		echo "$row" >>"$WORK/wanted"
		if [ "$kind" = die ] && { [ "$side" = host ] || [ "$side" = beside ]; }; then
			[ "$rc" = 137 ] || { echo "$kind:$row: status $rc" && return 1; }
		else
			grep -q "$row" "$WORK/out" || { echo "$kind:$row: not named: $(cat "$WORK/out")" && return 1; }
			[ "$(wc -l <"$WORK/out")" = 1 ] || { echo "$kind:$row: more than a line: $(cat "$WORK/out")" && return 1; }
			case $1 in create | run) nothing_left c || { echo "$kind:$row" && return 1; } ;; esac
			[ -z "${with_device:-}" ] || [ "$side" = start ] || ip link show given9 >/dev/null || { echo "$kind:$row: the device is gone" && return 1; }
		fi
		;;
	esac
}

clean() {
	runtime delete --force c 2>/dev/null
	wait_until 5 nothing_left c || { nothing_left c; return 1; }
}

all_rows_of_create() {
	local side row kind
	while read -r side row; do
		[ "$side" != start ] || [ "$1" = run ] || continue
		for kind in before after die; do
			# after execve, and after waiting at a gate that is not there, comes nothing
			[ "$kind:$row" != after:exec ] || continue
			attempt "$side" "$row" "$kind" "$@" c || return 1
			clean || { echo "$kind:$row" && return 1; }
		done
	done < <(rows create)
}

everything_on() {
	args sleep 300
	with_device=yes
	device
	config '.hooks = {
		prestart: [{path: "/bin/true"}], createRuntime: [{path: "/bin/true"}], createContainer: [{path: "/bin/true"}],
		startContainer: [{path: "/bin/true"}], poststop: [{path: "/bin/true"}] }
		| .process.oomScoreAdj = 100
		| .process.scheduler = {policy: "SCHED_BATCH"} | .process.ioPriority = {class: "IOPRIO_CLASS_BE", priority: 5}
		| .linux.memoryPolicy = {mode: "MPOL_LOCAL"} | .linux.personality = {domain: "LINUX"} | .linux.rootfsPropagation = "unbindable"
		| .linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["mount"], action: "SCMP_ACT_ERRNO"}]}
		| .linux.sysctl = {"net.ipv4.ip_forward": "1"}
		| .linux.namespaces += [{type: "cgroup"}, {type: "time"}] | .linux.timeOffsets = {boottime: {secs: 5}}
		| .linux.netDevices = {given9: {name: "net0"}}
		| .process.apparmorProfile = "unconfined" | .mounts += [{destination: "/mnt", type: "bind", source: "/tmp", options: ["bind"],
			uidMappings: [{containerID: 0, hostID: 5000, size: 9}], gidMappings: [{containerID: 0, hostID: 5000, size: 9}]}]'
}

@test "create: every row fails or dies" {
	everything_on
	all_rows_of_create create --pid-file "$WORK/pid"
}

@test "run: every row fails or dies" {
	everything_on
	config '.process.args = ["true"]'
	all_rows_of_create run
}

@test "create with a user namespace: every row fails or dies" {
	everything_on
	config '.linux.namespaces += [{type: "user"}] | .process.noNewPrivileges = false
		| .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] | .linux.gidMappings = .linux.uidMappings'
	all_rows_of_create create
	for row in id-maps become-root oom-score-of-init raise-rlimits; do
		grep -qx "$row" "$WORK/wanted"
	done
}

@test "run by way of a stage: every row fails or dies" {
	args true
	unshare -U sleep 100 3>&- &
	local holder=$!
	wait_until 5 eval "[ \"\$(readlink /proc/$holder/ns/user)\" != \"\$(readlink /proc/self/ns/user)\" ]"
	echo 0 100000 65536 >"/proc/$holder/gid_map"
	echo 0 100000 65536 >"/proc/$holder/uid_map"
	config ".linux.namespaces += [{type: \"user\", path: \"/proc/$holder/ns/user\"}]"
	local rc=0
	all_rows_of_create run || rc=$?
	kill "$holder"
	[ $rc = 0 ]
}

@test "run of a long-lived program, the runtime killed at any row of its own: delete --force ends it" {
	local side row
	everything_on
	while read -r side row; do
		case $side in host | beside) ;; *) continue ;; esac
		attempt "$side" "$row" die run --detach c || return 1
		clean || { echo "die:$row" && return 1; }
	done < <(rows create)
}

# create and start by a parent that, as a shim does, reaps the container's init later.
start_unreaped() {
	python3 - "$RUNTIME" --root "$ROOT" <<-'END'
		import ctypes, subprocess, sys
		ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER
		subprocess.run(sys.argv[1:] + ["create", "c"], check=True)
		sys.exit(subprocess.run(sys.argv[1:] + ["start", "c"]).returncode)
	END
}

@test "start: a failure behind the gate is told to who opens it" {
	local side row kind
	everything_on
	config '.process.noNewPrivileges = false'
	while read -r side row; do
		[ "$side" = start ] || continue
		for kind in before after die; do
			case $kind:$row in after:exec | before:wait-at-gate | die:wait-at-gate) continue ;; esac
			device
			if [ "$kind" = die ]; then
				CAPSULE_FAULT=$kind:$row run -1 start_unreaped
				[[ "$output" == *"died before it could execute its program"* ]]
			else
				CAPSULE_FAULT=$kind:$row runtime create c
				run -1 runtime start c
				[[ "$output" == *"$row"* ]]
			fi
			wait_until 5 eval "\"$RUNTIME\" --root \"$ROOT\" state c | grep -q stopped"
			runtime delete c
			nothing_left c
		done
	done < <(rows create)
}

@test "exec: every row fails or dies, and the container goes on" {
	local side row kind
	config '.process.args = ["tinit", "sleep"] | .process.execCPUAffinity = {initial: "0", final: "0"}
		| .process.scheduler = {policy: "SCHED_BATCH"} | .process.ioPriority = {class: "IOPRIO_CLASS_BE", priority: 5}
		| .process.apparmorProfile = "unconfined"
		| .linux.memoryPolicy = {mode: "MPOL_LOCAL"} | .linux.personality = {domain: "LINUX"} | .linux.rootfsPropagation = "unbindable" | .linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW"} | .process.oomScoreAdj = 10'
	runtime run --detach c
	while read -r side row; do
		for kind in before after die; do
			[ "$kind:$row" != after:exec ] || continue
			attempt "$side" "$row" "$kind" exec --pid-file "$WORK/pid" c true
			wait_until 5 eval "[ \"\$(\"$RUNTIME\" --root \"$ROOT\" ps -f json c | jq length)\" = 1 ]"
		done
	done < <(rows exec)
	runtime exec c true
	runtime delete --force c
}

@test "the rows that the loops above missed are the ones we know" {
	local seen=$WORK/wanted
	everything_on
	config '.process.args = ["true"]'
	: >"$seen"
	all_rows_of_create run
	sort -u "$seen" >"$WORK/seen"
	rows create | awk '{ print $2 }' | sort -u >"$WORK/all"
	run comm -13 "$WORK/seen" "$WORK/all"
	# They need a terminal, a path to join, a user namespace, a gate, link B, a socket for the pidfd, systemd, Intel RDT or a
	# config without HOME.
	echo "$output"
	[ "$output" = "announce
become-root
console
console-hand-over
created
drop-admin
gate
id-maps
intel-rdt
intel-rdt-join
intel-rdt-paths
join-namespaces
oom-score-of-init
open-namespaces
pid-file
pidfd-hand-over
raise-rlimits
scope
scope-devices
scope-limits
stdio
user-lookup
wait-at-gate" ]
}
