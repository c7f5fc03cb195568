#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Conversations that newer containerds have held with our shim, held again with recorded requests: options on stdin in three forms,
# metadata in each request, what is asked when they come back. Containers are real.

load helpers

export OWN='^(file /run/capsule-runtime(/\.seccomp.*)?$|cgroup /sys/fs/cgroup/([^/]*/)?(default|k8s\.io)$)'

setup() {
	integ_setup
}

teardown() {
	pidof containerd-shim-capsule-v2 | xargs -r kill -KILL
	rm -rf --one-file-system /run/containerd /run/elsewhere /run/log /var/lib/containerd/io.containerd.*
	integ_teardown
}

teardown_file() {
	find /sys/fs/cgroup -depth -type d \( -name default -o -name k8s.io \) -exec rmdir {} +
}

# replayed TRANSCRIPT ENDS EVENTS: nothing is left, and the events are in their order. What `delete` says is 137 where all had been told.
replayed() {
	run python3 "$CLIENTS/replay.py" "$CLIENTS_BUILD/containerd-shim-capsule-v2" "$INTEG_ROOTFS" "$CAPSULE_INTEG/config.json" \
		"$CLIENTS/transcripts/$1.txt"
	is "$2"$'\n'"$3" "$output"
	wait_until 5 eval '! pidof containerd-shim-capsule-v2 >/dev/null'
	is "" "$(ls /run/containerd/s)"
	run ! grep /run/containerd/io.containerd.runtime.v2.task /proc/mounts
}

# ctr: one container in the foreground; one that has options, among them where its state is to be
by_ctr() {
	replayed "$1" $'delete t1 [137]\ndelete t2 [137]' "t1:create t1:start t1:exit t1:delete t2:create t2:start t2:exec-added t2:exec-started t2:exit \
t2:paused t2:resumed t2:exec-added t2:exec-started t2:exit t2:exit t2:delete"
	is events.log "$(ls /run/elsewhere/default)"
}

@test "containerd 1.7.24: a recorded conversation with our shim" { by_ctr 1.7.24; }

@test "containerd 2.1.9: a recorded conversation with our shim" { by_ctr 2.1.9; }

@test "containerd 2.3.4: a recorded conversation with our shim" { by_ctr 2.3.4; }

@test "containerd 2.3.4: a recorded conversation of its CRI plugin" {
	replayed 2.3.4-cri $'delete 4a [137]\ndelete e8 [137]' "e8:create e8:start 4a:create 4a:start 4a:exec-added 4a:exec-started 4a:exit \
4a:exit 4a:delete e8:exit e8:delete"
	is events.log "$(ls /run/containerd/capsule/k8s.io)"
}
