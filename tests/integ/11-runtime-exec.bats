#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# exec, terminals, and what the process in the container is.
# shellcheck disable=SC2016,SC2154 # eval is given to wait_until as it is; bats sets stderr
bats_require_minimum_version 1.5.0
load helpers
setup() { integ_setup; }
teardown() { integ_teardown; }

start_container() {
	args sleep 300
	runtime run --detach c
}

# socket FILE: takes one terminal as conmon does and prints what comes out of it.
take_console() {
	python3 - "$1" <<-'END' 3>&-
		import os, socket, sys
		s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
		s.bind(sys.argv[1])
		s.listen(1)
		c, _ = s.accept()
		data, fds, _, _ = socket.recv_fds(c, 4096, 4)
		print(len(fds), data.decode())
		sys.stdout.flush()
		try:
		    while True:
		        d = os.read(fds[0], 4096)
		        if not d:
		            break
		        os.write(1, d)
		except OSError:
		    pass
	END
}

@test "exec runs in all of the container's namespaces and cgroups" {
	start_container
	local ns pid
	pid=$(runtime state c | jq .pid)
	for ns in pid mnt net uts ipc; do
		[ "$(runtime exec c readlink "/proc/self/ns/$ns")" = "$(readlink "/proc/$pid/ns/$ns")" ]
	done
	[ "$(runtime exec c cat /proc/self/cgroup)" = "$(cat "/proc/$pid/cgroup")" ]
	[ "$(runtime exec c hostname)" = integ ]
	runtime delete --force c
}

@test "exec's status is the process's" {
	start_container
	run -7 runtime exec c sh -c 'exit 7'
	run -137 runtime exec c sh -c 'kill -9 $$'
	run -255 runtime exec c nosuch
	[[ "$output" == *'executable file not found in $PATH'* ]]
	run -255 runtime exec c /etc/passwd
	[[ "$output" == *'permission denied'* ]]
	run -255 runtime exec c sh -c 'printf "#!/none\n" >/tmp/script; chmod 755 /tmp/script; exit 255'
	run -255 runtime exec c /tmp/script
	[[ "$output" == *'exec /tmp/script: no such file or directory'* ]]
	runtime exec c rm /tmp/script
	run -255 runtime exec c
	runtime delete --force c
}

@test "exec passes stdin, stdout and stderr" {
	start_container
	[ "$(echo hello | runtime exec c cat)" = hello ]
	runtime exec c sh -c 'echo out; echo err >&2' >"$WORK/o" 2>"$WORK/e"
	[ "$(cat "$WORK/o" "$WORK/e" | xargs)" = "out err" ]
	runtime delete --force c
}

@test "exec --user, --cwd, --env" {
	start_container
	[ "$(runtime exec -u app c id -u)" = 1000 ]
	[ "$(runtime exec -u app c id -G)" = "1000 100 2000" ]
	[ "$(runtime exec -u 1234:100 c sh -c 'id -u; id -g' | xargs)" = "1234 100" ]
	[ "$(runtime exec -u 5 c id -u)" = 5 ]
	run -255 runtime exec -u nobodyknows c id
	[[ "$output" == *nobodyknows* ]]
	[ "$(runtime exec --cwd /home/app c pwd)" = /home/app ]
	[ "$(runtime exec -e A=1 -e TERM=dumb c sh -c 'echo $A $TERM')" = "1 dumb" ]
	[ "$(runtime exec -u app c sh -c 'echo $HOME')" = /home/app ]
	runtime delete --force c
}

@test "exec gives capabilities only as the config or --cap says" {
	start_container
	runtime exec c grep Cap /proc/self/status >"$WORK/caps"
	grep -q 'CapEff:.*0000000020000420' "$WORK/caps"
	grep -q 'CapInh:.*0000000000000000' "$WORK/caps"
	runtime exec -u 1000 c grep Cap /proc/self/status | grep -q 'CapEff:.*0000000000000000'
	runtime exec --cap CAP_CHOWN c grep Cap /proc/self/status | grep -q 'CapEff:.*0000000020000421'
	runtime exec --cap CAP_NONSENSE c true # a warning: 15-runtime-callers.bats
	runtime delete --force c
}

