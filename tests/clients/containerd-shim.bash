# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2016 # what the files of tests use; what eval expands
#
# containerd 1.6 with our shim, which takes the runtime beside itself: what its files of tests share.

load containerd

CTR_OPTIONS=(--runtime io.containerd.capsule.v2)
# What containerd and the shim keep for themselves, and the parents of containers' cgroups. Not what is in the directories of
# sockets and of states: that must go.
export OWN='^(file /run/(containerd/(fifo|capsule/default/events.log.*)|cni)(/.*)?$|file /run/containerd/capsule(/default)?$|file /run/(capsule-runtime|containerd/capsule/default)(/\.seccomp.*)?$|cgroup /sys/fs/cgroup/([^/]*/)?default$)'

setup_file() {
	ln -s "$CLIENTS_BUILD/containerd-shim-capsule-v2" /run/programs/
	containerd_prepare
}

teardown_file() {
	containerd_end
}

setup() {
	integ_setup
}

teardown() {
	containerd_clear
	# `delete` runs a moment after the end
	wait_until 5 eval '! pidof containerd-shim-capsule-v2 >/dev/null'
	integ_teardown
}

# listen: events to $WORK/events, from when this returns
listen() {
	command ctr events >"$WORK/events" 3>&- 4>&- &
	LISTENER=$!
	# something to wait for: it is asked for until it has been heard
	wait_until 5 eval 'ctr_run --rm img new true; [ -s "$WORK/events" ]'
	sleep 0.5
	: >"$WORK/events"
}

# heard ID: the events of a container, one word each
heard() {
	sed -n "s|.* /tasks/\([a-z-]*\) .*\"container_id\":\"$1\".*|\1|p" "$WORK/events" | tr '\n' ' '
}

# call SERVICE METHOD HEX-PAYLOAD ADDRESS: one call over ttrpc; prints the answer in hexadecimal digits.
call() {
	python3 - "$@" <<-'END'
		import socket, struct, sys
		def text(number, value):
		    return bytes([number << 3 | 2]) + (bytes([len(value)]) if len(value) < 128 else bytes([len(value) & 127 | 128, len(value) >> 7])) + value
		service, method, payload, address = sys.argv[1:]
		data = text(1, service.encode()) + text(2, method.encode()) + text(3, bytes.fromhex(payload))
		s = socket.socket(socket.AF_UNIX)
		s.connect(address.removeprefix("unix://"))
		s.sendall(struct.pack(">IIBB", len(data), 1, 1, 0) + data)
		head = s.recv(10, socket.MSG_WAITALL)
		print(s.recv(struct.unpack(">I", head[:4])[0], socket.MSG_WAITALL).hex())
	END
}

# hex TEXT
hex() {
	printf '%s' "$1" | od -An -v -tx1 | tr -d ' \n'
}

# field NUMBER HEX: a field of protobuf that holds these bytes, fewer than 16384.
field() {
	local len=$((${#2} / 2))
	printf '%02x' $(($1 << 3 | 2))
	[ $len -lt 128 ] || printf '%02x' $((len & 127 | 128))
	printf '%02x%s' $((len < 128 ? len : len >> 7)) "$2"
}

# call_exec ID EXEC-ID STDOUT PROGRAM: with a terminal, by the messages, since ctr cannot send that terminal to a log
call_exec() {
	local address process
	address=$(cat "/run/containerd/io.containerd.runtime.v2.task/default/$1/address")
	process='{"args":["'$4'"],"cwd":"/","env":["PATH=/bin:/usr/bin"],"user":{"uid":0,"gid":0}}'
	call containerd.task.v2.Task Exec "$(field 1 "$(hex "$1")")$(field 2 "$(hex "$2")")1801$(field 5 "$(hex "$3")")$(field 7 \
		"$(field 1 "$(hex types.containerd.io/opencontainers/runtime-spec/1/Process)")$(field 2 "$(hex "$process")")")" "$address"
	call containerd.task.v2.Task Start "$(field 1 "$(hex "$1")")$(field 2 "$(hex "$2")")" "$address"
}
