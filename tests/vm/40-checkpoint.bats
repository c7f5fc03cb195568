#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016,SC2154 # words for the shells in containers; bats sets stderr
# checkpoint and restore, by a CRIU that knows the kernel: what counts goes on counting.
bats_require_minimum_version 1.5.0
load vm-helpers
setup() {
	vm_setup
	mkdir "$WORK/shared"
	config '.mounts += [{"destination":"/mnt","type":"bind","source":$w,"options":["bind"]}]' --arg w "$WORK/shared"
	args sh -c 'i=0; while :; do i=$((i+1)); (echo $i >/mnt/new); mv /mnt/new /mnt/count; sleep 0.1; done'
}
teardown() {
	umount "$WORK/net" "$WORK/tree/below" 2>/dev/null || true
	vm_teardown
}

count() {
	cat "$WORK/shared/count"
}

# count_from N: it is beyond N, and has not begun anew.
count_from() {
	wait_until 20 eval '[ "$(count)" -gt '"$1"' ]'
}

start() {
	runtime run -d "$@" </dev/null >/dev/null 2>&1
	wait_until 20 test -s "$WORK/shared/count"
}

# With CRIU's log if it fails.
checkpoint() {
	runtime checkpoint --image-path "$WORK/im" "$@" && return
	grep -hE 'Error|Warn' "$WORK"/im/*.log
	return 1
}

restore() {
	runtime restore -d --image-path "$WORK/im" "$@" </dev/null >/dev/null && return
	grep -hE 'Error|Warn' "$WORK"/im/*.log
	return 1
}

pid_of() {
	runtime state "$1" | jq .pid
}

@test "a counter goes on counting: bind mount, masks, read-only root, groups with their limits, hooks, another id" {
	local before dir=/sys/fs/cgroup/ckpt pid
	config '.linux.cgroupsPath = "/ckpt" | .linux.resources.memory.limit = 67108864 | .linux.resources.pids.limit = 50
		| .hooks.createRuntime = [{"path": "/bin/sh", "args": ["sh", "-c", "cat >>'"$WORK"'/hook; ls '"$WORK"'/bundle >/dev/null"]}]
		| .hooks.poststop = [{"path": "/bin/sh", "args": ["sh", "-c", "cat >>'"$WORK"'/poststop"]}]'
	start c
	checkpoint --leave-running c
	before=$(count)
	count_from "$before"
	[ "$(runtime state c | jq -r .status)" = running ]
	[ "$(cat $dir/cgroup.freeze)" = 0 ]
	[ ! -e "$WORK/poststop" ]
	rm -rf "$WORK/im"
	checkpoint c
	before=$(count)
	run -1 --separate-stderr runtime state c
	[[ $stderr == *'does not exist'* ]]
	[ ! -e $dir ]
	[ "$(jq -r .status "$WORK/poststop")" = stopped ]
	[ "$(jq -c . "$WORK/im/descriptors.json" | grep -c file)" = 1 ]
	rm "$WORK/hook"
	restore --pid-file "$WORK/pid" d
	count_from "$before"
	[ "$(count)" -lt $((before + 1000)) ]
	pid=$(pid_of d)
	[ "$(cat "$WORK/pid")" = "$pid" ]
	[ "$(runtime state d | jq -r .status)" = running ]
	[ "$(cut -d: -f3 "/proc/$pid/cgroup")" = /ckpt ]
	[ "$(cat $dir/memory.max)" = 67108864 ]
	[ "$(cat $dir/pids.max)" = 50 ]
	[ "$(jq -r '.id + " " + .status' "$WORK/hook")" = 'd creating' ]
	[ "$(jq .pid "$WORK/hook")" = "$pid" ]
	run ! runtime exec d touch /here
	[ "$(runtime exec d cat /proc/kcore | wc -c)" = 0 ]
	[ "$(runtime exec d ls /proc/acpi /sys/firmware | wc -w)" = 2 ]
	# nothing of CRIU's workings is to be seen
	run ! grep -q criu /proc/self/mountinfo
	[ ! -e "$ROOT/d/criu-root" ]
	# and it can be done again, with what was restored; paused, too
	runtime pause d
	rm -rf "$WORK/im"
	checkpoint d
	before=$(count)
	restore d
	count_from "$before"
	# a hook that fails ends it all
	runtime kill d KILL
	wait_until 20 eval '[ "$(runtime state d | jq -r .status)" = stopped ]'
	runtime delete d
	config '.hooks.createRuntime[0].args[2] = "echo no such luck >&2; exit 1"'
	run -1 --separate-stderr runtime restore -d --image-path "$WORK/im" d </dev/null
	[[ $stderr == *'no such luck'* ]]
	[ ! -e $dir ]
	[ ! -e "$ROOT/d" ]
}

@test "pre-dump and parent; file locks; a pipe as stdout; foreground" {
	local before lock=$WORK/shared/lock
	args sh -c 'exec 9>/mnt/lock; tinit syscall 73 9 2 >/dev/null; i=0; while :; do i=$((i+1)); echo $i; (echo $i >/mnt/count); [ $i -lt 1000 ] || exit 7; sleep 0.1; done'
	(runtime run c </dev/null 2>&1 || echo "status $?") | cat >"$WORK/out" &
	wait_until 20 test -s "$WORK/shared/count"
	run ! flock --nonblock "$lock" true
	runtime checkpoint --pre-dump --image-path "$WORK/pre" --file-locks c
	[ "$(runtime state c | jq -r .status)" = running ]
	[ ! -e "$WORK/pre/descriptors.json" ]
	run -1 --separate-stderr runtime checkpoint --image-path "$WORK/im" --parent-path "$WORK/pre" c
	[[ $stderr == *'must be relative'* ]]
	run -1 --separate-stderr runtime restore --image-path "$WORK/pre" d
	[[ $stderr == *'is it a whole checkpoint?'* ]]
	checkpoint --file-locks --parent-path ../pre --work-path "$WORK/work" c
	[ -s "$WORK/work/dump.log" ]
	[ "$(readlink "$WORK/im/parent")" = ../pre ]
	wait
	before=$(grep -v status "$WORK/out" | tail -n 1)
	grep -q 'status 137' "$WORK/out"
	flock --nonblock "$lock" true
	# in the foreground; its end is ours
	(runtime restore --file-locks --image-path "$WORK/im" --work-path "$WORK/work" c </dev/null 2>&1 || echo "status $?") | cat >"$WORK/out2" &
	wait_until 20 test -s "$WORK/out2"
	[ "$(head -n 1 "$WORK/out2")" = $((before + 1)) ]
	run ! flock --nonblock "$lock" true
	runtime kill c KILL
	wait
	[ "$(tail -n 1 "$WORK/out2")" = 'status 137' ]
	run -1 runtime state c
}

@test "a terminal, a TCP connection; a network namespace of others" {
	local before taker
	config '.process.terminal = true'
	args sh -c 'sleep 1000 | nc -l -p 77 >/mnt/got & sleep 1
		(i=0; while :; do i=$((i+1)); echo $i; sleep 0.1; done) | nc 127.0.0.1 77 & read -r word; echo "heard $word"; sleep 1000'
	python3 "$CAPSULE_INTEG/console.py" "$WORK/sock" "$WORK/tty" &
	taker=$!
	wait_until 20 test -S "$WORK/sock"
	runtime run -d --console-socket "$WORK/sock" c
	wait_until 20 test -s "$WORK/shared/got"
	checkpoint --tcp-established c
	kill $taker || true
	wait $taker || true
	rm -f "$WORK/sock"
	before=$(tail -n 1 "$WORK/shared/got")
	python3 "$CAPSULE_INTEG/console.py" "$WORK/sock" "$WORK/tty2" hello &
	taker=$!
	wait_until 20 test -S "$WORK/sock"
	restore --tcp-established --console-socket "$WORK/sock" c
	wait_until 20 eval '[ "$(tail -n 1 "$WORK/shared/got")" -gt '"$before"' ]'
	wait_until 20 grep -q 'heard hello' "$WORK/tty2"
	# once more, and into a network namespace that is there before and after
	runtime delete -f c
	wait $taker || true
	touch "$WORK/net"
	unshare --net="$WORK/net" ip link set lo up
	config '.process.terminal = false | (.linux.namespaces[] | select(.type == "network")).path = "'"$WORK/net"'"'
	args sh -c 'i=0; while :; do i=$((i+1)); (echo $i >/mnt/new); mv /mnt/new /mnt/count; sleep 0.1; done'
	rm -rf "$WORK/im"
	start c
	checkpoint c
	before=$(count)
	restore c
	count_from "$before"
	[ "$(stat -L -c %i "/proc/$(pid_of c)/ns/net")" = "$(stat -c %i "$WORK/net")" ]
	# CRIU's locks are gone from it
	[ "$(nsenter --net="$WORK/net" iptables-save | grep -c CRIU)" = 0 ]
	runtime delete -f c
	umount "$WORK/net"
}

@test "a scope of systemd's; a bind mount with mounts below it" {
	local before
	mkdir "$WORK/tree" "$WORK/tree/below"
	mount -t tmpfs tmpfs "$WORK/tree/below"
	echo under >"$WORK/tree/below/file"
	config 'del(.linux.cgroupsPath) | .linux.resources.pids.limit = 40
		| .mounts += [{"destination": "/root", "type": "bind", "source": "'"$WORK"'/tree", "options": ["rbind"]}]'
	runtime --systemd-cgroup run -d c </dev/null >/dev/null 2>&1
	wait_until 20 test -s "$WORK/shared/count"
	checkpoint c
	before=$(count)
	[ "$(systemctl show -P LoadState capsule-c.scope)" = not-found ]
	runtime --systemd-cgroup restore -d --image-path "$WORK/im" d </dev/null >/dev/null
	count_from "$before"
	[ "$(systemctl show -P ActiveState capsule-d.scope)" = active ]
	[ "$(systemctl show -P TasksMax capsule-d.scope)" = 40 ]
	[ "$(cut -d: -f3 "/proc/$(pid_of d)/cgroup")" = /system.slice/capsule-d.scope ]
	[ "$(runtime exec d cat /root/below/file)" = under ]
	runtime delete -f d
	[ "$(systemctl show -P LoadState capsule-d.scope)" = not-found ]
	umount "$WORK/tree/below"
}

@test "a user namespace of its own, and the container's groups in sight" {
	local before
	chmod 777 "$WORK/shared"
	config '.linux.namespaces += [{"type": "user"}] | .linux.uidMappings = [{"containerID": 0, "hostID": 100000, "size": 1000}]
		| .linux.gidMappings = .linux.uidMappings
		| .mounts += [{"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup"}]'
	start c
	# the container's root reads them
	mkdir -m 711 "$WORK/im"
	checkpoint c
	before=$(count)
	restore c
	count_from "$before"
	[ "$(runtime exec c cat /sys/fs/cgroup/cgroup.procs | wc -l)" -gt 0 ]
	[ "$(awk '{print $2, $3}' "/proc/$(pid_of c)/uid_map")" = '100000 1000' ]
	runtime exec c sh -c 'echo x >/dev/null; head -c 1 /dev/zero' >/dev/null
	runtime delete -f c
}

@test "pages that stay behind, and come when they are touched" {
	local before
	start c
	mkfifo "$WORK/ready"
	exec 9<>"$WORK/ready"
	runtime checkpoint --lazy-pages --page-server 127.0.0.1:2700 --status-fd 9 --image-path "$WORK/im" --work-path "$WORK/work" c &
	read -r -t 60 -n 1 -d '' <&9
	before=$(count)
	mkdir "$WORK/lazy"
	criu lazy-pages --page-server --address 127.0.0.1 --port 2700 -W "$WORK/lazy" -D "$WORK/im" >"$WORK/lazy/out" 2>&1 &
	wait_until 20 test -S "$WORK/lazy/lazy-pages.socket"
	runtime restore -d --lazy-pages --image-path "$WORK/im" --work-path "$WORK/lazy" d </dev/null >/dev/null
	count_from "$before"
	wait
	run -1 runtime state c
	[ "$(runtime state d | jq -r .status)" = running ]
	runtime delete -f d
	exec 9>&-
}
