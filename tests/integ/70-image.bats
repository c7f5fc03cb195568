#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2030,SC2031 # each test is a process of its own
#
# Images in the store: made, imported, exported, deleted; hostile archives; imports that are killed, or find no room.
bats_require_minimum_version 1.5.0
load helpers

setup() {
	integ_setup
	DATA=$WORK/data
	export CANARY=$WORK/canary
	mkdir "$CANARY"
	echo secret >"$CANARY/file"
	chmod 640 "$CANARY/file"
	cd "$WORK" || return 1
}

teardown() {
	umount "$WORK/small" 2>/dev/null || true
	integ_teardown
}

image() {
	"$CAPSULE_BUILD/capsule-image" --data-root "$DATA" "$@"
}

make() {
	python3 "$CAPSULE_INTEG/archives.py" "$@"
}

# The canary's content and attributes, to be compared.
canary() {
	find "$CANARY" -printf '%p %y %m %U:%G %T@ %n\n' -type f -exec cat {} +
}

# What the archives' functions are called, of the section that begins with these words.
kinds() {
	sed -n "/^# -- $1/,/^# -- [^l]/s/^def layer_\([a-z_]*\).*/\1/p" "$CAPSULE_INTEG/archives.py"
}

# One line for each file of the layer that the image NAME has on top.
tree() {
	local id
	id=$(image get "$1" | jq -r '.layers[-1].diff_id')
	(cd "$DATA/layers/${id#sha256:}/fs" && find . -printf '%p %y %m %U:%G %T@ %l\n' | LC_ALL=C sort)
}

# Nothing that was begun is left.
no_remains() {
	[ -z "$(find "$DATA/layers" -mindepth 1 -maxdepth 1 -name '.*' 2>/dev/null)" ]
	[ -z "$(find "$DATA/trash" -mindepth 1 -maxdepth 1 2>/dev/null)" ]
}

@test "create: every kind of file as it was, plain and compressed" {
	make layer everything l.tar
	image create every l.tar
	gzip -k l.tar && zstd -q l.tar && xz -k l.tar
	for kind in gz zst xz; do
		image create "every-$kind" - <"l.tar.$kind"
	done
	tree every | tee tree
	grep -q '^\. d 751' tree
	grep -q '^\./setuid f 4755 1000:1001' tree
	grep -q '^\./symlink l 777 .* /etc/passwd$' tree
	grep -q '^\./fifo p 640' tree
	grep -q '^\./null c 666' tree
	grep -q '^\./loop b 660 0:6' tree
	grep -q '^\./late d 700 0:0 1600000001' tree
	grep -q '^\./late/deep d 2755 0:0 1600000002' tree
	grep -q '^\./nanoseconds .*1500000000.1234567890' tree
	grep -q '^\./turns/c f' tree
	grep -q '^\./turns/l/in f' tree
	[ ! -e /tmp/in ]
	local fs
	fs=$(echo "$DATA"/layers/*/fs)
	[ -d "$fs" ] # one layer: all four are the same
	[ "$fs/hard" -ef "$fs/setuid" ]
	[ "$(cat "$fs/late/deep/file")" = "made before its directories" ]
	python3 -c 'import os, sys; assert not any("trusted" in x for x in os.listxattr(sys.argv[1]))' "$fs/capability"
	image check
	no_remains
}

@test "create: a file's capabilities and its holes" {
	mkdir root
	truncate -s 10M root/sparse
	echo x | dd of=root/sparse bs=1 seek=5000000 conv=notrunc status=none
	echo x >root/cap
	python3 - <<-'END'
		import os, struct
		os.setxattr("root/cap", "security.capability", struct.pack("<IIIII", 0x02000001, 1 << 10, 0, 0, 0))
	END
	tar -cSf l.tar --xattrs --xattrs-include='*' -C root .
	image create holes l.tar
	local fs
	fs=$(echo "$DATA"/layers/*/fs)
	cmp root/sparse "$fs/sparse"
	[ "$(stat -c %b "$fs/sparse")" -lt 2000 ]
	python3 - "$fs/cap" <<-'END'
		import os, sys
		assert os.getxattr(sys.argv[1], "security.capability") == os.getxattr("root/cap", "security.capability")
	END
}

