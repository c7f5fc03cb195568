#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Flags of the runtime's command line that other programs' callers give it.
# shellcheck disable=SC2016,SC2154 # eval is given to wait_until as it is; bats sets stderr
bats_require_minimum_version 1.5.0
load helpers
setup() { integ_setup; }
teardown() { integ_teardown; }

# take_pidfd SOCKET FILE: receives one message with one descriptor, as a caller of --pidfd-socket does, writes the pid
# that it stands for to FILE, and kills that process by it once FILE.go is there.
take_pidfd() {
	python3 - "$1" "$2" <<-'END' 3>&-
		import os, re, signal, socket, sys, time
		s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
		s.bind(sys.argv[1])
		s.listen(1)
		c, _ = s.accept()
		data, fds, _, _ = socket.recv_fds(c, 4096, 4)
		assert len(fds) == 1 and data, (fds, data)
		info = open("/proc/self/fdinfo/%d" % fds[0]).read()
		open(sys.argv[2], "w").write(re.search(r"^Pid:\t(\d+)", info, re.M).group(1))
		while not os.path.exists(sys.argv[2] + ".go"):
		    time.sleep(0.02)
		signal.pidfd_send_signal(fds[0], signal.SIGKILL)
	END
}

@test "--pidfd-socket: create, run and exec send the process's pidfd" {
	local verb
	args sleep 300
	for verb in create 'run --detach'; do
		take_pidfd "$WORK/sock" "$WORK/got" &
		wait_until 5 eval '[ -S "$WORK/sock" ]'
		# shellcheck disable=SC2086 # two words
		runtime $verb --pidfd-socket "$WORK/sock" --pid-file "$WORK/pid" c
		touch "$WORK/got.go"
		wait $!
		[ "$(cat "$WORK/got")" = "$(cat "$WORK/pid")" ]
		wait_until 5 eval '[ "$(runtime state c | jq -r .status)" = stopped ]'
		runtime delete c
		rm "$WORK/sock" "$WORK/got.go"
	done

	runtime run --detach c
	take_pidfd "$WORK/sock" "$WORK/got" &
	wait_until 5 eval '[ -S "$WORK/sock" ]'
	runtime exec --detach --pidfd-socket "$WORK/sock" --pid-file "$WORK/pid" c sleep 301
	[ -d "/proc/$(cat "$WORK/pid")" ]
	touch "$WORK/got.go"
	wait $!
	gone "$(cat "$WORK/pid")"
	[ "$(runtime state c | jq -r .status)" = running ]
	runtime delete --force c
}

@test "--pidfd-socket that nobody listens on fails, and leaves nothing" {
	args sleep 300
	run -1 runtime create --pidfd-socket "$WORK/none" --pid-file "$WORK/pid" c
	[[ "$output" == *"pidfd socket '$WORK/none': No such file or directory"* ]]
	[ ! -e "$WORK/pid" ]
	run -1 runtime state c
}

# one_group [CONTROLLER]: where the container's own group is, as a directory
one_group() {
	if [ "$(stat -f -c %T /sys/fs/cgroup)" = cgroup2fs ]; then
		echo /sys/fs/cgroup/flags/c
	else
		echo "/sys/fs/cgroup/${1:-memory}/flags/c"
	fi
}