@test "exec --detach --pid-file --process" {
	start_container
	echo '{"args": ["sh", "-c", "echo $X; exec sleep 300"], "env": ["PATH=/bin", "X=yes"], "cwd": "/tmp", "user": {"uid": 1, "gid": 2}}' >"$WORK/p.json"
	runtime exec --process "$WORK/p.json" --detach --pid-file "$WORK/pid" c >"$WORK/out" 3>&-
	wait_until 5 grep -q yes "$WORK/out"
	[ "$(runtime ps -f json c | jq length)" = 2 ]
	grep -q '^Uid:.1.1.1.1$' "/proc/$(cat "$WORK/pid")/status"
	runtime delete --force c
	gone "$(cat "$WORK/pid")"
}

@test "exec in a created container, before its program" {
	args sleep 300
	runtime create c
	runtime exec c true
	[ "$(runtime state c | jq -r .status)" = created ]
	runtime start c
	runtime delete --force c
}

@test "exec --process from a pipe whose writer takes its time" {
	args sleep 300
	runtime run --detach c
	run -0 runtime exec --process <(
		sleep 0.3
		echo '{"args": ["echo", "late"], "cwd": "/", "env": ["PATH=/bin"]}'
	) c
	[ "$output" = late ]
}

@test "a process of the container cannot look into the runtime" {
	args sleep 300
	config '.process.capabilities |= map_values(. + ["CAP_SYS_PTRACE"])'
	runtime create c
	# init is still the runtime, waiting at its gate, and not of this file system
	run runtime exec c sh -c ': <>/proc/1/exe && echo writable'
	[[ "$output" != *writable* ]]
	runtime delete c
}

@test "the terminal goes to --console-socket as conmon and containerd expect it" {
	args sh -c 'tty; stty size; echo done'
	config '.process.terminal = true | .process.consoleSize = {height: 30, width: 100}'
	take_console "$WORK/sock" >"$WORK/out" &
	wait_until 5 test -S "$WORK/sock"
	runtime create --console-socket "$WORK/sock" c
	runtime start c
	wait_until 5 grep -q "done" "$WORK/out"
	[ "$(head -n 1 "$WORK/out")" = "1 /dev/ptmx" ]
	grep -q '^/dev/pts/0\|^/dev/console' "$WORK/out"
	grep -q '30 100' "$WORK/out"
	wait_until 5 eval '[ "$(runtime state c | jq -r .status)" = stopped ]'
	runtime delete c
	wait
}

@test "create with a terminal and no --console-socket is refused, and the other way round" {
	args true
	run -1 runtime create --console-socket /none c
	[[ "$output" == *console-socket* ]]
	config '.process.terminal = true'
	run -1 runtime create c
	[[ "$output" == *console-socket* ]]
	[ ! -e "$ROOT/c" ]
}

@test "run and exec relay a terminal of their own" {
	args sh -c 'tty; exit 5'
	config '.process.terminal = true'
	run -5 runtime run c </dev/null
	[ "$output" = /dev/pts/0 ]
	config '.process.terminal = false'
	start_container
	run -6 runtime exec -t c sh -c 'test -t 0 && test -t 1 && test -t 2 && exit 6' </dev/null
	[ "$(script -qec "stty cols 77 rows 33; '$RUNTIME' --root '$ROOT' exec -t c stty size" /dev/null </dev/null | grep -o '[0-9]* [0-9]*')" = "33 77" ]
	runtime delete --force c
}

@test "pipes of the caller belong to the container's user, who can open /dev/stdout" {
	args sh -c 'echo hello >/dev/stdout; echo there >/dev/stderr'
	config '.process.user = {uid: 1000, gid: 1000}'
	runtime run c 2>&1 | cat >"$WORK/out"
	[ "$(xargs <"$WORK/out")" = "hello there" ]
}

