#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016,SC2012,SC2046,SC2154,SC2030,SC2031,SC2094,SC1010,SC2314 # words for the shells in containers
#
# Shims that are killed: the next command brings a new one that takes over, and what was waiting goes on.
bats_require_minimum_version 1.5.0
load helpers
setup() {
	integ_setup
	args sh -c 'echo hello; sleep 1000'
}
teardown() { integ_teardown; }

shim_pid() {
	jq .pid "$ROOT/$1/shim.json"
}

# Gone, or a zombie of whoever started it.
dead() {
	local line
	line=$(cat "/proc/$1/stat" 2>/dev/null) || return 0 # it may go between any two looks
	[[ $line == *') '[ZX]' '* ]]
}

kill_shim() {
	local shim
	shim=$(shim_pid "$1")
	kill -KILL "$shim"
	wait_until 5 dead "$shim"
}

said() {
	wait_until 10 grep -q "$2" "$ROOT/$1/log"
}

# The lines of stream $2 in the cri log of $1, put together again.
stream() {
	awk -v s="$2" '$2 == s { t = $0; sub(/^[^ ]* [^ ]* [^ ]* /, "", t); printf "%s%s", t, $3 == "F" ? "\n" : "" }' $(ls -r "$1" "$1".[0-9]* 2>/dev/null)
}

# Numbered lines on both streams as fast as it goes, now and then in two pieces with a pause between them. It ends when
# it is told to: what ends while no shim lives has no exit status.
WRITER='i=0; while [ $i -lt 6000 ]; do echo "out $i"; echo "err $i" >&2; i=$((i+1)); [ $((i % 500)) != 0 ] || { echo -n "par"; echo -n "par" >&2; sleep 0.05; echo "tial $i"; echo "tial $i" >&2; }; done; while [ ! -e /tmp/go ]; do sleep 0.02; done; echo last; exit 7'

tmpfs_for_go() {
	config '.mounts += [{"destination":"/tmp","type":"tmpfs","source":"tmpfs"}]'
}

expected() {
	local i
	for ((i = 1; i <= 6000; i++)); do
		echo "$1 $((i - 1))"
		((i % 500)) || echo "partial $i"
	done
}

@test "killed over and over while both streams are written to: every line once, and the right exit code" {
	args sh -c "$WRITER"
	tmpfs_for_go
	capsule run -d c1
	for _ in 1 2 3 4 5 6; do
		sleep 0.1
		kill_shim c1
		capsule list | grep '^c1 .*Running'
	done
	capsule exec c1 touch /tmp/go
	[ "$(capsule wait c1)" = 7 ]
	cmp <(stream "$ROOT/c1/log" stdout) <(expected out && echo last)
	cmp <(stream "$ROOT/c1/log" stderr) <(expected err)
	capsule delete c1
	no_containers
}

@test "killed during rotation after rotation: every line once" {
	args sh -c "$WRITER"
	tmpfs_for_go
	capsule run -d --log-max-size 16k --log-max-files 500 c1
	for _ in 1 2 3 4 5 6; do
		sleep 0.1
		kill_shim c1
		capsule list >/dev/null
	done
	capsule exec c1 touch /tmp/go
	[ "$(capsule wait c1)" = 7 ]
	cmp <(capsule log c1 2>/dev/null) <(expected out && echo last)
	cmp <(capsule log c1 2>&1 >/dev/null) <(expected err)
	capsule delete c1
}

@test "a job goes on: its lines once, its exit code, one row in the list of jobs" {
	local job
	tmpfs_for_go
	capsule run -d c1
	job=$(capsule exec -d c1 sh -c "$WRITER")
	for _ in 1 2 3; do
		sleep 0.1
		kill_shim c1
		capsule list >/dev/null
	done
	capsule exec c1 touch /tmp/go
	[ "$(capsule wait -exec "$job" c1)" = 7 ]
	cmp <(stream "$ROOT/c1/exec/$job/log" stdout) <(expected out && echo last)
	cmp <(stream "$ROOT/c1/exec/$job/log" stderr) <(expected err)
	kill_shim c1
	[ "$(capsule jobs -q c1)" = "$job" ]
	capsule jobs c1 | grep -q "^$job .* Exited  *7 "
	capsule delete -f c1
}

