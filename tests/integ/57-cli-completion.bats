#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# bash completion, asked as bash asks it.
load helpers
setup() {
	integ_setup
	# shellcheck source=/dev/null
	source "$CAPSULE_INTEG/../../supervisor/completion.bash"
	args sleep 1000
}
teardown() { integ_teardown; }

# completed WORD...: what the last word may become, on one line.
completed() {
	COMP_WORDS=(capsule "$@")
	COMP_CWORD=$#
	_capsule
	echo "${COMPREPLY[*]}"
}

@test "commands, options of a command, global options" {
	[ "$(completed st)" = "start state stop stats" ]
	[ "$(completed help sp)" = "spec" ]
	[ "$(completed --ro)" = "--root" ]
	[ "$(completed create --log-)" = "--log-driver --log-max-size --log-max-files --log-mode" ]
	[ "$(completed --root /x exec --d)" = "--detach" ]
	[ "$(completed run --log-driver '')" = "cri json-file none" ]
	[ "$(completed list --format j)" = "json" ]
	[ "$(completed events --format '')" = "text json" ]
	[ "$(completed shim '')" = "watch" ]
}

@test "commands below a word, and what they are about" {
	[ "$(completed volume '')" = "create list get delete prune" ]
	[ "$(completed volume list --f)" = "--format" ]
	[ "$(completed system '')" = "df prune check" ]
	capsule volume create v1
	[ "$(completed volume delete v)" = "v1" ]
	capsule volume delete v1
	rm -r "$ROOT/data"
}

@test "containers, jobs, signals" {
	capsule run -d web1
	capsule create web2
	job=$(capsule exec -d web1 sleep 1000)
	[ "$(completed delete web)" = "web1 web2" ]
	[ "$(completed delete web1 web)" = "web1 web2" ]
	[ "$(completed log web1 -exec "${job:0:4}")" = "$job" ]
	[ "$(completed kill web1 K)" = "KILL" ]
	[ "$(completed exec -e A=B w)" = "web1 web2" ]
	[ "$(completed create w)" = "" ]
	[ "$(completed cp w)" = "web1: web2:" ]
	capsule rename web2 front
	[ "$(completed rename f)" = "front" ]
	[ "$(completed stop "")" = "web1 front web2" ]
	capsule delete -f web1 front
}