@test "rlimits, umask, groups, oom_score_adj, no_new_privs" {
	args sh -c 'umask; ulimit -n; id -G; cat /proc/self/oom_score_adj; grep NoNewPrivs /proc/self/status'
	config '.process.user = {uid: 1000, gid: 1000, umask: 63, additionalGids: [5, 6]} | .process.oomScoreAdj = 321
		| .process.rlimits = [{type: "RLIMIT_NOFILE", soft: 77, hard: 88}]'
	run -0 runtime run c
	[ "$(xargs <<<"$output")" = "0077 77 1000 5 6 321 NoNewPrivs: 1" ]
}

@test "a user namespace: ids are mapped, root of the container is nobody outside" {
	args sh -c 'id -u; cat /proc/self/uid_map; touch /tmp/x; mount -t tmpfs none /mnt && echo mounted; sleep 300'
	config '.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}]
		| .linux.gidMappings = .linux.uidMappings | .process.capabilities |= map_values(. + ["CAP_SYS_ADMIN"])'
	runtime run --detach --pid-file "$WORK/pid" c >"$WORK/out"
	wait_until 5 grep -q mounted "$WORK/out"
	grep -q '^Uid:.100000' "/proc/$(cat "$WORK/pid")/status"
	[ "$(runtime exec c id -u)" = 0 ]
	runtime exec c cat /proc/self/uid_map | grep -q 100000
	run -255 runtime exec -u 70000 c true
	runtime delete --force c
}

@test "namespaces by path: of another container" {
	args sleep 300
	runtime run --detach a
	local pid
	pid=$(runtime state a | jq .pid)
	args sh -c 'for n in net ipc uts pid; do readlink /proc/self/ns/$n; done; hostname; ps | grep -c "sleep 300"'
	config '.linux.namespaces = [{type: "mount"}, {type: "network", path: ($p + "net")}, {type: "ipc", path: ($p + "ipc")},
		{type: "uts", path: ($p + "uts")}, {type: "pid", path: ($p + "pid")}]' --arg p "/proc/$pid/ns/"
	run -0 runtime run b
	for n in net ipc uts pid; do
		[[ "$output" == *"$(readlink "/proc/$pid/ns/$n")"* ]]
	done
	config '.linux.namespaces[1].path = "/proc/self/ns/uts"'
	run -1 runtime run b
	[[ "$output" == *"is not a network namespace"* ]]
	config '.linux.namespaces[1].path = "/no/such"'
	run -1 runtime run b
	[[ "$output" == *"/no/such"* ]]
	runtime delete --force a
}

@test "namespaces by path: a user namespace, and a network that belongs to another" {
	args sleep 300
	config '.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}]
		| .linux.gidMappings = .linux.uidMappings'
	runtime run --detach a
	local pid users net
	pid=$(runtime state a | jq .pid)
	users=$(readlink "/proc/$pid/ns/user")
	unshare --net sleep 300 &
	wait_until 5 eval '[ "$(readlink /proc/$!/ns/net)" != "$(readlink /proc/self/ns/net)" ]'
	net=$(readlink "/proc/$!/ns/net")
	config 'del(.linux.uidMappings, .linux.gidMappings) | .mounts |= map(select(.type != "sysfs"))
		| .linux.namespaces |= map(if .type == "user" then .path = $u elif .type == "network" then .path = $n else . end)' \
		--arg u "/proc/$pid/ns/user" --arg n "/proc/$!/ns/net"
	args sh -c 'readlink /proc/self/ns/user; readlink /proc/self/ns/net; sleep 300'
	runtime run --detach b >"$WORK/out"
	wait_until 5 grep -q net "$WORK/out"
	[ "$(xargs <"$WORK/out")" = "$users $net" ]
	[ "$(runtime exec b readlink /proc/self/ns/net)" = "$net" ]
	runtime delete --force b
	runtime delete --force a
	kill $!
}

@test "without a pid namespace, the container's other processes end with it" {
	args sh -c 'sleep 300 & echo started'
	config '.linux.namespaces |= map(select(.type != "pid"))'
	runtime run c >"$WORK/out" 3>&-
	grep -q started "$WORK/out"
	run ! pgrep -f 'sleep 300'
}
