#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016 # what the containers' shells expand
#
# containerd 1.6 with our shim, asked by ctr. The shim takes the runtime beside itself.

load helpers
load containerd-shim

@test "containerd, our shim: in the foreground: output, errors and exit codes 0, 7, 137, and programs that are not there" {
	is hello "$(text ctr_run --rm img new echo hello)"
	is wrong "$(ctr_run --rm img new sh -c 'echo wrong >&2; echo right; sleep 0.2' 2>&1 >/dev/null)"
	fails 7 ctr_run --rm img new sh -c 'exit 7'
	fails 1 ctr_run --rm img new no-such-program
	has "executable file not found" "$output"
	has "OCI runtime create failed" "$output"
	fails 1 ctr_run --rm img new /etc/passwd
	has "permission denied" "$output"
	fails 137 ctr_run --rm img new sh -c 'sleep 1000 & kill -9 $!; wait $!'
}

@test "containerd, our shim: stdin comes through and ends; much output comes whole" {
	is input "$( (sleep 1; echo input; sleep 0.5) | command ctr run --rm "${CTR_OPTIONS[@]}" localhost/img:latest new-$SRANDOM head -n 1 3>&-)"
	start img s1 tinit sleep
	is 3 "$( (echo a; echo b; echo c; sleep 0.5) | command ctr task exec --exec-id e1 s1 wc -l 3>&- 4>&-)"
	is 20000000 "$(ctr task exec --exec-id e2 s1 head -c 20000000 /dev/zero | wc -c)"
	is 20000000 "$(ctr_run --rm img new head -c 20000000 /dev/zero | wc -c)"
}

@test "containerd, our shim: detached: state, log, ends" {
	detached_ones
}

@test "containerd, our shim: exec: exit code, detached, user, directory, terminal" {
	exec_of_all_kinds
	has e7 "$(ctr task ps x1)"
	ctr task kill --exec-id e7 -s KILL x1
	becomes 5 1 sh -c 'ctr task ps x1 | grep -c "^[0-9]"'
}

@test "containerd, our shim: a terminal" {
	run script -qec "stty rows 33 cols 77; ctr run --rm -t ${CTR_OPTIONS[*]} localhost/img:latest new-$SRANDOM sh -c 'tty; until stty size | grep \"33 77\"; do sleep 0.1; done; exit 4'" /dev/null <>/run/never
	is 4 "$status"
	has "/dev/pts/0" "$output"
	has "33 77" "$output"
}

@test "containerd, our shim: pause, resume" {
	paused_and_resumed
}

# By what speaks as CRIU does, which cannot dump on every kernel. ctr pauses the task meanwhile.
@test "containerd, our shim: a checkpoint of a task, which goes on" {
	local index images
	start img k1 tinit sleep
	printf '#!/bin/sh\nFAKE_FAIL=dump exec "%s/fake-criu.py" "$@"\n' "$CAPSULE_INTEG" >/run/programs/criu
	chmod +x /run/programs/criu
	fails 1 ctr task checkpoint k1
	has "criu failed: type DUMP errno 5: fake: it was to fail" "$output"
	ln -sf "$CAPSULE_INTEG/fake-criu.py" /run/programs/criu
	ctr task checkpoint k1 >"$WORK/name"
	rm /run/programs/criu
	# the images are in what containerd keeps
	index=$(ctr image ls | grep "^$(cat "$WORK/name") " | grep -o 'sha256:[0-9a-f]*')
	images=$(ctr content get "$index" | jq -r '.manifests[] | select(.mediaType | endswith("criu.tar")).digest')
	ctr content get "$images" >"$WORK/images.tar"
	is "$(ctr task ls | awk '$1 == "k1" {print $2}') 1" "$(tar -xOf "$WORK/images.tar" --wildcards '*dump-request' | jq -r '"\(.pid) \(.leave_running)"')"
	is 3 "$(tar -xOf "$WORK/images.tar" --wildcards '*descriptors.json' | jq length)"
	ctr image rm --sync "$(cat "$WORK/name")" >/dev/null
	is still "$(text ctr task exec --exec-id e1 k1 echo still)"
}

