#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Commands that change images, containers, networks and volumes are killed at some moment of their work: the store stays whole, nothing
# leaks, what comes next works. CRASH_SEED (1) and CRASH_SECONDS (30) are for longer runs by hand. And a disk that is full.
bats_require_minimum_version 1.5.0
load helpers
unset CAPSULE_NETWORK # what is not said is the default bridge
setup() {
	integ_setup
	crash=$WORK/crash
	mkdir "$crash" "$crash/tree"
	cp -a "$INTEG_ROOTFS/." "$crash/tree"
	tar -C "$crash/tree" -cf "$crash/base.tar" .
}
teardown() {
	local id
	[ -z "${registry:-}" ] || kill "$registry"
	for id in $(capsule list -q 2>/dev/null); do
		capsule delete -f "$id" >/dev/null 2>&1 || true
	done
	for id in net0 capsule_bridge0; do
		capsule network delete "$id" -driver bridge >/dev/null 2>&1 || true
	done
	! mountpoint -q "$ROOT/data" || umount "$ROOT/data"
	rm -rf "$ROOT/data"
	integ_teardown
}

# blob DIR FILE: as a blob of the layout; prints its descriptor's members
blob() {
	local digest
	digest=$(sha256sum <"$2" | cut -d' ' -f1)
	cp "$2" "$1/blobs/sha256/$digest"
	printf '"digest":"sha256:%s","size":%d' "$digest" "$(stat -c %s "$2")"
}

# layout DIR NAME LAYER.tar...: an OCI layout
layout() {
	local dir=$1 name=$2 layer ids='' layers='' media=application/vnd.oci.image
	shift 2
	mkdir -p "$dir/blobs/sha256"
	echo '{"imageLayoutVersion":"1.0.0"}' >"$dir/oci-layout"
	for layer; do
		ids+=${ids:+,}\"sha256:$(sha256sum <"$layer" | cut -d' ' -f1)\"
		gzip -n1 <"$layer" >"$dir/layer.gz"
		layers+=${layers:+,}"{\"mediaType\":\"$media.layer.v1.tar+gzip\",$(blob "$dir" "$dir/layer.gz")}"
	done
	echo "{\"architecture\":\"amd64\",\"os\":\"linux\",\"config\":{\"Cmd\":[\"sh\"]},\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[$ids]}}" >"$dir/config"
	echo "{\"schemaVersion\":2,\"mediaType\":\"$media.manifest.v1+json\",\"config\":{\"mediaType\":\"$media.config.v1+json\",$(blob "$dir" "$dir/config")},\"layers\":[$layers]}" >"$dir/manifest"
	echo "{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"$media.manifest.v1+json\",$(blob "$dir" "$dir/manifest"),\"annotations\":{\"org.opencontainers.image.ref.name\":\"$name\"}}]}" >"$dir/index.json"
	rm "$dir/layer.gz" "$dir/config" "$dir/manifest"
}

# All that the commands may change and that must be as before; a log of what happened is allowed to grow.
world() {
	find "$ROOT" ! -name 'events.log*' -printf '%P %y %m %U %l\n' | sort
	ip -o link | sed 's/^[0-9]*: //; s/@.*//; s/:.*//' | sort
	nft list ruleset | sed 's/ # handle.*//; s/counter packets [0-9]* bytes [0-9]*/counter/'
	sed 's/^[0-9]* [0-9]* [0-9]*:[0-9]* /mount /' /proc/self/mountinfo | sort
	find /sys/fs/cgroup -path '*/capsule/*' -type d
}

