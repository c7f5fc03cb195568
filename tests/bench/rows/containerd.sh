# shellcheck shell=bash disable=SC2154 # what run.sh and world.sh set
# SPDX-License-Identifier: Apache-2.0
# containerd with our shim and with its own, asked by ctr: one containerd of the benchmark's own, the same directory as every container's
# root. With its own shim the runtime is runc, with ours it is ours.

# containerd_up: containerd and ctr's command line in $ctr, or a note on the row and failure. Our shim is found in PATH.
containerd_up() {
	local dir=/run/containerd-bench name
	for name in containerd ctr containerd-shim-runc-v2 runc; do
		command -v $name >/dev/null || {
			note "$1" "no $name here"
			return 1
		}
	done
	[ -x /run/build/containerd-shim-capsule-v2 ] || {
		note "$1" "this capsule has no shim for containerd"
		return 1
	}
	mkdir -p "$dir/bin"
	ln -sf /run/build/containerd-shim-capsule-v2 "$dir/bin/"
	printf 'version = 2\nroot = "%s/root"\nstate = "%s/state"\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n[grpc]\naddress = "%s/sock"\n' \
		"$dir" "$dir" "$dir" >"$dir/config.toml"
	PATH=$dir/bin:$PATH containerd --config "$dir/config.toml" >"$dir/log" 2>&1 </dev/null &
	containerd_pid=$!
	ctr="ctr --address $dir/sock"
	for ((i = 0; i < 100; i++)); do
		! $ctr version >/dev/null 2>&1 || return 0
		sleep 0.1
	done
	note "$1" "containerd does not come up"
	return 1
}

containerd_down() {
	containerd_quiet
	kill "$containerd_pid"
	wait "$containerd_pid" 2>/dev/null || true
}

# Until no shim is left: containerd has each container deleted once more, a moment after its end.
containerd_quiet() {
	while grep -qs '^containerd-shim' /proc/[0-9]*/comm; do sleep 0.05; done
}

# containerd_start RUNTIME ID [OPTION...] -- COMMAND...: detached
containerd_start() {
	local runtime=$1 id=$2
	local -a options=()
	shift 2
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	$ctr run -d --runtime "io.containerd.$runtime.v2" "${options[@]}" --rootfs "$bundles/serve/rootfs" "$id" "${@:2}" </dev/null >/dev/null
}

# containerd_rm ID...
containerd_rm() {
	local id
	for id in "$@"; do
		$ctr task kill -s KILL "$id" >/dev/null 2>&1 || true
		until $ctr task rm -f "$id" >/dev/null 2>&1 || ! $ctr task ls -q | grep -qx "$id"; do sleep 0.05; done
		$ctr container rm "$id" >/dev/null
	done
}

# shim_of ID: the pid of its shim, which is the parent of its first process
shim_of() {
	local pid
	pid=$($ctr task ls | awk -v id="$1" '$1 == id {print $2}')
	sed -n 's/^PPid:[ \t]*//p' "/proc/$pid/status"
}

# A container whose command is /bin/true, in the foreground, from nothing to nothing. What containerd does after that to clear up is waited for,
# and not in the time.
row_containerd_run() {
	containerd_up containerd-run || return 0
	declare -f containerd_quiet >"$work/containerd-quiet"
	echo containerd_quiet >>"$work/containerd-quiet"
	{
		echo "case containerd-run"
		for name in capsule runc; do
			echo "containerd-shim-$name-v2: $ctr run --rm --runtime io.containerd.$name.v2 --rootfs $bundles/true/rootfs run-$name /bin/true ; !bash $work/containerd-quiet"
		done
	} | plan
	containerd_down
	goal containerd-run time containerd-shim-capsule-v2 1 containerd-shim-runc-v2
}

# One more process in a running container, /bin/true, in the foreground.
row_containerd_exec() {
	local name
	containerd_up containerd-exec || return 0
	for name in capsule runc; do containerd_start "$name" "exec-$name" -- /bin/load serve; done
	{
		echo "case containerd-exec"
		for name in capsule runc; do echo "containerd-shim-$name-v2: $ctr task exec --exec-id e exec-$name /bin/true"; done
	} | plan
	containerd_rm exec-capsule exec-runc
	containerd_down
	goal containerd-exec time containerd-shim-capsule-v2 1 containerd-shim-runc-v2
}

# The shims of 20 running services each, two seconds after the last has started; each shim is a sample.
row_containerd_idle() {
	local count i name
	count=$(part 20)
	containerd_up containerd-idle || return 0
	for ((i = 0; i < count; i++)); do
		for name in capsule runc; do containerd_start "$name" "idle-$name-$i" -- /bin/load serve; done
	done
	sleep 2
	for ((i = 0; i < count; i++)); do
		for name in capsule runc; do of_process "$(shim_of "idle-$name-$i")" "containerd-shim-$name-v2" containerd-idle; done
	done
	for ((i = 0; i < count; i++)); do containerd_rm "idle-capsule-$i" "idle-runc-$i"; done
	containerd_down
	goal containerd-idle PSS containerd-shim-capsule-v2 409.6 -
	goal containerd-idle threads containerd-shim-capsule-v2 1 -
}

# 400 MB of lines of 100 bytes, 64 KiB a write, to a file (--log-uri file://) on tmpfs: seconds from the command to the end of the container, and
# CPU time of the shim alone from its start to then (schedstat, all its threads).
row_containerd_log() {
	local mb=400 name round shim start
	[ -z "$quick" ] || mb=40
	containerd_up containerd-log || return 0
	for ((round = 0; round < $(part 10); round++)); do
		for name in capsule runc; do
			start=$EPOCHREALTIME
			containerd_start "$name" flood --log-uri "file://$work/flood.log" -- /bin/load flood "$mb"
			shim=$(pgrep -x containerd-shim)
			until $ctr task ls | grep -q '^flood .*STOPPED'; do sleep 0.02; done
			sample containerd-log time s "containerd-shim-$name-v2" "$(awk -v a="$start" -v b="$EPOCHREALTIME" 'BEGIN {print b - a}')"
			sample containerd-log CPU ms "containerd-shim-$name-v2" "$(cat /proc/"$shim"/task/*/schedstat | awk '{ns += $1} END {print ns / 1e6}')"
			[ "$(stat -c %s "$work/flood.log")" -ge $((mb * 1000000)) ] || note containerd-log "containerd-shim-$name-v2: not all was written"
			containerd_rm flood
			containerd_quiet
			rm "$work/flood.log"
		done
	done
	containerd_down
	goal containerd-log CPU containerd-shim-capsule-v2 1 containerd-shim-runc-v2
}
