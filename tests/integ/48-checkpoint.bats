#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016,SC2154 # words for the shells in containers; bats sets stderr
#
# checkpoint and restore, as far as they can be shown where CRIU cannot dump (3.17 on Linux 6.18): what goes wrong leaves the
# container as it was, and nothing else. That they work is shown in tests/vm/40-checkpoint.bats.
bats_require_minimum_version 1.5.0
load helpers
setup() {
	integ_setup
	mkdir "$WORK/shared"
	config '.mounts += [{"destination":"/mnt","type":"bind","source":$w,"options":["bind"]}]' --arg w "$WORK/shared"
	# The first process redirects nothing: for as long as a shell does, its descriptors are others.
	args sh -c 'i=0; while :; do i=$((i+1)); (echo $i >/mnt/new); mv /mnt/new /mnt/count; done'
}
teardown() { integ_teardown; }

counts() {
	local before
	before=$(cat "$WORK/shared/count") || return 1
	sleep 0.05
	[ "$(cat "$WORK/shared/count")" -gt "$before" ]
}

start() {
	runtime run -d "$@" </dev/null >/dev/null 2>&1
	wait_until 5 counts
}

# A program in CRIU's place: fake NAME <<'END'
fake() {
	cat >"$WORK/$1"
	chmod +x "$WORK/$1"
}

# A directory that looks like a checkpoint.
images() {
	mkdir "$1"
	echo '["/dev/null","/dev/null","/dev/null"]' >"$1/descriptors.json"
	echo image >"$1/inventory.img"
}

nothing_of() {
	[ ! -e "$ROOT/$1" ]
	[ -z "$(find /sys/fs/cgroup -name "$1")" ]
	run ! grep criu-root /proc/self/mountinfo
}

# The container's own dump and restore by what speaks as CRIU does.
as_criu() {
	local verb=$1
	shift
	runtime --criu "$CAPSULE_INTEG/fake-criu.py" "$verb" --image-path "$WORK/im" "$@"
}

# What CRIU was asked.
asked() {
	jq -r "$2" "$WORK/im/$1-request"
}

@test "a CRIU that cannot dump: its own words and log, status 1, and the container goes on" {
	start c
	run --separate-stderr runtime checkpoint --image-path "$WORK/im" --work-path "$WORK/work" c
	if [ "$status" = 0 ]; then # it can, on this kernel
		run -1 runtime state c
		[ -s "$WORK/im/inventory.img" ]
		return
	fi
	[ "$status" = 1 ]
	[[ $stderr == *'checkpoint c: criu failed: type DUMP errno '*"(log file: $WORK/work/dump.log)"* ]]
	# words of the log are in it
	[[ $stderr == *"$(sed -n 's/.*Error ([^)]*): //p' "$WORK/work/dump.log" | grep -v '^exited\|^tun:' | head -n 1)"* ]]
	[ ! -e "$WORK/im/descriptors.json" ]
	[ "$(runtime state c | jq -r .status)" = running ]
	wait_until 5 counts
	runtime delete -f c
}

@test "CRIU that is not there, dies, talks nonsense, or leaves the container frozen" {
	local freezer state
	start c
	run -1 --separate-stderr runtime --criu "$WORK/none" checkpoint --image-path "$WORK/im" c
	[[ $stderr == *"--criu '$WORK/none': No such file"* ]]
	run -1 --separate-stderr env PATH=/usr/bin "$RUNTIME" --criu nobody --root "$ROOT" checkpoint --image-path "$WORK/im" c
	[[ $stderr == *"there is no 'nobody': is CRIU installed?"* ]]
	run -1 --separate-stderr runtime --criu /bin/false checkpoint --image-path "$WORK/im" c
	[[ $stderr == *'CRIU ended without an answer'* ]]
	fake nonsense <<-'END'
		#!/bin/sh
		echo nonsense >&"$2"
	END
	run -1 --separate-stderr runtime --criu "$WORK/nonsense" checkpoint --image-path "$WORK/im" c
	[[ $stderr == *"CRIU's answer cannot be read"* ]]
	freezer=/sys/fs/cgroup/freezer/c/freezer.state state=FROZEN
	! is_v2 || freezer=/sys/fs/cgroup/c/cgroup.freeze state=1
	fake freezes <<-END
		#!/bin/sh
		echo $state >$freezer
	END
	run -1 --separate-stderr runtime --criu "$WORK/freezes" checkpoint --image-path "$WORK/im" c
	[[ "$(cat "$freezer")" = @(THAWED|0) ]]
	wait_until 5 counts
	# too old: 3.9
	fake old <<-'END'
		#!/bin/sh
		printf '\010\012\020\001\122\004\010\003\020\011' >&"$2"
		read -r forever <&"$2"
	END
	run -1 --separate-stderr runtime --criu "$WORK/old" checkpoint --image-path "$WORK/im" c
	[[ $stderr == *'CRIU is of version 3.9, and it takes 3.15'* ]]
	runtime delete -f c
}

