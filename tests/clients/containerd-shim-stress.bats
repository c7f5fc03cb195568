#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016 # what the containers' and the callers' shells expand
#
# Much of the same through one containerd, four callers at a time: nothing grows, and each event is told once. In earnest:
#
#	STRESS_EXECS=10000 STRESS_CONTAINERS=1000 tests/clients/run BUILDDIR tests/clients/containerd-shim-stress.bats
#
# prints its figures, and takes ten minutes.

load helpers
load containerd-shim

EXECS=${STRESS_EXECS:-200}
CONTAINERS=${STRESS_CONTAINERS:-40}

# told TOPIC: how many events there were
told() {
	grep -c " /tasks/$1 " "$WORK/events"
}

# twice FIELD: values that events of a topic have more than once
twice() {
	sed -n "s|.* /tasks/$1 .*\"$2\":\"\([^\"]*\)\".*|\1|p" "$WORK/events" | sort | uniq -d
}

# execs FROM TO: in s1, each with an exit status of its own, which its caller must get
execs() {
	seq "$1" "$2" | xargs -P 4 -I{} bash -c '/usr/bin/ctr task exec --exec-id e{} s1 sh -c "exit \$(({} % 7))" <>/run/never; [ $? = $(({} % 7)) ]' 3>&- 4>&-
}

# holds PID: memory of its own that is of no file, in kB, and descriptors
holds() {
	local fds=("/proc/$1/fd"/*)
	echo "$(sed -n 's/^Anonymous: *\([0-9]*\) kB/\1/p' "/proc/$1/smaps_rollup") ${#fds[@]}"
}

@test "containerd, our shim: $EXECS execs: no growth, and each event once" {
	local shim before half after
	start img s1 tinit sleep
	shim=$(pidof containerd-shim-capsule-v2)
	listen
	# what is allocated once is allocated now
	execs 1 50
	becomes 5 50 told exit
	# memory that is not used goes back after a second without anything to read
	sleep 1.5
	read -r -a before <<<"$(holds "$shim")"
	execs 51 $((EXECS / 2))
	becomes 60 $((EXECS / 2)) told exit
	sleep 1.5
	read -r -a half <<<"$(holds "$shim")"
	execs $((EXECS / 2 + 1)) "$EXECS"
	becomes 60 "$EXECS" told exit
	is "$EXECS $EXECS" "$(told exec-added) $(told exec-started)"
	is "" "$(twice exit id)$(twice exec-added exec_id)$(twice exec-started exec_id)"
	sleep 1.5
	read -r -a after <<<"$(holds "$shim")"
	echo "# $EXECS execs: ${before[0]} kB, ${before[1]} descriptors; after half of them ${half[0]} kB, afterwards ${after[0]} kB, ${after[1]} descriptors" >&3
	# some pages, for what is the most at one time; 16 bytes lost by each of 5,000 would be 80 kB
	[ "${after[0]}" -le $((half[0] + 24)) ]
	[ "${after[0]}" -le $((before[0] + 48)) ]
	is "${before[1]}" "${after[1]}"
	is 2 "$(ctr task ps s1 | wc -l)"
	kill "$LISTENER"
}

@test "containerd, our shim: $CONTAINERS containers: nothing is left, and each event once" {
	local topic before after
	listen
	read -r -a before <<<"$(holds "$(cat /run/containerd.pid)")"
	seq 1 "$CONTAINERS" | xargs -P 4 -I{} bash -c '/usr/bin/ctr run --rm --runtime io.containerd.capsule.v2 localhost/img:latest m{} sh -c "exit \$(({} % 7))" <>/run/never
		[ $? = $(({} % 7)) ]' 3>&- 4>&-
	for topic in create start exit delete; do
		becomes 60 "$CONTAINERS" told $topic
		is "" "$(twice $topic container_id)"
	done
	wait_until 20 eval '! pidof containerd-shim-capsule-v2 >/dev/null'
	is "" "$(ls /run/containerd/s)"
	is "" "$(find /run/containerd/capsule/default -mindepth 1 -maxdepth 1 ! -name 'events.log*' ! -name .seccomp)"
	is "" "$(ctr task ls -q)$(ctr container ls -q)"
	read -r -a after <<<"$(holds "$(cat /run/containerd.pid)")"
	echo "# $CONTAINERS containers: containerd has ${before[1]} descriptors, afterwards ${after[1]}" >&3
	[ "${after[1]}" -le $((before[1] + 5)) ]
	kill "$LISTENER"
}
