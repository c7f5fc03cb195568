#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016,SC2094,SC1010,SC2314 # words for the shells in containers
#
# capsule exec, and jobs: what -d starts.
bats_require_minimum_version 1.5.0
load helpers
setup() {
	integ_setup
	args sleep 1000
	config '.process.env += ["FROM=config"]'
}
teardown() { integ_teardown; }

@test "exec in the foreground: stdio and exit code" {
	capsule run -d c1
	run --separate-stderr capsule exec c1 sh -c 'echo out; echo err >&2; exit 5'
	[ "$status" = 5 ]
	[ "$output" = out ]
	# shellcheck disable=SC2154
	[ "$stderr" = err ]
	[ "$(seq 1 30000 | capsule exec c1 cat | md5sum)" = "$(seq 1 30000 | md5sum)" ]
	capsule delete -f c1
}

@test "exec: what follows the command's first word is its own" {
	capsule run -d c1
	[ "$(capsule exec c1 echo -d -e A=B -t --help)" = "-d -e A=B -t --help" ]
	capsule delete -f c1
}

@test "exec: -e, -cwd, -u before the command" {
	capsule run -d c1
	[ "$(capsule exec -e A=1 -e "B=two words" c1 sh -c 'echo $A-$B-$FROM')" = "1-two words-config" ]
	[ "$(capsule exec -cwd /tmp c1 pwd)" = /tmp ]
	[ "$(capsule exec --cwd=/proc c1 pwd)" = /proc ]
	[ "$(capsule exec -u 1000:1001 c1 sh -c 'id -u; id -g')" = $'1000\n1001' ]
	[ "$(capsule exec --user 65534 c1 id -u)" = 65534 ]
	[ "$(capsule exec c1 -e A=5 sh -c 'echo $A')" = 5 ]
	capsule delete -f c1
}

@test "exec: one quoted argument is split into words; options may follow it" {
	capsule run -d c1
	[ "$(capsule exec c1 "sh -c 'echo \$A; pwd'" -e A=B -cwd /tmp)" = $'B\n/tmp' ]
	job=$(capsule exec c1 "sleep 100" -d -e A=B)
	[[ $job =~ ^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$ ]]
	[ "$(capsule jobs c1 --format json | jq -r '.[0].args | join("|")')" = "sleep|100" ]
	run capsule exec c1 "sleep 100" stray
	[ "$status" = 125 ]
	[[ $output == *"'stray' follows a quoted command"* ]]
	run capsule exec c1 "sh -c 'x"
	[ "$status" = 125 ]
	[[ $output == *"the quote ' is not closed"* ]]
	capsule delete -f c1
}

@test "exec: behind -- a program's name may have blanks" {
	own_rootfs
	printf '#!/bin/sh\necho "args: $*"\n' >"$BUNDLE/rootfs/bin/my prog"
	chmod 755 "$BUNDLE/rootfs/bin/my prog"
	capsule run -d c1
	[ "$(capsule exec c1 -- "/bin/my prog" -d x)" = "args: -d x" ]
	capsule delete -f c1
}

@test "exec: exit codes 125, 126, 127, 128+N" {
	own_rootfs
	echo text >"$BUNDLE/rootfs/plain"
	capsule run -d c1
	run -127 capsule exec c1 nosuchprogram
	[ "$status" = 127 ]
	[ "${#lines[@]}" = 1 ]
	run capsule exec c1 /plain
	[ "$status" = 126 ]
	run capsule exec -u nosuchuser c1 true
	[ "$status" = 125 ]
	run capsule exec nosuch true
	[ "$status" = 125 ]
	run capsule exec c1 sh -c 'kill -9 $$'
	[ "$status" = 137 ]
	capsule delete -f c1
}

@test "exec -d: the id alone, then log, jobs, wait, kill of the job" {
	capsule run -d c1
	job=$(capsule exec -d c1 sh -c 'echo hello; echo oops >&2; exit 12')
	[[ $job =~ ^[0-9a-f-]{36}$ ]]
	[ "$(capsule wait -exec "$job" c1)" = 12 ]
	[ "$(capsule log c1 -exec "$job" 2>/dev/null)" = hello ]
	[ "$(capsule log -exec "$job" c1 2>&1 >/dev/null)" = oops ]
	[ "$(capsule log c1)" = "" ]
	second=$(capsule exec -d c1 sleep 100)
	run capsule jobs c1
	[[ ${lines[0]} =~ ^JOB\ +PID\ +STATUS\ +EXIT\ +STARTED\ +COMMAND$ ]]
	[[ $output =~ $job\ +[0-9]+\ +Exited\ +12\ +20 ]]
	[[ $output =~ $second\ +[0-9]+\ +Running\ +-\ +20.*\ sleep\ 100 ]]
	[ "$(capsule jobs -q c1 | sort)" = "$(printf '%s\n%s\n' "$job" "$second" | sort)" ]
	capsule kill -exec "$second" c1 KILL
	[ "$(capsule wait --exec="$second" c1)" = 137 ]
	[ "$(capsule jobs --format json c1 | jq -r --arg j "$second" '.[] | select(.exec == $j) | .exit.signal')" = 9 ]
	capsule delete -f c1
}

@test "exec -d: log options of its own" {
	capsule run -d c1
	job=$(capsule exec -d --log-driver json-file c1 echo in json)
	capsule wait -exec "$job" c1
	[ "$(jq -r .log "$ROOT/c1/exec/$job/log")" = "in json" ]
	[ "$(capsule log -exec "$job" c1)" = "in json" ]
	capsule delete -f c1
}

@test "exec: signals are passed on to it" {
	capsule run -d c1
	"$CAPSULE" --root "$ROOT" exec c1 sh -c 'trap "echo term; exit 4" TERM; echo ready; while :; do sleep 0.05; done' \
		>"$WORK/out" </dev/null &
	pid=$!
	wait_until 10 grep -q ready "$WORK/out"
	kill -TERM $pid
	code=0
	wait $pid || code=$?
	[ $code = 4 ]
	[ "$(cat "$WORK/out")" = $'ready\nterm' ]
	capsule delete -f c1
}

@test "exec: none of our descriptors and nothing of our environment reaches it" {
	capsule run -d c1
	exec 9<"$BUNDLE/config.json"
	run env SECRET=x "$CAPSULE" --root "$ROOT" exec c1 tinit fds
	exec 9<&-
	[ "${#lines[@]}" -le 3 ]
	run env SECRET=x "$CAPSULE" --root "$ROOT" exec c1 env
	[[ $output != *SECRET* ]]
	capsule delete -f c1
}

@test "exec in a created and in a stopped container is refused, naming the state" {
	capsule create c1
	run capsule exec c1 true
	[ "$status" = 125 ]
	[[ $output == *created* ]]
	capsule delete -f c1
	args true
	capsule run -d c2
	capsule wait c2
	run capsule exec c2 true
	[ "$status" = 125 ]
	[[ $output == *c2* ]]
	capsule delete c2
}

@test "exec: the container's end ends its jobs; their status is known" {
	capsule run -d c1
	job=$(capsule exec -d c1 sleep 500)
	capsule kill c1 KILL
	[ "$(capsule wait c1)" = 137 ]
	[ "$(capsule wait -exec "$job" c1)" = 137 ]
	capsule delete c1
}