@test "every command brings the new shim, and does its work" {
	local pid command shim
	capsule run -d c1
	said c1 hello
	pid=$(capsule state c1 | jq .pid)
	for command in "list" "state c1" "state -d c1" "ps c1" "log c1" "jobs c1" "exec c1 true" "exec -d c1 true" "kill c1 CONT" "attach --no-stdin c1"; do
		kill_shim c1
		shim=$(shim_pid c1)
		# shellcheck disable=SC2086
		timeout 1 "$CAPSULE" --root "$ROOT" $command >"$WORK/out" 2>"$WORK/err" </dev/null || [ "$command" = "attach --no-stdin c1" ]
		[ ! -s "$WORK/err" ]
		[ "$(shim_pid c1)" != "$shim" ]
		kill -0 "$(shim_pid c1)"
	done
	[ "$(capsule state c1 | jq -c '[.status, .pid]')" = "[\"running\",$pid]" ]
	capsule state -d c1 | jq -e ".shim.pid == $(shim_pid c1) and .exit == null"
	kill_shim c1
	capsule stop -t 0 c1
	[ "$(capsule wait c1)" = 137 ]
	capsule delete c1
	capsule run -d c2
	kill_shim c2
	run capsule delete c2
	[ "$status" = 125 ]
	[[ $output == *"running"* ]]
	kill_shim c2
	capsule delete -f c2
	no_containers
}

@test "20 commands at once bring one shim" {
	local shims
	capsule run -d c1
	kill_shim c1
	for i in {1..20}; do
		capsule exec c1 echo "$i" >"$WORK/out.$i" &
	done
	for i in {1..20}; do wait -n; done
	[ "$(cat "$WORK"/out.* | sort -n | tr '\n' ' ')" = "$(echo {1..20} | tr '\n' ' ')" ]
	shims=$(pgrep -fc 'capsule-shim .*--id c1( |$)')
	[ "$shims" = 1 ]
	capsule delete -f c1
}

@test "30 containers whose shims are dead: one list brings them all" {
	local i pids=()
	args sleep 1000
	for i in {1..30}; do
		capsule run -d "c$i"
		pids+=("$(shim_pid "c$i")")
	done
	kill -KILL "${pids[@]}"
	for i in "${pids[@]}"; do
		wait_until 5 dead "$i"
	done
	[ "$(capsule list | grep -c Running)" = 30 ]
	for i in {1..30}; do
		kill -0 "$(shim_pid "c$i")"
	done
	for i in {1..30}; do
		capsule delete -f "c$i"
	done
}

@test "a container whose new shim cannot come up is on the list, with a warning" {
	capsule run -d c1
	kill_shim c1
	run --separate-stderr capsule --shim /bin/false list
	[ "$status" = 0 ]
	[[ $output == *"c1 "*Running* ]]
	[[ $stderr == *"list: c1: no new shim: '/bin/false' ended with status 1 at its start"* ]]
	capsule --shim /bin/false kill c1 KILL
	capsule --shim /nowhere delete -f c1
	[ ! -e "$ROOT/c1" ]
}

@test "a container that the runtime made alone is left to whoever made it" {
	args sleep 1000
	runtime run --detach -b "$BUNDLE" alone </dev/null >/dev/null 2>&1
	run -0 --separate-stderr capsule list
	[ -z "$stderr" ]
	[[ $output == *alone*Running* ]]
	[ ! -e "$ROOT/alone/shim.lock" ]
	run ! --separate-stderr capsule exec alone true
	[[ $stderr == *"never had a shim"* ]]
	runtime delete --force alone
}

@test "wait and wait -exec go on, and have the code" {
	local job pid
	args sh -c 'trap "exit 9" TERM; echo hello; while :; do sleep 0.05; done'
	capsule run -d c1
	said c1 hello
	job=$(capsule exec -d c1 sh -c 'trap "exit 8" TERM; echo up; while :; do sleep 0.05; done')
	wait_until 10 grep -q up "$ROOT/c1/exec/$job/log"
	"$CAPSULE" --root "$ROOT" wait c1 >"$WORK/wait" 2>"$WORK/err" &
	pid=$!
	"$CAPSULE" --root "$ROOT" wait -exec "$job" c1 >"$WORK/job" 2>/dev/null &
	sleep 0.2
	kill_shim c1
	wait_until 10 grep -q 'wait c1: its shim has died, another one has taken over' "$WORK/err"
	capsule kill -exec "$job" c1
	wait $!
	[ "$(cat "$WORK/job")" = 8 ]
	capsule kill c1
	wait $pid
	[ "$(cat "$WORK/wait")" = 9 ]
	[ "$(wc -l <"$WORK/err")" = 1 ]
	capsule delete c1
}

