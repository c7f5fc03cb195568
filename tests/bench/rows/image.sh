# shellcheck shell=bash disable=SC2154 # what run.sh and world.sh set
# SPDX-License-Identifier: Apache-2.0
# Images and networks, against podman: Debian's, with crun, conmon and netavark, files on the same tmpfs, the kernel's overlay;
# and against Docker: Debian's, with runc, its daemon running before the time begins.

# The words of podman with directories of its own; the parent of its cgroups is made by cgroupfs, since no systemd runs here.
prepare_podman() {
	podman=
	command -v podman >/dev/null && [ -n "$conmon" ] || return 0
	podman="$(command -v podman) --root /tmp/podman/root --runroot /run/podman --tmpdir /run/podman/tmp --cgroup-manager cgroupfs"
	podman+=" --runtime crun --storage-driver overlay --events-backend none --log-level error --network-config-dir /tmp/podman/networks"
	mkdir -p /tmp/podman/root /run/podman
}

# The words of docker, whose daemon keeps everything below /tmp/docker and may write to an /etc of its own. docker-proxy is
# what forwards from loopback.
prepare_docker() {
	docker=
	command -v dockerd >/dev/null && [ -n "${runtimes[runc]:-}" ] || return 0
	if ! mountpoint -q /etc; then
		mkdir -p /run/etc/upper /run/etc/work
		mount -t overlay -o lowerdir=/etc,upperdir=/run/etc/upper,workdir=/run/etc/work overlay /etc
	fi
	if bash "$source/tests/clients/dockerd.sh" start /tmp/docker "$(command -v runc)"; then
		docker="$(command -v docker) -H unix:///tmp/docker/docker.sock"
	else
		note docker "dockerd does not start"
	fi
}

end_docker() {
	[ -z "$docker" ] || bash "$source/tests/clients/dockerd.sh" stop /tmp/docker
}

# serve_image: the image `serve` for all, of the root file system that the other rows use.
serve_image() {
	prepare_podman
	prepare_docker
	tar -C "$bundles/serve/rootfs" -cf "$work/serve.tar" .
	$capsule image create serve "$work/serve.tar" >/dev/null
	[ -z "$podman" ] || $podman import --quiet "$work/serve.tar" serve >/dev/null
	[ -z "$docker" ] || $docker import "$work/serve.tar" serve >/dev/null
}

no_serve_image() {
	$capsule image delete serve >/dev/null
	[ -z "$podman" ] || $podman rmi -f serve >/dev/null
	end_docker
	rm "$work/serve.tar"
}

# oci_archive LAYER ARCHIVE: an OCI archive with this one layer.
oci_archive() {
	local dir=$work/oci digest
	mkdir -p "$dir/blobs/sha256"
	digest=$(sha256sum <"$1" | cut -d' ' -f1)
	ln "$1" "$dir/blobs/sha256/$digest"
	jq -n -c --arg id "sha256:$digest" '{architecture: "amd64", os: "linux", config: {Cmd: ["/bin/true"]},
		rootfs: {type: "layers", diff_ids: [$id]}, history: [{created: "2026-01-01T00:00:00Z"}]}' >"$work/config"
	oci_blob "$work/config"
	jq -n -c --arg layer "sha256:$digest" --argjson size "$(stat -c %s "$1")" \
		--arg config "sha256:$(sha256sum <"$work/config" | cut -d' ' -f1)" --argjson config_size "$(stat -c %s "$work/config")" \
		'{schemaVersion: 2, mediaType: "application/vnd.oci.image.manifest.v1+json",
		config: {mediaType: "application/vnd.oci.image.config.v1+json", digest: $config, size: $config_size},
		layers: [{mediaType: "application/vnd.oci.image.layer.v1.tar", digest: $layer, size: $size}]}' >"$work/manifest"
	oci_blob "$work/manifest"
	jq -n -c --arg manifest "sha256:$(sha256sum <"$work/manifest" | cut -d' ' -f1)" --argjson size "$(stat -c %s "$work/manifest")" \
		'{schemaVersion: 2, manifests: [{mediaType: "application/vnd.oci.image.manifest.v1+json", digest: $manifest, size: $size,
		annotations: {"org.opencontainers.image.ref.name": "localhost/big:latest"}}]}' >"$dir/index.json"
	echo '{"imageLayoutVersion":"1.0.0"}' >"$dir/oci-layout"
	tar -C "$dir" -cf "$2" .
	rm -r "$dir"
}
oci_blob() {
	cp "$1" "$work/oci/blobs/sha256/$(sha256sum <"$1" | cut -d' ' -f1)"
}