@test "exec --cgroup: one path is for all hierarchies" {
	local dir
	args sleep 300
	config '.linux.cgroupsPath = "/flags/c"'
	runtime run --detach c
	run -255 runtime exec --cgroup .. c true
	[[ "$output" == *"bad sub cgroup path"*"'..'"* ]]
	run -255 runtime exec --cgroup none c true
	[[ "$output" == *"--cgroup 'none': adding pid to /sys/fs/cgroup/"*"flags/c/none/cgroup.procs: no such file or directory"* ]]
	for dir in /sys/fs/cgroup/flags/c /sys/fs/cgroup/*/flags/c; do
		[ ! -d "$dir" ] || mkdir "$dir/sub"
	done
	if [ -d /sys/fs/cgroup/cpuset/flags/c/sub ]; then
		cat /sys/fs/cgroup/cpuset/flags/c/cpuset.cpus >/sys/fs/cgroup/cpuset/flags/c/sub/cpuset.cpus
		cat /sys/fs/cgroup/cpuset/flags/c/cpuset.mems >/sys/fs/cgroup/cpuset/flags/c/sub/cpuset.mems
	fi
	runtime exec --cgroup sub c cat /proc/self/cgroup | tee "$WORK/groups"
	run ! grep -v ':/flags/c/sub$' "$WORK/groups"
	runtime exec --cgroup / c cat /proc/self/cgroup | tee "$WORK/groups"
	run ! grep -v ':/flags/c$' "$WORK/groups"
	runtime delete --force c
	find /sys/fs/cgroup -depth -type d -name flags -exec rmdir {} +
}

@test "exec --cgroup: by controller" {
	args sleep 300
	config '.linux.cgroupsPath = "/flags/c"'
	runtime run --detach c
	run -255 runtime exec --cgroup nosuch:/sub c true
	[[ "$output" == *"unknown controller 'nosuch'"* ]]
	run -255 runtime exec --cgroup :/sub c true
	[[ "$output" == *"unknown controller ''"* ]]
	run -255 runtime exec --cgroup a --cgroup b c true
	[[ "$output" == *"one of several names its controllers"* ]]
	if [ "$(stat -f -c %T /sys/fs/cgroup)" != cgroup2fs ]; then
		run -255 runtime exec --cgroup memory:m c true
		[[ "$output" == *"/flags/c/m/cgroup.procs: no such file or directory"* ]]
		mkdir "$(one_group memory)/m" "$(one_group cpu)/k"
		mkdir -p "$(one_group cpuacct)/k"
		run -255 runtime exec --cgroup memory:m --cgroup memory:k c true
		[[ "$output" == *"'memory:m' is for memory too"* ]]
		runtime exec --cgroup memory:m --cgroup cpu,cpuacct:k c cat /proc/self/cgroup >"$WORK/groups"
		grep ':memory:/flags/c/m$' "$WORK/groups"
		grep ':cpu.*:/flags/c/k$' "$WORK/groups"
		grep ':pids:/flags/c$' "$WORK/groups"
	fi
	runtime delete --force c
	find /sys/fs/cgroup -depth -type d -name flags -exec rmdir {} +
}

@test "a group that is frozen already is refused, where the container would stand still in it" {
	local dir file state verb
	args true
	config '.linux.cgroupsPath = "/flags/c"'
	dir=$(one_group freezer)
	mkdir -p "$dir"
	if [ -e "$dir/freezer.state" ]; then file=$dir/freezer.state state=FROZEN; else file=$dir/cgroup.freeze state=1; fi
	echo "$state" >"$file"
	for verb in run create; do
		run -1 timeout 20 "$RUNTIME" --root "$ROOT" "$verb" c
		[[ "$output" == *"container's cgroup unexpectedly frozen: '$file'"* ]]
	done
	rmdir "$dir"
	find /sys/fs/cgroup -depth -type d -name flags -exec rmdir {} +
}

@test "--config names another file of the bundle; --cgroup-manager the way to groups" {
	args sh -c 'exit 7'
	mkdir sub
	mv config.json sub/other.json
	run -7 runtime run --config sub/other.json c
	run -7 runtime --cgroup-manager cgroupfs run -f "$PWD/sub/other.json" --bundle / c
	run -1 runtime run c
	[[ "$output" == *"'config.json'"* ]]
	run -1 runtime --cgroup-manager both run -f sub/other.json c
	[[ "$output" == *"--cgroup-manager 'both': there are cgroupfs, systemd and disabled"* ]]
}

@test "--cgroup-manager disabled: no group is made, and limits are refused" {
	find /sys/fs/cgroup -type d | sort >"$WORK/groups"
	args sleep 300
	runtime --cgroup-manager disabled run --detach --pid-file "$WORK/pid" c
	diff /proc/self/cgroup "/proc/$(cat "$WORK/pid")/cgroup"
	find /sys/fs/cgroup -type d | sort | diff "$WORK/groups" -
	[ "$(runtime exec c echo there)" = there ]
	run -1 runtime pause c
	[[ "$output" == *"the container has no cgroup"* ]]
	runtime kill c KILL
	gone "$(cat "$WORK/pid")"
	runtime delete c
	config '.linux.resources = {"pids":{"limit":50}}'
	run -1 runtime --cgroup-manager disabled run c
	[[ "$output" == *"linux.resources.pids"*"no cgroup"* ]]
	run -1 runtime --cgroup-manager disabled --systemd-cgroup run c
	[[ "$output" == *"do not go together"* ]]
}

@test "without a pid namespace and without a group KILL reaches the first process" {
	config '.linux.namespaces |= map(select(.type != "pid"))'
	args sleep 300
	runtime --cgroup-manager disabled run --detach --pid-file "$WORK/pid" c
	runtime kill c KILL
	gone "$(cat "$WORK/pid")"
	runtime delete c
}

@test "delete --regex deletes what matches, and no other" {
	local id
	args sleep 300
	for id in web-1 web-2 db-1; do
		runtime run --detach "$id"
	done
	runtime create web-3
	# those that run are reported, the one that does not is gone
	run -1 runtime delete --regex '^web-[0-9]$'
	[ "$(grep -c 'cannot delete container web-. that is not stopped: running' <<<"$output")" = 2 ]
	[[ "$output" == *"2 of the containers that match are left"* ]]
	[ "$(runtime list -q | xargs)" = "db-1 web-1 web-2" ]
	runtime delete --force --regex 'web-(1|2)'
	[ "$(runtime list -q)" = db-1 ]
	runtime delete --force --regex nothing
	[ "$(runtime list -q)" = db-1 ]
	run -1 runtime delete --force --regex '('
	[[ "$output" == *"--regex '('"* ]]
	runtime delete --force --regex .
	[ -z "$(runtime list -q)" ]
}

@test "spec: a cgroup namespace on v2 only; --rootless maps the caller alone" {
	rm config.json
	runtime spec
	if [ "$(stat -f -c %T /sys/fs/cgroup)" = cgroup2fs ]; then
		jq -e '.linux.namespaces | any(.type == "cgroup")' config.json
	else
		jq -e '.linux.namespaces | all(.type != "cgroup")' config.json
	fi
	run -1 runtime spec
	[[ "$output" == *"File exists"* ]]
	rm config.json

	chmod 777 "$WORK" "$BUNDLE"
	setpriv --reuid 1000 --regid 1001 --clear-groups "$RUNTIME" spec --rootless
	jq -e '.linux.uidMappings == [{containerID: 0, hostID: 1000, size: 1}]
		and .linux.gidMappings == [{containerID: 0, hostID: 1001, size: 1}]
		and (.linux.namespaces | map(.type) | contains(["user"]) and (contains(["network"]) | not))
		and (.mounts | all(.type != "sysfs" and (.options // [] | index("gid=5") | not)))
		and .linux.resources == null' config.json
}

@test "options may stand behind the id; those behind the command of an exec are the command's" {
	args sleep 300
	runtime run c --detach --pid-file "$WORK/pid"
	runtime update c --pids-limit 20
	runtime update c --pids-limit=30
	runtime list | grep -q "$(cat "$WORK/pid")"
	[ "$(runtime exec c /bin/echo --cwd /)" = '--cwd /' ]
	run -1 --separate-stderr runtime delete c --nonsense
	[[ "$stderr" == *nonsense* ]]
	runtime delete c --force
}

@test "LISTEN_FDS: sockets of a service manager are the process's, and it is told" {
	args sh -c 'echo "$LISTEN_FDS $LISTEN_PID"; exec tinit fds'
	for verb in run create; do
		LISTEN_FDS=2 runtime "$verb" --preserve-fds 1 c >"$WORK/out" 3</dev/null 4</dev/zero 5</dev/null
		[ "$verb" = run ] || { runtime start c && wait_until 5 grep -q '^5' "$WORK/out" && wait_until 5 eval 'runtime state c | grep -q stopped' && runtime delete c; }
		[ "$(head -n 1 "$WORK/out")" = "2 1" ]
		[ "$(tail -n +2 "$WORK/out" | cut -d' ' -f1 | sort -n | xargs)" = "0 1 2 3 4 5" ]
	done
	# those of another process
	LISTEN_FDS=2 LISTEN_PID=1 runtime run c >"$WORK/out" 3</dev/null 4</dev/zero
	[ "$(tail -n +2 "$WORK/out" | cut -d' ' -f1 | sort -n | xargs)" = "0 1 2" ]
	[ -z "$(head -n 1 "$WORK/out" | tr -d ' ')" ]
	LISTEN_FDS=many run -1 runtime run c
	[[ $output == *"LISTEN_FDS: 'many'"* ]]
}
