# shellcheck shell=bash disable=SC2154 # what run.sh and world.sh set
# SPDX-License-Identifier: Apache-2.0
# What it costs to keep a container that does nothing.

# of_process PID CONTENDER [ROW]: memory from smaps_rollup (USS: private pages, clean and dirty), threads, descriptors.
of_process() {
	local pid=$1 row=${3:-idle} fds=("/proc/$1/fd"/*)
	awk -v who="$2" -v row="$row" -v OFS='\t' '
		/^Rss:/ {rss = $2} /^Pss:/ {pss = $2} /^Private_(Clean|Dirty):/ {uss += $2} /^Threads:/ {threads = $2}
		END {
			print row, "USS", "kB", who, uss
			print row, "PSS", "kB", who, pss
			print row, "RSS", "kB", who, rss
			print row, "threads", "count", who, threads
		}' "/proc/$pid/smaps_rollup" "/proc/$pid/status" >>"$samples"
	sample "$row" descriptors count "$2" ${#fds[@]}
}

# The shims of 50 running services, two seconds after the last has started; each shim is a sample. containerd's are
# started by ctr in a containerd of the benchmark's own.
row_idle() {
	local count i dir words name
	count=$(part 50)
	"$stopwatch" parallel "$work/ignored" idle capsule "$count" 1 "$capsule_bin" --root /run/cps run -d -b "$bundles/serve" "idle-%"
	if [ -n "$conmon" ]; then
		for ((i = 0; i < count; i++)); do
			dir=$work/conmon/idle-conmon$i
			words=$(conmon_words "idle-conmon$i" serve "k8s-file:$dir/ctr.log")
			printf 'case -\nconmon: @conmon %s ; %s start %s\n' "$words" "${runtimes[crun]}" "idle-conmon$i"
		done | "$stopwatch" plan 1 0 /dev/null
	fi
	start_containerd "$count"
	sleep 2
	for ((i = 0; i < count; i++)); do
		of_process "$("$stopwatch" peer "/run/cps/idle-$i/shim.sock")" capsule
		[ -z "$conmon" ] || of_process "$(cat "$work/conmon/idle-conmon$i/conmon.pid")" conmon
	done
	for name in /proc/[0-9]*; do
		[ "$(cat "$name/comm")" != containerd-shim ] || of_process "${name#/proc/}" containerd-shim-runc-v2
	done
	end_containerd "$count"
	for ((i = 0; i < count; i++)); do
		$capsule delete -f "idle-$i"
		[ -z "$conmon" ] || ${runtimes[crun]} delete -f "idle-conmon$i"
	done
	goal idle USS capsule 307.2 -
	goal idle PSS capsule 409.6 -
	goal idle threads capsule 1 -
	goal idle PSS capsule 1 conmon
}

# The shim is a Go program named in 15 letters; comm has "containerd-shim".
start_containerd() {
	local dir=/run/containerd-bench i
	containerd_pid=
	command -v containerd >/dev/null && command -v containerd-shim-runc-v2 >/dev/null && command -v runc >/dev/null || return 0
	mkdir -p "$dir"
	printf 'version = 2\nroot = "%s/root"\nstate = "%s/state"\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n[grpc]\naddress = "%s/sock"\n' \
		"$dir" "$dir" "$dir" >"$dir/config.toml"
	containerd --config "$dir/config.toml" >"$dir/log" 2>&1 </dev/null &
	containerd_pid=$!
	for ((i = 0; i < 100; i++)); do
		! ctr --address "$dir/sock" version >/dev/null 2>&1 || break
		sleep 0.1
	done
	for ((i = 0; i < $1; i++)); do
		# ctr makes a specification of its own from the root file system and the command
		ctr --address "$dir/sock" run -d --rootfs "$bundles/serve/rootfs" "idle-ctr$i" /bin/load serve </dev/null >/dev/null || {
			note idle "containerd: the container $i of $1 could not be started"
			return 0
		}
	done
}
end_containerd() {
	local i ctr="ctr --address /run/containerd-bench/sock"
	[ -n "$containerd_pid" ] || return 0
	for ((i = 0; i < $1; i++)); do
		$ctr task kill -s KILL "idle-ctr$i" >/dev/null 2>&1 || true
	done
	sleep 1
	for ((i = 0; i < $1; i++)); do
		$ctr task rm -f "idle-ctr$i" >/dev/null 2>&1 || true
	done
	kill "$containerd_pid"
	wait "$containerd_pid" 2>/dev/null || true
}