@test "wait gives up on shims that die as soon as they live" {
	capsule run -d c1
	"$CAPSULE" --root "$ROOT" wait c1 >"$WORK/out" 2>"$WORK/err" &
	for _ in {1..60}; do
		kill -KILL "$(shim_pid c1)" 2>/dev/null || true
		kill -0 $! 2>/dev/null || break
		sleep 0.05
	done
	code=0
	wait $! || code=$?
	[ $code = 125 ]
	tail -n 1 "$WORK/err" | grep -q 'closed the connection'
	capsule delete -f c1
}

@test "a stop that has begun keeps its time, and its one signal" {
	local start ms
	args sh -c 'n=0; trap "n=\$((n+1)); echo term \$n" TERM; echo hello; while :; do sleep 0.05; done'
	capsule run -d c1
	said c1 hello
	start=$(date +%s%N)
	"$CAPSULE" --root "$ROOT" stop -t 2 c1 2>"$WORK/err" &
	said c1 'term 1'
	kill_shim c1
	wait $!
	ms=$((($(date +%s%N) - start) / 1000000))
	echo "$ms ms"
	[ $ms -ge 1900 ]
	[ $ms -lt 6000 ]
	! grep -q 'term 2' "$ROOT/c1/log"
	[ "$(capsule wait c1)" = 137 ]
	capsule delete c1
}

@test "a stop whose shim died and whose command is gone ends in time, once somebody looks" {
	args sh -c 'trap "" TERM; echo hello; while :; do sleep 0.05; done'
	capsule run -d c1
	said c1 hello
	"$CAPSULE" --root "$ROOT" stop -t 1 c1 &
	sleep 0.2
	kill -KILL $!
	kill_shim c1
	capsule list >/dev/null
	[ "$(timeout 10 "$CAPSULE" --root "$ROOT" wait c1)" = 137 ]
	capsule delete c1
}

@test "run in the foreground goes on: its output, its code; deleted at its end" {
	args sh -c 'echo one; trap "echo two; exit 5" TERM; while :; do sleep 0.05; done'
	"$CAPSULE" --root "$ROOT" run c1 >"$WORK/out" 2>"$WORK/err" </dev/null &
	wait_until 10 grep -q one "$WORK/out"
	kill_shim c1
	wait_until 10 grep -q 'run c1: its shim has died, another one has taken over' "$WORK/err"
	wait_until 10 eval "kill -0 \$(shim_pid c1)"
	kill -TERM $!
	code=0
	wait $! || code=$?
	[ $code = 5 ]
	[ "$(tr '\n' ' ' <"$WORK/out")" = "one two " ]
	[ ! -e "$ROOT/c1" ]
}

@test "start and attach go on; what is written meanwhile is in the log" {
	args sh -c 'echo one; trap "echo two; exit 5" TERM; while :; do sleep 0.05; done'
	capsule create c1
	"$CAPSULE" --root "$ROOT" start c1 >"$WORK/out" 2>/dev/null </dev/null &
	starter=$!
	wait_until 10 grep -q one "$WORK/out"
	"$CAPSULE" --root "$ROOT" attach --no-stdin c1 >"$WORK/attached" 2>"$WORK/err" </dev/null &
	watcher=$!
	sleep 0.2
	kill_shim c1
	wait_until 10 grep -q 'attach c1: its shim has died' "$WORK/err"
	sleep 0.2
	capsule kill c1
	code=0
	wait $watcher || code=$?
	[ $code = 5 ]
	code=0
	wait $starter || code=$?
	[ $code = 5 ]
	[ "$(cat "$WORK/attached")" = two ]
	[ "$(tr '\n' ' ' <"$WORK/out")" = "one two " ]
	[ "$(capsule log c1 | tr '\n' ' ')" = "one two " ]
	capsule delete c1
}

@test "exec in the foreground has its code without any shim; signals reach it" {
	capsule run -d c1
	"$CAPSULE" --root "$ROOT" exec c1 sh -c 'echo up; trap "exit 6" TERM; while :; do sleep 0.05; done' >"$WORK/out" </dev/null &
	wait_until 10 grep -q up "$WORK/out"
	kill_shim c1
	sleep 0.2
	kill -TERM $!
	code=0
	wait $! || code=$?
	[ $code = 6 ]
	code=0
	"$CAPSULE" --root "$ROOT" exec c1 sh -c 'sleep 0.5; kill -KILL $$' </dev/null &
	sleep 0.2
	kill_shim c1
	wait $! || code=$?
	[ $code = 137 ]
	capsule delete -f c1
}

