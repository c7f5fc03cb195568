# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# What the tests of Docker load: a dockerd for each file, whose default runtime is the one under test.

load helpers
# shellcheck disable=SC2034 # for the helpers
PROGRAM=docker

export DOCKER_HOST=unix:///run/docker/docker.sock
# What it keeps for itself: its data, sockets of its own, the parents of containers' cgroups, the machine's network namespace, and the
# empty files that others were mounted on, which it removes every minute; and the runtime's cache of filters.
export OWN='^(file /run/docker/(data|exec/libnetwork)/|file /run/docker/exec/(unmount-on-shutdown|netns/([0-9a-f]+|default))$|mount net:.* /run/docker/exec/netns/default |file /run/docker/.*/\.seccomp/|file /run/(runc|capsule-runtime)(/\.seccomp.*)?$|file /run/docker/exec\.100000\.100000|cgroup /sys/fs/cgroup/([^/]*/)?docker(/buildkit)?$)'

# docker-shim.bats and docker-config-shim.bats are links: the same tests, with our shim between containerd and the runtime. dockerd 20.10
# asks containerd for io.containerd.runc.v2 whatever the runtime, which is a program of that name in PATH.
docker_setup_file() {
	local id shim=containerd-shim-runc-v2
	if [[ $BATS_TEST_FILENAME == *-shim.bats ]]; then
		shim=containerd-shim-capsule-v2
		ln -s "$CLIENTS_BUILD/$shim" /run/programs/containerd-shim-runc-v2
	fi
	"$CLIENTS/dockerd.sh" start /run/docker "$RUNTIME" "$@" 3>&-
	docker import "$CLIENTS_IMAGE" img >/dev/null
	# what the daemon makes once, with the first container
	id=$(docker run -d -p 18000:80 img tinit sleep)
	is "$shim" "$(basename "$(readlink "/proc/$(pgrep -f -- "-id $id")/exe")")"
	docker rm -f "$id" >/dev/null
}

docker_teardown_file() {
	"$CLIENTS/dockerd.sh" stop /run/docker
	# parents stay behind with runc too
	find /sys/fs/cgroup -depth -type d -path '*/docker*' -exec rmdir {} +
}

docker_teardown() {
	local -a ids
	mapfile -t ids < <(docker ps -aq)
	[ ${#ids[@]} = 0 ] || docker rm -f -v "${ids[@]}" >/dev/null
	docker network prune -f >/dev/null
	integ_teardown
}

# Debian's, whatever else is installed; bats' own descriptors stay here.
docker() {
	/usr/bin/docker "$@" 3>&- 4>&-
}
