#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016 # words for the shells in containers
# podman container checkpoint and restore, with our runtime below.
bats_require_minimum_version 1.5.0
load vm-helpers

setup_file() {
	local rootfs=/var/tmp/podman-ckpt-rootfs
	mkdir -p "$rootfs"/{bin,dev,etc,proc,sys,tmp,root,run}
	cp /bin/busybox "$rootfs/bin/"
	for name in sh cat sleep mv; do
		ln -s busybox "$rootfs/bin/$name"
	done
	printf 'root:x:0:0:root:/root:/bin/sh\n' >"$rootfs/etc/passwd"
	tar -C "$rootfs" -c . | pod import - tiny
}
setup() { mkdir -p /var/tmp/ckpt-shared; }
teardown() {
	pod rm --force --all --time 0 >/dev/null
	rm -rf /var/tmp/ckpt-shared
}

pod() {
	podman --log-level error --runtime "$CAPSULE_BUILD/capsule-runtime" --cgroup-manager systemd \
		--root /var/tmp/podman-ckpt --runroot /run/podman-ckpt --events-backend file "$@"
}

count() {
	cat /var/tmp/ckpt-shared/count
}

count_from() {
	wait_until 30 eval '[ "$(count)" -gt '"$1"' ]'
}

@test "podman container checkpoint, restore; and by an archive, under another name" {
	local before
	pod run --detach --network none --memory 64m --volume /var/tmp/ckpt-shared:/shared --name web tiny \
		sh -c 'i=0; while :; do i=$((i+1)); (echo $i >/shared/new); mv /shared/new /shared/count; echo "line $i"; sleep 0.2; done'
	count_from 2
	pod container checkpoint web
	[ "$(pod inspect --format '{{.State.Status}} {{.State.Checkpointed}}' web)" = 'exited true' ]
	before=$(count)
	pod container restore web
	count_from "$before"
	[ "$(count)" -lt $((before + 200)) ]
	[ "$(pod inspect --format '{{.State.Status}}' web)" = running ]
	wait_until 20 eval 'pod logs --tail 1 web | grep -q line'
	pod container checkpoint --export /var/tmp/ckpt-shared/web.tar web
	before=$(count)
	pod rm --time 0 --force web
	pod container restore --import /var/tmp/ckpt-shared/web.tar --name other
	count_from "$before"
	[ "$(pod exec other cat /shared/count)" -ge "$before" ]
	[ "$(cat "/sys/fs/cgroup$(cut -d: -f3 "/proc/$(pod inspect --format '{{.State.Pid}}' other)/cgroup")/memory.max")" = 67108864 ]
}
