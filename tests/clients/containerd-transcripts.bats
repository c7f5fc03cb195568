#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Conversations that newer containerds have held with our shim, held again with recorded requests: options on stdin in three forms,
# metadata in each request, what is asked when they come back. Containers are real.

load helpers

export OWN='^(file /run/capsule-runtime(/\.seccomp.*)?$|cgroup /sys/fs/cgroup/([^/]*/)?default$)'

setup() {
	integ_setup
}

teardown() {
	pidof containerd-shim-capsule-v2 | xargs -r kill -KILL
	rm -rf --one-file-system /run/containerd /run/elsewhere /run/log /var/lib/containerd/io.containerd.*
	integ_teardown
}

teardown_file() {
	find /sys/fs/cgroup -depth -type d -name default -exec rmdir {} +
}

# replayed VERSION: what is left is nothing, and the events are in their order.
replayed() {
	run -0 python3 "$CLIENTS/replay.py" "$CLIENTS_BUILD/containerd-shim-capsule-v2" "$INTEG_ROOTFS" "$CAPSULE_INTEG/config.json" \
		"$CLIENTS/transcripts/$1.txt"
	# both had been deleted already: it says what it says of what it does not know
	is "delete t1 [137]
delete t2 [137]
t1:create t1:start t1:exit t1:delete t2:create t2:start t2:exec-added t2:exec-started t2:exit t2:paused t2:resumed t2:exec-added t2:exec-started t2:exit t2:exit t2:delete" "$output"
	wait_until 5 eval '! pidof containerd-shim-capsule-v2 >/dev/null'
	is "" "$(ls /run/containerd/s)"
	# where the options wanted the state of t2
	is events.log "$(ls /run/elsewhere/default)"
	run ! grep /run/containerd/io.containerd.runtime.v2.task /proc/mounts
}

@test "containerd 1.7.24: a recorded conversation with our shim" { replayed 1.7.24; }

@test "containerd 2.1.9: a recorded conversation with our shim" { replayed 2.1.9; }

@test "containerd 2.3.4: a recorded conversation with our shim" { replayed 2.3.4; }
