#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016 # what the containers' shells expand
#
# Docker 20.10: dockerd with the runtime under test as its default, containerd and containerd's shim between them.

load docker
setup_file() { docker_setup_file --live-restore; }
teardown_file() { docker_teardown_file; }
setup() { integ_setup; }
teardown() { docker_teardown; }

@test "docker: in the foreground: output, errors and exit codes 0, 7, 126, 127, 137" {
	is hello "$(docker run --rm img echo hello)"
	is "wrong" "$(docker run --rm img sh -c 'echo wrong >&2; echo right' 2>&1 >/dev/null)"
	is input "$(echo input | docker run --rm -i img cat)"
	fails 7 docker run --rm img sh -c 'exit 7'
	fails 126 docker run --rm img /etc/passwd
	has "permission denied" "$output"
	fails 127 docker run --rm img no-such-program
	has "no-such-program" "$output"
	has "executable file not found" "$output"
	fails 137 docker run --rm --init img sh -c 'kill -9 $$'
}

@test "docker: detached: state, logs, wait" {
	start c1 img sh -c 'echo one; echo two >&2; read line </nothing; exit 3'
	is 3 "$(docker wait c1)"
	is "exited 3" "$(state c1)"
	is one "$(docker logs c1 2>/dev/null)"
	has two "$(docker logs c1 2>&1 >/dev/null)"
	start c2 img sh -c 'for i in 1 2 3; do echo $i; sleep 0.1; done'
	is $'1\n2\n3' "$(docker logs -f c2)"
	is "exited 0" "$(state c2)"
	docker start c2 >/dev/null
	is 0 "$(docker wait c2)"
	is $'1\n2\n3\n1\n2\n3' "$(docker logs c2)"
}

@test "docker: exec: exit code, detached, user, directory, environment, terminal" {
	start c1 img tinit sleep
	is hello "$(docker exec c1 echo hello)"
	fails 5 docker exec c1 sh -c 'exit 5'
	fails 126 docker exec c1 no-such-program
	is 1000:1000 "$(docker exec -u app c1 sh -c 'echo $(id -u):$(id -g)')"
	is 1234:100 "$(docker exec -u 1234:100 c1 sh -c 'echo $(id -u):$(id -g)')"
	is /home/app "$(docker exec -w /home/app c1 pwd)"
	is value "$(docker exec -e NAME=value c1 sh -c 'echo $NAME')"
	has /dev/pts/ "$(docker exec -t c1 tty)"
	is input "$(echo input | docker exec -i c1 cat)"
	docker exec -d c1 sh -c 'echo ready >/tmp/file; exec sleep 100'
	becomes 5 ready docker exec c1 cat /tmp/file
	has "sleep 100" "$(docker top c1)"
}

@test "docker: a terminal" {
	has /dev/pts/0 "$(docker run --rm -t img tty)"
	has "crw" "$(docker run --rm -t img ls -l /dev/console)"
	# of the size of the client's own, and typed into
	run script -qec "stty rows 33 cols 77; /usr/bin/docker run --rm -it img sh -c 'until stty size | grep \"33 77\"; do sleep 0.1; done'" /dev/null </dev/null
	has "33 77" "$output"
}

@test "docker: stop, kill" {
	start c1 img tinit sleep
	docker stop -t 20 c1 >/dev/null
	is "exited 0" "$(state c1)"
	start c2 img sh -c 'trap "" TERM; echo ready; while true; do sleep 0.1; done'
	becomes 5 ready docker logs c2
	docker stop -t 1 c2 >/dev/null
	is "exited 137" "$(state c2)"
	start c3 img tinit sleep
	docker kill -s USR1 c3 >/dev/null
	is 3 "$(docker wait c3)"
	start c4 img tinit sleep
	docker kill c4 >/dev/null
	is 137 "$(docker wait c4)"
}

@test "docker: rm -f of a running container, with processes that it has started" {
	start c1 img sh -c 'sleep 1000 & setsid sleep 1000 & exec sleep 1000'
	docker exec -d c1 sleep 1000
	docker rm -f c1 >/dev/null
	is "" "$(docker ps -aq)"
}

@test "docker: pause, unpause" {
	start c1 img sh -c 'while true; do echo x >>/tmp/file; sleep 0.05; done'
	docker pause c1 >/dev/null
	is "paused 0" "$(state c1)"
	is FROZEN "$(cgroup_file freezer freezer.state "$(pid c1)")"
	fails 1 docker exec c1 true
	has "is paused" "$output"
	docker unpause c1 >/dev/null
	is "running 0" "$(state c1)"
	is THAWED "$(cgroup_file freezer freezer.state "$(pid c1)")"
	docker exec c1 true
	# a paused one can be removed
	docker pause c1 >/dev/null
	docker rm -f c1 >/dev/null
}