@test "exec with a terminal goes on: its terminal is the command's" {
	capsule run -d c1
	(sleep 1; echo 'echo a$((1+1))b; exit 4') | "$CAPSULE" --root "$ROOT" exec -t c1 sh >"$WORK/out" 2>&1 &
	sleep 0.4
	kill_shim c1
	code=0
	wait $! || code=$?
	[ $code = 4 ]
	grep -q a2b "$WORK/out"
	capsule delete -f c1
}

@test "log -f goes on with the new shim" {
	args sh -c 'echo one; trap "echo two; exit 5" TERM; while :; do sleep 0.05; done'
	capsule run -d c1
	"$CAPSULE" --root "$ROOT" log -f c1 >"$WORK/out" &
	wait_until 10 grep -q one "$WORK/out"
	kill_shim c1
	wait_until 10 eval "kill -0 \$(shim_pid c1)"
	capsule kill c1
	wait $!
	[ "$(tr '\n' ' ' <"$WORK/out")" = "one two " ]
	capsule delete c1
}

@test "ended while no shim lived: what was logged is there, and the status is said to be unknown" {
	args sh -c 'trap "exit 3" TERM; echo hello; while :; do sleep 0.02; done'
	for id in c1 c2; do
		capsule run -d $id
		said $id hello
		pid=$(jq .pid "$ROOT/$id/state.json")
		kill_shim $id
		kill -TERM "$pid"
		gone "$pid"
	done
	run --separate-stderr capsule wait c1
	[ "$status" = 255 ]
	[ "$output" = unknown ]
	[[ $stderr == *"wait c1: its exit status is not known: it ended while no shim was there to see it" ]]
	capsule list | grep '^c1 .*Stopped(unknown)'
	capsule list --format json | jq -e '.[0].exit.known == false'
	capsule state c1 | jq -e '.status == "stopped" and .exit.known == false'
	[ "$(capsule log c1)" = hello ]
	capsule delete c1
	[ "$(timeout 10 "$CAPSULE" --root "$ROOT" log -f c2)" = hello ]
	capsule delete c2
}

@test "stopped, its shim dead: its files say all, and no shim is brought" {
	local job code
	args sh -c 'echo hello; sleep 1000'
	capsule run -d c1
	said c1 hello
	job=$(capsule exec -d c1 sh -c 'echo job; exit 4')
	[ "$(capsule wait -exec "$job" c1)" = 4 ]
	capsule kill c1 KILL
	[ "$(capsule wait c1)" = 137 ]
	kill_shim c1
	[ "$(capsule wait c1)" = 137 ]
	[ "$(capsule wait -exec "$job" c1)" = 4 ]
	capsule list | grep '^c1 .*Stopped '
	capsule state c1 | jq -e '.status == "stopped" and .exit.code == 137'
	capsule state -d c1 | jq -e --arg j "$job" '.shim == null and .exit.code == 137 and .jobs[0].exec == $j and .jobs[0].exit.code == 4'
	[ "$(capsule log c1)" = hello ]
	[ "$(timeout 5 "$CAPSULE" --root "$ROOT" log -f c1)" = hello ]
	[ "$(capsule log -exec "$job" c1)" = job ]
	[ "$(capsule jobs -q c1)" = "$job" ]
	capsule jobs c1 | grep "^$job .* Exited  *4 .* sh -c"
	capsule ps c1
	capsule stop c1
	for command in "exec c1 true" "kill c1" "attach c1" "start c1"; do
		# shellcheck disable=SC2086
		run capsule $command
		[ "$status" = 125 ]
		[[ $output == *"the container is stopped"* ]]
	done
	run capsule wait -exec nosuch c1
	[ "$status" = 125 ]
	[[ $output == *"no such job: 'nosuch'" ]]
	! pgrep -f 'capsule-shim .*--id c1( |$)'
	capsule delete c1
}