@test "containerd, our shim: events, in their order, with the end for want of memory before the exit" {
	listen
	ctr_run --rm img v1 true
	start img v2 tinit sleep
	fails 3 ctr task exec --exec-id e1 v2 sh -c 'exit 3'
	ctr task pause v2
	ctr task resume v2
	ctr task kill -s KILL v2
	becomes 5 STOPPED state v2
	ctr task rm v2
	start --memory-limit 16777216 img v3 tinit eat 100000000
	becomes 10 STOPPED state v3
	ctr task rm v3
	becomes 5 'create start exit delete ' heard v1
	becomes 5 'create start exec-added exec-started exit paused resumed exit delete ' heard v2
	becomes 5 'create start oom exit delete ' heard v3
	grep -q '"container_id":"v2","id":"e1".*"exit_status":3' "$WORK/events"
	grep -q '"container_id":"v2","id":"v2".*"exit_status":137' "$WORK/events"
	kill "$LISTENER"
}

@test "containerd, our shim: volumes, a root that cannot be written to, directories as roots" {
	mkdir "$WORK/data" "$WORK/root"
	echo from-outside >"$WORK/data/file"
	is from-outside "$(text ctr_run --rm --mount "type=bind,src=$WORK/data,dst=/data,options=rbind:ro" img new cat /data/file)"
	has "Read-only file system" "$(text ctr_run --rm --read-only img new sh -c 'touch /file 2>&1')"
	tar -C "$WORK/root" -xf "$CLIENTS_IMAGE"
	is hello "$(text ctr run --rm "${CTR_OPTIONS[@]}" --rootfs "$WORK/root" new-$SRANDOM /bin/echo hello)"
	is hello "$(text ctr_run --rm --rootfs-propagation rshared img new echo hello)"
	is hello "$(text ctr_run --rm --cgroup "" img new echo hello)"
}

@test "containerd, our shim: limits, metrics, capabilities, seccomp, environment" {
	local pid metrics
	start --memory-limit 67108864 --cpus 0.5 img l1 tinit sleep
	pid=$(pid l1)
	is 67108864 "$(cgroup_file memory memory.limit_in_bytes "$pid")"
	is "50000 100000" "$(cgroup_file cpu cpu.cfs_quota_us "$pid") $(cgroup_file cpu cpu.cfs_period_us "$pid")"
	metrics=$(ctr task metrics l1)
	is 67108864 "$(awk '$1 == "memory.limit_in_bytes" {print $2}' <<<"$metrics")"
	is 1 "$(awk '$1 == "pids.current" {print $2}' <<<"$metrics")"
	[ "$(awk '$1 == "memory.usage_in_bytes" {print $2}' <<<"$metrics")" -gt 0 ]
	[ "$(awk '$1 == "cpuacct.usage" {print $2}' <<<"$metrics")" -gt 0 ]
	has 00000000a80425fb "$(text ctr_run --rm img new grep CapEff /proc/self/status)"
	has 2 "$(text ctr_run --rm --seccomp img new grep '^Seccomp:' /proc/self/status)"
	ctr_run --rm --privileged img new sh -c 'mkdir /m && mount -t tmpfs tmpfs /m'
	is "/home/app value" "$(text ctr_run --rm --cwd /home/app --env NAME=value img new sh -c 'echo $PWD $NAME')"
}

