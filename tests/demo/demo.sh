#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# demo.sh BUILD: a container as a service, from a root file system to an exit status, with the programs in BUILD. Every
# line after "$" is run as it stands and what follows it is what it printed.
#
# It runs as root, in a mount and a network namespace of its own, under directories of its own, and takes away what it made.
set -euo pipefail

build=$(cd -- "${1:?demo.sh BUILD}" && pwd)
if [[ ${CAPSULE_DEMO_INSIDE:-} != yes ]]; then
	[[ $(id -u) == 0 ]] || {
		echo "demo: containers need root" >&2
		exit 1
	}
	CAPSULE_DEMO_INSIDE=yes exec unshare --mount --net --propagation private -- bash "${BASH_SOURCE[0]}" "$build"
fi

id=demo-redis
work=$(mktemp -d /tmp/capsule-demo.XXXXXX)
root=$work/run
data=$work/data
bundle=$work/bundle
capsule() {
	"$build/capsule" --root "$root" --data-root "$data" "$@"
}

# The parent cgroup stays when the last container goes, so that the next finds it; here it goes if it is ours.
parents() {
	find /sys/fs/cgroup -maxdepth 2 -type d -name capsule | sort
}
parents_before=$(parents)

cleanup() {
	capsule delete -f "$id" >/dev/null 2>&1 || true
	comm -13 <(printf '%s\n' "$parents_before") <(parents) | xargs -r rmdir 2>/dev/null || true
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

bold=$'\e[1m' plain=$'\e[0m'
[[ -t 1 ]] || bold='' plain=''
title() {
	printf '\n%s# %s%s\n' "$bold" "$*" "$plain"
}

# prompt WORD...: the command as one would type it.
prompt() {
	local word line=
	for word in "$@"; do
		[[ $word =~ ^[A-Za-z0-9_./=:@%+-]+$ ]] || word="'$word'"
		line+=" $word"
	done
	printf '%s$%s%s\n' "$bold" "$line" "$plain"
}

# show WORD...: prints the command, runs it, and says its exit status if that is not 0.
show() {
	local rc=0
	prompt capsule "$@"
	capsule "$@" || rc=$?
	((rc == 0)) || printf '(exit status %d)\n' "$rc"
}

# The root file system: busybox for the shell and its tools, redis with the libraries that the loader would find for it.
make_rootfs() {
	local rootfs=$1 file
	mkdir -p "$rootfs"/{bin,usr/bin,etc,data,dev,proc,sys,tmp}
	cp "$(command -v busybox)" "$rootfs/bin/busybox"
	"$rootfs/bin/busybox" --list | while read -r file; do
		[[ -e $rootfs/bin/$file ]] || ln -s busybox "$rootfs/bin/$file"
	done
	for file in redis-server redis-cli; do
		cp -L "$(command -v $file)" "$rootfs/usr/bin/$file"
	done
	ldd "$rootfs/usr/bin/redis-server" "$rootfs/usr/bin/redis-cli" | grep -oE '/[^ ]+\.so[^ ]*' | sort -u |
		while read -r file; do
			mkdir -p "$rootfs$(dirname "$file")"
			cp -L "$file" "$rootfs$file"
		done
	printf 'root:x:0:0:root:/:/bin/sh\nredis:x:999:999:redis:/data:/bin/sh\n' >"$rootfs/etc/passwd"
	printf 'root:x:0:\nredis:x:999:\n' >"$rootfs/etc/group"
}

# From the sample to a service: redis, as a user of its own, its data on a tmpfs, 64 MiB of memory and half a CPU.
make_bundle() {
	capsule spec -b "$bundle"
	jq '.hostname = "redis"
		| .process.terminal = false
		| .process.user = {uid: 999, gid: 999}
		| .process.cwd = "/data"
		| .process.args = ["redis-server", "--bind", "127.0.0.1", "--dir", "/data", "--save", "", "--loglevel", "notice"]
		| .mounts += [{destination: "/data", type: "tmpfs", source: "tmpfs",
			options: ["nosuid", "nodev", "noexec", "size=16m", "uid=999", "gid=999", "mode=0700"]}]
		| .linux.resources.memory = {limit: 67108864}
		| .linux.resources.cpu = {shares: 512, quota: 50000, period: 100000}
		| .linux.resources.pids = {limit: 64}' "$bundle/config.json" >"$bundle/config.json.new"
	mv "$bundle/config.json.new" "$bundle/config.json"
}

wait_for_redis() {
	local i
	for ((i = 0; i < 100; i++)); do
		[[ $(capsule exec "$id" redis-cli ping 2>/dev/null) != PONG ]] || return 0
		sleep 0.05
	done
	echo "demo: redis does not answer" >&2
	capsule log "$id" >&2
	return 1
}

title "A root file system: busybox and redis $(redis-server --version | sed 's/.* v=\([^ ]*\).*/\1/')"
make_rootfs "$bundle/rootfs"
du -sh "$bundle/rootfs" | cut -f1

title "The bundle: a sample config.json, with redis, its user and its limits put in"
make_bundle
jq -c '{args: .process.args, user: .process.user, resources: .linux.resources}' "$bundle/config.json"

title "Start it as a service"
show run -d -b "$bundle" "$id"
wait_for_redis
show list
show state -d "$id"

title "Talk to it"
show exec "$id" redis-cli set colour green
show exec "$id" redis-cli get colour
# shellcheck disable=SC2016  # for the shell in the container
show exec -e WHO=world "$id" sh -c 'echo "hello $WHO: uid $(id -u) on $(hostname)"'
show exec "$id" sh -c 'exit 7'

title "The limits are real: a process that wants more than 64 MiB is killed, and redis is not"
show exec "$id" tail /dev/zero
show exec "$id" redis-cli get colour
show ps "$id"

title "A job in the background, with a log and an exit status of its own"
prompt capsule exec -d "$id" redis-cli -r 5 -i 0.3 incr visits
job=$(capsule exec -d "$id" redis-cli -r 5 -i 0.3 incr visits)
echo "$job"
show jobs "$id"
show log -f -exec "$job" "$id"
show wait -exec "$job" "$id"
show jobs "$id"

title "Follow the log of the service for a moment"
(sleep 0.3 && capsule exec "$id" redis-cli bgrewriteaof >/dev/null) &
prompt timeout 1 capsule log -f --tail 5 "$id"
timeout 1 "$build/capsule" --root "$root" --data-root "$data" log -f --tail 5 "$id" || true

title "End it; its exit status is kept"
show kill "$id" TERM
show wait "$id"
show list
capsule state -d "$id" | jq -c .exit
show delete "$id"
show list