@test "create: access control lists, in both forms; what a directory hands down is not handed down by us" {
	make layer acls l.tar
	image create acls l.tar
	cd "$(echo "$DATA"/layers/*/fs)"
	python3 - <<-'END'
		import os, struct
		def acl(path, kind="access"):
		    name = "system.posix_acl_" + kind
		    if name not in os.listxattr(path):
		        return None
		    return list(struct.iter_unpack("<HHI", os.getxattr(path, name)[4:]))
		none = 0xffffffff
		raw = [(1, 7, none), (2, 5, 1000), (4, 5, none), (16, 5, none), (32, 0, none)]
		text = [(1, 6, none), (2, 7, 1000), (4, 4, none), (8, 6, 2000), (16, 6, none), (32, 0, none)]
		assert acl("d") == raw and acl("d", "default") == raw
		for heir in "d/heir", "d/sub":
		    assert acl(heir) is None and acl(heir, "default") is None, heir
		assert acl("text") == text and os.stat("text").st_mode & 0o777 == 0o660
		assert acl("textual") is None and acl("textual", "default") == text
		assert acl("twice") is None and acl("twice", "default") is None
		assert os.stat("twice").st_mode & 0o777 == 0o755
	END
}

@test "whiteouts and opaque directories are overlayfs's" {
	make layout good layout
	image import layout
	tree example/two:1 >files
	grep -q '^\./gone/file c 0' files
	grep -q '^\./file f' files
	local fs
	fs=$DATA/layers/$(image get example/two:1 | jq -r '.layers[1].diff_id[7:]')/fs
	for dir in opaque again again2; do
		python3 -c 'import os, sys; assert os.getxattr(sys.argv[1], "trusted.overlay.opaque") == b"y"' "$fs/$dir"
	done
	[ "$(image get example/two:1 | jq -r '.config.config.Cmd[0]')" = /bin/sh ]
}

@test "hostile layers are refused, and nothing outside is touched" {
	canary >untouched
	for kind in $(kinds 'layers that must be refused' | grep -v -e symlink_then -e hardlink_to_symlink); do
		make layer "$kind" l.tar
		run image create hostile l.tar
		echo "$kind: $output"
		[ "$status" = 125 ]
		[ "${#lines[@]}" = 1 ]
		[[ $output != *[[:cntrl:]]* ]]
		[ -z "$(image list -q)" ]
	done
	# these are legal, and stay inside
	for kind in symlink_then_itself symlink_then_directory hardlink_to_symlink; do
		make layer "$kind" l.tar
		image create "legal/${kind//_/-}" l.tar
	done
	canary | diff untouched -
	no_remains
	image check
}

@test "images whose digests, sizes or media types are wrong are refused, and leave nothing" {
	for kind in index_and_manifest wrong_digest wrong_config_digest wrong_manifest_digest wrong_diff_id size_short \
		size_long media_type layer_count bomb hostile no_name other_platform; do
		rm -rf layout "$DATA"
		make layout "$kind" layout
		tar -cf layout.tar -C layout .
		for from in layout layout.tar; do
			run image import "$from"
			echo "$kind: $output"
			[ "$status" = 125 ]
			[ "${#lines[@]}" = 1 ]
			[ -z "$(image list -q)" ]
			no_remains
			image check
		done
	done
	for kind in wrong_config symlink_out symlink_loop; do
		make docker "$kind" d.tar
		run image import d.tar
		echo "$kind: $output"
		[ "$status" = 125 ]
	done
	run image import l.tar
	[ "$status" = 125 ]
	image prune
	[ -z "$(find "$DATA" -type f ! -name lock)" ]
}

