#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016 # what the containers' shells expand
#
# containerd's CRI plugin, asked what a kubelet asks, with our shim as its runtime: a pod's containers share one.

load helpers
load containerd
load cri

# shellcheck disable=SC2034 # for containerd.bash
CTR_OPTIONS=(--runtime io.containerd.capsule.v2)
export CONTAINERD_NAMESPACE=k8s.io
# What containerd and the shim keep for themselves, what the network's plugins do, and the parents of containers' cgroups.
export OWN='^(file /run/containerd/capsule(/k8s\.io(/events\.log.*)?)?$|file /run/(capsule-runtime|containerd/capsule/k8s\.io)(/\.seccomp.*)?$|file /run/(cni|netns)$|file /run/containerd/io\.containerd\.grpc\.v1\.cri/(sandboxes|containers)$|cgroup /sys/fs/cgroup/([^/]*/)?k8s\.io$)'

setup_file() {
	bridge_net /var/lib/cni-networks 10.78.0.0/24
	ln -s "$CLIENTS_BUILD/containerd-shim-capsule-v2" /run/programs/
	# an adjustment below the daemon's own takes a capability that is not everywhere
	containerd_configure '[plugins."io.containerd.grpc.v1.cri"]
		sandbox_image = "localhost/pause:latest"
		restrict_oom_score_adj = true
		[plugins."io.containerd.grpc.v1.cri".cni]
		bin_dir = "/usr/lib/cni"
		[plugins."io.containerd.grpc.v1.cri".containerd]
		default_runtime_name = "capsule"
		[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.capsule]
		runtime_type = "io.containerd.capsule.v2"'
	cri_start
	mkdir /tmp/pause
	cp "$INTEG_ROOTFS/bin/tinit" /tmp/pause/pause
	tar -C /tmp/pause -cf /tmp/pause.tar .
	import_image pause /tmp/pause.tar '{Entrypoint: ["/pause", "sleep"]}'
	rm -r /tmp/pause /tmp/pause.tar /tmp/cri.*
	import_image img "$CLIENTS_IMAGE" '{Cmd: ["sh"], Env: ["PATH=/usr/bin:/bin"]}'
	ctr_run --rm img first true
}

teardown_file() {
	containerd_end
	find /sys/fs/cgroup -depth -type d -name k8s.io -exec rmdir {} +
}

setup() {
	integ_setup
}

teardown() {
	local id
	for id in $(cri ListPodSandbox </dev/null | sed -n 's/^  id: "\(.*\)"/\1/p'); do end_pod "$id"; done
	wait_until 5 eval '! pidof containerd-shim-capsule-v2 >/dev/null'
	integ_teardown
}

# shims: how many there are
shims() {
	pidof containerd-shim-capsule-v2 | wc -w
}

@test "CRI: a pod of two containers in one shim: states, exit codes, and nothing is left" {
	local pod c1 c2
	pod=$(pod p1)
	is SANDBOX_READY "$(pod_status "$pod")"
	c1=$(create p1 c1 "" sh -c 'echo one; exec tinit sleep')
	is "CREATED 0" "$(status "$c1")"
	called StartContainer "container_id: \"$c1\""
	is "RUNNING 0" "$(status "$c1")"
	c2=$(begin p1 c2 "" sh -c 'exit 3')
	becomes 5 "EXITED 3 Error" status "$c2"
	is 1 "$(shims)"
	becomes 5 $'F one\nF ready' log p1 c1
	# TERM, which it takes for its end; one that does not, after a second
	stop "$c1" 20
	is "EXITED 0 Completed" "$(status "$c1")"
	remove "$c1"
	remove "$c2"
	c2=$(begin p1 c2 "" sh -c 'trap "" TERM; echo ready; while true; do sleep 0.1; done')
	becomes 5 "F ready" log p1 c2
	stop "$c2" 1
	is "EXITED 137 Error" "$(status "$c2")"
	remove "$c2"
	run ! cri StartContainer <<<"container_id: \"$c2\""
	c1=$(begin p1 c1 "" tinit sleep)
	# the pod's end is that of its containers
	end_pod "$pod"
	is "" "$(cri ListContainers </dev/null)"
	is "" "$(ctr task ls -q)"
	becomes 5 0 shims
	is "" "$(ls /run/containerd/s)"
	is events.log "$(ls /run/containerd/capsule/k8s.io)"
}

@test "CRI: exec: output, errors, exit codes, a time limit, programs that are not there" {
	local id
	pod p1 >/dev/null
	id=$(begin p1 c1 'envs {key: "NAME" value: "value"} working_dir: "/home/app"' tinit sleep)
	is "value /home/app" "$(exec_in "$id" sh -c 'echo $NAME $PWD')"
	is wrong "$(exec_in "$id" sh -c 'echo wrong >&2; echo right' 2>&1 >/dev/null)"
	fails 5 exec_in "$id" sh -c 'exit 5'
	fails 137 exec_in "$id" sh -c 'kill -9 $$'
	fails 255 exec_in "$id" no-such-program
	has "executable file not found" "$output"
	is 1000000 "$(exec_in "$id" head -c 1000000 /dev/zero | wc -c)"
	run cri ExecSync <<<"container_id: \"$id\" cmd: \"sleep\" cmd: \"4712\" timeout: 1"
	has "timeout" "$output"
	is 1 "$status"
	becomes 5 0 pgrep -fc '^sleep 4712'
	# what outlives it does not hold it up
	is hello "$(exec_in "$id" sh -c 'sleep 4713 >/dev/null 2>&1 & echo hello')"
	is "RUNNING 0" "$(status "$id")"
}