# An archive of 200 MB that is not compressed: 32 files of 5 MB, 4,000 files of 10 kB, of random bytes; an OCI archive with it as its
# one layer. Against it: `tar -x` and then sha256sum of that layer. What was imported is deleted outside of the time.
row_import() {
	local tree=$work/big i
	prepare_podman
	prepare_docker
	mkdir -p "$tree/small"
	for ((i = 0; i < $(part 32); i++)); do head -c 5000000 /dev/urandom >"$tree/large$i"; done
	head -c "$(part 40000000)" /dev/urandom | split -a 4 -b 10000 - "$tree/small/"
	tar -C "$tree" -cf "$work/layer.tar" .
	oci_archive "$work/layer.tar" "$work/archive.tar"
	rm -r "$tree"
	{
		echo "case import"
		echo "capsule image import: $capsule image import $work/archive.tar ; !$capsule image delete localhost/big"
		echo "capsule image create: $capsule image create big $work/layer.tar ; !$capsule image delete big"
		echo "tar x + sha256sum: !/bin/mkdir $tree ; tar -xf $work/layer.tar -C $tree ; sha256sum $work/layer.tar ; !/bin/rm -r $tree"
		if [ -n "$podman" ]; then
			echo "podman load: $podman load -i $work/archive.tar ; !$podman rmi -f localhost/big"
			echo "podman import: $podman import --quiet $work/layer.tar big ; !$podman rmi -f big"
		fi
		# its `load` takes no OCI archive
		[ -z "$docker" ] || echo "docker import: $docker import $work/layer.tar big ; !$docker rmi -f big"
	} | plan 10 1
	end_docker
	rm "$work/layer.tar" "$work/archive.tar"
	goal import time "capsule image import" 1 "tar x + sha256sum"
	goal import time "capsule image create" 1 "tar x + sha256sum"
}

# From the command to the first byte of the service in its log: a container from an image, on the default bridge, with one port
# published, detached.
row_image_start() {
	local log=/run/cps/data/containers/is/log
	serve_image
	{
		echo "case image-start"
		echo "capsule: $capsule image run -id is -d -network capsule_bridge0 -p 8000:8000 serve /bin/load serve ; @grew $log ; !$capsule delete -f is"
		echo "capsule, no network: $capsule image run -id is -d -network none serve /bin/load serve ; @grew $log ; !$capsule delete -f is"
		if [ -n "$podman" ]; then
			echo "podman: !@clear $work/podman.log ; $podman run -d --name is -p 8001:8000 --log-driver k8s-file --log-opt path=$work/podman.log" \
				"serve /bin/load serve ; @grew $work/podman.log ; !$podman rm -f -t 0 is"
		fi
		[ -z "$docker" ] || echo "docker: $docker run -d --name is -p 8002:8000 serve /bin/load serve ;" \
			"@grew /tmp/docker/data/containers/*/*-json.log ; !$docker rm -f is"
	} | plan "$(((rounds + 4) / 5))"
	no_serve_image
	goal image-start time capsule 0.1 podman
	goal image-start time capsule 0.1 docker
}

