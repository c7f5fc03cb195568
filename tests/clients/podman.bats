#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016 # what the containers' shells expand
#
# podman 4.3 and conmon: a container's life.

load podman
setup_file() { podman_setup_file; }
teardown_file() { podman_teardown_file; }
setup() { integ_setup; }
teardown() { podman_teardown; }

@test "podman: in the foreground: output, errors and exit codes 0, 7, 126, 127, 137" {
	is hello "$(podman run --rm img echo hello)"
	is wrong "$(podman run --rm img sh -c 'echo wrong >&2; echo right' 2>&1 >/dev/null)"
	is input "$(echo input | podman run --rm -i img cat)"
	fails 7 podman run --rm img sh -c 'exit 7'
	fails 126 podman run --rm img /etc/passwd
	has "ermission denied" "$output"
	fails 127 podman run --rm img no-such-program
	has "no-such-program" "$output"
	fails 137 podman run --rm --init img sh -c 'kill -9 $$'
}

@test "podman: detached: state, logs, wait" {
	start c1 img sh -c 'echo one; echo two >&2; exit 3'
	is 3 "$(podman wait c1)"
	is "exited 3" "$(state c1)"
	is one "$(podman logs c1 2>/dev/null)"
	is two "$(podman logs c1 2>&1 >/dev/null)"
	start c2 img sh -c 'for i in 1 2 3; do echo $i; sleep 0.1; done'
	is $'1\n2\n3' "$(podman logs -f c2)"
	is 0 "$(podman wait c2)"
	podman start -a c2 >"$WORK/second"
	is $'1\n2\n3' "$(cat "$WORK/second")"
	podman create --name c3 img echo created >/dev/null
	is "created 0" "$(state c3)"
	is created "$(podman start -a c3)"
}

@test "podman: exec: exit code, detached, user, directory, environment, terminal" {
	start c1 img tinit sleep
	is hello "$(podman exec c1 echo hello)"
	fails 5 podman exec c1 sh -c 'exit 5'
	fails 127 podman exec c1 no-such-program
	fails 126 podman exec c1 /etc/passwd
	is 1000:1000 "$(podman exec -u app c1 sh -c 'echo $(id -u):$(id -g)')"
	is 1234:100 "$(podman exec -u 1234:100 c1 sh -c 'echo $(id -u):$(id -g)')"
	is /home/app "$(podman exec -w /home/app c1 pwd)"
	is value "$(podman exec -e NAME=value c1 sh -c 'echo $NAME')"
	has /dev/pts/ "$(podman exec -t c1 tty)"
	is input "$(echo input | podman exec -i c1 cat)"
	podman exec -d c1 sh -c 'echo ready >/tmp/file; exec sleep 100'
	becomes 5 ready podman exec c1 cat /tmp/file
	has "sleep 100" "$(podman top c1 args)"
	is open "$(/usr/bin/podman exec --preserve-fds 1 c1 sh -c 'echo open >&3' 3>&1)"
}

@test "podman: a terminal" {
	has /dev/pts/0 "$(podman run --rm -t img tty)"
	has "crw" "$(podman run --rm -t img ls -l /dev/console)"
	# of the size of the client's own, and typed into
	run script -qec "stty rows 33 cols 77; podman run --rm -it img sh -c 'until stty size | grep \"33 77\"; do sleep 0.1; done'" /dev/null </dev/null
	has "33 77" "$output"
}

@test "podman: stop, kill" {
	start c1 img tinit sleep
	podman stop -t 20 c1 >/dev/null
	is "exited 0" "$(state c1)"
	start c2 img sh -c 'trap "" TERM; echo ready; while true; do sleep 0.1; done'
	becomes 5 ready podman logs c2
	podman stop -t 1 c2 >/dev/null 2>&1
	is "exited 137" "$(state c2)"
	start c3 img tinit sleep
	podman kill -s USR1 c3 >/dev/null
	is 3 "$(podman wait c3)"
	start c4 img tinit sleep
	podman kill c4 >/dev/null
	is 137 "$(podman wait c4)"
	# without a pid namespace all of its processes are meant
	start c5 --pid host img sh -c 'sleep 1000 & exec sleep 1001'
	podman stop -t 0 c5 >/dev/null 2>&1
	is "exited 137" "$(state c5)"
}

@test "podman: rm -f of a running container, with processes that it has started" {
	start c1 img sh -c 'sleep 1000 & setsid sleep 1000 & exec sleep 1000'
	podman exec -d c1 sleep 1000
	podman rm -f -t 0 c1 >/dev/null
	is "" "$(podman ps -aq)"
}

@test "podman: pause, unpause" {
	start c1 img sh -c 'while true; do echo x >>/tmp/file; sleep 0.05; done'
	podman pause c1 >/dev/null
	is "paused 0" "$(state c1)"
	is FROZEN "$(cgroup_file freezer freezer.state "$(pid c1)")"
	fails 255 podman exec c1 true
	podman unpause c1 >/dev/null
	is "running 0" "$(state c1)"
	is THAWED "$(cgroup_file freezer freezer.state "$(pid c1)")"
	podman exec c1 true
	podman pause c1 >/dev/null
	podman rm -f -t 0 c1 >/dev/null
}

