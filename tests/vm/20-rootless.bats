#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A user who is not root, with a systemd and a part of the cgroup tree of his own.
# shellcheck disable=SC2016 # jq's variables, and those of other shells
bats_require_minimum_version 1.5.0
load vm-helpers

UNDER=/user.slice/user-$ID.slice/user@$ID.service

setup() {
	vm_setup
	wait_for_user
	ROOT=/run/user/$ID/rt
	config 'del(.linux.cgroupsPath) | .linux.namespaces |= (map(select(.type != "user")) + [{type: "user"}])
		| .linux.uidMappings = [{containerID: 0, hostID: 1000, size: 1}] | .linux.gidMappings = .linux.uidMappings'
	chown -R "$ID:$ID" "$BUNDLE"
	as_user mkdir -p "$ROOT"
}
teardown() {
	local id
	for id in "$ROOT"/*/; do
		[ ! -d "$id" ] || user delete --force "$(basename "$id")" || true
	done
	vm_teardown
}

# The runtime, from outside of the user's part of the tree.
user() {
	as_user "$RUNTIME" --root "$ROOT" "$@"
}

# A script of the user's, as a service of his systemd.
service() {
	as_user systemd-run --user --quiet --wait --pipe --collect -E RUNTIME="$RUNTIME --root $ROOT" --working-directory="$BUNDLE" sh -ec "$1"
}

@test "--systemd-cgroup: a scope of the user's own systemd, with limits" {
	local dir=/sys/fs/cgroup$UNDER/user.slice/capsule-c.scope
	args sleep 300
	config '.linux.resources = {memory: {limit: 67108864}, pids: {limit: 50}}'
	user --systemd-cgroup create --pid-file "$BUNDLE/pid" c
	[ "$(cut -d: -f3 "/proc/$(cat "$BUNDLE/pid")/cgroup")" = "$UNDER/user.slice/capsule-c.scope" ]
	[ "$(cat "$dir"/memory.max)" = 67108864 ]
	[ "$(cat "$dir"/pids.max)" = 50 ]
	[ "$(as_user systemctl --user show -P MemoryMax capsule-c.scope)" = 67108864 ]
	[ "$(stat -c %u "$dir"/cgroup.procs)" = "$ID" ]
	user start c
	# from where we are the user may not move a process there, and is told
	run -0 --separate-stderr user exec c id -u
	[ "$output" = 0 ]
	user delete --force c
	[ "$(as_user systemctl --user show -P LoadState capsule-c.scope)" = not-found ]
	[ ! -e "$dir" ]
}

@test "cgroups made directly, in what systemd has delegated to the user" {
	args sleep 300
	config '.linux.resources = {memory: {limit: 67108864}, pids: {limit: 50}}'
	service '
		$RUNTIME create --pid-file pid c </dev/null >/dev/null 2>warnings
		$RUNTIME start c
		cut -d: -f3 /proc/$(cat pid)/cgroup >group
		cat /sys/fs/cgroup$(cat group)/memory.max /sys/fs/cgroup$(cat group)/pids.max
		$RUNTIME exec --detach c sleep 301
		wc -l </sys/fs/cgroup$(cat group)/cgroup.procs
		$RUNTIME delete --force c
		cat warnings' >"$WORK/out" 2>&1 || { cat "$WORK/out" "$BUNDLE/warnings"; false; }
	[ "$(cat "$WORK/out")" = $'67108864\n50\n2' ]
	[[ $(cat "$BUNDLE/group") == "$UNDER"/app.slice/* ]]
	[ ! -e "/sys/fs/cgroup$(cat "$BUNDLE/group")" ]
}

@test "nothing delegated: a warning, and no cgroup; limits are refused; others' groups cannot be named" {
	args true
	run -0 user run c
	[[ $output == *"the container gets no cgroup: "* ]]
	config '.linux.resources = {pids: {limit: 50}}'
	run -1 user run c
	[[ $output == *"linux.resources.pids.limit: cannot be honoured"* ]]
	config '.linux.cgroupsPath = "/system.slice/mine"'
	run -1 user run c
	[ ! -e /sys/fs/cgroup/system.slice/mine ]
}

@test "ranges of ids, as useradd has given them to the user" {
	args sh -c 'id -u; id -G'
	config '.linux.uidMappings += [{containerID: 1, hostID: $first, size: 65536}] | .linux.gidMappings = .linux.uidMappings
		| .process.user = {uid: 5, gid: 6, additionalGids: [7]}' --argjson first "$(sed -n 's/^tester:\([0-9]*\):.*/\1/p' /etc/subuid)"
	run -0 --separate-stderr user run c
	[ "$output" = $'5\n6 7' ]
}
