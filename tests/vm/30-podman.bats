#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# podman with our runtime, as it is used where systemd and cgroup v2 are: cgroups by systemd, and made directly.
bats_require_minimum_version 1.5.0
load vm-helpers

setup_file() {
	export INTEG_ROOTFS=/var/tmp/podman-rootfs
	mkdir -p "$INTEG_ROOTFS"/{bin,dev,etc,proc,sys,tmp,root,run}
	cp /bin/busybox "$INTEG_ROOTFS/bin/"
	for name in sh cat sleep true id mkdir ls kill; do
		ln -s busybox "$INTEG_ROOTFS/bin/$name"
	done
	printf 'root:x:0:0:root:/root:/bin/sh\n' >"$INTEG_ROOTFS/etc/passwd"
	tar -C "$INTEG_ROOTFS" -c . | pod cgroupfs import - tiny
}
setup() { :; }
teardown() {
	pod "$MANAGER" rm --force --all --time 0 >/dev/null
	# no scope and no cgroup of a container's
	[ -z "$(find /sys/fs/cgroup -type d -name 'libpod-*' ! -name '*conmon*')" ]
	! systemctl list-units --all --plain --no-legend 'libpod-*.scope' | grep -vq conmon
}

# pod MANAGER WORD...: podman as root, or with AS=as_user as the user
pod() {
	local manager=$1
	shift
	${AS:-} podman --log-level error --runtime "$CAPSULE_BUILD/capsule-runtime" --cgroup-manager "$manager" \
		--root "/var/tmp/podman$AS" --runroot "${RUNROOT:-/run/podman-test}" --events-backend file "$@"
}

run_and_limit() {
	local id dir
	MANAGER=$1
	run -7 pod "$1" run --rm --network none tiny sh -c 'echo out; exit 7'
	[ "$output" = out ]
	id=$(pod "$1" run --detach --network none --memory 64m --pids-limit 30 --cpus 0.5 --name web tiny sleep 300)
	dir=/sys/fs/cgroup$(cut -d: -f3 "/proc/$(pod "$1" inspect --format '{{.State.Pid}}' web)/cgroup")
	[[ $dir == "$2"$id* ]]
	[ "$(cat "$dir/memory.max")" = 67108864 ]
	[ "$(cat "$dir/pids.max")" = 30 ]
	[ "$(cat "$dir/cpu.max")" = "50000 100000" ]
	[ "$(pod "$1" exec web id -u)" = 0 ]
	[[ $(pod "$1" stats --no-stream --format '{{.PIDS}}' web) == 1 ]]
	pod "$1" pause web
	[ "$(cat "$dir/cgroup.freeze")" = 1 ]
	pod "$1" unpause web
	pod "$1" stop --time 0 web
	[ "$(pod "$1" inspect --format '{{.State.ExitCode}}' web)" = 137 ]
	pod "$1" rm web
}

@test "podman, cgroups by systemd: run, limits, exec, stats, pause, stop, rm" {
	run_and_limit systemd /sys/fs/cgroup/machine.slice/libpod-
}

@test "podman, cgroups made directly: run, limits, exec, stats, pause, stop, rm" {
	run_and_limit cgroupfs /sys/fs/cgroup/libpod_parent/libpod-
}

@test "podman of a user who is not root, cgroups by his systemd" {
	local id dir
	MANAGER=systemd AS=as_user RUNROOT=/run/user/$ID/podman-test
	wait_for_user
	install -d -o "$ID" -g "$ID" /var/tmp/podmanas_user
	tar -C /var/tmp/podman-rootfs -c . | pod systemd import - tiny
	run -7 --separate-stderr pod systemd run --rm --network none tiny sh -c 'id -u; exit 7'
	[ "$output" = 0 ]
	id=$(pod systemd run --detach --network none --memory 64m --pids-limit 30 tiny sleep 300)
	dir=/sys/fs/cgroup/user.slice/user-$ID.slice/user@$ID.service/user.slice/libpod-$id.scope
	[ "$(cat "$dir"/memory.max)" = 67108864 ]
	[ "$(cat "$dir"/pids.max)" = 30 ]
	[ "$(pod systemd exec "$id" id -u)" = 0 ]
}
