# shellcheck shell=bash disable=SC2034 # what others use
# SPDX-License-Identifier: Apache-2.0
#
# Where the benchmarks run: namespaces of their own (what is started there ends with them), tmpfs over /run and /tmp, and the
# machine's cgroup hierarchies mounted anew below a cgroup of the run's. Only v1 hierarchies are shown if there are any:
# crun refuses layouts that have both, and all contenders shall see the same.

stopwatch=/run/build/tests/bench/bench
work=/tmp/work
samples=/tmp/work/samples
bundles=/tmp/bundles

world_flags=-mnpiuC

# enter_world SCRIPT BUILD ARGUMENT...: runs the script again inside, with BENCH_INSIDE=yes.
enter_world() {
	local name=cps-bench-$$ dir rc=0 script=$1
	local -a dirs=() proc=()
	build=$(cd "$2" && pwd)
	shift 2
	[[ $world_flags != *p* ]] || proc=(--mount-proc)
	[ "$(id -u)" = 0 ] || {
		echo "$script: containers need root" >&2
		exit 1
	}
	if [ "$(stat -f -c %T /sys/fs/cgroup)" = cgroup2fs ]; then
		dirs=("/sys/fs/cgroup/$name")
		# shellcheck disable=SC2013 # words are what there is
		for dir in $(cat /sys/fs/cgroup/cgroup.controllers); do
			echo "+$dir" >/sys/fs/cgroup/cgroup.subtree_control || true
		done
	else
		for dir in /sys/fs/cgroup/*/; do
			[ -L "${dir%/}" ] || [ ! -e "$dir/cgroup.procs" ] || dirs+=("$dir$name")
		done
	fi
	for dir in "${dirs[@]}"; do
		mkdir "$dir"
		if [ -e "$dir/cpuset.cpus" ] && [ -e "$dir/cpuset.sched_load_balance" ]; then
			cat "$dir/../cpuset.cpus" >"$dir/cpuset.cpus"
			cat "$dir/../cpuset.mems" >"$dir/cpuset.mems"
		fi
	done
	(
		for dir in "${dirs[@]}"; do echo "$BASHPID" >"$dir/cgroup.procs"; done
		BENCH_INSIDE=yes exec unshare "$world_flags" --fork --kill-child "${proc[@]}" --propagation private -- \
			bash "$here/$script" "$build" "$@"
	) </dev/null &
	# v2: see tests/integ/run
	while [ ${#dirs[@]} = 1 ] && kill -0 $! 2>/dev/null; do
		[ ! -e "${dirs[0]}/runner" ] || { echo $! >"${dirs[0]}/runner/cgroup.procs" && break; } 2>/dev/null
		sleep 0.02
	done
	wait $! || rc=$?
	for dir in "${dirs[@]}"; do
		for _ in 1 2 3 4 5 6 7 8 9 10; do
			find "$dir" -depth -type d -exec rmdir {} + 2>/dev/null && break
			sleep 0.2
		done
	done
	exit "$rc"
}

mount_cgroups() {
	local controllers
	if [ "$(stat -f -c %T /sys/fs/cgroup)" = cgroup2fs ]; then
		cgroup_layout=v2
		umount /sys/fs/cgroup
		mount -t cgroup2 cgroup2 /sys/fs/cgroup
		mkdir /sys/fs/cgroup/runner
		echo $$ >/sys/fs/cgroup/runner/cgroup.procs
		while [ -n "$(cat /sys/fs/cgroup/cgroup.procs)" ]; do sleep 0.02; done
		# shellcheck disable=SC2013 # words are what there is
		for controllers in $(cat /sys/fs/cgroup/cgroup.controllers); do
			echo "+$controllers" >/sys/fs/cgroup/cgroup.subtree_control || true
		done
		return
	fi
	cgroup_layout=v1
	mount -t tmpfs -o mode=755 tmpfs /sys/fs/cgroup
	while IFS=: read -r _ controllers _; do
		case $controllers in
		'') ;;
		name=*)
			mkdir "/sys/fs/cgroup/${controllers#name=}"
			mount -t cgroup -o "none,$controllers" cgroup "/sys/fs/cgroup/${controllers#name=}"
			;;
		*)
			mkdir "/sys/fs/cgroup/$controllers"
			mount -t cgroup -o "$controllers" cgroup "/sys/fs/cgroup/$controllers"
			;;
		esac
	done </proc/self/cgroup
}

# make_bundle NAME ARGS [FILTER [OPTION...]]: a bundle whose command is the JSON array ARGS, its config changed by a filter of
# jq, with options of jq's.
make_bundle() {
	local bundle=$bundles/$1
	mkdir -p "$bundle/rootfs"/{bin,proc,dev,sys,tmp}
	cp "$tools/true" "$tools/load" "$bundle/rootfs/bin/"
	jq --argjson args "$2" "${@:4}" ".process.args = \$args | del(.process.noNewPrivileges) | ${3:-.}" \
		"$here/../integ/config.json" >"$bundle/config.json"
}

make_world() {
	source=$(cd "$here/../.." && pwd)
	mount -t tmpfs -o mode=755 tmpfs /run
	mkdir /run/build /run/tree
	mount --bind "$build" /run/build
	mount --bind "$source" /run/tree
	mount -t tmpfs -o mode=1777 tmpfs /tmp
	here=/run/tree/tests/bench
	source=/run/tree
	tools=/run/build/tests/bench
	mkdir -p "$work" "$bundles" /run/cps
	mount_cgroups
	/bin/busybox ip link set lo up
	make_bundle true '["/bin/true"]'
	make_bundle serve '["/bin/load", "serve"]'
	capsule_bin=/run/build/capsule
	capsule="$capsule_bin --root /run/cps"
	# Ids differ between contenders, since all of them would put the same id into the same cgroup.
	declare -gA runtimes=([capsule-runtime]="/run/build/capsule-runtime --root /run/cps-runtime")
	runtime_names=(capsule-runtime)
	local name path
	for name in crun runc; do
		path=$(command -v "$name") || continue
		runtimes[$name]="$path --root /run/$name"
		runtime_names+=("$name")
	done
	conmon=$(command -v conmon || true)
	[ -n "${runtimes[crun]:-}" ] || conmon=
}

# conmon_words ID BUNDLE LOG: conmon's command line as podman writes it, with a bundle of its own: BUNDLE is copied.
conmon_words() {
	local id=$1 dir=$work/conmon/$1
	mkdir -p "$dir/exits"
	cp "$bundles/$2/config.json" "$dir/"
	[ -e "$dir/rootfs" ] || cp -r "$bundles/$2/rootfs" "$dir/"
	echo "$conmon --api-version 1 -c $id -u $id -r ${runtimes[crun]%% *} -b $dir -p $dir/pidfile -n $id --exit-dir $dir/exits" \
		"--full-attach -l $3 --log-level error --conmon-pidfile $dir/conmon.pid --runtime-arg --root --runtime-arg /run/crun"
}