@test "CRI: a hundred execs leave nothing in the shim" {
	local id shim before i
	pod p1 >/dev/null
	id=$(begin p1 c1 "" tinit sleep)
	shim=$(pidof containerd-shim-capsule-v2)
	exec_in "$id" true
	becomes 5 0 pgrep -cP "$shim" -f '^true'
	before=$(sh -c "ls /proc/$shim/fd | wc -l")
	for i in {1..100}; do fails "$((i % 3))" exec_in "$id" sh -c "exit $((i % 3))"; done
	becomes 5 "$before" sh -c "ls /proc/$shim/fd | wc -l"
	is 2 "$(pgrep -cP "$shim")"
}

@test "CRI: logs: both streams, lines without an end, a new file when the old one has been moved" {
	local id
	pod p1 >/dev/null
	id=$(begin p1 c1 "" sh -c 'echo out; echo err >&2; printf part; trap "echo again" USR1; echo; while true; do sleep 0.05; done')
	becomes 5 $'F out\nF part' log p1 c1
	is "F err" "$(log p1 c1 stderr)"
	mv "$WORK/p1/c1.log" "$WORK/p1/c1.old"
	called ReopenContainerLog "container_id: \"$id\""
	kill -USR1 "$(pid "$id")"
	becomes 5 "F again" log p1 c1
	id=$(begin p1 c2 "" sh -c 'head -c 3000000 /dev/zero | tr "\\0" x; echo; echo end')
	becomes 10 "EXITED 0 Completed" status "$id"
	is "F end" "$(log p1 c2 | tail -n 1)"
	is 3000000 "$(log p1 c2 | grep -v end | cut -c 3- | tr -d '\n' | wc -c)"
	id=$(begin p1 c3 "tty: true" sh -c 'tty; echo done')
	becomes 5 "EXITED 0 Completed" status "$id"
	is $'F /dev/pts/0\nF done' "$(log p1 c3)"
}

