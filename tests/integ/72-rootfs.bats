#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2030,SC2031 # each test is a process of its own
#
# What a container has written: diff, cp, commit, container export; and what is left of containers.
# The containers here have ended: their directories are made by hand, with an overlay that this
# shell mounts, so that every kind of change is there.

load helpers

setup() {
	integ_setup
	DATA=$WORK/data
	mkdir -p "$WORK/image/d/sub" "$WORK/image/etc" "$WORK/host"
	echo 1 >"$WORK/image/d/one"
	echo 2 >"$WORK/image/d/sub/two"
	echo root:x:0:0 >"$WORK/image/etc/passwd"
	echo same >"$WORK/image/same"
	tar -C "$WORK/image" -cf "$WORK/image.tar" .
}

teardown() {
	mountpoint -q "$WORK/mnt" && umount "$WORK/mnt"
	integ_teardown
}

capsule() {
	"$CAPSULE" --root "$ROOT" --data-root "$DATA" "$@"
}

image() {
	"$CAPSULE_BUILD/capsule-image" --data-root "$DATA" "$@"
}

fails() {
	run "$@"
	[ "$status" -eq 125 ]
}

# ended ID: a container of the image `base` that has ended. Its overlay is at $WORK/mnt until `done_with`.
ended() {
	local id layer dir=$DATA/containers/$1
	image list -q | grep -qx base || image create --cmd sh -e A=1 -e B=1 -l keep=me base "$WORK/image.tar"
	id=$(image list --format json | jq -r '.[] | select(.name == "base") | .id')
	layer=$(image list --format json | jq -r '.[] | select(.name == "base") | .layers[0]')
	mkdir -p "$dir/upper" "$dir/work" "$dir/rootfs" "$WORK/mnt"
	jq -n --arg c "$1" --arg i "$id" --arg l "$layer" '{id: $c, image: "base", image_id: $i, layers: [$l],
		created: "2026-01-01T00:00:00Z", command: ["sh"], network: "none"}' >"$dir/container.json"
	mount -t overlay overlay -o "lowerdir=$DATA/layers/${layer#sha256:}/fs,upperdir=$dir/upper,workdir=$dir/work" "$WORK/mnt"
}

done_with() {
	umount "$WORK/mnt"
}

change() {
	cd "$WORK/mnt" || return 1
	rm -r d
	mkdir d new
	echo 3 >d/three
	rm etc/passwd
	echo x >new/file
	chmod 4755 new/file
	ln new/file new/second
	ln -s /etc/shadow new/link
	mkfifo -m 600 new/fifo
	mknod -m 666 new/null c 1 3
	truncate -s 300M new/holes
	echo end >>new/holes
	: >"new/$(printf 'bad\377\n')"
	chown -h 7:8 new/link
	cd "$BUNDLE" || return 1
}

@test "diff: what was added, changed, deleted" {
	ended c
	[ "$(capsule diff c)" = "" ]
	change
	done_with
	capsule diff c >"$WORK/diff"
	grep -qx 'C /d' "$WORK/diff"
	grep -qx 'D /d/one' "$WORK/diff"
	grep -qx 'D /d/sub' "$WORK/diff"
	grep -qx 'A /d/three' "$WORK/diff"
	grep -qx 'C /etc' "$WORK/diff"
	grep -qx 'D /etc/passwd' "$WORK/diff"
	grep -qx 'A /new/second' "$WORK/diff"
	[ "$(grep -c same "$WORK/diff")" = 0 ]
	[ "$(capsule diff --format json c | jq -r '.[] | select(.path == "/new") | .change')" = A ]
	fails capsule diff none
	[[ $output == *"no container 'none'"* ]]
}

