# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# What every integration test loads: the programs under test, a bundle of its own, and a snapshot of
# the world before and after, so that a test that leaves anything behind fails by itself.
#
#	load helpers
#	setup() { integ_setup; }
#	teardown() { integ_teardown; }
#
# $BUNDLE: this test's bundle (config.json from config.json here, args ["true"]); its root file system is
# $INTEG_ROOTFS, shared and read-only by convention; own_rootfs gives the test a copy to write to.
# $CAPSULE, $RUNTIME, $SHIM: the programs. $ROOT: the runtime's --root of this test (the functions
# `capsule` and `runtime` pass it).

# Containers of bundles are on no network, but where a test is about networks.
export CAPSULE_NETWORK=none

CAPSULE=$CAPSULE_BUILD/capsule
RUNTIME=$CAPSULE_BUILD/capsule-runtime
# shellcheck disable=SC2034 # for the tests
SHIM=$CAPSULE_BUILD/capsule-shim

capsule() {
	"$CAPSULE" --root "$ROOT" "$@"
}

runtime() {
	"$RUNTIME" --root "$ROOT" "$@"
}

integ_setup() {
	WORK=$(mktemp -d /tmp/t.XXXXXX)
	ROOT=/run/t
	BUNDLE=$WORK/bundle
	snapshot >"$WORK/before"
	echo /proc/[0-9]* >"$WORK/processes"
	mkdir -p "$BUNDLE"
	# jq takes its time to start: not where sed will do
	sed 's|"path": "rootfs"|"path": "'"$INTEG_ROOTFS"'"|' "$CAPSULE_INTEG/config.json" >"$BUNDLE/config.json"
	cd "$BUNDLE" || return 1
}

# config FILTER [JQ-ARG...]: edits $BUNDLE/config.json with a jq filter.
config() {
	local filter=$1
	shift
	jq "$@" "$filter" "$BUNDLE/config.json" >"$WORK/config.new" && mv "$WORK/config.new" "$BUNDLE/config.json"
}

# args WORD...: sets process.args.
args() {
	jq '.process.args = $ARGS.positional' "$BUNDLE/config.json" --args -- "$@" >"$BUNDLE/config.new" &&
		mv "$BUNDLE/config.new" "$BUNDLE/config.json"
}

own_rootfs() {
	cp -a "$INTEG_ROOTFS" "$BUNDLE/rootfs"
	config '.root.path = "rootfs" | .root.readonly = false'
}

# Everything on this machine that a container could leave behind, one line each, sorted; without the lines that the extended
# regular expression $OWN names.
# INTEG_SNAPSHOT=kernel, in the emulated machine, where each program takes its time to start: mounts, cgroups and /run.
snapshot() {
	if [ "${INTEG_SNAPSHOT:-}" = kernel ]; then
		# no loop: bats looks at each command of one
		cut -d ' ' -f 4- /proc/self/mountinfo
		find /sys/fs/cgroup /run -mindepth 1 \( -type d -o ! -path '/sys/*' \) ! -path '/sys/fs/cgroup*/capsule' | sort
		return
	fi
	{
		sed 's/^[0-9]* [0-9]* [0-9]*:[0-9]* /mount /; s/ shared:[0-9]*//; s/ master:[0-9]*//' /proc/self/mountinfo
		# The parent of all containers stays, as an administrator may have limited it.
		find /sys/fs/cgroup -mindepth 1 -type d ! -path '/sys/fs/cgroup/*/capsule' ! -path /sys/fs/cgroup/capsule \
			-printf 'cgroup %p\n' || true # what vanishes meanwhile
		find /run /dev/shm /dev/mqueue /var/lib/capsule -mindepth 1 -printf 'file %p\n' 2>/dev/null || true
		find /tmp /var/tmp -mindepth 1 -maxdepth 1 ! -name 't.*' ! -name 'bats-run-*' -printf 'file %p\n' || true
		find "$INTEG_ROOTFS" -printf 'rootfs %p %y %m %l\n' || true
		# Not /sys/class/net: that mount shows the network namespace it was mounted in.
		sed -n 's/^ *\([^:]*\):.*/netdev \1/p' /proc/net/dev
		# without the module there are no tables, and asking would load it
		if [ -e /sys/module/nf_tables ] && command -v nft >/dev/null; then
			nft list tables | sed 's/^/nft /'
		fi
		local p words
		for p in /proc/[0-9]*; do
			# Kernel threads do not show here (own pid namespace); bats' own children come and go.
			[ -e "$p/exe" ] || continue
			{ mapfile -d '' -t words <"$p/cmdline"; } 2>/dev/null || continue
			case "${words[*]} " in
			*bats* | ' ' | *tests/integ/run* | 'find '* | 'grep '* | 'sort '* | 'sed '* | 'bash '*) ;;
			*) echo "process ${words[*]} " ;;
			esac
		done
	} | grep -vE "${OWN:-^$}" | sort
}

