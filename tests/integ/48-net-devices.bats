#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# linux.netDevices: devices of the runtime's network namespace that become the container's, with what they are, and come back
# if there is to be no container. The run has a network namespace of its own: the devices are ends of veth pairs made there.
# shellcheck disable=SC2016,SC2154 # what is quoted is for jq and the container; bats sets stderr
bats_require_minimum_version 1.5.0
load helpers

setup() {
	integ_setup
}

teardown() {
	local dev
	for dev in peer0 peer1 given0 given1 bridge9; do
		ip link delete "$dev" 2>/dev/null || true
	done
	umount "$WORK/netns" 2>/dev/null || true
	integ_teardown
}

# device N [MTU]: given$N here, that is to be given away, up; its other end is peer$N.
device() {
	ip link add "given$1" mtu "${2:-1500}" address "02:00:00:00:09:0$1" type veth peer name "peer$1"
	ip link set "given$1" up
	ip link set "peer$1" up
}

# devices JSON: linux.netDevices; the container prints its interfaces and addresses.
devices() {
	config ".linux.netDevices = $1"
	args sh -c 'ip -o link; ip -o addr'
}

# A namespace that stays, at $WORK/netns.
kept_namespace() {
	touch "$WORK/netns"
	unshare --net="$WORK/netns" ip link set lo up
}

refused() {
	run --separate-stderr runtime "${2:-create}" c1
	echo "status $status: $stderr"
	[ "$status" -eq 1 ]
	[[ $stderr == *"$1"* ]]
	[ ! -e "$ROOT/c1" ]
}

@test "a device is the container's, up, with its hardware address, MTU and addresses" {
	device 0 1400
	ip addr add 192.0.2.7/24 dev given0
	ip addr add 192.0.2.8/24 dev given0
	ip addr add 198.51.100.1 peer 198.51.100.2 dev given0
	ip addr add 2001:db8::7/64 dev given0 nodad
	# of another scope, and for a while only
	ip addr add 192.0.2.99/32 scope link dev given0
	ip addr add 192.0.2.98/24 valid_lft 500 preferred_lft 500 dev given0
	devices '{"given0": {}}'
	run runtime run c1
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *": given0"*"<"*"UP"*"mtu 1400"*"02:00:00:00:09:00"* ]]
	[[ $output == *"inet 192.0.2.7/24 "* ]]
	[[ $output == *"inet 192.0.2.8/24 "* ]]
	[[ $output == *"inet 198.51.100.1 peer 198.51.100.2/32 "* ]]
	[[ $output == *"inet6 2001:db8::7/64 "* ]]
	[[ $output != *"192.0.2.99"* ]]
	[[ $output != *"192.0.2.98"* ]]
	# virtual: it went with the namespace, and its other end with it
	run ! ip link show given0
	wait_until 5 eval '! ip link show peer0'
}

@test "the container can be reached by it" {
	device 0
	ip addr add 192.0.2.1/24 dev peer0
	ip addr add 192.0.2.7/24 dev given0
	devices '{"given0": {}}'
	args tinit sleep
	runtime create c1
	runtime start c1
	/bin/busybox ping -c 1 -W 5 -I peer0 192.0.2.7
	run ! ip link show given0
	runtime delete --force c1
	wait_until 5 eval '! ip link show peer0'
}

@test "a new name, a template, and two devices" {
	device 0
	device 1
	ip addr add 192.0.2.7/24 dev given0
	devices '{"given0": {"name": "eth7"}, "given1": {"name": "net%d"}}'
	run runtime run c1
	echo "$output"
	[[ $output == *": eth7@"* || $output == *": eth7:"* ]]
	[[ $output == *"eth7 "*"192.0.2.7/24"* ]]
	[[ $output == *": net0"* ]]
	[[ $output != *"given"* ]]
}

