#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016,SC2030,SC2031,SC2034 # what the containers' shells expand; CTR_OPTIONS is ctr_run's
#
# Options of containerd.runc.v1.Options. ctr sends them to the runtime io.containerd.runc.v2 only: our shim is found by that name.

load helpers
load containerd-shim

CTR_OPTIONS=(--runtime io.containerd.runc.v2)
RUNTIME_UNDER_TEST=$CLIENTS_RUNTIME

setup_file() {
	ln -s "$CLIENTS_BUILD/containerd-shim-capsule-v2" /run/programs/containerd-shim-runc-v2
	containerd_prepare
}

# What would be left: the program's name is the link's
teardown() {
	containerd_clear
	wait_until 5 eval '! pidof containerd-shim-runc-v2 >/dev/null'
	integ_teardown
}

# server ID: for a container of $WORK/bundle; prints its address. ctr has no words for some of the options.
server() {
	(cd "$WORK/bundle" && containerd-shim-runc-v2 -namespace default -address /run/containerd/containerd.sock -id "$1" start </dev/null)
}

# asked ADDRESS METHOD ID
asked() {
	call containerd.task.v2.Task "$2" "$(field 1 "$(hex "$3")")" "$1"
}

# done_with ADDRESS ID
done_with() {
	asked "$1" Delete "$2"
	asked "$1" Shutdown "$2"
}

# create ADDRESS ID STDOUT OPTIONS: these one after the other in hexadecimal digits of protobuf
create() {
	call containerd.task.v2.Task Create "$(field 1 "$(hex "$2")")$(field 2 "$(hex "$WORK/bundle")")$(field 6 "$(hex "$3")")$(field 10 \
		"$(field 1 "$(hex containerd.runc.v1.Options)")$(field 2 "$4")")" "$1"
}

@test "containerd, our shim: options: BinaryName and Root, by path and in PATH" {
	ln -s "$RUNTIME_UNDER_TEST" /run/programs/capsule-runtime
	is hello "$(text ctr_run --rm --runc-binary "$RUNTIME_UNDER_TEST" img new echo hello)"
	start --runc-binary capsule-runtime --runc-root "$WORK/states" img o1 tinit sleep
	is $'events.log\no1' "$(ls "$WORK/states/default")"
	ctr task kill -s KILL o1
	becomes 5 STOPPED state o1
	ctr task rm o1 || true
	becomes 5 events.log ls "$WORK/states/default"
	fails 1 ctr_run --runc-binary no-such-runtime img o2 true
	has "OCI runtime 'no-such-runtime': not found in PATH" "$output"
	rm /run/programs/capsule-runtime
}

@test "containerd, our shim: options: NoPivotRoot" {
	is "bin dev" "$(text ctr_run --rm --no-pivot img new sh -c 'echo $(ls -d /bin | cut -c 2-) $(ls -d /dev | cut -c 2-)')"
	has "Read-only file system" "$(text ctr_run --rm --no-pivot --read-only img new sh -c 'touch /file 2>&1')"
}

@test "containerd, our shim: options: NoNewKeyring: the session keyring is the caller's, or a new one" {
	local address get="250 0 -3 0" ours option
	[ "$(uname -m)" = x86_64 ] || get="219 0 -3 0"
	# shellcheck disable=SC2086 # words
	ours=$("$CLIENTS_BUILD/tests/integ/tinit" syscall $get)
	# shellcheck disable=SC2086
	args tinit syscall $get
	for option in 0 1; do
		address=$(server "n$option")
		create "$address" "n$option" "file://$WORK/out$option" "100$option"
		asked "$address" Start "n$option"
		asked "$address" Wait "n$option"
		done_with "$address" "n$option"
	done
	has "errno 0" "$ours"
	is "$ours" "$(cat "$WORK/out1")"
	has "errno 0" "$(cat "$WORK/out0")"
	run ! [ "$ours" = "$(cat "$WORK/out0")" ]
}

@test "containerd, our shim: options: IoUid, IoGid: whose the pipes are" {
	local address
	mkfifo "$WORK/fifo"
	args sh -c 'stat -L -c %u:%g /proc/self/fd/1'
	exec 6<>"$WORK/fifo"
	address=$(server f1)
	# 1000 and 1001
	create "$address" f1 "$WORK/fifo" "20e80728e907"
	asked "$address" Start f1
	read -r -t 5 -u 6 output
	# the runtime gives them to the process's user, as runc does
	is 0:1001 "$output"
	asked "$address" Wait f1
	done_with "$address" f1
	# of a file they say nothing
	address=$(server f2)
	create "$address" f2 "file://$WORK/out" "20e80728e907"
	asked "$address" Start f2
	asked "$address" Wait f2
	is 0:0 "$(cat "$WORK/out")"
	done_with "$address" f2
	exec 6>&-
}