@test "containerd, our shim: the machine's network, another container's namespaces, user namespaces" {
	local there
	is "$(readlink /proc/self/ns/net)" "$(text ctr_run --rm --net-host img new readlink /proc/self/ns/net)"
	start img n1 tinit sleep
	there=$(pid n1)
	is "$(readlink "/proc/$there/ns/net")" \
		"$(text ctr_run --rm --with-ns "network:/proc/$there/ns/net" img new readlink /proc/self/ns/net)"
	is "0 100000 5000" "$(text ctr_run --rm --uidmap 0:100000:5000 --gidmap 0:100000:5000 img new sh -c 'echo $(cat /proc/self/uid_map)')"
	start --uidmap 0:100000:5000 --gidmap 0:100000:5000 img n4 tinit sleep
	is 100000 "$(proc_status "$(pid n4)" Uid | cut -f 1)"
	is 0 "$(text ctr task exec --exec-id e1 n4 id -u)"
	# who shares the machine's processes goes with the first one
	start --with-ns pid:/proc/1/ns/pid img n5 sh -c 'setsid sleep 4711 & exec tinit sleep'
	becomes 5 1 sh -c 'pgrep -fc "^sleep 4711"'
	ctr task kill -s KILL n5
	becomes 5 0 sh -c 'pgrep -fc "^sleep 4711"'
}

@test "containerd, our shim: a bridge network" { bridged; }

@test "containerd, our shim: a reader that stops holds nothing up" {
	start img r1 tinit sleep
	mkfifo "$WORK/stopped"
	# a client that takes nothing
	command ctr task exec --exec-id e1 r1 sh -c 'head -c 1000000 /dev/zero; exit 6' >"$WORK/stopped" <>/run/never 3>&- 4>&- &
	exec 5<"$WORK/stopped"
	is hello "$(text ctr task exec --exec-id e2 r1 echo hello)"
	becomes 5 3 sh -c 'ctr task ps r1 | grep -c "^[0-9]"'
	ctr task kill -s KILL r1
	becomes 5 STOPPED state r1
	exec 5<&-
	ctr task rm r1 2>/dev/null || true
	wait $! || true
	is "" "$(ctr task ls -q)"
}

@test "containerd, our shim: one thread, little memory, a score for the killer of memory" {
	local shim
	start img m1 tinit sleep
	shim=$(pidof containerd-shim-capsule-v2)
	# a little easier to kill than containerd
	is $(($(cat "/proc/$(cat /run/containerd.pid)/oom_score_adj") + 1)) "$(cat "/proc/$shim/oom_score_adj")"
	is 1 "$(proc_status "$shim" Threads)"
	sleep 1.5
	# what it does not share with others of its kind, which is what one more of them costs
	grep '^Anonymous:' "/proc/$shim/smaps_rollup"
	[ "$(sed -n 's/^Anonymous: *\([0-9]*\) kB/\1/p' "/proc/$shim/smaps_rollup")" -le 300 ]
}

@test "containerd, our shim: containerd is killed and comes back: containers go on" {
	local pid
	start img k1 sh -c 'trap "exit 9" USR1; while true; do sleep 0.05; done'
	start img k2 tinit sleep
	pid=$(pid k1)
	kill -9 "$(cat /run/containerd.pid)"
	gone "$(cat /run/containerd.pid)"
	kill -0 "$pid"
	# it ends while nobody is there
	kill -USR1 "$pid"
	wait_until 5 eval "! kill -0 $pid 2>/dev/null"
	containerd_start
	becomes 5 STOPPED state k1
	# newer ones ask for this when they come back, and forget a task that has none
	is "$pid" "$(ctr task ps k1 | awk 'NR == 2 {print $1}')"
	is RUNNING "$(state k2)"
	has "exit code 9" "$(ctr task rm k1 2>&1)"
	is hello "$(text ctr task exec --exec-id e1 k2 echo hello)"
	ctr task kill -s KILL k2
	becomes 5 STOPPED state k2
	ctr task rm k2 2>/dev/null || true
}

@test "containerd, our shim: the shim is killed: its container goes, and nothing is left" {
	local pid
	start img q1 tinit sleep
	pid=$(pid q1)
	kill -9 "$(pidof containerd-shim-capsule-v2)"
	wait_until 5 eval "! kill -0 $pid 2>/dev/null"
	becomes 5 "" ctr task ls -q
	is "" "$(ls /run/containerd/s)"
	is events.log "$(ls /run/containerd/capsule/default)"
	ctr container rm q1
}