@test "cp: of a container of an image that has ended" {
	ended c
	change
	done_with
	before=$(cat /proc/self/mountinfo)
	capsule cp c:/new/file "$WORK/host/file"
	[ "$(cat "$WORK/host/file")" = x ]
	capsule cp c:/same "$WORK/host/same"
	echo host >"$WORK/host/in"
	capsule cp "$WORK/host/in" c:/etc/in
	[ "$(cat "$DATA/containers/c/upper/etc/in")" = host ]
	fails capsule cp c:/etc/passwd "$WORK/host/"
	fails capsule cp c:/new/link/x "$WORK/host/"
	[ "$(cat /proc/self/mountinfo)" = "$before" ]
	flock "$DATA/containers/c" sleep 3 3>&- &
	wait_until 3 eval "! flock -n '$DATA/containers/c' true"
	fails capsule cp c:/same "$WORK/host/same"
	[[ $output == *"another command"* ]]
	wait
}

@test "commit: an image of one more layer, with the changes of a Dockerfile's words" {
	ended c
	change
	: >"$WORK/mnt/.wh.same" # a container may try to delete what is below
	: >"$WORK/mnt/new/acl"
	acl='import os, sys; print(os.getxattr(sys.argv[1], "system.posix_acl_access").hex())'
	python3 -c 'import os, struct, sys
e = [(1, 6, 2**32 - 1), (2, 7, 1000), (4, 4, 2**32 - 1), (16, 7, 2**32 - 1), (32, 0, 2**32 - 1)]
os.setxattr(sys.argv[1], "system.posix_acl_access", struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *x) for x in e))' "$WORK/mnt/new/acl"
	done_with
	run capsule commit -c 'CMD ["a", "b"]' -c 'ENV A=2' -c 'ENV C=3' -c 'LABEL q=w' -c 'EXPOSE 80/tcp' -c 'USER 1:2' \
		-c 'ENTRYPOINT echo hi' -m hello -a me c made
	[ "$status" -eq 0 ]
	[[ $output == *"'.wh.same' is left out: in a layer its name deletes a file"* ]]
	image list -q | grep -qx made
	image check
	config=$(image list --format json | jq -r '.[] | select(.name == "made") | .id')
	config=$DATA/images/blobs/sha256/${config#sha256:}
	[ "$(jq -c '.config.Cmd' "$config")" = '["a","b"]' ]
	[ "$(jq -c '.config.Entrypoint' "$config")" = '["/bin/sh","-c","echo hi"]' ]
	[ "$(jq -c '.config.Env' "$config")" = '["B=1","A=2","C=3"]' ]
	[ "$(jq -cS '.config.Labels' "$config")" = '{"keep":"me","q":"w"}' ]
	[ "$(jq -c '.config.ExposedPorts' "$config")" = '{"80/tcp":{}}' ]
	[ "$(jq -r '.config.User' "$config")" = 1:2 ]
	[ "$(jq -r '.history[-1].comment' "$config")" = hello ]
	[ "$(jq '.rootfs.diff_ids | length' "$config")" = 2 ]
	layer=$(jq -r '.rootfs.diff_ids[1]' "$config")
	layer=$DATA/layers/${layer#sha256:}/fs
	[ "$(stat -c '%F %t:%T' "$layer/etc/passwd")" = 'character special file 0:0' ]
	[ -f "$layer/d/three" ] && [ ! -e "$layer/d/one" ]
	[ "$(stat -c '%a %h' "$layer/new/file")" = '4755 2' ]
	[ "$(stat -c %u:%g "$layer/new/link")" = 7:8 ]
	[ -p "$layer/new/fifo" ]
	[ "$(python3 -c "$acl" "$layer/new/acl")" = "$(python3 -c "$acl" "$DATA/containers/c/upper/new/acl")" ]
	[ "$(stat -c '%t:%T' "$layer/new/null")" = 1:3 ]
	[ "$(stat -c %s "$layer/new/holes")" = $(((300 << 20) + 4)) ]
	[ "$(du -k "$layer/new/holes" | cut -f1)" -lt 1000 ]
	[ ! -e "$layer/same" ]
	[ "$(find "$layer/new" | wc -l)" = "$(find "$DATA/containers/c/upper/new" | wc -l)" ]
	# all of it together, as a container will see it
	below=$(jq -r '.rootfs.diff_ids[0]' "$config")
	mount -t overlay overlay -o "ro,lowerdir=$layer:$DATA/layers/${below#sha256:}/fs" "$WORK/mnt"
	[ "$(ls "$WORK/mnt/d")" = three ]
	[ ! -e "$WORK/mnt/etc/passwd" ] && [ -e "$WORK/mnt/same" ]
	done_with
	fails capsule commit -c 'RUN x' c other
	[[ $output == *"'RUN x'"* ]]
	fails capsule commit none other
	fails capsule commit c '../other'
	[ "$(image list -q | wc -l)" = 2 ]
}

@test "container export: all files, of what has ended and of what runs" {
	ended c
	change
	done_with
	capsule container export c "$WORK/c.tar"
	[ "$(du -k "$WORK/c.tar" | cut -f1)" -lt 1000 ]
	mkdir "$WORK/tree"
	tar -C "$WORK/tree" -xpf "$WORK/c.tar"
	[ "$(cat "$WORK/tree/same")" = same ]
	[ ! -e "$WORK/tree/etc/passwd" ] && [ ! -e "$WORK/tree/d/one" ]
	[ "$(stat -c '%a %h' "$WORK/tree/new/file")" = '4755 2' ]
	[ "$(readlink "$WORK/tree/new/link")" = /etc/shadow ]
	[ "$(stat -c %s "$WORK/tree/new/holes")" = $(((300 << 20) + 4)) ]
	[ "$(capsule container export c | tar -t | wc -l)" = "$(tar -tf "$WORK/c.tar" | wc -l)" ]
	own_rootfs
	args sleep 1000
	capsule run -d web
	capsule container export web "$WORK/web.tar"
	tar -tf "$WORK/web.tar" | grep -qx bin/busybox
	# places of mounts, not what is mounted
	tar -tf "$WORK/web.tar" | grep -qx proc/
	[ "$(tar -tf "$WORK/web.tar" | grep -c '^proc/.')" = 0 ]
	fails capsule container export none "$WORK/none.tar"
	[ ! -e "$WORK/none.tar" ] && [ ! -e "$WORK/none.tar.part" ]
	# it can be made into an image again
	image create again "$WORK/web.tar"
}

@test "system: df counts, check finds, prune removes what is left and nothing else" {
	ended left
	echo x >"$WORK/mnt/x"
	done_with
	ended busy
	done_with
	capsule volume create keep
	anonymous=$(capsule volume create)
	mkdir -p "$DATA/trash/containers-x.0/deep" "$DATA/volumes/.new-x" "$DATA/idranges"
	ln -s left "$DATA/idranges/1879048192"
	ln -s busy "$DATA/idranges/1879113728"
	[ "$(capsule system df --format json | jq -c '[.[] | [.type, .total, .active]]')" = \
		'[["images",1,1],["containers",2,0],["volumes",2,0]]' ]
	capsule system df | grep -q '^volumes  *2 '
	capsule system check
	rm -r "$DATA/volumes/keep/data"
	run capsule system check
	[ "$status" -eq 1 ]
	[[ $output == *"volume keep: its data is not there"* ]]
	mkdir "$DATA/volumes/keep/data"
	flock "$DATA/containers/busy" sleep 1000 3>&- & # it is being made
	holder=$!
	wait_until 3 eval "! flock -n '$DATA/containers/busy' true"
	run capsule system prune
	[ "$status" -eq 0 ]
	[[ $output == *"container left"* ]]
	[ ! -e "$DATA/containers/left" ] && [ -e "$DATA/containers/busy" ]
	[ ! -L "$DATA/idranges/1879048192" ] && [ -L "$DATA/idranges/1879113728" ]
	[ -z "$(find "$DATA/trash" "$DATA/volumes" -mindepth 1 -maxdepth 1 ! -name keep ! -name "$anonymous")" ]
	kill "$(pgrep -P $holder)" # flock's child
	wait $holder || true
	capsule system prune --volumes | grep -qx "volume $anonymous"
	[ -e "$DATA/volumes/keep" ] && [ ! -e "$DATA/containers/busy" ]
	capsule system prune -a --volumes
	[ ! -e "$DATA/volumes/keep" ]
	[ "$(image list -q)" = "" ]
}

@test "system prune: a container that runs below another root keeps its files" {
	tar -C "$INTEG_ROOTFS" -cf "$WORK/box.tar" .
	image create --cmd sh box "$WORK/box.tar"
	"$CAPSULE" --root "$ROOT/other" --data-root "$DATA" image run -d --network none -id web box sleep 1000
	capsule system prune
	[ -e "$DATA/containers/web/container.json" ]
	"$CAPSULE" --root "$ROOT/other" --data-root "$DATA" delete -f web
	[ ! -e "$DATA/containers/web" ]
	rm -rf "$ROOT/other"
}

@test "a container of an image, from its volumes to its commit" {
	tar -C "$INTEG_ROOTFS" -cf "$WORK/box.tar" .
	image create --cmd sh box "$WORK/box.tar"
	before=$(cat /proc/self/mountinfo)
	capsule image run -d --network none -v conf:/etc -v /data -id web box sleep 1000
	[ "$(cat /proc/self/mountinfo)" = "$before" ] # nothing of it is the host's
	cmp "$DATA/volumes/conf/data/passwd" "$INTEG_ROOTFS/etc/passwd"
	fails capsule volume delete conf
	[[ $output == *"used by container 'web'"* ]]
	capsule exec web sh -c 'echo x >/new; rm -r /home/app; echo y >/data/y'
	capsule diff web | grep -qx 'A /new'
	capsule diff web | grep -qx 'D /home/app'
	echo host >"$WORK/host/in"
	capsule cp "$WORK/host/in" web:/etc/in
	[ "$(cat "$DATA/volumes/conf/data/in")" = host ]
	capsule commit web made
	[ "$(capsule image run --rm --network none made cat /new)" = x ]
	capsule stop -t 1 web
	capsule cp web:/data/y "$WORK/host/y" # its volumes are where they were
	[ "$(cat "$WORK/host/y")" = y ]
	capsule delete web
	[ "$(capsule volume list -q)" = conf ]
	capsule volume delete conf
	[ -z "$(find "$DATA/containers" "$DATA/trash" -mindepth 1)" ]
}

@test "--userns auto: ids of its own, files that are rightly owned, and given back" {
	tar -C "$INTEG_ROOTFS" -cf "$WORK/box.tar" .
	image create --cmd sh box "$WORK/box.tar"
	capsule image run -d --network none --userns auto -id one box sleep 1000
	capsule image run -d --network none --userns auto -id two box sleep 1000
	first=$(capsule exec one cat /proc/self/uid_map | awk '{print $2}')
	second=$(capsule exec two cat /proc/self/uid_map | awk '{print $2}')
	[ "$second" = $((first + 65536)) ]
	[ "$(capsule exec one stat -c %u:%g /bin/busybox)" = 0:0 ]
	capsule exec one sh -c 'touch /mine; chown 1000:1000 /mine'
	[ "$(stat -c %u "$DATA/containers/one/upper/mine")" = $((first + 1000)) ]
	echo x >"$WORK/host/x"
	capsule cp "$WORK/host/x" one:/x
	[ "$(capsule exec one stat -c %u:%g /x)" = 0:0 ]
	capsule commit one made
	[ "$(capsule image run --rm --network none made stat -c %u:%g /mine)" = 1000:1000 ]
	capsule delete -f one two
	[ -z "$(find "$DATA/idranges" -mindepth 1)" ]
}