# The commands, each after what it needs; the names are those that tidy knows.
prepare() {
	case $1 in
	delete | destroyc | connect | disconnect) start_one ;;
	image-delete) capsule image create big "$crash/big.tar" >/dev/null ;;
	network-delete) capsule network create net1 -driver bridge -subnet 10.77.1.0/24 >/dev/null ;;
	volume-delete) capsule volume create vol1 >/dev/null ;;
	esac
	[ "$1" != disconnect ] || capsule network connect net0 one
}
start_one() {
	capsule image run -id one -d -p 7001:7000 -v vol1:/data base sleep 1000 >/dev/null
}
command_of() {
	case $1 in
	create) words=(image create big "$crash/big.tar") ;;
	pull) words=(image pull 127.0.0.1:5000/pulled) ;;
	import) words=(image import imported "$crash/oci.tar") ;;
	image-delete) words=(image delete big) ;;
	run) words=(image run -id one -d -p 7001:7000 -v vol1:/data base sleep 1000) ;;
	run-rm) words=(image run --rm -id one base true) ;;
	delete) words=(delete -f one) ;;
	destroyc) words=(image destroyc one -f) ;;
	network-create) words=(network create net1 -driver bridge -subnet 10.77.1.0/24) ;;
	network-delete) words=(network delete net1) ;;
	connect) words=(network connect net0 one) ;;
	disconnect) words=(network disconnect net0 one) ;;
	volume-create) words=(volume create vol1) ;;
	volume-delete) words=(volume delete vol1) ;;
	esac
}
operations=(create import pull image-delete run run run run-rm delete delete destroyc network-create network-delete connect disconnect
	volume-create volume-delete)

# What is listed can be taken away by its name; prune takes what is not. Its answer is not believed, but what world says.
tidy() {
	local name
	# what a container has kept after its shim has gone is prune's
	[ ! -e "$ROOT/one" ] && [ ! -e "$ROOT/data/containers/one" ] || capsule delete -f one || true
	for name in $(capsule image list -q); do
		[ "$name" = base ] || capsule image delete "$name" >/dev/null || return 1
	done
	! capsule network list | grep -q '^net1 ' || capsule network delete net1 >/dev/null || return 1
	! capsule volume list | grep -q '^vol1' || capsule volume delete vol1 >/dev/null || return 1
	capsule system prune >/dev/null
}

# usual OPERATION: how long it takes when nobody kills it, in microseconds
usual() {
	local words start
	prepare "$1"
	command_of "$1"
	start=${EPOCHREALTIME/./}
	capsule "${words[@]}" >/dev/null || return 1
	echo $((${EPOCHREALTIME/./} - start))
}