@test "containerd, our shim: containers of a sandbox share a shim, and end one by one" {
	local pid other
	start --annotation io.containerd.runc.v2.group=pod1 img g1 tinit sleep
	start --annotation io.kubernetes.cri.sandbox-id=pod1 img g2 sh -c 'exit 4'
	start --annotation io.containerd.runc.v2.group=pod1 img g3 tinit sleep
	pidof containerd-shim-capsule-v2
	is 1 "$(pidof containerd-shim-capsule-v2 | wc -w)"
	is 1 "$(find /run/containerd/s -type s | wc -l)"
	becomes 5 STOPPED state g2
	is RUNNING "$(state g1)"
	is "one three" "$(text ctr task exec --exec-id e1 g1 echo one) $(text ctr task exec --exec-id e1 g3 echo three)"
	has "exit code 4" "$(ctr task rm g2 2>&1)"
	ctr task kill -s KILL g1
	becomes 5 STOPPED state g1
	ctr task rm g1
	# each end has containerd run our `delete`, which must leave the others alone
	sleep 0.5
	is RUNNING "$(state g3)"
	is hello "$(text ctr task exec --exec-id e2 g3 echo hello)"
	start --annotation io.containerd.runc.v2.group=pod1 img g4 tinit sleep
	is 1 "$(pidof containerd-shim-capsule-v2 | wc -w)"
	pid=$(pid g3) other=$(pid g4)
	kill -9 "$(pidof containerd-shim-capsule-v2)"
	wait_until 5 eval "! kill -0 $pid 2>/dev/null && ! kill -0 $other 2>/dev/null"
	becomes 5 "" ctr task ls -q
	is "" "$(ls /run/containerd/s)"
	is events.log "$(ls /run/containerd/capsule/default)"
}

@test "containerd, our shim: start: options, an address that is there already, an answer without waiting for the server" {
	local address bundle=$WORK/bundle pid
	cd "$bundle"
	# containerd.runc.v1.Options: shim_cgroup "/default/shims"
	address=$(printf '\012\032containerd.runc.v1.Options\022\020\032\016/default/shims' |
		containerd-shim-capsule-v2 -namespace ns1 -address /run/containerd/containerd.sock -id c1 start)
	has unix:///run/containerd/s/ "$address"
	is "$address" "$(cat "$bundle/address")"
	pid=$(pidof containerd-shim-capsule-v2)
	is /default/shims "$(sed -n 's/^[0-9]*:memory://p' "/proc/$pid/cgroup")"
	is "$address" "$(containerd-shim-capsule-v2 -namespace=ns1 --address /run/containerd/containerd.sock -id c1 -new-flag start </dev/null)"
	is "$pid" "$(pidof containerd-shim-capsule-v2)"
	# another containerd's, another namespace's
	run ! [ "$address" = "$(containerd-shim-capsule-v2 -namespace ns2 -address /run/containerd/containerd.sock -id c1 start </dev/null)" ]
	is 2 "$(pidof containerd-shim-capsule-v2 | wc -w)"
	# a server without tasks goes when it is told to; and what `delete` says of a container that never was
	pidof containerd-shim-capsule-v2 | xargs kill
	wait_until 5 eval '! pidof containerd-shim-capsule-v2 >/dev/null'
	is "" "$(ls /run/containerd/s)"
	# 137, as a message of protobuf
	has 108901 "$(containerd-shim-capsule-v2 -namespace ns1 -id c1 delete </dev/null | od -An -tx1 | tr -d ' \n')"
	find /sys/fs/cgroup -depth -type d -name shims -exec rmdir {} +
	run -1 containerd-shim-capsule-v2 -namespace ns1 start </dev/null
	has "-id" "$output"
}