@test "what cannot be checkpointed, and options that make no sense" {
	run -1 --separate-stderr runtime checkpoint --image-path "$WORK/im" c
	[[ $stderr == *'does not exist'* ]]
	runtime create c
	run -1 --separate-stderr runtime checkpoint --image-path "$WORK/im" c
	[[ $stderr == *'Container cannot be checkpointed in created state'* ]]
	runtime start c
	runtime kill c KILL
	wait_until 5 eval '[ "$(runtime state c | jq -r .status)" = stopped ]'
	run -1 --separate-stderr runtime checkpoint --image-path "$WORK/im" c
	[[ $stderr == *'Container cannot be checkpointed in stopped state'* ]]
	runtime delete c
	[ ! -e "$WORK/im" ]
	start c
	run -1 --separate-stderr runtime checkpoint --image-path "$WORK/im" --parent-path "$WORK" c
	[[ $stderr == *'--parent-path must be relative'* ]]
	run -1 --separate-stderr runtime checkpoint --image-path "$WORK/im" --parent-path ../none c
	[[ $stderr == *'invalid --parent-path'*'No such file'* ]]
	run -1 --separate-stderr runtime checkpoint --image-path "$WORK/im" --parent-path ../../etc c
	[[ $stderr == *'invalid --parent-path'*'leads out of the directory above it'* ]]
	run -1 --separate-stderr runtime checkpoint --image-path "$WORK/im" --manage-cgroups-mode hard c
	[[ $stderr == *"Invalid manage cgroups mode: 'hard'"* ]]
	run -1 --separate-stderr runtime checkpoint --image-path "$WORK/im" --empty-ns pid c
	[[ $stderr == *'namespace \"pid\" is not supported'* ]]
	run -1 --separate-stderr runtime checkpoint --image-path "$WORK/im" --page-server nowhere c
	[[ $stderr == *'--page-server ADDRESS:PORT'* ]]
	run -1 --separate-stderr runtime checkpoint --image-path "$WORK/im" --lazy-pages --status-fd 77 c
	[[ $stderr == *'invalid --status-fd argument 77'* ]]
	ln -s /etc/passwd "$WORK/im/dump.log"
	run -1 --separate-stderr runtime checkpoint --image-path "$WORK/im" c
	[[ $stderr == *"'dump.log' is a symlink"* ]]
	wait_until 5 counts
	runtime delete -f c
}

@test "images that mean ill never get as far as CRIU" {
	fake criu <<-END
		#!/bin/sh
		touch $WORK/was-run
	END
	refused() {
		local words=$1
		shift
		run -1 --separate-stderr runtime --criu "$WORK/criu" restore --image-path "$WORK/im" c
		[[ $stderr == *"$words"* ]]
		[ ! -e "$WORK/was-run" ]
		nothing_of c
		rm -rf "$WORK/im"
		images "$WORK/im"
	}
	refused "No such file"
	ln -s /etc/shadow "$WORK/im/pages-1.img"
	refused "'pages-1.img' is a symlink"
	ln -sf /etc/passwd "$WORK/im/descriptors.json"
	refused "'descriptors.json' is a symlink"
	ln -s /etc/passwd "$WORK/im/restore.log"
	refused "'restore.log' is a symlink"
	mkfifo "$WORK/im/fifo"
	refused "'fifo' is no file"
	ln -s / "$WORK/im/parent"
	refused "'parent' leads out of the directory above it"
	ln -s ../im "$WORK/im/parent"
	refused 'a chain of more than 64 parents'
	head -c 100000 /dev/zero | tr '\0' '[' >"$WORK/im/descriptors.json"
	refused "descriptors.json"
	echo '{"a": 1}' >"$WORK/im/descriptors.json"
	refused "descriptors.json"
	rm "$WORK/im/descriptors.json"
	refused 'is it a whole checkpoint?'
}

