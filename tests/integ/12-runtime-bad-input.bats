#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Bad input to capsule-runtime: one line that names the place, a status that is not 0, and nothing left.
# shellcheck disable=SC2012,SC2016,SC2034
bats_require_minimum_version 1.5.0
load helpers
setup() { integ_setup; }
teardown() {
	[ ! -d /run/small ] || { umount /run/small && rmdir /run/small; }
	integ_teardown
}

# refused WORDS...: create and run fail with one line that has all of the words, and leave nothing.
refused() {
	local verb word
	for verb in create run; do
		run -1 runtime "$verb" c
		[ "${#lines[@]}" -eq 1 ] || { echo "$verb: $output" && return 1; }
		for word in "$@"; do
			[[ "$output" == *"$word"* ]] || { echo "$verb: no '$word' in: $output" && return 1; }
		done
		[ ! -e "$ROOT/c" ]
		[ -z "$(find /sys/fs/cgroup -mindepth 1 -type d -name c)" ]
	done
}

@test "config.json: missing, not JSON, empty, cut off" {
	mv config.json config.whole
	refused config.json "No such file"
	printf '{\n  "ociVersion": "1.0.2",\n  nonsense\n}\n' >config.json
	refused config.json "line 3, column"
	: >config.json
	refused config.json
	head -c 300 config.whole >config.json
	refused config.json line
	rm config.json
	mkdir config.json
	refused config.json
}

@test "config.json: wrong types and missing members are named by their path" {
	cp config.json whole.json
	local change path
	while read -r path change; do
		cp whole.json config.json
		config "$change"
		refused "config.json" "$path"
	done <<-'END'
		process.args .process.args = "true"
		process.args[1] .process.args = ["a", 5]
		'args' .process.args = []
		process.cwd .process.cwd = "relative"
		'cwd' del(.process.cwd)
		process.user.uid .process.user.uid = -1
		process.user.uid .process.user.uid = 4294967296
		process.rlimits[0].type .process.rlimits[0].type = "RLIMIT_NONSENSE"
		root del(.root)
		mounts[0].destination .mounts[0].destination = 7
		linux.namespaces[0] .linux.namespaces[0].type = "nonsense"
		linux.resources.memory.limit .linux.resources.memory = {limit: "much"}
		linux.resources.pids.limit .linux.resources.pids = {limit: 1.5}
		hooks.prestart[0] .hooks.prestart = [{path: "relative"}]
	END
}

@test "config.json: what cannot be honoured is refused by name" {
	cp config.json whole.json
	local change path
	while read -r path change; do
		cp whole.json config.json
		config "$change"
		refused "$path"
	done <<-'END'
		linux.intelRdt .linux.intelRdt = {closID: "x"}
		mounts[1] .mounts[1].options += ["idmap"]
		hostname .linux.namespaces |= map(select(.type != "uts"))
	END
}

@test "the root file system: missing, a file, a broken link" {
	config '.root.path = "/no/such"'
	refused /no/such
	touch "$WORK/file"
	config '.root.path = $p' --arg p "$WORK/file"
	refused "$WORK/file"
	ln -s /no/such "$WORK/link"
	config '.root.path = $p' --arg p "$WORK/link"
	refused "$WORK/link"
}

@test "the program: not found, not executable, a directory" {
	args nosuch
	refused nosuch 'executable file not found in $PATH'
	args /no/such
	refused 'no such file or directory'
	args /etc/passwd
	refused 'permission denied'
	args /etc
	refused '/etc'
	args ''
	refused 'exec'
}

@test "mounts: a source that is missing, a destination that leads outside" {
	config '.mounts += [{destination: "/x", type: "bind", source: "/no/such", options: ["bind"]}]'
	refused /no/such
	own_rootfs
	ln -s ../../../../../../etc "$BUNDLE/rootfs/out"
	ls /etc >"$WORK/etc"
	config '.mounts[-1] = {destination: "/out/inside", type: "tmpfs", source: "tmpfs"} | .process.args = ["cat", "/proc/self/mountinfo"]'
	run runtime run c
	ls /etc | diff "$WORK/etc" -
	[ "$status" -ne 0 ] || [[ "$output" == *" /etc/inside "* ]]
	config '.mounts[-1] = {destination: "/x", type: "nonsensefs", source: "x"}'
	refused nonsensefs
}

@test "cgroups: a path that leads out, a field without a controller" {
	config '.linux.cgroupsPath = "/../../out"'
	refused '..' cgroup
	config '.linux.cgroupsPath = "/t-ok" | .linux.resources.unified = {"memory.nonsense": "1"}'
	refused unified
}

@test "id maps that do not fit" {
	config '.linux.namespaces += [{type: "user"}] | .linux.gidMappings = [{containerID: 0, hostID: 5, size: 5}]'
	refused uidMappings
	config '.linux.uidMappings = [{containerID: 1, hostID: 5, size: 5}] | .linux.gidMappings = .linux.uidMappings'
	refused uidMappings "id 0"
	config '.linux.uidMappings = [{containerID: 0, hostID: 5, size: 5}] | .linux.gidMappings = .linux.uidMappings | .process.user.uid = 7'
	refused uidMappings 7
	config '.linux.uidMappings = [{containerID: 0, hostID: 5, size: 5}, {containerID: 3, hostID: 500, size: 5}] | .process.user.uid = 0'
	refused uidMappings
}