@test "import: what docker save wrote, old and new; several images share layers" {
	make docker old old.tar
	image import old.tar
	[ "$(image list -q | tr '\n' ' ')" = "old old:1 " ]
	make layout two_images layout
	tar -cJf layout.tar.xz -C layout .
	image import - <layout.tar.xz
	[ "$(image list -q | tr '\n' ' ')" = "example/other:2 example/two:1 old old:1 " ]
	[ "$(find "$DATA/layers" -mindepth 1 -maxdepth 1 | wc -l)" = 3 ]
	run image import one layout
	[[ $output == *"there are 2 images in it"* ]]
	make layout platforms many
	image import many
	image get many | jq -e '.layers | length == 2'
	image import another many
	image check
}

@test "import: a name that is only a tag is not enough" {
	make layout good layout
	jq '.manifests[].annotations = {"org.opencontainers.image.ref.name": "latest"}' layout/index.json >index.json
	mv index.json layout
	run -125 image import layout
	[[ $output == *"its name there is only a tag, 'latest'; say whose: image import NAME ARCHIVE" ]]
	image import some/thing layout
	[ "$(image list -q)" = some/thing ]
}

@test "export is read by skopeo, and by ourselves, bit by bit" {
	command -v skopeo || skip "skopeo is not installed"
	make layout good layout
	image import layout
	image export example/two:1 docker.tar
	image export --format oci example/two:1 >oci.tar
	skopeo copy -q docker-archive:docker.tar oci:from-docker:x
	skopeo copy -q oci-archive:oci.tar dir:from-oci
	# as OCI it is the same to the last bit
	for blob in layout/blobs/sha256/*; do
		cmp "$blob" "from-oci/${blob##*/}" || cmp "$blob" from-oci/manifest.json
	done
	skopeo copy -q oci:layout:example/two:1 docker-archive:skopeo.tar:foo/bar:9
	skopeo copy -q oci:layout:example/two:1 oci-archive:skopeo-oci.tar:foo/bar:10
	for from in skopeo.tar docker.tar oci.tar; do
		image import "$from"
	done
	image import foo/bar:10 skopeo-oci.tar
	image import from/docker from-docker
	for name in foo/bar:9 foo/bar:10 from/docker; do
		[ "$(image get "$name" | jq -c '[.layers[].diff_id]')" = "$(image get example/two:1 | jq -c '[.layers[].diff_id]')" ]
	done
	[ "$(find "$DATA/layers" -mindepth 1 -maxdepth 1 | wc -l)" = 2 ]
	[ "$(image get example/two:1 | jq -r .manifest)" = "$(jq -r '.manifests[0].digest' layout/index.json)" ]
	image check
}

@test "list, get, tag, delete, prune" {
	make layer everything l.tar
	image create --cmd redis-server -e A=b --workdir /data -l k=v redis l.tar
	image tag redis localhost:5000/x/redis:7
	run image list
	[[ ${lines[0]} =~ ^ID\ +LAYER_ID\ +CREATED\ +SIZE$ ]]
	[ "${#lines[@]}" = 3 ]
	image get redis:latest | jq -e '.config.config == {"Cmd":["redis-server"],"Env":["A=b"],"WorkingDir":"/data","Labels":{"k":"v"}}'
	id=$(image get redis | jq -r .id)
	[ "$(image get "${id:7:12}" | jq -r .id)" = "$id" ]
	[ "$(image list --format json | jq -r '.[1].name')" = redis ]
	run -125 image delete "$id"
	[[ $output == *"has 2 names"* ]]
	image delete redis
	# a container needs it
	mkdir -p "$DATA/containers/c1"
	layer=$(image get "$id" | jq -r '.layers[0].diff_id')
	manifest=$(image get "$id" | jq -r .manifest)
	jq -n --arg id "$id" --arg m "$manifest" --arg layer "$layer" '{id: "c1", image: "redis", image_id: $id, manifest: $m,
		layers: [$layer], created: "2024-01-01T00:00:00Z", network: "none"}' >"$DATA/containers/c1/container.json"
	run -125 image delete localhost:5000/x/redis:7
	[[ $output == *"container 'c1' is made of it"* ]]
	image prune -a
	run -0 image delete -f "$id"
	[[ $output == *"container 'c1' is made of it: its layers and blobs stay"* ]]
	[ -d "$DATA/layers/${layer#sha256:}/fs" ]
	[ "$(find "$DATA/images/blobs" -type f | wc -l)" = 3 ]
	[ -z "$(image list -q)" ]
	# of an older record only the layers are known
	jq 'del(.manifest)' "$DATA/containers/c1/container.json" >old.json
	mv old.json "$DATA/containers/c1/container.json"
	image prune
	[ -d "$DATA/layers/${layer#sha256:}/fs" ]
	rm -r "$DATA/containers/c1"
	image prune
	[ -z "$(ls -A "$DATA/layers")" ] && [ -z "$(find "$DATA/images/blobs" -type f)" ]
	run -125 image delete redis
	run -125 image get redis
	for name in Redis ../x 'a b' ''; do
		run -125 image tag redis "$name"
		run -125 image create "$name" l.tar
	done
	image check
}