# core_cookie PID: its group of core scheduling, or why there is none
core_cookie() {
	python3 - "$1" <<-'END'
		import ctypes, os, sys
		libc, cookie = ctypes.CDLL(None, use_errno=True), ctypes.c_ulong()
		failed = libc.prctl(62, 0, int(sys.argv[1]), 0, ctypes.byref(cookie))
		print(os.strerror(ctypes.get_errno()) if failed else cookie.value)
	END
}

# What the kernel has of it: a cookie of the server's own, nothing (no core has two threads), or a refusal.
@test "containerd, our shim: SCHED_CORE: a group of core scheduling, or none where the kernel has none" {
	cd "$WORK/bundle"
	local cookie
	run containerd-shim-capsule-v2 -namespace ns1 -address /run/containerd/containerd.sock -id c2 start </dev/null
	is 0 "$status"
	xargs kill <<<"$(pidof containerd-shim-capsule-v2)"
	wait_until 5 eval '! pidof containerd-shim-capsule-v2 >/dev/null'
	SCHED_CORE=1 run containerd-shim-capsule-v2 -namespace ns1 -address /run/containerd/containerd.sock -id c2 start </dev/null
	cookie=$(core_cookie "$(pidof containerd-shim-capsule-v2 || echo 0)")
	case $cookie in
	"Invalid argument")
		is 1 "$status"
		has "SCHED_CORE: begin core scheduling: Invalid argument" "$output"
		is "" "$(ls /run/containerd/s)"
		return
		;;
	"No such device") ;;
	*) run ! [ "$cookie" = 0 ] ;;
	esac
	pidof containerd-shim-capsule-v2 | xargs kill
	wait_until 5 eval '! pidof containerd-shim-capsule-v2 >/dev/null'
}

@test "containerd, our shim: Update sets other limits; both versions of the service; what is not implemented" {
	local address pid
	start --memory-limit 67108864 img u1 tinit sleep
	pid=$(pid u1)
	address=$(cat /run/containerd/io.containerd.runtime.v2.task/default/u1/address)
	is "" "$(call containerd.task.v2.Task Update "$(field 1 "$(hex u1)")$(field 2 "$(field 1 \
		"$(hex types.containerd.io/opencontainers/runtime-spec/1/LinuxResources)")$(field 2 "$(hex '{"memory":{"limit":33554432}}')")")" "$address")"
	is 33554432 "$(cgroup_file memory memory.limit_in_bytes "$pid")"
	has "$(hex memory.limit)" "$(call containerd.task.v2.Task Update "$(field 1 "$(hex u1)")$(field 2 "$(field 1 \
		"$(hex types.containerd.io/opencontainers/runtime-spec/1/LinuxResources)")$(field 2 "$(hex '{"memory":{"limit":"1"}}')")")" "$address")"
	is 33554432 "$(cgroup_file memory memory.limit_in_bytes "$pid")"
	is "$(call containerd.task.v3.Task Connect "$(field 1 "$(hex u1)")" "$address")" \
		"$(call containerd.task.v2.Task Connect "$(field 1 "$(hex u1)")" "$address")"
	has "$(hex 'method Nothing')" "$(call containerd.task.v3.Task Nothing "$(field 1 "$(hex u1)")" "$address")"
	has "$(hex 'checkpoint: the path is not absolute')" "$(call containerd.task.v3.Task Checkpoint "$(field 1 "$(hex u1)")" "$address")"
	has "$(hex 'not created: not found')" "$(call containerd.task.v2.Task State "$(field 1 "$(hex u2)")" "$address")"
}

@test "containerd, our shim: what it says of itself" {
	run -0 containerd-shim-capsule-v2 -v
	has "containerd-shim-capsule-v2" "$output"
	has io.containerd.capsule.v2 "$(containerd-shim-capsule-v2 -info </dev/null | tr -d '\0')"
	run -1 containerd-shim-capsule-v2 -namespace default -id c1 dance
	has "start" "$output"
}
