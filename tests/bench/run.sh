#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The comparison tables: run.sh BUILDDIR [ROUNDS]
#
# Everything is measured in one run, contenders in turn, in one place: a mount namespace of its own in
# which /sys/fs/cgroup shows only the v1 hierarchies (crun refuses hybrid layouts; on a v2 machine it is left
# as it is), and cgroups of its own. A contender that is not installed is left out. JSON: BUILDDIR/bench.json.
set -eu
here=$(cd "$(dirname "$0")" && pwd)

outer() {
	local build cgroup rc=0
	build=$(cd "$1" && pwd)
	[ "$(id -u)" = 0 ] || {
		echo "run.sh: containers need root" >&2
		exit 1
	}
	# Out of a memory cgroup that the caller may share with others: it would be measured too.
	cgroup=/sys/fs/cgroup/memory/cps-bench-$$
	[ ! -e /sys/fs/cgroup/memory/cgroup.procs ] || mkdir "$cgroup"
	(
		[ ! -d "$cgroup" ] || echo "$BASHPID" >"$cgroup/cgroup.procs"
		exec unshare -m --propagation private -- "$here/run.sh" --inside "$build" "${2:-100}"
	) || rc=$?
	[ ! -d "$cgroup" ] || rmdir "$cgroup"
	exit "$rc"
}

only_v1() {
	local dir keep=/tmp/cg
	[ "$(stat -f -c %T /sys/fs/cgroup)" != cgroup2fs ] || return 0
	mkdir "$keep"
	mount --rbind /sys/fs/cgroup "$keep"
	mount -t tmpfs -o mode=755 tmpfs /sys/fs/cgroup
	for dir in "$keep"/*/; do
		dir=$(basename "$dir")
		[ "$(stat -f -c %T "$keep/$dir")" != cgroup2fs ] || continue
		mkdir "/sys/fs/cgroup/$dir"
		mount --bind "$keep/$dir" "/sys/fs/cgroup/$dir"
	done
	umount -R "$keep"
}

make_bundle() {
	local bundle=$1 program=$2
	mkdir -p "$bundle/rootfs"/{bin,proc,dev,sys,tmp}
	cp "$build/tests/bench/true" "$bundle/rootfs/bin/true"
	cp /bin/busybox "$bundle/rootfs/bin/sleep"
	jq --argjson args "$program" '.process.args = $args | del(.process.noNewPrivileges)' \
		"$here/../integ/config.json" >"$bundle/config.json"
}

inner() {
	local r a rc=0
	build=$1
	rounds=$2
	mount -t tmpfs tmpfs /run
	mkdir /run/tree /run/build
	mount --bind "$here/../.." /run/tree
	mount --bind "$build" /run/build
	here=/run/tree/tests/bench
	mount -t tmpfs tmpfs /tmp
	only_v1
	make_bundle /tmp/true '["/bin/true"]'
	make_bundle /tmp/sleep '["/bin/sleep", "1000"]'
	local -A runtimes=([capsule-runtime]="/run/build/capsule-runtime --root /run/cps")
	local -a order=(capsule-runtime)
	for r in crun runc; do
		a=$(command -v "$r") || continue
		runtimes[$r]="$a --root /run/$r"
		order+=("$r")
	done

	# Ids differ, since all of them would put the same id into the same cgroup.
	for r in "${order[@]}"; do
		# shellcheck disable=SC2086 # the command line is words
		${runtimes[$r]} run --detach --bundle /tmp/sleep "long-$r" >/dev/null 2>&1 </dev/null ||
			echo "run.sh: $r cannot start the container for exec and state" >&2
	done
	head_lines
	{
		echo "case run /bin/true"
		echo "floor: /run/build/tests/bench/floor /tmp/true/rootfs floor /bin/true"
		for r in "${order[@]}"; do echo "$r: ${runtimes[$r]} run --bundle /tmp/true b-$r"; done
		echo "case create + start + delete"
		for r in "${order[@]}"; do
			a=${runtimes[$r]}
			echo "$r: $a create --bundle /tmp/sleep c-$r ; $a start c-$r ; $a delete --force c-$r"
		done
		echo "case exec /bin/true"
		for r in "${order[@]}"; do echo "$r: ${runtimes[$r]} exec long-$r /bin/true"; done
		echo "case state"
		for r in "${order[@]}"; do echo "$r: ${runtimes[$r]} state long-$r"; done
	} >/tmp/plan
	/run/build/tests/bench/bench "$rounds" /run/build/bench.json </tmp/plan || rc=$?
	for r in "${order[@]}"; do
		# shellcheck disable=SC2086
		${runtimes[$r]} delete --force "long-$r" || rc=1
	done
	echo "JSON: $build/bench.json"
	exit "$rc"
}

head_lines() {
	local r
	printf 'machine: Linux %s, %s processors\n' "$(uname -r)" "$(nproc)"
	for r in "${order[@]}"; do
		printf 'contender: %s\n' "$(${runtimes[$r]%% *} --version | head -n 1)"
	done
}

[ $# -ge 1 ] || {
	echo "usage: run.sh BUILDDIR [ROUNDS]" >&2
	exit 2
}
if [ "$1" = --inside ]; then
	inner "$2" "$3"
else
	outer "$@"
fi
