#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# capsule events: the record of what happens to all containers.
#
# shellcheck disable=SC2016,SC2030,SC2031,SC2094 # scripts for containers; each test is a subshell; a word is no file
bats_require_minimum_version 1.5.0
load helpers
setup() { integ_setup; }
teardown() {
	[ -z "${follower:-}" ] || kill "$follower" 2>/dev/null || true
	integ_teardown
}

# happened [OPTION...]: the events' names (of exec sessions with a job or not), on one line.
happened() {
	capsule events --format json "$@" | jq -r .event | paste -sd' '
}

# follow FILE [OPTION...]: capsule events -f in the background, until the test's end.
follow() {
	local to=$1
	shift
	"$CAPSULE" --root "$ROOT" events -f --format json "$@" >"$to" 3>&- &
	follower=$!
}

has() {
	[ "$(grep -c "$2" "$1")" -ge "${3:-1}" ]
}

@test "a whole life, in order, with who asked, and times that do not go back" {
	args sleep 1000
	capsule create c1
	[ "$(happened)" = "create" ]
	capsule start -d c1
	[ "$(happened)" = "create start" ]
	capsule exec c1 sh -c 'exit 7' || true
	job=$(capsule exec -d c1 sleep 1000)
	capsule kill -exec "$job" c1 KILL
	capsule wait -exec "$job" c1
	capsule stop -t 1 c1
	capsule delete c1
	[ "$(happened)" = "create start exec exec-exit exec kill exec-exit stop exit delete" ]

	capsule events --format json >events
	jq -se 'map(.time) | . == sort' events
	jq -se 'all(.id == "c1")' events
	jq -se --arg bundle "$BUNDLE" '.[0] | .bundle == $bundle and .pid > 1 and .by.uid == 0 and .by.pid > 1' events
	jq -se '.[0].pid == .[1].pid and .[0].pid == .[8].pid and .[8].exit.pid == .[8].pid' events
	jq -se '.[2] | .args == ["sh","-c","exit 7"] and .job == false' events
	jq -se '.[3].exit.code == 7 and .[3].exec == .[2].exec' events
	jq -se --arg job "$job" '[.[4,5,6].exec] | all(. == $job)' events
	jq -se '.[4].job and .[5].signal == 9 and .[6].exit.signal == 9' events
	jq -se '.[7] | .signal == 15 and .timeout_ms == 1000 and .by.uid == 0' events
	jq -se '.[8].exit.code == 137 and .[9].by.uid == 0' events
}

@test "one line of text for each" {
	args sh -c 'exit 3'
	capsule run c1 || true
	capsule events >text
	[ "$(wc -l <text)" = 4 ]
	grep -qE '^20[0-9-]+T[0-9:.]+Z  c1  create  pid [0-9]+, bundle /[^ ]+, by pid [0-9]+ uid 0$' text
	grep -qE '  c1  exit  pid [0-9]+, status 3$' text
	grep -qE '  c1  delete  by pid [0-9]+ uid 0$' text
}

@test "what fails is there, too, with the reason" {
	args /nowhere
	run -127 capsule run -d c1
	happened | grep -q 'failed'
	capsule events
	capsule events --format json | jq -se 'map(select(.error)) | .[0].error | test("nowhere")'
	args sleep 1000
	capsule run -d c2
	run -127 capsule exec c2 /nowhere
	capsule events c2 | grep -qE '  exec-failed  exec [0-9a-f-]+, no job, args /nowhere, .*nowhere'
	capsule delete -f c2
}

@test "out of memory comes before the exit" {
	config '.linux.resources.memory.limit = 16777216'
	args sh -c 'x=$(cat /dev/zero | head -c 200000000 | tr "\0" x); echo survived'
	capsule run -d c1
	capsule wait c1
	happened
	happened | grep -q '^create start oom.* exit$'
	capsule events c1 | grep -q ' oom  .*oom_kills [1-9]'
	capsule events --format json | jq -se '.[-1].exit.oom'
}

@test "an adoption; a deletion that no shim is left for" {
	args sleep 1000
	capsule run -d c1
	kill -9 "$(jq .pid "$ROOT/c1/shim.json")"
	wait_until 5 eval 'capsule kill c1 CONT'
	[ "$(happened)" = "create start adopt kill" ]
	capsule events --format json | jq -se '.[2].machine == "running" and .[2].pid == .[0].pid'
	capsule delete -f c1
	mkdir "$ROOT/remains"
	echo garbage >"$ROOT/remains/state.json"
	capsule delete -f remains
	[ "$(happened remains)" = "delete" ]
	capsule events --format json remains | jq -se '.[0].by.uid == 0'
}

