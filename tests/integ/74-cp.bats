#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2030,SC2031,SC2154 # each test is a process of its own
#
# cp between the host and a container that does what it can to lead it astray.

bats_require_minimum_version 1.5.0
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

# in_tar KIND...: that hostile archive of archives.py, into /spot of the container
in_tar() {
	CANARY=$WORK/canary python3 "$CAPSULE_INTEG/archives.py" layer "$1" "$WORK/a.tar"
	rm -rf "$IN/spot"
	mkdir "$IN/spot"
	run capsule cp "${@:2}" - web:/spot <"$WORK/a.tar"
}

@test "cp - as a tar archive: out, in, of a file, a tree, what is in it" {
	start
	mkdir -p "$IN/srv/tree/sub"
	echo one >"$IN/srv/tree/file"
	chown 1000:1000 "$IN/srv/tree/file"
	chmod 4751 "$IN/srv/tree/file"
	ln "$IN/srv/tree/file" "$IN/srv/tree/sub/second"
	ln -s /etc/passwd "$IN/srv/tree/link"
	[ "$(capsule cp web:/srv/tree - | tar -t | sort | xargs)" = "tree/ tree/file tree/link tree/sub/ tree/sub/second" ]
	[ "$(capsule cp web:/srv/tree/file - | tar -xO)" = one ]
	[ "$(capsule cp web:/srv/tree/link - | tar -tv | awk '{print $NF}')" = /etc/passwd ]
	capsule cp -L web:/srv/tree/link - | tar -xO | grep -q '^odd:'
	[ "$(capsule cp web:/srv/tree/. - | tar -t | head -n 1)" = ./ ]
	# all of a container's root but what is mounted in it, of which it tells
	run --separate-stderr bash -c "'$CAPSULE' --root '$ROOT' cp web:/ - | tar -t | grep -c '^./proc/.'"
	[ "$output" = 0 ]
	[[ $stderr == *"'./proc' is left out: it is mounted there"* ]]
	# in: the container's root's; with -a as they were; compressed; and what was there stays
	mkdir "$IN/mnt/in"
	chmod 711 "$IN/mnt/in"
	echo stays >"$IN/mnt/in/old"
	capsule cp web:/srv/tree - | capsule cp - web:/mnt/in
	[ "$(stat -c '%u:%g %a %h' "$IN/mnt/in/tree/file")" = '0:0 751 2' ]
	capsule cp web:/srv/tree - | gzip | capsule cp -a - web:/mnt/in
	[ "$(stat -c '%u:%g %a %h' "$IN/mnt/in/tree/file")" = '1000:1000 4751 2' ]
	capsule cp web:/srv/tree/. - | capsule cp - web:/mnt/in
	[ -f "$IN/mnt/in/sub/second" ]
	[ "$(stat -c %a "$IN/mnt/in")" = 711 ]
	[ "$(cat "$IN/mnt/in/old")" = stays ]
	# a name that is a layer's whiteout is a name
	touch "$WORK/host/.wh.old"
	tar -C "$WORK/host" -c .wh.old | capsule cp - web:/mnt/in
	[ -f "$IN/mnt/in/.wh.old" ] && [ -f "$IN/mnt/in/old" ]
}

