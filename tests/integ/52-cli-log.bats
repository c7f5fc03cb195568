#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016,SC2094,SC1010,SC2314 # words for the shells in containers
#
# capsule log: what a container wrote, whole, in order, from the right end.
bats_require_minimum_version 1.5.0
load helpers
setup() { integ_setup; }
teardown() { integ_teardown; }

@test "stdout to stdout, stderr to stderr; also logs" {
	args sh -c 'echo one; echo two >&2; echo three'
	capsule run -d c1
	capsule wait c1
	[ "$(capsule log c1 2>/dev/null)" = $'one\nthree' ]
	[ "$(capsule logs c1 2>&1 >/dev/null)" = two ]
	capsule delete c1
}

@test "both drivers show the same; none says so" {
	args sh -c 'echo a; printf "no newline"; echo err >&2'
	for driver in cri json-file; do
		capsule run -d --log-driver $driver c1
		capsule wait c1
		[ "$(capsule log c1 2>/dev/null | od -c)" = "$(printf 'a\nno newline' | od -c)" ]
		[ "$(capsule log c1 2>&1 >/dev/null)" = err ]
		capsule delete c1
	done
	capsule run -d --log-driver none c1
	capsule wait c1
	run capsule log c1
	[ "$status" = 125 ]
	[[ $output == *"no log is kept"* ]]
	capsule delete c1
}

@test "binary output and very long lines survive (cri)" {
	args tinit binary 300000
	capsule run -d c1
	capsule wait c1
	tinit=$(find "$CAPSULE_BUILD/tests/integ" -name tinit -type f)
	capsule log c1 | cmp - <("$tinit" binary 300000)
	capsule delete c1
}

@test "--tail, across rotated files too" {
	args sh -c 'i=1; while [ $i -le 2000 ]; do echo "line $i"; i=$((i+1)); done'
	capsule run -d --log-max-size 16k --log-max-files 10 c1
	capsule wait c1
	[ -e "$ROOT/c1/log.2" ]
	[ "$(capsule log --tail 3 c1)" = $'line 1998\nline 1999\nline 2000' ]
	[ "$(capsule log -n 1500 c1)" = "$(seq -f 'line %g' 501 2000)" ]
	[ "$(capsule log --tail=0 c1)" = "" ]
	[ "$(capsule log c1)" = "$(seq -f 'line %g' 1 2000)" ]
	[ "$(capsule log --tail all c1 | wc -l)" = 2000 ]
	capsule delete c1
}

@test "rotation is bounded: the oldest files go" {
	args sh -c 'i=1; while [ $i -le 2000 ]; do echo "line $i"; i=$((i+1)); done'
	capsule run -d --log-max-size 8k --log-max-files 3 c1
	capsule wait c1
	[ "$(find "$ROOT/c1" -name 'log*' ! -name log.journal | wc -l)" = 3 ]
	[ "$(find "$ROOT/c1" -name 'log*' ! -name log.journal -size +9k | wc -l)" = 0 ]
	first=$(capsule log c1 | head -n 1)
	# what is there is whole and has no hole
	[ "$(capsule log c1)" = "$(seq -f 'line %g' "${first#line }" 2000)" ]
	capsule delete c1
}

@test "-f follows across rotations, loses and doubles nothing, ends with the container" {
	args sh -c 'i=1; while [ $i -le 5000 ]; do echo "line $i"; [ $((i % 500)) != 0 ] || sleep 0.05; i=$((i+1)); done'
	capsule create --log-max-size 16k --log-max-files 100 c1
	"$CAPSULE" --root "$ROOT" log -f c1 >"$WORK/out" &
	pid=$!
	capsule start -d c1
	wait $pid
	cmp "$WORK/out" <(seq -f 'line %g' 1 5000)
	[ -e "$ROOT/c1/log.3" ]
	capsule delete c1
}

@test "-f with --tail begins there and goes on; ends when the container is killed" {
	args sh -c 'echo a; echo b; echo c; sleep 0.5; echo d; sleep 100'
	capsule run -d c1
	wait_until 10 bash -c "'$CAPSULE' --root '$ROOT' log c1 | grep -q c"
	"$CAPSULE" --root "$ROOT" log -f --tail 1 c1 >"$WORK/out" &
	pid=$!
	wait_until 10 grep -q d "$WORK/out"
	capsule kill c1 KILL
	wait $pid
	[ "$(cat "$WORK/out")" = $'c\nd' ]
	capsule delete c1
}

@test "-f ends when the container is deleted meanwhile" {
	args sh -c 'echo a; sleep 100'
	capsule run -d c1
	"$CAPSULE" --root "$ROOT" log -f c1 >"$WORK/out" &
	pid=$!
	wait_until 10 grep -q a "$WORK/out"
	capsule delete -f c1
	wait $pid
	[ "$(cat "$WORK/out")" = a ]
}

@test "-f of a container that has stopped shows all and ends" {
	args echo over
	capsule run -d c1
	capsule wait c1
	[ "$(timeout 5 "$CAPSULE" --root "$ROOT" log -f c1)" = over ]
	capsule delete c1
}

@test "-f of a job ends with the job" {
	args sleep 100
	capsule run -d c1
	job=$(capsule exec -d c1 sh -c 'echo x; sleep 0.3; echo y')
	[ "$(timeout 10 "$CAPSULE" --root "$ROOT" log -f -exec "$job" c1)" = $'x\ny' ]
	capsule delete -f c1
}

@test "--since, --until, --timestamps" {
	args sh -c 'echo early; sleep 2; echo late'
	capsule run -d c1
	capsule wait c1
	[ "$(capsule log --since 1500ms c1)" = late ]
	[ "$(capsule log --since 1h c1)" = $'early\nlate' ]
	[ "$(capsule log --until 1500ms c1)" = early ]
	[ "$(capsule log --since 2100-01-01T00:00:00Z c1)" = "" ]
	run capsule log --timestamps c1
	[[ ${lines[0]} =~ ^20[0-9-]+T[0-9:]+\.[0-9]{9}Z\ early$ ]]
	t=${lines[1]%% *}
	[ "$(capsule log --since "$t" c1)" = late ]
	[ "$(capsule log --until "$t" c1)" = $'early\nlate' ]
	capsule delete c1
}

@test "log options may stand behind the id" {
	args sh -c 'echo a; echo b'
	capsule run -d c1
	capsule wait c1
	[ "$(capsule log c1 --tail 1)" = b ]
	[[ $(capsule logs c1 -tail=1 -timestamps) =~ Z\ b$ ]]
	capsule delete c1
}

@test "lines that are no records are skipped and counted" {
	args sh -c 'echo a'
	capsule run -d c1
	capsule wait c1
	printf 'noise\n\0\377\n' >>"$ROOT/c1/log"
	run --separate-stderr capsule log c1
	[ "$status" = 0 ]
	[ "$output" = a ]
	# shellcheck disable=SC2154
	[[ $stderr == *"2 lines are no log records, ignoring" ]]
	capsule delete c1
}
