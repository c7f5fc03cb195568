#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016 # what the containers' shells expand
#
# Docker 20.10: dockerd with the runtime under test as its default, containerd and containerd's shim between them.

load helpers

export DOCKER_HOST=unix:///run/docker/docker.sock
# What it keeps for itself: its data, the parents of containers' cgroups, and the empty files that namespaces were mounted on,
# which it removes every minute.
export OWN='^(file /run/docker/data/|file /run/docker/exec/netns/[0-9a-f]+$|cgroup /sys/fs/cgroup/([^/]*/)?docker$)'

setup_file() {
	"$CLIENTS/dockerd.sh" start /run/docker "$RUNTIME" 3>&-
	docker import "$CLIENTS_IMAGE" img >/dev/null
	# what the daemon makes once, with the first container
	docker run --rm -p 18000:80 img true
}

teardown_file() {
	"$CLIENTS/dockerd.sh" stop /run/docker
	# parents stay behind with runc too
	find /sys/fs/cgroup -depth -type d -name docker -exec rmdir {} +
}

setup() {
	integ_setup
}

teardown() {
	local -a ids
	mapfile -t ids < <(docker ps -aq)
	[ ${#ids[@]} = 0 ] || docker rm -f -v "${ids[@]}" >/dev/null
	docker network prune -f >/dev/null
	integ_teardown
}

docker() {
	/usr/bin/docker "$@" 3>&- 4>&-
}

# start NAME [OPTION…] IMAGE COMMAND…: detached; nothing is printed
start() {
	docker run -d --name "$@" >/dev/null
}

# pid NAME: its first process here
pid() {
	docker inspect -f '{{.State.Pid}}' "$1"
}

state() {
	docker inspect -f '{{.State.Status}} {{.State.ExitCode}}' "$1"
}

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
	run script -qec "stty rows 33 cols 77; /usr/bin/docker run --rm -it img sh -c 'sleep 0.3; stty size'" /dev/null </dev/null
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