@test "a restore that fails leaves nothing; what is in its way is named" {
	images "$WORK/im"
	config '.linux.resources.pids.limit = 30'
	run -1 --separate-stderr runtime --criu /bin/false restore --pid-file "$WORK/pid" --image-path "$WORK/im" c
	[[ $stderr == *'restore c: start-criu: CRIU ended without an answer'* ]]
	nothing_of c
	[ ! -e "$WORK/pid" ]
	# that these are no images it finds out itself, once it is in the container's group
	run -1 --separate-stderr runtime restore --image-path "$WORK/im" --work-path "$WORK/work" c
	[[ $stderr == *'restore c: restore: criu failed: type RESTORE errno '*"(log file: $WORK/work/restore.log)"* ]]
	nothing_of c
	start c
	run -1 --separate-stderr runtime restore --image-path "$WORK/im" c
	[[ $stderr == *"container with given ID already exists: 'c'"* ]]
	wait_until 5 counts
	runtime delete -f c
	config '.process.terminal = true'
	run -1 --separate-stderr runtime restore -d --image-path "$WORK/im" c
	[[ $stderr == *'--console-socket'* ]]
	config '.process.terminal = false | .mounts[-1].source = "/none"'
	run -1 --separate-stderr runtime restore --image-path "$WORK/im" c
	[[ $stderr == *"bind '/none'"* || $stderr == *"open '/none'"* ]]
	nothing_of c
	# without its program
	mkdir "$WORK/alone"
	cp "$RUNTIME" "$WORK/alone/"
	run -1 --separate-stderr env PATH=/usr/bin "$WORK/alone/capsule-runtime" --root "$ROOT" restore c
	[[ $stderr == *"restore: capsule-criu is neither beside '$WORK/alone/capsule-runtime' nor in "* ]]
}

@test "what CRIU is asked at a dump, and what is done when it has: the container is gone, or goes on" {
	local pid
	config '.hooks.poststop = [{"path": "/bin/sh", "args": ["sh", "-c", "cat >'"$WORK"'/poststop"]}]'
	runtime run -d c </dev/null >"$WORK/out" 2>&1
	wait_until 5 counts
	pid=$(runtime state c | jq .pid)
	as_criu checkpoint --leave-running --tcp-established c
	[ "$(asked dump '"\(.pid) \(.leave_running) \(.tcp_established) \(.file_locks) \(.root)"')" = "$pid 1 1 null $INTEG_ROOTFS" ]
	[ "$(asked dump '.mounts[0] | join(" ")')" = '/mnt /mnt' ]
	[ "$(asked dump '.mounts[] | select(.[0] == "/proc/keys")[1]')" = /dev/null ]
	# stdio that is not in the container: by mount and inode, and so it is written down
	asked dump .
	[ "$(asked dump '.external | length')" = 3 ]
	[[ $(asked dump '.external[1]') == "file[$(printf %x "$(sed -n 's/^mnt_id:\t*//p' "/proc/$pid/fdinfo/1")"):$(printf %x "$(stat -c %i "$WORK/out")")]" ]]
	[ "$(jq -r '.[1]' "$WORK/im/descriptors.json")" = "$(asked dump '.external[1]')" ]
	[ -e "$(asked dump .freeze_cgroup)" ]
	wait_until 5 counts
	as_criu checkpoint --pre-dump c
	wait_until 5 counts
	run -1 --separate-stderr as_criu checkpoint --lazy-pages c
	[[ $stderr == *'--lazy-pages: CRIU or the kernel lacks it'* ]]
	# what is to be written last cannot be: CRIU is told, and nothing has happened
	rm "$WORK/im/descriptors.json"
	mkdir "$WORK/im/descriptors.json"
	run -1 --separate-stderr as_criu checkpoint c
	[[ $stderr == *'checkpoint c: '*descriptors.json* ]]
	wait_until 5 counts
	rmdir "$WORK/im/descriptors.json"
	FAKE_FAIL=dump run -1 --separate-stderr as_criu checkpoint c
	[[ $stderr == *"checkpoint c: criu failed: type DUMP errno 5: fake: it was to fail (log file: $WORK/im/dump.log)"* ]]
	wait_until 5 counts
	[ ! -e "$WORK/poststop" ]
	as_criu checkpoint c
	nothing_of c
	[ "$(jq -r .status "$WORK/poststop")" = stopped ]
	# what could not be restored is not written down
	rm -r "$WORK/im"
	python3 -c 'import os,sys; os.dup2(os.open(sys.argv[1], os.O_WRONLY | os.O_NOFOLLOW), 1); os.execvp(sys.argv[2], sys.argv[2:])' \
		"$WORK/out" "$RUNTIME" --root "$ROOT" run -d c </dev/null
	run -1 --separate-stderr as_criu checkpoint c
	[[ $stderr == *'checkpoint c: descriptor 1 was opened with O_NOFOLLOW: CRIU could not restore it'* ]]
	[ ! -e "$WORK/im/dump-request" ]
	wait_until 5 counts
	runtime delete -f c
}