@test "cp -: archives that want out, and those that would replace one kind of thing by another" {
	local kind
	start
	for kind in dotdot dotdot_inside absolute symlink_parent symlink_parent_relative symlink_grandparent hardlink_absolute \
		hardlink_dotdot hardlink_through_symlink hardlink_missing root_is_file root_is_symlink in_file in_fifo \
		long_component long_path symlink_then_directory; do
		in_tar "$kind"
		[ "$status" = 125 ] || echo "$kind: $output"
		[ "$status" = 125 ]
		[ "$(ls "$WORK/canary")" = secret ]
	done
	in_tar device_zero -a
	[ "$status" = 125 ]
	in_tar owner -a
	[ "$status" = 125 ]
	in_tar escapes
	[[ $output != *$'\e'* ]]
	# a symlink is replaced, not followed
	in_tar symlink_then_itself
	[ "$status" = 0 ]
	[ "$(cat "$IN/spot/x")" = "replaces the symlink, not what it names" ]
	# devices only with -a, without they are told of
	in_tar everything
	[[ $output == *"'null' is a device and left out"* ]]
	[ ! -e "$IN/spot/null" ]
	# what is there is no directory, or is one
	rm -rf "$IN/spot"
	mkdir -p "$IN/spot/d/e"
	ln -s "$WORK/canary" "$IN/spot/way"
	mkdir -p "$WORK/host/t/way" "$WORK/host/u"
	echo evil >"$WORK/host/t/way/evil"
	echo evil >"$WORK/host/u/d"
	tar -C "$WORK/host/t" -c way/evil >"$WORK/a.tar"
	fails capsule cp - web:/spot <"$WORK/a.tar"
	[[ $output == *"'way' is on its way, no directory"* ]]
	tar -C "$WORK/host/u" -c d >"$WORK/a.tar"
	fails capsule cp - web:/spot <"$WORK/a.tar"
	[[ $output == *"'d': replace: Is a directory"* ]]
	[ -d "$IN/spot/d/e" ]
	[ "$(ls "$WORK/canary")" = secret ]
	[ "$(cat "$WORK/canary/secret")" = secret ]
}

@test "cp -: against one who exchanges a directory for a symlink all the time" {
	start
	mkdir "$IN/spot"
	echo bait >"$IN/spot/secret"
	ln -s "../../../../../../../..$WORK/canary" "$IN/bait"
	mkdir -p "$WORK/host/tree/spot/deep"
	for i in {1..20}; do
		echo evil >"$WORK/host/tree/spot/evil$i"
		mkfifo "$WORK/host/tree/spot/fifo$i"
		echo evil >"$WORK/host/tree/spot/deep/evil$i"
	done
	tar -C "$WORK/host/tree" -cf "$WORK/a.tar" spot
	"$CAPSULE_BUILD/tests/integ/swapper" "$IN/spot" "$IN/bait" 3>&- &
	swapper=$!
	for _ in {1..40}; do
		capsule cp - web:/ <"$WORK/a.tar" 2>/dev/null || true
		capsule cp -a - web:/spot <"$WORK/a.tar" 2>/dev/null || true
		[ "$(capsule cp web:/spot - 2>/dev/null | tar -xO 2>/dev/null | grep -c secret)" = 0 ]
		[ "$(capsule cp web:/spot/secret - 2>/dev/null | tar -xO 2>/dev/null | grep -c secret)" = 0 ]
	done
	kill $swapper
	wait $swapper || true
	[ "$(ls "$WORK/canary")" = secret ]
	[ "$(cat "$WORK/canary/secret")" = secret ]
	[ "$(stat -c %u:%g "$WORK/canary/secret")" = 0:0 ]
}

@test "cp -: no archive, no directory, nobody reads" {
	start
	fails capsule cp - web:/etc <"$CAPSULE"
	fails capsule cp - web:/etc/passwd </dev/null
	[[ $output == *"the directory '/etc/passwd'"* ]]
	fails capsule cp - web:/nowhere </dev/null
	fails capsule cp - -
	fails capsule cp web:/nowhere -
	fails script -qefc "'$CAPSULE' --root '$ROOT' cp web:/etc -" /dev/null
	[[ $output == *"no archive is written to a terminal"* ]]
	truncate -s 64M "$IN/mnt/big"
	run bash -c "'$CAPSULE' --root '$ROOT' cp web:/mnt/big - | head -c 1 | wc -c"
	[ "$output" = 1 ]
	cut -c 1-700 "$CAPSULE" | head -c 700 >"$WORK/a.tar"
	fails capsule cp - web:/etc <"$WORK/a.tar"
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