@test "CRI: limits, statistics, other limits; an end for want of memory" {
	local id pid stats pod
	# a kubelet gives a pod's containers a group together
	pod=$(pod p1 'linux {cgroup_parent: "/k8s.io/p1" security_context {namespace_options {network: NODE}}}')
	id=$(begin p1 c1 'linux {resources {memory_limit_in_bytes: 67108864 cpu_period: 100000 cpu_quota: 50000 cpu_shares: 512}}' tinit sleep)
	pid=$(pid "$id")
	is 67108864 "$(cgroup_file memory memory.limit_in_bytes "$pid")"
	is 50000 "$(cgroup_file cpu cpu.cfs_quota_us "$pid")"
	stats=$(cri ContainerStats <<<"container_id: \"$id\"" | sed 's/^ *//' | tr '\n' ' ')
	[[ $stats =~ usage_core_nano_seconds\ \{\ value:\ [1-9] ]] || is "nanoseconds" "$stats"
	[[ $stats =~ working_set_bytes\ \{\ value:\ [1-9] ]] || is "working set" "$stats"
	grep -q ":memory:.*/k8s.io/p1/$id\$" "/proc/$pid/cgroup"
	stats=$(cri PodSandboxStats <<<"pod_sandbox_id: \"$pod\"" | sed 's/^ *//' | tr '\n' ' ')
	[[ $stats =~ containers\ \{.*\"$id\".*working_set_bytes\ \{\ value:\ [1-9] ]] || is "a container of $id" "$stats"
	called UpdateContainerResources "container_id: \"$id\" linux {memory_limit_in_bytes: 33554432 cpu_period: 100000 cpu_quota: 25000}"
	is 33554432 "$(cgroup_file memory memory.limit_in_bytes "$pid")"
	is 25000 "$(cgroup_file cpu cpu.cfs_quota_us "$pid")"
	# with these came a rule for devices, which denies them all and is not meant
	exec_in "$id" sh -c ': >/dev/null'
	id=$(begin p1 c2 'linux {resources {memory_limit_in_bytes: 16777216}}' tinit eat 100000000)
	becomes 10 "EXITED 137 OOMKilled" status "$id"
	end_pod "$pod"
	find /sys/fs/cgroup -depth -type d -path '*/k8s.io/p1' -exec rmdir {} +
}

@test "CRI: namespaces that a pod's containers share, and such as they do not" {
	local c1 c2 net
	local own='linux {security_context {namespace_options {network: NODE pid: CONTAINER}}}'
	local shared='linux {security_context {namespace_options {network: NODE pid: POD}}}'
	net=$(readlink /proc/self/ns/net)
	pod p1 "$own" >/dev/null
	c1=$(begin p1 c1 "$own" tinit sleep)
	c2=$(begin p1 c2 "$own" tinit sleep)
	is "$net" "$(exec_in "$c1" readlink /proc/self/ns/net)"
	is "$(exec_in "$c1" readlink /proc/self/ns/ipc)" "$(exec_in "$c2" readlink /proc/self/ns/ipc)"
	run ! [ "$(exec_in "$c1" readlink /proc/self/ns/pid)" = "$(exec_in "$c2" readlink /proc/self/ns/pid)" ]
	# the other's processes
	c2=$(begin p1 c3 "linux {security_context {namespace_options {network: NODE pid: TARGET target_id: \"$c1\"}}}" tinit sleep)
	is "$(exec_in "$c1" readlink /proc/self/ns/pid)" "$(exec_in "$c2" readlink /proc/self/ns/pid)"
	# one for all, of which the first process is the pod's own: a container's end takes all of that container
	pod p2 "$shared" >/dev/null
	c1=$(begin p2 c1 "$shared" sh -c 'setsid sleep 4714 & exec tinit sleep')
	c2=$(begin p2 c2 "$shared" tinit sleep)
	is "$(exec_in "$c1" readlink /proc/self/ns/pid)" "$(exec_in "$c2" readlink /proc/self/ns/pid)"
	has /pause "$(exec_in "$c2" cat /proc/1/cmdline | tr '\0' ' ')"
	becomes 5 1 pgrep -fc '^sleep 4714'
	kill -KILL "$(pid "$c1")"
	becomes 5 "EXITED 137 Error" status "$c1"
	becomes 5 0 pgrep -fc '^sleep 4714'
	is "RUNNING 0" "$(status "$c2")"
	is 2 "$(shims)"
}

@test "CRI: a network: the pod has an address, which its containers share" {
	local pod ip c2
	pod=$(pod p1 'hostname: "p1"')
	ip=$(cri PodSandboxStatus <<<"pod_sandbox_id: \"$pod\"" | member ip)
	has 10.78.0. "$ip"
	begin p1 web "" httpd -f -p 8000 -h /etc
	becomes 5 root:x:0:0:root:/root:/bin/sh sh -c "curl -s http://$ip:8000/passwd | head -n 1"
	c2=$(begin p1 c2 "" tinit sleep)
	is root:x:0:0:root:/root:/bin/sh "$(exec_in "$c2" sh -c 'wget -q -O - http://127.0.0.1:8000/passwd | head -n 1')"
	is p1 "$(exec_in "$c2" hostname)"
	end_pod "$pod"
	ip link del cni0
	is "" "$(ls /run/netns)"
}

@test "CRI: containerd is killed and comes back: the pod goes on, what has happened in between is known" {
	local pod c1 c2 there
	pod=$(pod p1)
	c1=$(begin p1 c1 "" sh -c 'trap "exit 9" USR1; while true; do sleep 0.05; done')
	c2=$(begin p1 c2 "" sh -c 'trap "echo said; touch /said" USR1; while true; do sleep 0.05; done')
	there=$(pid "$c1")
	kill -9 "$(cat /run/containerd.pid)"
	gone "$(cat /run/containerd.pid)"
	kill -USR1 "$there"
	wait_until 5 eval "! kill -0 $there 2>/dev/null"
	there=$(pgrep -f "echo said")
	kill -USR1 "$there"
	wait_until 5 test -e "/proc/$there/root/said"
	cri_start
	becomes 5 "EXITED 9 Error" status "$c1"
	is "RUNNING 0" "$(status "$c2")"
	is SANDBOX_READY "$(pod_status "$pod")"
	is hello "$(exec_in "$c2" echo hello)"
	becomes 5 "F said" log p1 c2
	is "RUNNING 0" "$(status "$(begin p1 c3 "" tinit sleep)")"
	is 1 "$(shims)"
}

@test "CRI: the shim is killed: the pod and its containers are known to have ended" {
	local pod c1 there
	pod=$(pod p1)
	c1=$(begin p1 c1 "" tinit sleep)
	there=$(pid "$c1")
	kill -9 "$(pidof containerd-shim-capsule-v2)"
	wait_until 5 eval "! kill -0 $there 2>/dev/null"
	# 255 is its word for what it could not be told
	becomes 5 "EXITED 255 Error" status "$c1"
	becomes 5 SANDBOX_NOTREADY pod_status "$pod"
	end_pod "$pod"
	is "" "$(ls /run/containerd/s)"
	is events.log "$(ls /run/containerd/capsule/k8s.io)"
}

@test "CRI: create fails: the reason is told, and the next one starts" {
	local id
	pod p1 >/dev/null
	id=$(create p1 c1 "" no-such-program)
	run -1 cri StartContainer <<<"container_id: \"$id\""
	has "executable file not found" "$output"
	is "EXITED 128 StartError" "$(status "$id")"
	remove "$id"
	id=$(begin p1 c1 "" tinit sleep)
	is "RUNNING 0" "$(status "$id")"
}
