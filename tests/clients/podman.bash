# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# What the tests of podman load: its configuration, in which the runtime under test is the default one.

load helpers
# shellcheck disable=SC2034 # for the helpers
PROGRAM=podman

export CONTAINERS_CONF=/run/podman.conf CONTAINERS_STORAGE_CONF=/run/podman-storage.conf
# What it keeps for itself: storage, locks, records of networks, the parents of containers' cgroups, those of pods where
# podman knows of no controller; and the runtime's cache of filters
export OWN='^(file (/run/(containers|libpod|lock|netns|netavark|user|capsule-runtime|runc)(/\.seccomp.*|/[a-z-]*\.lock.*|/storage.*|/netavark.*)?|/dev/shm/libpod_lock|/run/libpod/.*)$|cgroup /sys/fs/cgroup/([^/]*/)?libpod_parent$|cgroup /sys/fs/cgroup/(systemd|unified)/libpod_parent/[0-9a-f]{64}$|nft |mount /storage/overlay /var/lib/containers/storage/overlay )'

podman_setup_file() {
	cat >$CONTAINERS_CONF <<-END
		[containers]
		# nobody has CAP_SYS_RESOURCE here, so not the 1048576 that are its default
		default_ulimits = ["nofile=1024:2048", "nproc=1024:2048"]
		log_driver = "k8s-file"
		init_path = "/usr/bin/tini-static"
		[engine]
		cgroup_manager = "cgroupfs"
		events_logger = "file"
		runtime = "tested"
		runtime_supports_json = ["tested", "capsule-runtime", "runc"]
		[engine.runtimes]
		tested = ["$RUNTIME"]
		[network]
		network_backend = "netavark"
	END
	cat >$CONTAINERS_STORAGE_CONF <<-END
		[storage]
		driver = "overlay"
		graphroot = "/var/lib/containers/storage"
		runroot = "/run/containers/storage"
	END
	podman import -q "$CLIENTS_IMAGE" img >/dev/null
	# what podman makes once, with the first container on a network
	podman run --rm -p 18000:80 img true
}

podman_teardown_file() {
	podman network prune -f >/dev/null
	find /sys/fs/cgroup -depth -type d -path '*/libpod_parent*' -exec rmdir {} +
}

podman_teardown() {
	podman rm -a -f -v -t 0 >/dev/null
	podman pod rm -a -f >/dev/null
	integ_teardown
}

# bats' own descriptors stay here.
podman() {
	/usr/bin/podman "$@" 3>&- 4>&-
}