# Removes what the test may leave on purpose, waits a moment for what is still on its way out, and
# fails if the world is not as it was.
integ_teardown() {
	local id try
	cd / || return 1
	if [ -d "$ROOT" ]; then
		for id in "$ROOT"/*/; do
			[ -d "$id" ] || continue
			id=$(basename "$id")
			if [ -e "$ROOT/$id/shim.json" ] || [ -e "$ROOT/$id/shim.sock" ]; then
				capsule delete -f "$id" >/dev/null 2>&1 || true
			else
				runtime delete --force "$id" >/dev/null 2>&1 || true
			fi
		done
		if [ -d "$ROOT/data/networks" ]; then
			capsule network prune >/dev/null 2>&1 || true
			capsule network delete capsule_bridge0 2>/dev/null || true
			rm -rf "$ROOT/data/networks"
			rmdir "$ROOT/data" 2>/dev/null || true
		fi
		rm -rf "$ROOT/.seccomp"* "$ROOT"/events.log* 2>/dev/null
		rmdir "$ROOT" 2>/dev/null || true
	fi
	for try in 1 2 3 4 5 6 7 8 9 10 11 12; do
		snapshot >"$WORK/after"
		if diff "$WORK/before" "$WORK/after" >"$WORK/left"; then
			rm -rf --one-file-system "$WORK"
			return 0
		fi
		sleep "0.$((try / 2 + 1))"
	done
	echo "left behind (<: gone, >: new):"
	cat "$WORK/left"
	kill_strangers
	rm -rf --one-file-system "$WORK"
	return 1
}

# After a leak: ends what the test started, or bats would wait for it (it holds bats' descriptors).
kill_strangers() {
	local p
	for p in /proc/[0-9]*; do
		case " $(cat "$WORK/processes") " in
		*" $p "*) ;;
		*) [ "${p#/proc/}" = "$BASHPID" ] || kill -9 "${p#/proc/}" 2>/dev/null || true ;;
		esac
	done
}

# Nothing in the root directory but the record of what has happened.
no_containers() {
	[ -z "$(find "$ROOT" -mindepth 1 -maxdepth 1 ! -name 'events.log*')" ]
}

# wait_until SECONDS COMMAND...: polls until the command succeeds.
wait_until() {
	local end=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt "$end" ] || return 1
		sleep 0.02
	done
}

# A process that is expected to end: kill -0 by pid, within 5 s.
gone() {
	wait_until 5 eval "! kill -0 $1 2>/dev/null"
}

is_v2() {
	[ "$(stat -f -c %T /sys/fs/cgroup)" = cgroup2fs ]
}

# control_file V1-CONTROLLER V1-FILE V2-FILE [GROUP]: its path in this layout, of the group c if no other is named.
control_file() {
	if is_v2; then
		printf '/sys/fs/cgroup/%s/%s\n' "${4:-c}" "$3"
	else
		printf '/sys/fs/cgroup/%s/%s/%s\n' "$1" "${4:-c}" "$2"
	fi
}

# value V1-CONTROLLER V1-FILE V2-FILE [GROUP]: what it holds.
value() {
	cat "$(control_file "$@")"
}