@test "check finds a blob that was changed, and a layer that is missing" {
	make layout good layout
	image import layout
	blob=$(image get example/two:1 | jq -r '.layers[0].digest')
	printf x | dd of="$DATA/images/blobs/sha256/${blob#sha256:}" conv=notrunc status=none
	run -1 image check
	[[ $output == *"$blob: its content has another digest"* ]]
	rm -r "$DATA/layers/$(image get example/two:1 | jq -r '.layers[1].diff_id[7:]')"
	run -1 image check
	[[ $output == *"is missing"* ]]
	# importing again brings it back, once the damaged one is gone
	image delete -f example/two:1
	image import layout
	image check
}

@test "an import that is killed leaves nothing visible, and the next one goes on" {
	mkdir root
	for i in $(seq 300); do
		head -c 30000 /dev/urandom >"root/f$i"
	done
	tar -cf l.tar -C root .
	image create big l.tar
	image export big save.tar
	rm -rf "$DATA"
	for i in $(seq 25); do
		image import save.tar >/dev/null &
		sleep "0.0$((i % 8))$((i % 3))"
		kill -9 $! 2>/dev/null || true
		wait $! 2>/dev/null || true
		[ ! -d "$DATA" ] || image check
		[ $((i % 9)) != 0 ] || image prune
	done
	image import save.tar
	[ "$(tree big | wc -l)" = 301 ]
	image check
	image prune
	no_remains
	image delete big
	[ -z "$(find "$DATA" -type f ! -name lock)" ]
}

# before what it writes has its name
@test "killed while it writes a name: the name that there was holds, and prune takes the rest" {
	make layer everything l.tar
	image create first l.tar
	image create second l.tar
	run strace -o /dev/null -e trace=renameat -e inject=renameat:signal=KILL:when=1 \
		"$CAPSULE_BUILD/capsule-image" --data-root "$DATA" tag second first
	[ "$status" = 137 ]
	[ "$(ls -A "$DATA/images/names")" = "$(printf '%s\n' .first.tmp first second)" ]
	image check
	image list
	[[ $(image prune) == "removed: 0 layers, 0 blobs, 1 remains; "* ]]
	[ "$(ls -A "$DATA/images/names")" = "$(printf '%s\n' first second)" ]
}

@test "a full disk: one line, the store as it was, and it works again with room" {
	mkdir small
	mount -t tmpfs -o size=4m tmpfs small
	DATA=$WORK/small/data
	make layer everything l.tar
	image create first l.tar
	mkdir root
	head -c 3000000 /dev/urandom >root/f
	tar -cf l.tar -C root .
	run -125 image create second l.tar
	[ "${#lines[@]}" = 1 ]
	[[ $output == *"No space left on device"* ]]
	[ "$(image list -q)" = first ]
	image check
	image prune
	no_remains
	mount -o remount,size=16m "$WORK/small"
	image create second l.tar
	image check
	umount small
}

