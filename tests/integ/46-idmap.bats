#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Mounts that show other owners than the file system has (idmap, ridmap), and a tmpfs that begins with what it covers (tmpcopyup).
# shellcheck disable=SC2016,SC2153,SC2154 # what is quoted is for jq and the container; bats sets stderr
bats_require_minimum_version 1.5.0
load helpers
setup() {
	integ_setup
	mkdir -p "$WORK/src/below"
	mount -t tmpfs below "$WORK/src/below"
	touch "$WORK/src/"{root,app,other} "$WORK/src/below/app"
	chown 1000:1000 "$WORK/src/app" "$WORK/src/below/app"
	chown 4000:5000 "$WORK/src/other"
}
teardown() {
	umount "$WORK/src/below"
	integ_teardown
}

# mapped OPTIONS UID_MAP GID_MAP: a bind of src to /mnt; a map is "CONTAINER HOST SIZE" or nothing.
mapped() {
	config '.mounts += [{destination: "/mnt", type: "bind", source: ($w + "/src"), options: ($o / ",")}
		+ if $u == "" then {} else {uidMappings: [$u / " " | {containerID: (.[0] | tonumber), hostID: (.[1] | tonumber), size: (.[2] | tonumber)}],
			gidMappings: [$g / " " | {containerID: (.[0] | tonumber), hostID: (.[1] | tonumber), size: (.[2] | tonumber)}]} end]' \
		--arg w "$WORK" --arg o "$1" --arg u "$2" --arg g "$3"
}

users() {
	config '.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}]
		| .linux.gidMappings = [{containerID: 0, hostID: 200000, size: 65536}] | .process.noNewPrivileges = false'
}

owners() {
	args sh -c 'stat -c "%n %u:%g" /mnt/root /mnt/app /mnt/other'
	runtime run c1
}

