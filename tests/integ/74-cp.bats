#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2030,SC2031 # each test is a process of its own
#
# cp between the host and a container that does what it can to lead it astray.

load helpers

setup() {
	integ_setup
	own_rootfs
	IN=$BUNDLE/rootfs
	mkdir "$WORK/host" "$WORK/canary"
	echo secret >"$WORK/canary/secret"
}

teardown() {
	integ_teardown
}

fails() {
	run "$@"
	[ "$status" -eq 125 ]
}

start() {
	args sleep 1000
	capsule run -d web
}

@test "cp: a file and a tree, in and out" {
	start
	mkdir -p "$WORK/host/tree/sub"
	echo one >"$WORK/host/tree/file"
	ln "$WORK/host/tree/file" "$WORK/host/tree/sub/second"
	ln -s /etc/passwd "$WORK/host/tree/link"
	mkfifo -m 640 "$WORK/host/tree/fifo"
	chown 1000:1000 "$WORK/host/tree/file"
	chmod 4751 "$WORK/host/tree/file"
	capsule cp "$WORK/host/tree/file" web:/etc/new
	[ "$(cat "$IN/etc/new")" = one ]
	[ "$(stat -c '%u:%g %a' "$IN/etc/new")" = '0:0 751' ]
	capsule cp "$WORK/host/tree/file" web:/etc
	[ -f "$IN/etc/file" ]
	capsule cp "$WORK/host/tree" web:/mnt/
	[ "$(stat -c %h "$IN/mnt/tree/sub/second")" = 2 ]
	[ "$(readlink "$IN/mnt/tree/link")" = /etc/passwd ]
	[ -p "$IN/mnt/tree/fifo" ]
	capsule cp "$WORK/host/tree/." web:/mnt/as
	[ -f "$IN/mnt/as/file" ]
	capsule cp -a "$WORK/host/tree/." web:/mnt/archive
	[ "$(stat -c '%u:%g %a' "$IN/mnt/archive/file")" = '1000:1000 4751' ]
	capsule cp web:/mnt/archive "$WORK/host/out"
	[ "$(stat -c '%u:%g %a' "$WORK/host/out/file")" = '0:0 751' ]
	capsule cp web:/mnt/archive "$WORK/host/out"
	[ -f "$WORK/host/out/archive/file" ]
	capsule cp -a web:/mnt/archive/file "$WORK/host/out/file"
	[ "$(stat -c '%u:%g %a' "$WORK/host/out/file")" = '1000:1000 4751' ]
}

@test "cp: of a container that has stopped, and one that is not there" {
	args true
	capsule run -d web
	capsule wait web
	echo x >"$WORK/host/x"
	capsule cp "$WORK/host/x" web:/etc/x
	[ "$(cat "$IN/etc/x")" = x ]
	fails capsule cp "$WORK/host/x" none:/etc/x
	[[ $output == *"none"* ]]
}

@test "cp: symlinks of the container stay in the container" {
	start
	ln -s "$WORK/canary" "$IN/abs"
	ln -s "../../../../../../../..$WORK/canary" "$IN/rel"
	ln -s "$WORK/canary/secret" "$IN/file"
	echo evil >"$WORK/host/evil"
	for where in abs/ rel/ abs/secret rel/secret; do
		fails capsule cp "$WORK/host/evil" "web:/$where"
		fails capsule cp "web:/$where" "$WORK/host/stolen"
	done
	fails capsule cp -L web:/file "$WORK/host/stolen"
	[ ! -e "$WORK/host/stolen" ]
	# as it is, it is only text
	capsule cp web:/file "$WORK/host/link"
	[ -L "$WORK/host/link" ]
	# a name that is a symlink is replaced, not followed
	capsule cp "$WORK/host/evil" web:/file
	[ ! -L "$IN/file" ]
	[ "$(cat "$WORK/canary/secret")" = secret ]
	[ "$(ls "$WORK/canary")" = secret ]
	# what a symlink means inside is followed as there
	ln -s /etc "$IN/config"
	capsule cp -L web:/config/passwd "$WORK/host/passwd"
	grep -q '^odd:' "$WORK/host/passwd"
}