@test "commands that are killed at any moment leave a store that is whole, and nothing else" {
	local seed=${CRASH_SEED:-1} limit=${CRASH_SECONDS:-30} i=0 op words pid delay group survived=0 killed=0
	declare -A took
	for ((i = 0; i < 40; i++)); do head -c 500000 /dev/urandom >"$crash/tree/file$i"; done
	for ((i = 0; i < 500; i++)); do echo "$i" >"$crash/tree/tmp/$i"; done
	tar -C "$crash/tree" -cf "$crash/big.tar" .
	mkdir "$crash/more"
	for ((i = 0; i < 10; i++)); do head -c 500000 /dev/urandom >"$crash/more/more$i"; done
	tar -C "$crash/more" -cf "$crash/more.tar" .
	layout "$crash/oci" imported "$crash/big.tar" "$crash/more.tar"
	tar -C "$crash/oci" -cf "$crash/oci.tar" .
	capsule image create base "$crash/base.tar"
	printf 'version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\nstorage: {filesystem: {rootdirectory: %s}}\nhttp: {addr: "127.0.0.1:5000"}\n' \
		"$crash/registry" >"$crash/registry.yml"
	OTEL_TRACES_EXPORTER=none docker-registry serve "$crash/registry.yml" >"$crash/registry.log" 2>&1 3>&- &
	registry=$!
	wait_until 10 bash -c 'echo >/dev/tcp/127.0.0.1/5000'
	capsule image import 127.0.0.1:5000/pulled "$crash/oci.tar"
	capsule image push 127.0.0.1:5000/pulled
	capsule network create net0 -driver bridge -subnet 10.77.0.0/24
	# the first container makes the default bridge, the first network the table
	capsule image run --rm -id first -p 7001:7000 base true
	tidy
	for op in "${operations[@]}"; do
		[ -n "${took[$op]:-}" ] || took[$op]=$(usual "$op")
		tidy
	done
	for op in "${!took[@]}"; do echo "$op: ${took[$op]} us"; done
	world >"$crash/before"
	SECONDS=0
	for ((i = 0; SECONDS < limit; i++)); do
		RANDOM=$((seed + i))
		op=${operations[RANDOM % ${#operations[@]}]}
		delay=$((RANDOM * 32768 + RANDOM))
		delay=$((delay % (${took[$op]} + ${took[$op]} / 10 + 1)))
		# every other time with its helpers, not with shims: they have sessions of their own
		group=$((RANDOM % 2))
		prepare "$op"
		command_of "$op"
		setsid "$CAPSULE" --root "$ROOT" "${words[@]}" >"$crash/out" 2>&1 </dev/null &
		pid=$!
		sleep "$(printf '%d.%06d' $((delay / 1000000)) $((delay % 1000000)))"
		if [ $group = 1 ]; then kill -9 -- -$pid 2>/dev/null || true; else kill -9 $pid 2>/dev/null || true; fi
		if wait $pid 2>/dev/null; then survived=$((survived + 1)); else killed=$((killed + 1)); fi
		if ! { is_whole && tidy && capsule system check; } >"$crash/said" 2>&1; then
			echo "episode $i of seed $seed: $op, killed after $delay us (of ${took[$op]}), group $group"
			cat "$crash/out" "$crash/said"
			false
		fi
		wait_until 5 same_world || {
			echo "episode $i of seed $seed: $op, killed after $delay us (of ${took[$op]}), group $group"
			cat "$crash/out" "$crash/difference"
			false
		}
		[ "$(capsule image run --rm -id next -p 7001:7000 base echo works)" = works ] || {
			echo "episode $i of seed $seed: the next container"
			false
		}
	done
	echo "$i commands: $killed killed, $survived were quicker"
	[ $killed -gt $((i / 4)) ]
}
# Before prune there may be something left over, but only that.
is_whole() {
	capsule system check >"$crash/check" ||
		! grep -vE '^(network [a-z0-9_]*: [0-9]+ member|network [a-z0-9_]*: half |interface .*: of no |packet rules: [0-9]+ entr|[0-9]+ images, .* 0 problems$)' "$crash/check"
}
same_world() {
	world >"$crash/after"
	diff "$crash/before" "$crash/after" >"$crash/difference"
}

@test "a disk that fills during an import: an error that names it, and the store unchanged" {
	local i
	for ((i = 0; i < 40; i++)); do head -c 500000 /dev/urandom >"$crash/tree/file$i"; done
	tar -C "$crash/tree" -cf "$crash/big.tar" .
	layout "$crash/oci" imported "$crash/big.tar"
	tar -C "$crash/oci" -cf "$crash/oci.tar" .
	mkdir -p "$ROOT/data"
	mount -t tmpfs -o size=16m,mode=700 tmpfs "$ROOT/data"
	capsule image create base "$crash/base.tar"
	capsule system prune
	find "$ROOT/data" -printf '%P %y %m %s %l\n' | sort >"$crash/before"
	run capsule image import imported "$crash/oci.tar"
	echo "$output"
	[ "$status" -ne 0 ]
	[[ $output == *"No space left on device"* ]]
	[ "$(capsule image list -q | wc -l)" -eq 1 ]
	run capsule image create big "$crash/big.tar"
	echo "$output"
	[ "$status" -ne 0 ]
	[[ $output == *"No space left on device"* ]]
	capsule system check
	capsule system prune
	find "$ROOT/data" -printf '%P %y %m %s %l\n' | sort | diff "$crash/before" -
	# what fits still does
	capsule image delete base
	capsule system prune
	capsule image create base "$crash/base.tar"
	[ "$(capsule image run --rm -id next -network none base echo works)" = works ]
}