@test "what CRIU is asked at a restore, and what is around the processes it makes" {
	local pid
	images "$WORK/im"
	echo '["pipe:[17]","file[1f:2a]","/dev/null"]' >"$WORK/im/descriptors.json"
	config '.linux.resources.pids.limit = 30 | .hooks.createRuntime = [{"path": "/bin/sh", "args": ["sh", "-c", "cat >'"$WORK"'/hook; pwd >'"$WORK"'/pwd"]}]'
	as_criu restore -d --pid-file "$WORK/pid" c </dev/null >/dev/null
	pid=$(runtime state c | jq .pid)
	[ "$(cat "$WORK/pid")" = "$pid" ]
	[ "$(runtime state c | jq -r .status)" = running ]
	[ "$(asked restore .root)" = "$ROOT/c/criu-root" ]
	[ "$(asked restore '.inherited | map(join(" "))[]')" = $'pipe:[17] 0\nfile[1f:2a] 1' ]
	[ "$(asked restore '.mounts | map(select(.[0] == "/mnt"))[0][1]')" = "$WORK/shared" ]
	[ "$(asked restore '.cgroup_roots[0][1]')" = /c ]
	[ "$(jq -r '"\(.id) \(.status) \(.pid)"' "$WORK/hook")" = "c creating $pid" ]
	[ "$(cat "$WORK/pwd")" = "$BUNDLE" ]
	# its own mounts are nobody else's, and the root is read-only as config.json has it
	run ! grep criu-root /proc/self/mountinfo
	[ ! -e "$ROOT/c/criu-root" ]
	run ! touch "/proc/$pid/root/here"
	[[ $output == *'Read-only file system'* ]]
	[ "$(cat "$(find /sys/fs/cgroup -path '*/c/pids.max' | head -n 1)")" = 30 ]
	grep -q "^$pid\$" "$(find /sys/fs/cgroup -path '*/c/cgroup.procs' | head -n 1)"
	runtime pause c
	runtime resume c
	runtime kill c TERM
	wait_until 5 eval '[ "$(runtime state c | jq -r .status)" = stopped ]'
	runtime delete c
	# in the foreground the status is its own
	(as_criu restore c </dev/null || echo "status $?" >"$WORK/status") &
	wait_until 5 eval '[ "$(runtime state c | jq -r .status)" = running ]'
	runtime kill c USR1
	wait
	[ "$(cat "$WORK/status")" = 'status 3' ]
	nothing_of c
}

@test "a restore that CRIU, a hook, or what comes after refuses leaves nothing" {
	images "$WORK/im"
	config '.hooks.poststop = [{"path": "/bin/sh", "args": ["sh", "-c", "touch '"$WORK"'/poststop"]}]'
	FAKE_FAIL=restore run -1 --separate-stderr as_criu restore -d c
	[[ $stderr == *'restore c: restore: criu failed: type RESTORE errno 5: fake: it was to fail'* ]]
	nothing_of c
	FAKE_FAIL=late run -1 --separate-stderr as_criu restore -d c
	[[ $stderr == *'fake: it was to fail late'* ]]
	nothing_of c
	FAKE_FAIL=die run -1 --separate-stderr as_criu restore -d c
	[[ $stderr == *'restore c: restore: CRIU ended without an answer'* ]]
	nothing_of c
	run -1 --separate-stderr as_criu restore -d --pid-file /none/pid c </dev/null
	[[ $stderr == *"restore c: pid-file: "* ]]
	nothing_of c
	[ ! -e "$WORK/poststop" ]
	config '.hooks.createRuntime = [{"path": "/bin/sh", "args": ["sh", "-c", "echo no such luck >&2; exit 1"]}]'
	run -1 --separate-stderr as_criu restore -d c
	[[ $stderr == *'restore c: restore: '*'no such luck'* ]]
	nothing_of c
	[ -e "$WORK/poststop" ]
}

@test "a restored terminal goes to --console-socket, or is relayed" {
	images "$WORK/im"
	echo terminal >"$WORK/im/inventory.img"
	config '.process.terminal = true'
	python3 "$CAPSULE_INTEG/console.py" "$WORK/sock" "$WORK/tty" hello &
	wait_until 5 test -S "$WORK/sock"
	as_criu restore -d --console-socket "$WORK/sock" c
	wait_until 5 grep -q hello "$WORK/tty"
	runtime kill c TERM
	wait
	runtime delete c
	# none came
	echo image >"$WORK/im/inventory.img"
	run -1 --separate-stderr as_criu restore -d --console-socket "$WORK/sock" c
	[[ $stderr == *'restore c: console-hand-over: no terminal came from the container'* ]]
	nothing_of c
}