@test "docker: limits" {
	local pid
	start c1 --memory 64m --memory-reservation 32m --memory-swap 128m --cpus 0.5 --cpu-shares 512 --pids-limit 50 --cpuset-cpus 0 img tinit sleep
	pid=$(pid c1)
	is 67108864 "$(cgroup_file memory memory.limit_in_bytes "$pid")"
	is 33554432 "$(cgroup_file memory memory.soft_limit_in_bytes "$pid")"
	is "50000 100000" "$(cgroup_file cpu cpu.cfs_quota_us "$pid") $(cgroup_file cpu cpu.cfs_period_us "$pid")"
	is 512 "$(cgroup_file cpu cpu.shares "$pid")"
	is 50 "$(cgroup_file pids pids.max "$pid")"
	is 0 "$(cgroup_file cpuset cpuset.cpus "$pid")"
	docker rm -f c1 >/dev/null
	start c2 --cgroup-parent /docker/parent img tinit sleep
	grep -q "^[0-9]*:memory:.*/docker/parent/$(docker inspect -f '{{.Id}}' c2)\$" "/proc/$(pid c2)/cgroup"
	docker rm -f c2 >/dev/null
	find /sys/fs/cgroup -depth -type d -path '*/docker/parent' -exec rmdir {} +
}

@test "docker: stats, top" {
	local stats
	start c1 --memory 64m --pids-limit 50 img sh -c 'sleep 1000 & exec sleep 1000'
	becomes 5 3 sh -c '/usr/bin/docker top c1 | wc -l'
	stats=$(docker stats --no-stream --format '{{.Name}} {{.MemUsage}} {{.PIDs}}' c1)
	[[ $stats =~ ^c1\ [0-9.]+[KM]iB\ /\ 64MiB\ 2$ ]] || is "c1 N / 64MiB 2" "$stats"
	has "sleep 1000" "$(docker top c1 -o pid,args)"
}

@test "docker: an end for want of memory is told" {
	start c1 --memory 16m --memory-swap 16m img tinit eat 100000000
	is 137 "$(docker wait c1)"
	is "true 137" "$(docker inspect -f '{{.State.OOMKilled}} {{.State.ExitCode}}' c1)"
	start c2 --memory 16m img tinit sleep
	docker kill c2 >/dev/null
	is false "$(docker inspect -f '{{.State.OOMKilled}}' c2)"
}

@test "docker: restart policy" {
	start c1 --restart on-failure:2 img sh -c 'echo again; exit 3'
	becomes 10 "exited 2" docker inspect -f '{{.State.Status}} {{.RestartCount}}' c1
	is $'again\nagain\nagain' "$(docker logs c1)"
	start c2 --restart always img sleep 1000
	kill -9 "$(pid c2)"
	becomes 10 "running 1" docker inspect -f '{{.State.Status}} {{.RestartCount}}' c2
	docker restart -t 0 c2 >/dev/null
	is "running 0" "$(state c2)"
}

@test "docker: health check" {
	start c1 --health-cmd 'test -e /tmp/well' --health-interval 0.3s --health-retries 1 img sleep 1000
	becomes 10 unhealthy docker inspect -f '{{.State.Health.Status}}' c1
	docker exec c1 touch /tmp/well
	becomes 10 healthy docker inspect -f '{{.State.Health.Status}}' c1
}

@test "docker: containers live on while the daemon is away" {
	start c1 --restart no img sh -c 'while true; do sleep 0.1; done'
	start c2 img sh -c 'sleep 0.5; exit 9'
	"$CLIENTS/dockerd.sh" stop /run/docker
	"$CLIENTS/dockerd.sh" start /run/docker "$RUNTIME" --live-restore 3>&-
	is "running 0" "$(state c1)"
	docker exec c1 true
	is 9 "$(docker wait c2)"
	docker rm -f c1 c2 >/dev/null
}

@test "docker: limits of a running container are updated" {
	local pid
	start c1 --memory 64m --memory-reservation 32m --memory-swap 128m --cpus 0.5 --cpu-shares 512 --pids-limit 50 --cpuset-cpus 0 img tinit sleep
	pid=$(pid c1)
	docker update --memory 96m --memory-swap 192m --cpus 0.25 --pids-limit 70 c1 >/dev/null
	is 100663296 "$(cgroup_file memory memory.limit_in_bytes "$pid")"
	is 25000 "$(cgroup_file cpu cpu.cfs_quota_us "$pid")"
	is 70 "$(cgroup_file pids pids.max "$pid")"
	# what was not asked for is as it was
	is 33554432 "$(cgroup_file memory memory.soft_limit_in_bytes "$pid")"
	is 512 "$(cgroup_file cpu cpu.shares "$pid")"
	docker update --cpu-shares 256 --cpuset-cpus 0-1 c1 >/dev/null
	is 256 "$(cgroup_file cpu cpu.shares "$pid")"
	is 0-1 "$(cgroup_file cpuset cpuset.cpus "$pid")"
	is 100663296 "$(cgroup_file memory memory.limit_in_bytes "$pid")"
	is "running 0" "$(state c1)"
}