@test "a terminal hangs up with its shim: the container sees that, and its code is told" {
	config '.process.terminal = true'
	args sh -c 'trap "exit 12" HUP; echo up; while :; do sleep 0.05; done'
	capsule run -d c1
	said c1 up
	pid=$(jq .pid "$ROOT/c1/state.json")
	"$CAPSULE" --root "$ROOT" wait c1 >"$WORK/out" 2>"$WORK/err" &
	sleep 0.1
	kill_shim c1
	wait $! || true
	# adopted before the end, or after it
	grep -qxE '12|unknown' "$WORK/out"
	capsule delete c1
}

@test "an OOM kill is in the record after an adoption" {
	config '.linux.resources.memory.limit = 16777216'
	args sh -c 'echo hello; while [ ! -e /tmp/go ]; do sleep 0.05; done; x=$(cat /dev/zero | head -c 200000000 | tr "\0" x); echo survived'
	config '.mounts += [{"destination":"/tmp","type":"tmpfs","source":"tmpfs"}]'
	capsule run -d c1
	said c1 hello
	kill_shim c1
	capsule exec c1 touch /tmp/go
	capsule wait c1
	jq -e '.oom' "$ROOT/c1/exit.json"
	capsule delete c1
}

@test "killed in the middle of a delete: the delete finishes the work" {
	local i shim
	args true
	for i in 0 1 2 3 4 5 6 7 8 9; do
		capsule run -d c1
		capsule wait c1 >/dev/null
		shim=$(shim_pid c1)
		"$CAPSULE" --root "$ROOT" delete c1 2>"$WORK/err" &
		sleep "0.00$i"
		kill -KILL "$shim" 2>/dev/null || true
		wait $! || { cat "$WORK/err"; false; }
		[ ! -e "$ROOT/c1" ]
	done
	args sleep 1000
	for i in 0 1 2 3 4 5 6 7 8 9; do
		capsule run -d c1
		shim=$(shim_pid c1)
		"$CAPSULE" --root "$ROOT" delete -f c1 2>"$WORK/err" &
		sleep "0.00$i"
		kill -KILL "$shim" 2>/dev/null || true
		wait $! || { cat "$WORK/err"; false; }
		[ ! -e "$ROOT/c1" ]
	done
}

@test "delete -f says gone when it is gone: files that vanish under it are no answer" {
	local pid
	printf '#!/bin/sh\nrm -f %s/c1/shim.json\nexec %s "$@"\n' "$ROOT" "${SHIM:?}" >"$WORK/shim"
	chmod +x "$WORK/shim"
	capsule run -d c1
	pid=$(jq .pid "$ROOT/c1/state.json")
	kill_shim c1
	capsule --shim "$WORK/shim" delete -f c1
	[ ! -e "$ROOT/c1" ]
	dead "$pid"
}

@test "killed while a container is made and started: it runs, or there is none" {
	local i code
	args sleep 1000
	for i in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
		"$CAPSULE" --root "$ROOT" run -d c1 2>"$WORK/err" &
		wait_until 5 eval "pgrep -f 'capsule-shim .*--id c1( |$)' || ! kill -0 $!" || true
		sleep "0.00$((i / 2))"
		pkill -KILL -f 'capsule-shim .*--id c1( |$)' || true
		code=0
		wait $! || code=$?
		if [ $code = 0 ]; then
			capsule list | grep '^c1 .*Running'
			capsule delete -f c1
		else
			cat "$WORK/err"
			[ "$(wc -l <"$WORK/err")" = 1 ]
		fi
		[ ! -e "$ROOT/c1" ]
	done
}

@test "killed while a hook of the creation runs: the hook is let finish, and then there is no container" {
	printf '#!/bin/sh\necho begun >>%s/hook.out\nsleep 1.5\necho done >>%s/hook.out\n' "$WORK" "$WORK" >"$WORK/hook"
	chmod 755 "$WORK/hook"
	config '.hooks.createRuntime = [{"path": $p}]' --arg p "$WORK/hook"
	for verb in create "run -d" run; do
		rm -f "$WORK/hook.out"
		# shellcheck disable=SC2086
		"$CAPSULE" --root "$ROOT" $verb c1 2>"$WORK/err" </dev/null &
		wait_until 5 grep -q begun "$WORK/hook.out"
		kill_shim c1
		code=0
		wait $! || code=$?
		[ $code = 125 ]
		tail -n 1 "$WORK/err" | grep -q 'its shim has died while it was made; what there was of it is deleted'
		grep -q done "$WORK/hook.out"
		[ ! -e "$ROOT/c1" ]
	done
}