@test "a name is on its disk after all that it leads to" {
	make layer everything l.tar
	image create first l.tar
	strace -f -o trace -e trace=syncfs,fsync,fdatasync,renameat,renameat2 "$CAPSULE_BUILD/capsule-image" --data-root "$DATA" create second l.tar
	# all files by one call, then the name's own file, and its directory
	[ "$(sed -n 's/^[0-9]* *\([a-z0-9]*\)(.*/\1/p' trace | tail -n 4 | xargs)" = "syncfs fsync renameat fsync" ]
	[ "$(grep -c 'sync(\|syncfs(' trace)" = 3 ]
	grep 'renameat.*second' trace
	run -125 strace -f -o /dev/null -e inject=syncfs:error=EIO "$CAPSULE_BUILD/capsule-image" --data-root "$DATA" create third l.tar
	[[ $output == *"name image 'third': sync '$DATA': Input/output error" ]]
	run -125 strace -f -o /dev/null -e inject=fsync:error=EIO "$CAPSULE_BUILD/capsule-image" --data-root "$DATA" create third l.tar
	[ "$(image list -q | xargs)" = "first second" ]
	image check
}

@test "what a power failure has left of an import that had no name yet is not built on" {
	local layer
	make layer everything l.tar
	image create first l.tar
	tree first | grep -v ' d ' >files
	layer=$DATA/layers/$(image get first | jq -r '.layers[0].diff_id[7:]')
	# names are missing, files are torn, the machine has started again
	rm "$DATA/images/names/first"
	find "$layer/fs" -type f -size +0 -exec truncate -s 0 {} +
	find "$DATA/images/blobs" -type f -exec dd if=/dev/zero of={} bs=1 count=9 conv=notrunc status=none \;
	echo rubbish >"$DATA/images/ingest/$(printf '%064d' 1)"
	printf '%s' 00000000-0000-0000-0000-000000000000 >"$DATA/images/lock"
	image create second l.tar
	tree second | grep -v ' d ' | diff files -
	image check
	[ -z "$(ls -A "$DATA/images/ingest")" ]
	[ "$(cat "$DATA/images/lock")" = "$(cat /proc/sys/kernel/random/boot_id)" ]
	# an image that cannot be read: what it needs is not known, and nothing is removed
	rm "$DATA/images/blobs/sha256/$(image get second | jq -r '.id[7:]')"
	: >"$DATA/images/lock"
	run -0 image create third l.tar
	[[ $output == *"what the machine's last run has left stays: image 'second'"* ]]
	[ ! -s "$DATA/images/lock" ]
}

# progress COLUMNS COMMAND...: what stands on a terminal of that width, a line each time that it is drawn. Writing is slow.
progress() {
	local columns=$1
	shift
	script -qefc "stty rows 24 cols $columns; strace -f -o /dev/null -e trace=write -e inject=write:delay_enter=20000 \
		'$CAPSULE_BUILD/capsule-image' --data-root '$DATA' $*" /dev/null </dev/null | tr -d '\n' | sed 's/\r\x1b\[K/\n/g' | tr -d '\r'
}

@test "progress: bytes, rate and time left on a terminal, as wide as that is; nothing in a pipe" {
	head -c 8000000 /dev/urandom >noise
	tar -cf l.tar noise
	image create big l.tar
	image export big save.tar
	rm -r "$DATA"
	progress 100 import save.tar >seen
	cat -v seen
	grep -qE '^import  \[=+ *\]  [0-9.]+ [kM]?B / 16.0 MB  [0-9.]+ [kM]?B/s  0:[0-9]{2} left$' seen
	[ "$(awk '{ if (length > most) most = length } END { print most < 100 }' seen)" = 1 ]
	grep -qx big seen # on a line of its own
	rm -r "$DATA"
	progress 30 import save.tar >seen
	grep -qE '^[0-9.]+ [kM]?B / 16.0 MB' seen
	[ "$(awk '{ if (length > most) most = length } END { print most < 30 }' seen)" = 1 ]
	rm -r "$DATA"
	image import save.tar >out 2>err
	[ "$(cat out)" = big ] && [ ! -s err ]
}

@test "two imports of the same at once" {
	make layout two_images layout
	for i in 1 2 3 4; do
		image import layout >/dev/null &
	done
	wait
	image check
	[ "$(image list -q | wc -l)" = 2 ]
	no_remains
}
