#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016,SC2154 # words for the shells in containers; bats sets stderr
# capsule checkpoint and restore, by a CRIU that knows the kernel: what counts goes on counting, under another shim. Another
# file's containers have the name c, and groups of that name, at the same time.
bats_require_minimum_version 1.5.0
load vm-helpers
setup() {
	vm_setup
	mkdir "$WORK/shared"
	config '.mounts += [{"destination":"/mnt","type":"bind","source":$w,"options":["bind"]}]' --arg w "$WORK/shared"
}
teardown() {
	local id
	for id in one two; do
		[ ! -e "$ROOT/$id" ] || capsule delete -f "$id" || true
	done
	vm_teardown
}

export CAPSULE_NETWORK=none

# The last number in the log of $1.
count() {
	capsule log "$1" | tr -d '\r' | grep -x '[0-9]*' | tail -n 1
}

count_from() {
	wait_until 30 eval '[ "$(count '"$1"')" -gt '"$2"' ]'
}

# With CRIU's log if it fails: by_criu VERB ARGUMENT...
by_criu() {
	capsule "$1" --image-path "$WORK/im" "${@:2}" && return
	grep -hE 'Error|Warn' "$WORK"/im/*.log
	return 1
}

@test "checkpoint, restore: the log, stdin and the exit status are the new shim's; it can be done again" {
	local before foreground status
	args sh -c '(i=0; while :; do i=$((i+1)); echo $i; sleep 0.1; done) & read -r line; echo "read $line"; kill $!; exit 7'
	mkfifo "$WORK/in"
	exec 8<>"$WORK/in" # detached, it would find its input at an end
	capsule create one
	capsule start one <&8 >"$WORK/foreground" 8<&- &
	foreground=$!
	count_from one 3
	by_criu checkpoint --leave-running one
	count_from one "$(count one)"
	rm -rf "$WORK/im"
	by_criu checkpoint one
	[ "$(capsule state one | jq -c '[.status, .exit.code, .exit.checkpointed]')" = '["stopped",137,true]' ]
	wait $foreground && status=0 || status=$?
	[ "$status" = 137 ]
	exec 8<&-
	before=$(count one)
	capsule delete one
	# under its own name; what was in its pipes may be in both logs
	by_criu restore one
	count_from one "$before"
	[ "$(capsule log one | head -n 1)" -le $((before + 1)) ]
	[ "$(capsule log one | head -n 1)" -gt 3 ]
	[ "$(capsule exec one echo in)" = in ]
	# and what was restored once more, under another
	rm -rf "$WORK/im"
	by_criu checkpoint one
	before=$(count one)
	capsule delete one
	by_criu restore two
	count_from two "$before"
	printf 'on\n' | capsule attach two >"$WORK/attached" &
	[ "$(capsule wait two)" = 7 ]
	wait
	capsule log two | grep -x 'read on'
	[ "$(capsule state two | jq -c '[.exit.code, .exit.checkpointed]')" = '[7,null]' ]
	capsule delete two
}

@test "with a terminal" {
	local before
	config '.process.terminal = true'
	args sh -c 'i=0; while :; do i=$((i+1)); echo $i; sleep 0.1; done'
	capsule create one
	capsule start -d one
	count_from one 3
	by_criu checkpoint one
	before=$(count one)
	capsule delete one
	by_criu restore one
	count_from one "$before"
	[ "$(capsule exec one sh -c 'test -t 0 </proc/1/fd/0 && echo yes')" = yes ]
	capsule stop -t 0 one
	capsule delete one
}
