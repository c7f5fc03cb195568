# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# For tests in the virtual machine's own world, with its systemd: no namespaces of tests/integ/run around them. The functions
# of tests/integ/helpers.bash work here too.

load ../integ/helpers

# guest.sh has made a user, whose systemd may still be on its way.
ID=1000

wait_for_user() {
	wait_until 60 test -S /run/user/$ID/bus
}

as_user() {
	setpriv --reuid=$ID --regid=$ID --init-groups env HOME=/home/tester XDG_RUNTIME_DIR=/run/user/$ID "$@"
}

# A root file system and a bundle, as tests/integ/run and integ_setup make them; and nobody else's state.
vm_setup() {
	export INTEG_ROOTFS=/var/tmp/vm-rootfs
	if [ ! -e "$INTEG_ROOTFS/ready" ]; then
		mkdir -p "$INTEG_ROOTFS"/{bin,dev,etc,proc,sys,tmp,root,mnt}
		cp /bin/busybox "$INTEG_ROOTFS/bin/"
		cp "$CAPSULE_BUILD/tests/integ/tinit" "$INTEG_ROOTFS/bin/"
		(cd "$INTEG_ROOTFS/bin" && ./busybox --list | ./tinit links busybox)
		printf 'root:x:0:0:root:/root:/bin/sh\n' >"$INTEG_ROOTFS/etc/passwd"
		touch "$INTEG_ROOTFS/ready"
	fi
	WORK=$(mktemp -d /var/tmp/t.XXXXXX)
	chmod 755 "$WORK"
	ROOT=$(basename "$BATS_TEST_FILENAME" .bats) # two files run at a time
	ROOT=/run/vm-$ROOT-$BATS_TEST_NUMBER
	BUNDLE=$WORK/bundle
	mkdir "$BUNDLE"
	sed 's|"path": "rootfs"|"path": "'"$INTEG_ROOTFS"'"|' "$CAPSULE_INTEG/config.json" >"$BUNDLE/config.json"
	cd "$BUNDLE" || return 1
}

# Nothing of a container's may be left: no directory, no unit of its name.
vm_teardown() {
	local id left
	cd / || return 1
	for id in "$ROOT"/*/; do
		[ ! -d "$id" ] || runtime delete --force "$(basename "$id")" || true
	done
	left=$(find "$ROOT" -mindepth 1 -maxdepth 1 ! -name '.seccomp*' ! -name 'events.log*' 2>/dev/null)
	rm -rf --one-file-system "$WORK" "$ROOT"
	[ -z "$left" ] || {
		echo "left behind: $left"
		return 1
	}
}