@test "filters: containers, since" {
	args true
	capsule run -d c1
	capsule run -d c2
	capsule wait c1 c2
	[ "$(capsule events c2 | grep -c '  c2  ')" = 3 ]
	[ "$(capsule events c2 | wc -l)" = 3 ]
	[ "$(capsule events c2 c1 nobody | wc -l)" = 6 ]
	now=$(date -u +%Y-%m-%dT%H:%M:%S.%NZ)
	[ -z "$(capsule events --since "$now")" ]
	capsule delete c1
	[ "$(happened --since "$now")" = "delete" ]
	[ "$(happened --since 1h c1)" = "create start exit delete" ]
	run capsule events --since yesterday
	[ "$status" = 125 ]
	[[ $output = *"neither a time"* ]]
	run capsule events --format xml
	[ "$status" = 125 ]
	run capsule events ../etc
	[ "$status" = 125 ]
	capsule delete c2
}

@test "a shim is not needed to read, nor a container, nor a directory" {
	[ -z "$(capsule events)" ]
	[ ! -e "$ROOT" ]
	follow seen
	sleep 0.3
	args true
	capsule run c1
	wait_until 5 has seen '"event":"delete"'
	[ "$(jq -r .event seen | paste -sd' ')" = "create start exit delete" ]
	# a directory that goes and comes again
	rm -r "$ROOT"
	sleep 1.2
	capsule run c2
	wait_until 5 has seen '"event":"delete","id":"c2"'
	[ "$(jq -r .event seen | wc -l)" = 8 ]
	kill -TERM "$follower" # bash has it ignore SIGINT
	wait "$follower" && return 1
	follower=
}

@test "followed across renamings: nothing lost, nothing doubled" {
	mkdir -p "$ROOT"
	args true
	follow seen
	wait_until 5 has "/proc/$follower/wchan" .
	# 4 MiB less a little: any event now goes over it
	for n in 1 2 3; do
		capsule run "before$n"
		head -c 4194304 /dev/zero | tr '\0' x | fold -w 1000 >>"$ROOT/events.log"
		echo >>"$ROOT/events.log"
		capsule run "after$n"
		[ -e "$ROOT/events.log.1" ]
		wait_until 5 has seen "\"after$n\"" 4
	done
	wait_until 5 has seen '"event":"delete"' 6
	[ "$(wc -l <seen)" = 24 ]
	[ "$(jq -r '.id + .event' seen | sort -u | wc -l)" = 24 ]
	[ "$(find "$ROOT" -name 'events.log*' | wc -l)" = 2 ]
}

@test "fifty containers at once: every event of each, no line mixed" {
	local n
	args true
	follow seen
	for n in $(seq 50); do
		capsule run "c$n" 3>&- &
	done
	for n in $(jobs -p); do
		[ "$n" = "$follower" ] || wait "$n"
	done
	capsule events --format json >all
	[ "$(wc -l <all)" = 200 ]
	for n in 1 25 50; do
		[ "$(happened "c$n")" = "create start exit delete" ]
	done
	[ "$(jq -r '.id + .event' all | sort -u | wc -l)" = 200 ]
	wait_until 5 has seen . 200
	diff <(sort seen) <(sort all)
}

@test "a full disk loses events and no container; a torn line is passed over" {
	mkdir "$WORK/small"
	mount -t tmpfs -o size=1m small "$WORK/small"
	ROOT=$WORK/small/root
	args sleep 1000
	capsule run -d c1
	dd if=/dev/zero of="$WORK/small/fill" bs=4k 2>/dev/null || true
	run capsule exec c1 true
	echo "$output"
	[ "$(capsule list -q)" = c1 ]
	rm "$WORK/small/fill"
	capsule exec c1 true
	printf '{"time":"2026-11-21T2' >>"$ROOT/events.log"
	capsule delete -f c1
	capsule events >text
	grep -q '  c1  delete' text
	grep -q '  c1  exit' text
	wait_until 5 umount "$WORK/small"
	ROOT=/run/t
}