# 100 containers from one image, each with a network and a port of its own, 8 commands at a time, three times.
row_image_parallel() {
	local count round
	serve_image
	count=$(part 100)
	for ((round = 0; round < 3; round++)); do
		"$stopwatch" parallel "$samples" image-parallel capsule "$count" 8 "$capsule_bin" --root /run/cps image run -id "ip-%" -d -network capsule_bridge0 -p "20%:8000" \
			serve /bin/load serve
		"$stopwatch" parallel "$work/ignored" image-parallel capsule "$count" 4 "$capsule_bin" --root /run/cps delete -f "ip-%"
		if [ -n "$podman" ] && ((round == 0)); then
			# shellcheck disable=SC2086 # words
			"$stopwatch" parallel "$samples" image-parallel podman "$count" 8 $podman run -d --name "ip-%" -p "30%:8000" \
				--log-driver k8s-file serve /bin/load serve
			# shellcheck disable=SC2086
			"$stopwatch" parallel "$work/ignored" image-parallel podman "$count" 4 $podman rm -f -t 0 "ip-%"
		fi
		if [ -n "$docker" ] && ((round == 0)); then
			# shellcheck disable=SC2086 # words
			"$stopwatch" parallel "$samples" image-parallel docker "$count" 8 $docker run -d --name "ip-%" -p "40%:8000" serve /bin/load serve
			# shellcheck disable=SC2086
			"$stopwatch" parallel "$work/ignored" image-parallel docker "$count" 4 $docker rm -f "ip-%"
		fi
		sleep 0.5
	done
	no_serve_image
	goal image-parallel starts capsule 1 podman
	goal image-parallel starts capsule 1 docker
}

# What each of 20 running containers with network and port costs altogether: the processes that are new (their PSS: supervisor and the
# service), and what is charged to the cgroup that all of this runs in: these, the kernel's memory for them, and files on tmpfs.
# Docker's daemon was there before: only what it grows by is counted.
row_image_memory() {
	local count
	serve_image
	count=$(part 20)
	of_containers capsule "$count" "$capsule_bin" --root /run/cps image run -id "im-%" -d -network capsule_bridge0 -p "20%:8000" serve /bin/load serve
	"$stopwatch" parallel "$work/ignored" image-memory capsule "$count" 4 "$capsule_bin" --root /run/cps delete -f "im-%"
	if [ -n "$podman" ]; then
		# shellcheck disable=SC2086 # words
		of_containers podman "$count" $podman run -d --name "im-%" -p "30%:8000" --log-driver k8s-file serve /bin/load serve
		# shellcheck disable=SC2086
		"$stopwatch" parallel "$work/ignored" image-memory podman "$count" 4 $podman rm -f -t 0 "im-%"
	fi
	if [ -n "$docker" ]; then
		# shellcheck disable=SC2086 # words
		of_containers docker "$count" $docker run -d --name "im-%" -p "40%:8000" serve /bin/load serve
		# shellcheck disable=SC2086
		"$stopwatch" parallel "$work/ignored" image-memory docker "$count" 4 $docker rm -f "im-%"
	fi
	no_serve_image
	goal image-memory "all processes, PSS" capsule 1 podman
	goal image-memory "charged to the cgroup" capsule 1 podman
	goal image-memory "all processes, PSS" capsule 1 docker
	goal image-memory "charged to the cgroup" capsule 1 docker
}

# of_containers CONTENDER COUNT COMMAND...: one more is started before, since the first makes what all of them share.
of_containers() {
	local who=$1 count=$2 pss charged words
	shift 2
	words=("${@//%/first}")
	words=("${words[@]//20first:/1999:}")
	words=("${words[@]//30first:/2999:}")
	"${words[@]//40first:/3999:}" >/dev/null </dev/null
	sleep 1
	pss=$(all_pss)
	charged=$(all_charged)
	"$stopwatch" parallel "$work/ignored" image-memory "$who" "$count" 1 "$@" || return 1
	sleep 2
	sample image-memory "all processes, PSS" kB "$who" $((($(all_pss) - pss) / count))
	sample image-memory "charged to the cgroup" kB "$who" $((($(all_charged) - charged) / 1024 / count))
	case $who in
	capsule) $capsule delete -f im-first ;;
	docker) $docker rm -f im-first >/dev/null ;;
	*) $podman rm -f -t 0 im-first >/dev/null ;;
	esac
}

# kB, of all processes in this pid namespace but this shell
all_pss() {
	cat /proc/[0-9]*/smaps_rollup 2>/dev/null | awk '/^Pss:/ {sum += $2} END {print sum}'
}

# bytes; what the page cache can give back is given back first
all_charged() {
	if [ "$cgroup_layout" = v2 ]; then
		cat /sys/fs/cgroup/memory.current
	else
		echo 1 >/sys/fs/cgroup/memory/memory.force_empty 2>/dev/null || true
		cat /sys/fs/cgroup/memory/memory.usage_in_bytes
	fi
}