@test "without a user namespace: the mount's own mappings" {
	mapped bind,idmap "0 10000 1001" "0 20000 1001"
	run owners
	echo "$output"
	# what is not mapped belongs to nobody
	[ "$output" = "/mnt/root 10000:20000
/mnt/app 11000:21000
/mnt/other 65534:65534" ]
}

@test "the host's files stay as they were, and what is made there is mapped back" {
	mapped bind,idmap "0 10000 5000" "0 10000 6000"
	config '.process.user = {uid: 11000, gid: 11000}'
	chmod 777 "$WORK/src"
	args touch /mnt/new
	runtime run c1
	[ "$(stat -c %u:%g "$WORK/src/new")" = 1000:1000 ]
	[ "$(stat -c %u:%g "$WORK/src/other")" = 4000:5000 ]
}

@test "of what an earlier mount has brought" {
	local root
	own_rootfs
	root=$(jq -r .root.path config.json)
	mapped rbind,ridmap "0 10000 65536" "0 10000 65536"
	config '.mounts[-1].source = $r + "/first" | .mounts = [.mounts[:-1][], {destination: "/first", type: "bind", source: $s, options: ["rbind"]}, .mounts[-1]]' \
		--arg r "$root" --arg s "$WORK/src"
	args stat -c %u:%g /first/app /mnt/app /mnt/below/app
	run runtime run c1
	echo "$output"
	[ "$output" = "1000:1000
11000:11000
11000:11000" ]
}

@test "mappings without the option are honoured, and only at the top without ridmap" {
	mapped rbind "0 10000 65536" "0 10000 65536"
	args stat -c %u:%g /mnt/app /mnt/below/app
	run runtime run c1
	[ "$output" = $'11000:11000\n1000:1000' ]
	config '.mounts[-1].options = ["rbind", "ridmap"]'
	run runtime run c1
	[ "$output" = $'11000:11000\n11000:11000' ]
}

@test "a user namespace's own mapping, for idmap without mappings" {
	users
	mapped bind,idmap "" ""
	run owners
	# the numbers of the disk, as if there were no user namespace
	[ "$output" = "/mnt/root 0:0
/mnt/app 1000:1000
/mnt/other 4000:5000" ]
}

@test "a user namespace, and a mapping of the mount's own" {
	users
	mapped bind,ro,idmap "1000 100000 1" "1000 200000 1"
	config '.mounts += [.mounts[-1] | .destination = "/home"]'
	args sh -c 'stat -c "%u:%g" /mnt/app /mnt/root /home/app; touch /mnt/x'
	run runtime run c1
	echo "$output"
	[ "${lines[0]} ${lines[1]} ${lines[2]}" = "0:0 65534:65534 0:0" ]
	[[ ${lines[3]} == *"Read-only file system"* ]]
}

@test "a user namespace that is joined: its mapping" {
	users
	args tinit sleep
	runtime create c1
	config '.linux.namespaces |= map(if .type == "user" then .path = $p else . end) | del(.linux.uidMappings, .linux.gidMappings)' \
		--arg p "/proc/$(runtime state c1 | jq .pid)/ns/user"
	mapped bind,idmap "" ""
	args stat -c %u:%g /mnt/other
	[ "$(runtime run c2)" = 4000:5000 ]
	runtime delete --force c1
}

@test "mounts with one mapping share one user namespace; none is made for others" {
	local i
	strace -V >/dev/null 2>&1 || skip "no strace"
	for i in /home /root /tmp; do
		mapped bind,idmap "0 10000 65536" "0 10000 65536"
		config '.mounts[-1].destination = $i' --arg i "$i"
	done
	mapped bind,idmap "0 10000 65535" "0 10000 65535"
	args true
	strace -f -o "$WORK/trace" -e trace=clone3,clone "$RUNTIME" --root "$ROOT" run c1
	[ "$(grep -c CLONE_NEWUSER "$WORK/trace")" -eq 2 ]
	config '.mounts |= map(select(.uidMappings == null))'
	strace -f -o "$WORK/trace" -e trace=clone3,clone "$RUNTIME" --root "$ROOT" run c1
	run ! grep CLONE_NEWUSER "$WORK/trace"
}

@test "what cannot be mapped is told by name, and nothing is left" {
	refuses() {
		run -1 runtime create c1
		echo "$output"
		[ "${#lines[@]}" -eq 1 ]
		[[ $output == *"$1"* ]]
		[ ! -e "$ROOT/c1" ]
		cp good.json config.json
	}
	cp config.json good.json
	mapped bind,idmap "" ""
	refuses "mounts[$(jq '.mounts | length' good.json)]: idmap needs uidMappings and gidMappings here, or a user namespace in linux.namespaces"
	config '.mounts[0] += {uidMappings: [{containerID: 0, hostID: 1, size: 1}]}'
	refuses "mounts[0]: uidMappings and gidMappings are given together"
	config '.mounts += [{destination: "/mnt", type: "tmpfs", source: "t", options: ["idmap"]}] | .linux.namespaces += [{type: "user"}]
		| .linux.uidMappings = [{containerID: 0, hostID: 5, size: 9}] | .linux.gidMappings = .linux.uidMappings'
	refuses "only bind mounts take id mappings"
	# procfs is of those that refuse
	mapped bind,idmap "0 1 10" "0 1 10"
	config '.mounts[-1].source = "/proc/sys"'
	refuses "idmap-mounts: /mnt: idmap '/proc/sys': a file system there takes no id mappings: Invalid argument"
}

@test "tmpcopyup: files, owners, modes, links and times; what is changed stays in the tmpfs" {
	own_rootfs
	mkdir -p rootfs/data/sub/deep
	echo hello >rootfs/data/file
	echo x >rootfs/data/sub/deep/x
	chmod 4751 rootfs/data/file
	chown 1000:1000 rootfs/data/sub/deep/x
	chmod 1770 rootfs/data/sub
	ln -s ../../etc/passwd rootfs/data/link
	mkfifo rootfs/data/fifo
	touch -d '2001-02-03 04:05:06 UTC' rootfs/data/file rootfs/data/sub
	config '.mounts += [{destination: "/data", type: "tmpfs", source: "t", options: ["tmpcopyup", "size=1m"]}]'
	args sh -c 'cat /data/file; stat -c "%n %a %u %Y" /data/file /data/sub /data/sub/deep/x | sed "s/\([^ ]*deep.*\) [0-9]*/\1/"; readlink /data/link
		[ -p /data/fifo ] && echo fifo; echo changed >/data/file; rm -r /data/sub; grep -c " /data tmpfs" /proc/mounts'
	run runtime run c1
	echo "$output"
	[ "$output" = "hello
/data/file 4751 0 981173106
/data/sub 1770 0 981173106
/data/sub/deep/x 644 1000
../../etc/passwd
fifo
1" ]
	[ "$(cat rootfs/data/file)" = hello ]
	[ -e rootfs/data/sub/deep/x ]
}

@test "tmpcopyup: read-only, in a user namespace, on a directory that is not there" {
	own_rootfs
	echo hello >rootfs/mnt/file
	users
	chown -R 100000:200000 rootfs/mnt
	config '.mounts += [{destination: "/mnt", type: "tmpfs", source: "t", options: ["tmpcopyup", "ro"]}]'
	args sh -c 'cat /mnt/file; stat -c %u:%g /mnt/file; touch /mnt/x'
	run runtime run c1
	[ "${lines[0]} ${lines[1]}" = "hello 0:0" ]
	[[ ${lines[2]} == *"Read-only file system"* ]]
	config '.mounts[-1].destination = "/new" | .mounts[-1].options = ["tmpcopyup"]'
	chmod 777 rootfs
	args ls -A /new
	[ -z "$(runtime run c1)" ]
}

@test "tmpcopyup: what does not fit is an error, and nothing is left" {
	own_rootfs
	mkdir rootfs/data
	head -c 200000 /dev/zero >rootfs/data/big
	config '.mounts += [{destination: "/data", type: "tmpfs", source: "t", options: ["tmpcopyup", "size=64k"]}]'
	args true
	run -1 runtime create c1
	[[ $output == *"mounts: /data: tmpcopyup: big: copy: No space left on device"* ]]
	[ ! -e "$ROOT/c1" ]
}