@test "a template's number is the first that nobody has there" {
	kept_namespace
	nsenter --net="$WORK/netns" ip link add net0 type bridge
	device 0
	devices '{"given0": {"name": "net%d"}}'
	config '(.linux.namespaces[] | select(.type == "network")).path = $p' --arg p "$WORK/netns"
	run runtime run c1
	[[ $output == *": net1"*"02:00:00:00:09:00"* ]]
}

@test "a namespace joined by path: the device stays there when the container is gone" {
	kept_namespace
	device 0
	ip addr add 192.0.2.7/24 dev given0
	devices '{"given0": {"name": "eth0"}}'
	config '(.linux.namespaces[] | select(.type == "network")).path = $p' --arg p "$WORK/netns"
	run runtime run c1
	[[ $output == *"eth0 "*"192.0.2.7/24"* ]]
	nsenter --net="$WORK/netns" ip link show eth0
	ip link show peer0
}

@test "with a new user namespace, that owns the network namespace or does not" {
	device 0
	devices '{"given0": {}}'
	config '.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}]
		| .linux.gidMappings = .linux.uidMappings'
	run runtime run c1
	echo "$output"
	[[ $output == *": given0"*"UP"* ]]
	wait_until 5 eval '! ip link show peer0'
	kept_namespace
	device 0
	config '(.linux.namespaces[] | select(.type == "network")).path = $p' --arg p "$WORK/netns"
	run runtime run c1
	echo "$output"
	[[ $output == *": given0"*"UP"* ]]
}

@test "the hooks of create find it in its place" {
	device 0
	devices '{"given0": {}}'
	config '.hooks.createRuntime = [{path: "/bin/sh", args: ["sh", "-c", "nsenter -t $(jq .pid) -n ip -o link >'"$WORK/seen"'"],
		env: ["PATH='"$PATH"'"]}]'
	runtime run c1
	grep -q ': given0' "$WORK/seen"
}

@test "no such device, a name that is taken, one that cannot move: refused by its path" {
	devices '{"none0": {}}'
	refused "net-devices: linux.netDevices.none0: there is no such network device"
	device 0
	devices '{"given0": {"name": "lo"}}'
	refused "linux.netDevices.given0: the container has a network device 'lo' already"
	ip link show given0
	devices '{"lo": {"name": "eth0"}}'
	refused "linux.netDevices.lo: it cannot be moved to another network namespace: Invalid argument"
	ip -o link show lo | grep -q ',UP'
}

@test "no network namespace, or the runtime's own" {
	device 0
	devices '{"given0": {"name": "x0"}}'
	config '(.linux.namespaces[] | select(.type == "network")).path = "/proc/self/ns/net"'
	refused "linux.netDevices: the container's network namespace is the runtime's own"
	ip link show given0
	config 'del(.linux.namespaces[] | select(.type == "network"))'
	refused "config.json: linux.netDevices: needs a network namespace in linux.namespaces"
	ip link show given0
}

@test "what was moved comes back as it was, when the container is not to be" {
	local verb
	device 0
	device 1
	ip link add bridge9 type bridge
	ip link set given1 master bridge9
	ip addr add 192.0.2.7/24 dev given0
	ip addr add 2001:db8::7/64 dev given0 nodad
	for verb in create run; do
		# the second device's fault
		devices '{"given0": {"name": "eth0"}, "none0": {}}'
		refused "linux.netDevices.none0" "$verb"
		# a fault much later
		devices '{"given0": {"name": "eth0"}, "given1": {}}'
		args no-such-program
		refused "executable file not found" "$verb"
		ip -o addr show given0 | grep -q ' inet 192.0.2.7/24 '
		ip -o addr show given0 | grep -q ' inet6 2001:db8::7/64 '
		ip -o link show given0 | grep -q 'UP.*02:00:00:00:09:00'
		ip -o link show given1 | grep -q 'master bridge9 '
	done
	# poststart's hook is the last that can fail
	args true
	config '.hooks.poststart = [{path: "/bin/false"}]'
	refused "poststart" run
	ip -o addr show given0 | grep -q ' inet 192.0.2.7/24 '
}