@test "podman: limits" {
	local pid
	start c1 --memory 64m --memory-reservation 32m --memory-swap 128m --cpus 0.5 --cpu-shares 512 --pids-limit 50 --cpuset-cpus 0 img tinit sleep
	pid=$(pid c1)
	is 67108864 "$(cgroup_file memory memory.limit_in_bytes "$pid")"
	is 33554432 "$(cgroup_file memory memory.soft_limit_in_bytes "$pid")"
	is "50000 100000" "$(cgroup_file cpu cpu.cfs_quota_us "$pid") $(cgroup_file cpu cpu.cfs_period_us "$pid")"
	is 512 "$(cgroup_file cpu cpu.shares "$pid")"
	is 50 "$(cgroup_file pids pids.max "$pid")"
	is 0 "$(cgroup_file cpuset cpuset.cpus "$pid")"
}

@test "podman: stats, top" {
	local stats
	start c1 --memory 64m --pids-limit 50 img sh -c 'sleep 1000 & exec sleep 1000'
	becomes 5 3 sh -c 'podman top c1 pid | wc -l'
	stats=$(podman stats --no-stream --format '{{.Name}} {{.MemUsage}} {{.PIDs}}' c1)
	[[ $stats =~ ^c1\ [0-9.]+[kM]?B\ /\ 67.11MB\ 2$ ]] || is "c1 N / 67.11MB 2" "$stats"
	has "sleep 1000" "$(podman top c1 pid args)"
}

@test "podman: an end for want of memory is told" {
	cd "$WORK"
	start c1 --memory 16m img tinit sleep
	podman kill c1 >/dev/null
	[ ! -e oom ]
	start c2 --memory 16m --memory-swap 16m img sh -c 'tinit eat 100000000; status=$?; sleep 0.3; exit $status'
	is 137 "$(podman wait c2)"
	# conmon's record of it; podman 4.3 looks for it in another directory, and inspect always says no
	[ -e oom ]
}

@test "podman: restart policy" {
	start c1 --restart on-failure:2 img sh -c 'echo again; exit 3'
	becomes 10 "exited 2" podman inspect -f '{{.State.Status}} {{.RestartCount}}' c1
	is $'again\nagain\nagain' "$(podman logs c1)"
	start c2 --restart always img sleep 1000
	kill -9 "$(pid c2)"
	becomes 10 "running 1" podman inspect -f '{{.State.Status}} {{.RestartCount}}' c2
	podman restart -t 0 c2 >/dev/null
	is "running 0" "$(state c2)"
}

@test "podman: health check" {
	start c1 --health-cmd 'test -e /tmp/well' --health-interval disable --health-retries 1 img sleep 1000
	fails 1 podman healthcheck run c1
	is unhealthy "$(podman inspect -f '{{.State.Health.Status}}' c1)"
	podman exec c1 touch /tmp/well
	podman healthcheck run c1
	is healthy "$(podman inspect -f '{{.State.Health.Status}}' c1)"
}

@test "podman: pods" {
	podman pod create --name pod1 --infra-command 'sleep 1000' --infra-image img --hostname shared >/dev/null
	start c1 --pod pod1 img httpd -f -p 8000 -h /etc
	is shared "$(podman run --rm --pod pod1 img hostname)"
	is "root:x:0:0:root:/root:/bin/sh" "$(podman run --rm --pod pod1 img sh -c 'wget -q -O - http://127.0.0.1:8000/passwd | head -n 1')"
	podman pod pause pod1 >/dev/null
	is "paused 0" "$(state c1)"
	podman pod unpause pod1 >/dev/null
	podman pod stop -t 0 pod1 >/dev/null 2>&1
	podman pod rm pod1 >/dev/null
}

@test "podman: limits of a running container are updated" {
	local pid
	start c1 --memory 64m --memory-swap 128m --cpus 0.5 --pids-limit 50 --cpuset-cpus 0 img tinit sleep
	pid=$(pid c1)
	podman update --memory 96m --memory-swap 192m --cpus 0.25 c1 >/dev/null
	is 100663296 "$(cgroup_file memory memory.limit_in_bytes "$pid")"
	is 25000 "$(cgroup_file cpu cpu.cfs_quota_us "$pid")"
	# what was not asked for is as it was
	is 50 "$(cgroup_file pids pids.max "$pid")"
	podman update --cpu-shares 256 --cpuset-cpus 0-1 c1 >/dev/null
	is 256 "$(cgroup_file cpu cpu.shares "$pid")"
	is 0-1 "$(cgroup_file cpuset cpuset.cpus "$pid")"
	is "running 0" "$(state c1)"
}
