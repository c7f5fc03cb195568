#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The runtime started by a user who is not root: what works, and that nothing is gained by it. With cgroups that are the user's
# own: tests/vm/20-rootless.bats.
# shellcheck disable=SC2016,SC2154 # scripts are the container's; bats sets stderr
bats_require_minimum_version 1.5.0
load helpers

ID=65534

setup() {
	integ_setup
	chmod 755 "$WORK"
	chown -R $ID:$ID "$BUNDLE"
	ROOT=$WORK/root
	install -d -o $ID -g $ID "$ROOT"
	mine 0 $ID 1
}
teardown() {
	local id
	for id in "$ROOT"/*/; do
		[ ! -d "$id" ] || user delete --force "$(basename "$id")" || true
	done
	rm -rf "$ROOT"
	integ_teardown
}

# user WORD...: the runtime as the user, with its state where the user may write.
user() {
	setpriv --reuid=$ID --regid=$ID --clear-groups --inh-caps=-all "$RUNTIME" --root "$ROOT" "$@"
}

# mine CONTAINER HOST SIZE: a user namespace with this map for users and groups.
mine() {
	config 'del(.linux.cgroupsPath) | del(.process.user.additionalGids) | .linux.namespaces |= (map(select(.type != "user" and .type != "cgroup")) + [{type: "user"}, {type: "cgroup"}])
		| .linux.uidMappings = [{containerID: $c, hostID: $h, size: $n}] | .linux.gidMappings = .linux.uidMappings' \
		--argjson c "$1" --argjson h "$2" --argjson n "$3"
	chown $ID:$ID "$BUNDLE/config.json"
}

@test "run: root inside, the user outside, without capabilities outside" {
	args sh -c 'id -u; id -g; cat /proc/self/setgroups; hostname inner; touch /tmp/mine && stat -c %u /tmp/mine'
	config '.mounts += [{destination: "/tmp", type: "tmpfs", source: "tmpfs"}] | .process.capabilities.bounding += ["CAP_SYS_ADMIN"]
		| .process.capabilities.effective += ["CAP_SYS_ADMIN"] | .process.capabilities.permitted += ["CAP_SYS_ADMIN"]'
	run -0 --separate-stderr user run c
	[ "$output" = $'0\n0\ndeny\n0' ]
	[[ $stderr == *"the container gets no cgroup: "* ]]
	[ "$(hostname)" != inner ]
}

@test "create, start, exec, kill, state, list, delete" {
	local pid
	args sleep 300
	user create --pid-file "$BUNDLE/pid" c 2>/dev/null
	[ "$(user state c | jq -r .status)" = created ]
	user start c
	pid=$(cat "$BUNDLE/pid")
	[ "$(awk '/^Uid/ {print $2}' "/proc/$pid/status")" = $ID ]
	[ "$(user exec c sh -c 'echo $$ $(id -u); readlink /proc/self/ns/pid')" != "" ]
	# it is in the container: sees its processes, and no others
	[ "$(user exec c ps -o args | grep -c 'sleep 300')" = 1 ]
	[ "$(user exec c readlink /proc/1/ns/pid)" = "$(readlink "/proc/$pid/ns/pid")" ]
	run -7 user exec c sh -c 'exit 7'
	[ "$(user list -q)" = c ]
	run -1 user delete c
	user kill c KILL
	wait_until 5 test "$(user state c | jq -r .status)" = stopped || wait_until 5 sh -c "! kill -0 $pid"
	user delete c
	[ ! -e "$ROOT/c" ]
}

@test "mounts: binds, read-only binds, tmpfs, /dev, /sys, masked paths" {
	install -d -o $ID -g $ID "$WORK/shared"
	echo text >"$WORK/shared/file"
	chown $ID "$WORK/shared/file"
	config '.mounts += [{destination: "/mnt", type: "bind", source: $s, options: ["rbind", "ro"]},
		{destination: "/tmp", type: "bind", source: $s, options: ["rbind"]}]
		| .linux.maskedPaths = ["/proc/kcore", "/proc/timer_list"] | .linux.readonlyPaths = ["/proc/sys"]' --arg s "$WORK/shared"
	args sh -c 'cat /mnt/file; echo more >>/tmp/file && cat /tmp/file; touch /mnt/new 2>&1; echo x >/dev/null && echo null; head -c 1 /dev/zero | wc -c; ls /sys | head -n 1; head -c 1 /proc/kcore | wc -c'
	run -0 --separate-stderr user run c
	[ "${lines[0]}" = text ]
	[ "${lines[2]}" = more ]
	[[ $output == *"/mnt/new: Read-only file system"* ]]
	[[ $output == *$'null\n1\n'*$'\n0' ]]
	[ "$(stat -c %u "$WORK/shared/file")" = $ID ]
	[ ! -e "$WORK/shared/new" ]
}

@test "the host's network namespace: /sys is the host's, read-only" {
	args sh -c 'ls /sys/kernel >/dev/null && ! mkdir /sys/fs/x 2>/dev/null && echo seen'
	config '.linux.namespaces |= map(select(.type != "network"))'
	run -0 --separate-stderr user run c
	[ "$output" = seen ]
}

@test "limits where no cgroup may be made are refused by name; without a user namespace nothing is" {
	args true
	config '.linux.resources = {memory: {limit: 33554432}}'
	run -1 user run c
	[[ $output == *"linux.resources.memory.limit: cannot be honoured, as no cgroup may be made here"* ]]
	config 'del(.linux.resources)'
	# who insists on cgroups is told why there are none
	run -1 user --rootless false run c
	[[ $output == *cgroup*"Permission denied"* ]]
	run -1 user --rootless perhaps run c
	[[ $output == *"there are auto, true and false"* ]]
	config '.linux.namespaces |= map(select(.type != "user")) | del(.linux.uidMappings) | del(.linux.gidMappings)'
	run -1 user run c
	[[ $output == *"a container of a user who is not root needs a user namespace"* ]]
}

@test "ranges of ids: by newuidmap, as far as they are given to the user" {
	[ -x /usr/bin/newuidmap ]
	mkdir -p /tmp/t.etc
	printf '%s:300000:65536\n' $ID nobody >/tmp/t.etc/sub
	: >>/etc/subuid 2>/dev/null || true
	for file in /etc/subuid /etc/subgid; do
		mount --bind /tmp/t.etc/sub $file
	done
	config '.linux.uidMappings = [{containerID: 0, hostID: 65534, size: 1}, {containerID: 1, hostID: 300000, size: 65536}]
		| .linux.gidMappings = .linux.uidMappings | .process.user = {uid: 1000, gid: 1000, additionalGids: [5]}'
	args sh -c 'id -u; id -G; sleep 300'
	user create --pid-file "$BUNDLE/pid" c >"$WORK/out" 2>&1 </dev/null || { cat "$WORK/out"; false; }
	[ "$(awk '/^Uid/ {print $2}' "/proc/$(cat "$BUNDLE/pid")/status")" = 300999 ]
	user kill c KILL
	user delete --force c
	# one more than is given
	config '.linux.uidMappings[1].size = 65537'
	run -1 user run c
	[[ $output == *"linux.uidMappings: /usr/bin/newuidmap: "* ]]
	umount /etc/subuid /etc/subgid
	rm -r /tmp/t.etc
}

@test "hostile: ids, namespaces, devices and files that are not the user's" {
	args sh -c 'echo in'
	# another's ids
	mine 0 0 1
	run -1 user run c
	[[ $output == *"linux.gidMappings: "* ]]
	mine 0 1000 10
	run -1 user run c
	mine 0 $ID 1
	# root's namespaces
	sleep 300 &
	config '.linux.namespaces |= map(if .type == "network" then .path = $p else . end)' --arg p "/proc/$!/ns/net"
	run -1 user run c
	config '.linux.namespaces |= map(if .type == "network" then del(.path) else . end)'
	kill $!
	# files that the user cannot read, bound: still unreadable
	echo secret >"$WORK/secret"
	chmod 600 "$WORK/secret"
	config '.mounts += [{destination: "/mnt", type: "bind", source: $s, options: ["bind"]}] | .process.args = ["cat", "/mnt"]' --arg s "$WORK/secret"
	cp -a "$INTEG_ROOTFS" "$BUNDLE/rootfs"
	rmdir "$BUNDLE/rootfs/mnt"
	touch "$BUNDLE/rootfs/mnt"
	chown -R $ID:$ID "$BUNDLE/rootfs"
	config '.root.path = "rootfs"'
	run -1 --separate-stderr user run c
	[[ $output$stderr == *"Permission denied"* ]]
	[[ $output != *secret* ]]
	# a device of the config is bound from the host or refused, never made
	config '.mounts |= map(select(.destination != "/mnt")) | .linux.devices = [{path: "/dev/mem", type: "c", major: 1, minor: 1}] | .process.args = ["sh", "-c", "head -c 1 /dev/mem; mknod /tmp/n c 1 1"]'
	run -1 --separate-stderr user run c
	[ -z "$output" ]
	# a link in the root to a file of the host's
	rm -rf "$BUNDLE/rootfs/proc"
	ln -s / "$BUNDLE/rootfs/proc"
	config 'del(.linux.devices)'
	run ! user run c
	[ ! -e "$ROOT/c" ]
}

@test "hostile: no program of ours is setuid or has capabilities; the state directory of root is not the user's" {
	local program
	for program in "$CAPSULE_BUILD"/capsule*; do
		[ ! -f "$program" ] || [ ! -x "$program" ] || [ "$(stat -c %a "$program" | sed 's/^\(.\)...$/\1/')" = "$(stat -c %a "$program")" ]
		[ ! -u "$program" ] && [ ! -g "$program" ]
	done
	args sleep 300
	"$RUNTIME" --root "$WORK/roots" create -b "$BUNDLE" r
	run -1 setpriv --reuid=$ID --regid=$ID --clear-groups "$RUNTIME" --root "$WORK/roots" state r
	run -1 setpriv --reuid=$ID --regid=$ID --clear-groups "$RUNTIME" --root "$WORK/roots" kill r KILL
	[ "$("$RUNTIME" --root "$WORK/roots" state r | jq -r .status)" = created ]
	"$RUNTIME" --root "$WORK/roots" delete --force r
	rm -r "$WORK/roots"
}

@test "spec --rootless makes a config that runs as it is" {
	mkdir "$WORK/new"
	chown $ID:$ID "$WORK/new"
	user spec --rootless --bundle "$WORK/new"
	cp -a "$INTEG_ROOTFS" "$WORK/new/rootfs"
	chown -R $ID:$ID "$WORK/new/rootfs"
	jq '.process.terminal = false | .process.args = ["sh", "-c", "id -u; ls /sys | wc -l; cat /proc/self/uid_map"]' \
		"$WORK/new/config.json" >"$WORK/new/config.new"
	mv "$WORK/new/config.new" "$WORK/new/config.json"
	run -0 --separate-stderr user run --bundle "$WORK/new" c
	[ "${lines[0]}" = 0 ]
	[ "${lines[1]}" -gt 5 ]
	[ "$(awk '{print $1, $2, $3}' <<<"${lines[2]}")" = "0 $ID 1" ]
}

@test "root of nothing but a user namespace has its state in XDG_RUNTIME_DIR, root elsewhere" {
	args sleep 300
	# there is one id in such a namespace: no group of terminals
	config 'del(.linux.uidMappings) | del(.linux.gidMappings) | .linux.namespaces |= map(select(.type != "user"))
		| (.mounts[] | select(.type == "devpts") | .options) |= map(select(startswith("gid=") | not))'
	chmod 777 "$WORK"
	setpriv --reuid=$ID --regid=$ID --clear-groups env XDG_RUNTIME_DIR="$WORK" unshare -Ur "$RUNTIME" create c </dev/null >"$WORK/out" 2>&1 || { cat "$WORK/out"; false; }
	[ -e "$WORK/capsule-runtime/c/state.json" ]
	setpriv --reuid=$ID --regid=$ID --clear-groups "$RUNTIME" --root "$WORK/capsule-runtime" delete --force c
	# exec: there is no way back to the pid namespace that is older than the user namespace
	run -7 setpriv --reuid=$ID --regid=$ID --clear-groups env XDG_RUNTIME_DIR="$WORK" unshare -Ur sh -c \
		"$RUNTIME run --detach c </dev/null >/dev/null 2>&1; $RUNTIME exec c sh -c 'exit 7'; rc=\$?; $RUNTIME delete --force c; exit \$rc"
	rm -r "$WORK/capsule-runtime"
	XDG_RUNTIME_DIR=$WORK "$RUNTIME" list
	[ ! -e "$WORK/capsule-runtime" ]
}