@test "signals" {
	config '.process.args = ["sleep", "300"]'
	runtime run --detach c
	local s
	for s in NONSENSE 65 -1 '' 9x SIG; do
		run -1 runtime kill -- c "$s"
		[[ "$output" == *"signal"* ]]
		[ "${#lines[@]}" -eq 1 ]
	done
	[ "$(runtime state c | jq -r .status)" = running ]
	runtime delete --force c
}

@test "commands and options: unknown, too few, too many" {
	run -1 runtime create --nonsense c
	[[ "$output" == *nonsense* ]]
	run -1 runtime create
	run -1 runtime create a b
	run -1 runtime state
	run -1 runtime delete a b
	run -1 runtime --nonsense list
	run -1 runtime --log-format xml list
	run -1 runtime create --preserve-fds many c
	run -1 runtime list -f xml
	run -1 runtime create --bundle /no/such c
	[[ "$output" == */no/such* ]]
	runtime create --help | grep -q -- --bundle
	runtime exec --help >/dev/null
	runtime --help | grep -q create
	# its name is the one that it is installed by
	ln -s "$RUNTIME" "$WORK/runc"
	run -0 "$WORK/runc" --help
	[[ ${lines[0]} == NAME: && ${lines[1]} == "   runc - Open Container Initiative runtime (capsule "* ]]
	run -0 "$WORK/runc" create --help
	[[ ${lines[0]} == NAME: && ${lines[1]} == "   runc create - "* ]]
	[[ $("$WORK/runc" --version | head -n 1) == "runc version "[0-9]* ]]
}

@test "a root directory that cannot be written, or is none" {
	mkdir "$WORK/ro"
	mount -t tmpfs -o ro tmpfs "$WORK/ro"
	run -1 "$RUNTIME" --root "$WORK/ro" run c
	[[ "$output" == *"Read-only file system"* ]]
	run -1 "$RUNTIME" --root "$WORK/ro/sub" run c
	umount "$WORK/ro"
	touch "$WORK/file"
	run -1 "$RUNTIME" --root "$WORK/file" run c
	[[ "$output" == *"Not a directory"* ]]
	run -1 runtime run --pid-file /no/such/pid c
	[[ "$output" == */no/such/pid* ]]
	[ ! -e "$ROOT/c" ]
}

@test "a full disk" {
	mkdir /run/small
	mount -t tmpfs -o size=16k tmpfs /run/small
	dd if=/dev/zero of=/run/small/fill bs=1k 2>/dev/null || true
	run -1 "$RUNTIME" --root /run/small run c
	[[ "$output" == *"No space left"* ]]
	[ "$(ls /run/small)" = fill ]
	[ -z "$(find /sys/fs/cgroup -mindepth 1 -type d -name c)" ]
}

@test "the limit of descriptors reached, at any place" {
	local n ok=0
	args true
	config 'del(.process.rlimits)'
	for n in $(seq 3 30); do
		if (ulimit -n "$n" && exec "$RUNTIME" --root "$ROOT" run c) >"$WORK/out" 2>&1; then
			ok=1
		else
			[ "$(wc -l <"$WORK/out")" -le 1 ]
		fi
		[ ! -e "$ROOT/c" ] || { echo "limit $n: $(cat "$WORK/out")" && false; }
		[ -z "$(find /sys/fs/cgroup -mindepth 1 -type d -name c)" ]
	done
	[ "$ok" = 1 ]
}

@test "garbage at the gate does not start the container, nor keep it from being started" {
	args sleep 300
	runtime create c
	python3 - "$ROOT/c/gate.sock" <<-'END'
		import socket, sys
		for data in (b"", b"x", b"\0" * 508, b"\xff" * 508, b"y" * 4096):
		    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
		    s.connect(sys.argv[1])
		    if data:
		        s.send(data)
		    s.close()
	END
	[ "$(runtime state c | jq -r .status)" = created ]
	runtime start c
	[ "$(runtime state c | jq -r .status)" = running ]
	runtime delete --force c
}

@test "two starts at once: one of them is refused" {
	local i a b rc
	args sleep 300
	for i in 1 2 3 4 5 6 7 8; do
		rc=0
		runtime create c
		"$RUNTIME" --root "$ROOT" start c 2>/dev/null &
		a=$!
		"$RUNTIME" --root "$ROOT" start c 2>/dev/null &
		b=$!
		wait $a || rc=$((rc + 1))
		wait $b || rc=$((rc + 1))
		[ $rc = 1 ]
		[ "$(runtime state c | jq -r .status)" = running ]
		runtime delete --force c
	done
}

@test "two creates of one id at once: one of them is refused, the other is whole" {
	local i a b rc
	args sleep 300
	for i in 1 2 3 4 5 6 7 8; do
		rc=0
		"$RUNTIME" --root "$ROOT" create c 2>/dev/null &
		a=$!
		"$RUNTIME" --root "$ROOT" create c 2>/dev/null &
		b=$!
		wait $a || rc=$((rc + 1))
		wait $b || rc=$((rc + 1))
		[ $rc = 1 ]
		runtime start c
		runtime delete --force c
	done
}
