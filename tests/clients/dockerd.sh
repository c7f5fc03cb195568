#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# dockerd.sh start DIR RUNTIME [OPTION ...]   starts dockerd with the program RUNTIME as its default runtime; it answers when this returns
# dockerd.sh stop DIR                         ends it, with the containerd that it has started
#
# Everything of it is below DIR, which should be short (sockets) and on a file system that can carry an overlay; clients find
# it by DOCKER_HOST=unix://DIR/docker.sock. It belongs into namespaces of its own (mount, pid, network, cgroup) with a private
# /run: it writes firewall rules, and its shims' sockets are in /run/containerd. OPTIONs are dockerd's.
set -eu

start() {
	local dir=$1 runtime=$2 pid
	shift 2
	mkdir -p "$dir"
	setsid dockerd --data-root "$dir/data" --exec-root "$dir/exec" --pidfile "$dir/docker.pid" -H "unix://$dir/docker.sock" \
		--storage-driver overlay2 --add-runtime "tested=$runtime" --default-runtime tested "$@" >>"$dir/docker.log" 2>&1 </dev/null &
	pid=$!
	until curl -sf --max-time 5 --unix-socket "$dir/docker.sock" http://docker/_ping >/dev/null 2>&1; do
		if ! kill -0 "$pid" 2>/dev/null; then
			echo "dockerd.sh: dockerd has ended:" >&2
			tail -n 20 "$dir/docker.log" >&2
			exit 1
		fi
		sleep 0.05
	done
}

stop() {
	local pid
	pid=$(cat "$1/docker.pid")
	kill "$pid"
	while kill -0 "$pid" 2>/dev/null; do sleep 0.05; done
}

if [ "${1:-}" = start ] && [ $# -ge 3 ]; then
	start "${@:2}"
elif [ "${1:-}" = stop ] && [ $# = 2 ]; then
	stop "$2"
else
	sed -n '4,5s/^# //p' "$0" >&2
	exit 2
fi