@test "cp: against one who exchanges a directory for a symlink all the time" {
	start
	mkdir "$IN/spot"
	echo bait >"$IN/spot/secret"
	ln -s "../../../../../../../..$WORK/canary" "$IN/bait"
	echo evil >"$WORK/host/evil"
	mkdir -p "$WORK/host/tree/spot"
	echo evil >"$WORK/host/tree/spot/evil"
	"$CAPSULE_BUILD/tests/integ/swapper" "$IN/spot" "$IN/bait" 3>&- &
	swapper=$!
	for _ in {1..60}; do
		capsule cp "$WORK/host/evil" web:/spot/ 2>/dev/null || true
		capsule cp "$WORK/host/tree/." web:/ 2>/dev/null || true
		capsule cp web:/spot/secret "$WORK/host/got" 2>/dev/null || true
		[ "$(cat "$WORK/host/got" 2>/dev/null)" != secret ]
		rm -rf "$WORK/host/got"
		capsule cp web:/spot "$WORK/host/got" 2>/dev/null || true
		[ "$(find "$WORK/host/got" -type f -exec grep -l secret {} + 2>/dev/null | wc -l)" = 0 ]
		rm -rf "$WORK/host/got"
	done
	kill $swapper
	wait $swapper || true
	[ "$(ls "$WORK/canary")" = secret ]
	[ "$(cat "$WORK/canary/secret")" = secret ]
}

@test "cp: FIFOs, devices and sockets are never opened" {
	start
	mkdir "$IN/odd"
	mkfifo "$IN/odd/fifo"
	mknod "$IN/odd/zero" c 1 5
	mknod "$IN/odd/disk" b 8 0
	echo x >"$IN/odd/file"
	run timeout 10 "$CAPSULE" --root "$ROOT" cp web:/odd "$WORK/host/"
	[ "$status" -eq 0 ]
	[[ $output == *"'zero' is a device and left out"* ]]
	[ -p "$WORK/host/odd/fifo" ] && [ -f "$WORK/host/odd/file" ]
	[ ! -e "$WORK/host/odd/zero" ] && [ ! -e "$WORK/host/odd/disk" ]
	run timeout 10 "$CAPSULE" --root "$ROOT" cp -a web:/odd "$WORK/host/all"
	[ "$status" -eq 0 ]
	[ -b "$WORK/host/all/disk" ]
	echo y >"$WORK/host/y"
	timeout 10 "$CAPSULE" --root "$ROOT" cp "$WORK/host/y" web:/odd/fifo # replaces it
	[ -f "$IN/odd/fifo" ]
}

@test "cp: holes stay holes, and a directory is not replaced by a file" {
	start
	truncate -s 8G "$WORK/host/sparse"
	printf end | dd of="$WORK/host/sparse" bs=1 seek=4G conv=notrunc status=none
	timeout 20 "$CAPSULE" --root "$ROOT" cp "$WORK/host/sparse" web:/mnt/sparse
	[ "$(stat -c %s "$IN/mnt/sparse")" = $((8 << 30)) ]
	[ "$(du -k "$IN/mnt/sparse" | cut -f1)" -lt 1000 ]
	mkdir "$WORK/host/etc"
	fails capsule cp "$WORK/host/etc" web:/mnt/sparse
	[[ $output == *"is a directory"* ]]
	mkdir "$IN/mnt/evil"
	echo x >"$WORK/host/evil"
	fails capsule cp "$WORK/host/evil/" web:/mnt/evil
	fails capsule cp "$WORK/host/evil" web:/nowhere/evil
	fails capsule cp "$WORK/host/evil" web:/mnt/missing/
	[[ $output == *"is no directory that is there"* ]]
}

@test "cp: into what is read-only there is refused" {
	mkdir "$WORK/volume"
	mkdir "$IN/ro"
	config '.mounts += [{destination: "/ro", type: "bind", source: "'"$WORK/volume"'", options: ["bind", "ro"]}]'
	start
	echo x >"$WORK/host/x"
	fails capsule cp "$WORK/host/x" web:/ro/x
	[[ $output == *"Read-only file system"* ]]
	[ -z "$(ls "$WORK/volume")" ]
	[ -z "$(ls "$IN/ro")" ]
	echo y >"$WORK/volume/y"
	capsule cp web:/ro/y "$WORK/host/y" # what the container sees
}

@test "cp: bad words" {
	start
	echo x >"$WORK/host/x"
	fails capsule cp "$WORK/host/x" "$WORK/host/y"
	[[ $output == *"one of the two has to be ID:PATH"* ]]
	fails capsule cp web:/etc web:/mnt
	fails capsule cp "$WORK/host/x" ../web:/x
	fails capsule cp "$WORK/host/x" 'we b:/x'
	[[ $output == *"no container's name"* ]]
	fails capsule cp "$WORK/host/none" web:/x
	[[ $output == *"No such file"* ]]
	fails capsule cp "$WORK/host/x"
	[[ $output == *"an argument is missing"* ]]
}
