#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Mounts that cannot be, and images that are hostile: one line that names the place, and nothing left.
load helpers
setup() {
	integ_setup
	own_rootfs
	mkdir "$WORK/outside" "$WORK/outside/dir"
	echo canary >"$WORK/outside/file"
	find "$WORK/outside" -printf '%p %y %m %s %T@ %C@\n' | sort >"$WORK/canary"
}
teardown() {
	find "$WORK/outside" -printf '%p %y %m %s %T@ %C@\n' | sort | diff "$WORK/canary" -
	integ_teardown
}

# refused TEXT [FILTER]: with the filter on config.json, create fails with one line that has TEXT.
refused() {
	[ $# -lt 2 ] || cp config.json "$WORK/good.json"
	[ $# -lt 2 ] || config "$2"
	run runtime create c
	[ $# -lt 2 ] || cp "$WORK/good.json" config.json
	echo "$output"
	[ "$status" -ne 0 ]
	[ "${#lines[@]}" -eq 1 ]
	[[ "$output" == *"$1"* ]]
	[ ! -e "$ROOT/c" ]
}

@test "mounts that cannot be made are named" {
	refused "/data: bind '/no/such/dir': No such file" '.mounts += [{destination: "/data", type: "bind", source: "/no/such/dir", options: ["bind"]}]'
	refused "nosuchfs" '.mounts += [{destination: "/data", type: "nosuchfs", source: "x"}]'
	refused "sizzle" '.mounts += [{destination: "/data", type: "tmpfs", source: "x", options: ["sizzle=1"]}]'
	refused "idmap" '.mounts += [{destination: "/data", type: "bind", source: "/tmp", options: ["bind", "idmap"]}]'
	refused "not a directory" '.mounts += [{destination: "/etc/passwd", type: "bind", source: "/tmp", options: ["bind"]}]'
	refused "is a directory" '.mounts += [{destination: "/", type: "bind", source: "/etc/passwd", options: ["bind"]}]'
	refused "inside /proc" '.mounts += [{destination: "/proc/sys/kernel", type: "bind", source: "/tmp", options: ["bind"]}]'
	refused "only procfs" '.mounts += [{destination: "/proc", type: "tmpfs", source: "x"}]'
}

@test "the root file system must be there, and be a directory" {
	refused "/no/such/root" '.root.path = "/no/such/root"'
	refused "file" '.root.path = "'"$WORK"'/outside/file"'
}

@test "sysctls of the host are refused" {
	refused "kernel.core_pattern" '.linux.sysctl = {"kernel.core_pattern": "|/evil"}'
	refused "net.ipv4.ip_forward" '.linux.sysctl = {"net.ipv4.ip_forward": "1"} | .linux.namespaces |= map(select(.type != "network"))'
	refused "net.ipv4.ip_forward" '.linux.sysctl = {"net.ipv4.ip_forward": "1"}
		| .linux.namespaces |= map(if .type == "network" then .path = "/proc/self/ns/net" else . end)'
	refused "kernel.msgmax" '.linux.sysctl = {"kernel.msgmax": "not a number"}'
}

@test "a working directory that is none" {
	touch rootfs/file
	ln -s /proc/self/fd rootfs/fds
	refused "/file/x" '.process.cwd = "/file/x"'
	refused "/proc/self/fd/3" '.process.cwd = "/proc/self/fd/3"'
	refused "/fds/7/../.." '.process.cwd = "/fds/7/../.."'
}

@test "a destination that leads out by a symlink ends within the root" {
	ln -s "$WORK/outside/dir" rootfs/abs
	ln -s ../../../../../../../.."$WORK/outside" rootfs/rel
	ln -s "$WORK/outside/new" rootfs/new
	config ".mounts += [{destination: \"/abs\", type: \"tmpfs\", source: \"x\"},
		{destination: \"/rel/sub\", type: \"tmpfs\", source: \"x\"},
		{destination: \"/new\", type: \"bind\", source: \"$WORK/outside/file\", options: [\"bind\"]}]"
	# shellcheck disable=SC2016  # awk's
	args sh -c 'awk "{print \$5}" /proc/self/mountinfo'
	runtime run c >"$WORK/out" </dev/null
	grep -qx "$WORK/outside/dir" "$WORK/out"
	grep -qx "$WORK/outside/sub" "$WORK/out"
	grep -qx "$WORK/outside/new" "$WORK/out"
}

@test "an image's /proc or /sys that is a symlink is refused" {
	rmdir rootfs/proc
	ln -s tmp rootfs/proc
	refused "/proc: must be mounted on ordinary directory"
	rm rootfs/proc
	mkdir rootfs/proc
	rmdir rootfs/sys
	ln -s ../../.. rootfs/sys
	refused "/sys: must be mounted on ordinary directory"
}

@test "a program is not found through the runtime's own descriptors (CVE-2024-21626)" {
	local i
	cp config.json "$WORK/good.json"
	printf '#!/proc/self/fd/3/bin/sh\n' >rootfs/bin/script
	chmod 755 rootfs/bin/script
	for i in 3 4 5 6 7 8 9 10 11 12; do
		ln -sfn "/proc/self/fd/$i/../../../../../../../../bin/busybox" rootfs/bin/evil
		for program in "/proc/self/fd/$i/bin/busybox" "/proc/self/fd/$i/../../../../../bin/busybox" evil; do
			args "$program" echo escaped
			# a directory of the caller's that it forgot to close
			run runtime run c </dev/null 7</ 9<"$WORK"
			echo "$output"
			[ "$status" -ne 0 ]
			[[ "$output" != escaped* ]]
		done
	done
	args script
	run runtime run c </dev/null
	[ "$status" -ne 0 ]
}

@test "an image's devices are not believed" {
	# no tmpfs over /dev: the image's own
	config '.mounts |= map(select(.destination | startswith("/dev") | not))'
	ln -s "$WORK/outside/file" rootfs/dev/null
	mkfifo rootfs/dev/zero
	mknod rootfs/dev/full c 1 5
	ln -s "$WORK/outside/file" rootfs/dev/console
	args sh -c 'stat -c "%n %t:%T" /dev/null /dev/zero /dev/full'
	runtime run c >"$WORK/out" </dev/null
	[ "$(xargs <"$WORK/out")" = "/dev/null 1:3 /dev/zero 1:5 /dev/full 1:7" ]
	rm rootfs/dev/null
	mkdir rootfs/dev/null
	refused "/dev/null"
}

@test "a volume whose names are exchanged while containers start" {
	mkdir -p vol/data/deep
	ln -s ../../../../../../../../"$WORK"/outside/dir vol/evil
	config ".mounts += [{destination: \"/vol\", type: \"bind\", source: \"$BUNDLE/vol\", options: [\"bind\"]},
		{destination: \"/vol/data/deep\", type: \"tmpfs\", source: \"x\"},
		{destination: \"/vol/data/new/file\", type: \"bind\", source: \"$WORK/good\", options: [\"bind\"]}]"
	touch "$WORK/good"
	"$CAPSULE_BUILD/tests/integ/swapper" vol/data vol/evil &
	local swapper=$! i made=0 races=${RACES:-200}
	for i in $(seq "$races"); do
		if runtime run c </dev/null >/dev/null 2>&1; then
			made=$((made + 1))
		fi
	done
	kill "$swapper"
	wait "$swapper" || true
	echo "$made of $races made"
	[ "$made" -gt 0 ]
}