# Everything once, by the command line. In this world PATH has the name of runc for ours.
@test "containerd, our shim: options: BinaryName of another runtime: runc" {
	local runtime pid
	runtime=$(PATH=${PATH//\/run\/programs:/} command -v runc) || skip "no runc here"
	CTR_OPTIONS=(--runtime io.containerd.runc.v2 --runc-binary "$runtime")
	listen
	is hello "$(text ctr_run --rm img new echo hello)"
	fails 7 ctr_run --rm img new sh -c 'exit 7'
	fails 1 ctr_run --rm img new no-such-program
	has "OCI runtime create failed" "$output"
	has "no-such-program" "$output"
	start img r1 tinit sleep
	pid=$(pid r1)
	is "$(proc_status "$pid" PPid)" "$(pidof containerd-shim-runc-v2)"
	# it is that runtime's container
	is running "$("$runtime" --root /run/containerd/runc/default state r1 | jq -r .status)"
	is hello "$(text ctr task exec --exec-id e1 r1 echo hello)"
	fails 5 ctr task exec --exec-id e2 r1 sh -c 'exit 5'
	fails 1 ctr task exec --exec-id e3 r1 no-such-program
	has "no-such-program" "$output"
	is input "$( (echo input; sleep 0.5) | /usr/bin/ctr task exec --exec-id e4 r1 head -n 1 3>&- 4>&-)"
	run script -qec "stty rows 33 cols 77; ctr task exec -t --exec-id e5 r1 sh -c 'tty; until stty size | grep \"33 77\"; do sleep 0.1; done'" /dev/null <>/run/never
	has "/dev/pts/" "$output"
	has "33 77" "$output"
	ctr task pause r1
	is PAUSED "$(state r1)"
	is FROZEN "$(cgroup_file freezer freezer.state "$pid")"
	ctr task resume r1
	is RUNNING "$(state r1)"
	is 1 "$(ctr task metrics r1 | awk '$1 == "pids.current" {print $2}')"
	call containerd.task.v2.Task Update "$(field 1 "$(hex r1)")$(field 2 "$(field 1 \
		"$(hex types.containerd.io/opencontainers/runtime-spec/1/LinuxResources)")$(field 2 "$(hex '{"memory":{"limit":33554432}}')")")" \
		"$(cat /run/containerd/io.containerd.runtime.v2.task/default/r1/address)"
	is 33554432 "$(cgroup_file memory memory.limit_in_bytes "$pid")"
	ctr task kill -s USR1 r1
	becomes 5 STOPPED state r1
	has "exit code 3" "$(ctr task rm r1 2>&1)"
	becomes 5 'create start exec-added exec-started exit exec-added exec-started exit exec-added exec-added exec-started exit exec-added exec-started exit paused resumed exit delete ' heard r1
	run script -qec "ctr run --rm -t ${CTR_OPTIONS[*]} localhost/img:latest new-$SRANDOM sh -c 'tty; exit 4'" /dev/null <>/run/never
	is 4 "$status"
	has "/dev/pts/0" "$output"
	start --memory-limit 16777216 img r2 tinit eat 100000000
	becomes 10 'create start oom exit ' heard r2
	# the shim is killed: the runtime's container goes, too
	start img r3 tinit sleep
	pid=$(pid r3)
	ctr task rm -f r2 2>/dev/null || true
	wait_until 5 eval '[ "$(pidof containerd-shim-runc-v2 | wc -w)" = 1 ]'
	kill -9 "$(pidof containerd-shim-runc-v2)"
	wait_until 5 eval "! kill -0 $pid 2>/dev/null"
	becomes 5 "" ctr task ls -q
	kill "$LISTENER"
	becomes 10 "" ls /run/containerd/runc/default
	rm -r /run/containerd/runc
}

@test "containerd, our shim: options: BinaryName of another runtime: it fails, dies, or does half of what it is asked" {
	local runtime=$WORK/runtime address
	# what is asked of it, a line each; its behaviour is in a file
	printf '#!/bin/bash\nD=%s\necho "$*" >>$D/asked\nwhile [ $# -gt 1 ]; do [ "$1" != --log ] || log=$2; shift; done\n. $D/does\n' "$WORK" >"$runtime"
	chmod +x "$runtime"
	CTR_OPTIONS=(--runtime io.containerd.runc.v2 --runc-binary "$runtime")
	echo 'echo "{\"level\":\"error\",\"msg\":\"what it says\"}" >$log; exit 3' >"$WORK/does"
	fails 1 ctr_run img h1 true
	has "OCI runtime create failed: what it says" "$output"
	has "--root /run/containerd/runc/default --log " "$(cat "$WORK/asked")"
	has " --log-format json create --bundle /run/containerd/io.containerd.runtime.v2.task/default/h1 --pid-file /proc/" "$(cat "$WORK/asked")"
	# with the flags, which ctr does not send together with it
	address=$(server h5)
	has "$(hex 'what it says')" "$(create "$address" h5 "" "08011001$(field 6 "$(hex "$runtime")")")"
	has " create --bundle $WORK/bundle --no-pivot --no-new-keyring --pid-file /proc/" "$(cat "$WORK/asked")"
	asked "$address" Shutdown h5
	echo 'kill -9 $$' >"$WORK/does"
	fails 1 ctr_run img h2 true
	has "create: ended with signal 9" "$output"
	# it says that all is well, and there is nothing: what it may have made is deleted
	: >"$WORK/asked"
	echo 'exit 0' >"$WORK/does"
	fails 1 ctr_run img h3 true
	has "pid file" "$output"
	has "delete --force h3" "$(cat "$WORK/asked")"
	is "" "$(ctr task ls -q)"
	fails 1 ctr_run --runc-binary /etc/passwd img h4 true
	has "OCI runtime '/etc/passwd': not found" "$output"
}
