#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The account of one `capsule-runtime run /bin/true` beside the floor's: account.sh BUILD [ROUNDS]
#
# What is called comes from strace (once), how long it takes from the kernel's own trace events (ROUNDS times, 50), because
# strace would multiply that. The n-th system call of a process in the one is the n-th in the other; a round in which they
# are not the same is left out and counted. account.awk puts the calls into groups. Needs root, strace and tracefs; no
# process id namespace, since the trace is filtered by the ids that the kernel knows.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/bench/world.sh
. "$here/world.sh"

# traced NAME WORD...: the command's strings to $work/NAME.strace, its times to $work/NAME.trace.
traced() {
	local name=$1 i
	shift
	# five times; the sequence that comes most often is the one to compare with
	for i in 1 2 3 4 5; do
		strace -f -n -y -qq -s 60 -e signal=none -o "$work/$name.strace.$i" "$@" >/dev/null
		printf '%s %s\n' "$(grep -v resumed "$work/$name.strace.$i" | sort -s -n -k 1,1 | sed 's/^[0-9]* *\(\[[ 0-9]*\]\).*/\1/' | md5sum | cut -c 1-32)" "$i"
	done | sort >"$work/$name.variants"
	i=$(cut -d ' ' -f 1 "$work/$name.variants" | uniq -c | sort -rn | awk 'NR == 1 {print $2}')
	cp "$work/$name.strace.$(awk -v s="$i" '$1 == s {print $2; exit}' "$work/$name.variants")" "$work/$name.strace"
	: >"$work/$name.trace"
	for ((i = 0; i < rounds; i++)); do
		: >"$trace/trace"
		(
			echo "$BASHPID" >"$trace/set_event_pid" # before this there is no filter
			echo 1 >"$trace/tracing_on"
			exec "$@" >/dev/null
		)
		echo 0 >"$trace/tracing_on"
		echo "# round" >>"$work/$name.trace"
		cat "$trace/trace" >>"$work/$name.trace"
		sleep 0.02
	done
}

inner() {
	make_world
	mount -t tracefs tracefs /sys/kernel/tracing
	trace=/sys/kernel/tracing/instances/capsule-bench-$$
	mkdir "$trace"
	trap 'rmdir "$trace"' EXIT
	echo 0 >"$trace/tracing_on"
	echo 1 >"$trace/options/event-fork"
	echo 4096 >"$trace/buffer_size_kb"
	echo 1 >"$trace/events/raw_syscalls/enable"
	# shellcheck disable=SC2086 # words
	traced capsule ${runtimes[capsule-runtime]} run --bundle "$bundles/true" account
	traced floor "$tools/floor" "$bundles/true/rootfs" account /bin/true
	echo 0 >"$trace/events/raw_syscalls/enable"
	awk -f "$here/account.awk" "$work/capsule.strace" "$work/capsule.trace" "$work/floor.strace" "$work/floor.trace"
}

[ $# -ge 1 ] || {
	echo "usage: account.sh BUILD [ROUNDS]" >&2
	exit 2
}
build=$1
rounds=${2:-50}
if [ "${BENCH_INSIDE:-}" = yes ]; then
	inner
else
	world_flags=-mniuC
	enter_world account.sh "$build" "$rounds"
fi
