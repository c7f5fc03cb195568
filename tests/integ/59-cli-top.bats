#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# top: the processes of a container, in columns of ps.
load helpers
setup() { integ_setup; }
teardown() { integ_teardown; }

@test "top: ps's columns, of all processes of the container and no others, on this machine's terms" {
	local pid
	args sh -c 'sleep 1000 & exec sleep 2000'
	capsule run -d c1
	capsule exec -d c1 sleep 3000
	wait_until 10 grep -q 3000 <(capsule top c1)
	capsule top c1 >"$WORK/top"
	cat "$WORK/top"
	[ "$(head -n 1 "$WORK/top" | tr -s ' ')" = "UID PID PPID C STIME TTY TIME CMD" ]
	[ "$(sed 1d "$WORK/top" | awk '{print $8, $9}' | sort | xargs)" = "sleep 1000 sleep 2000 sleep 3000" ]
	pid=$(capsule state c1 | jq .pid)
	awk -v pid="$pid" '$2 == pid {print $1, $3, $6, $7, $8, $9}' "$WORK/top" | grep -qx "0 $(capsule state -d c1 | jq .shim.pid) ? 00:00:00 sleep 2000"
	awk -v pid="$pid" '$9 == 1000 {print $3}' "$WORK/top" | grep -qx "$pid"
	# as ps has it
	[ "$(capsule top c1 pid,ppid,pgid,sid,ni,nlwp,vsz,tty,comm,cmd | awk -v pid="$pid" '$1 == pid' | xargs)" = \
		"$(ps -o pid=,ppid=,pgid=,sid=,ni=,nlwp=,vsz=,tty=,comm=,args= -p "$pid" | xargs)" ]
	# a second may be the next minute's
	began=$(($(date -d "$(capsule top c1 pid,stime | awk -v pid="$pid" '$1 == pid {print $2}')" +%s) - $(date -d "$(ps -o lstart= -p "$pid")" +%s)))
	[ "$began" -ge -60 ] && [ "$began" -le 1 ]
	[ "$(capsule top -o pid -o cmd c1 | head -n 1 | tr -s ' ')" = "PID CMD" ]
	[ "$(capsule top c1 pid cmd | head -n 1 | tr -s ' ')" = "PID CMD" ]
	[ "$(capsule top --format json c1 | jq -c --argjson pid "$pid" '.[] | select(.pid == $pid) | [.uid, .tty, .time, .cmd, .c]')" = '[0,"?","00:00:00","sleep 2000",0]' ]
	capsule delete -f c1
}

@test "top: a terminal, time that was used, names that are no text" {
	args sh -c 'while :; do :; done' "$(printf 'x\033[2Jy\nz')"
	config '.process.terminal = true'
	capsule run -d c1
	sleep 1.2
	capsule top c1 >"$WORK/top"
	cat "$WORK/top"
	[ "$(sed 1d "$WORK/top" | awk '{print $6, ($4 > 0), $8}')" = "pts/0 1 sh" ]
	LC_ALL=C.UTF-8 run grep -c $'\033' "$WORK/top"
	[ "$output" = 0 ]
	[ "$(capsule top --format json c1 | jq -r '.[0].cmd')" = "$(printf 'sh -c while :; do :; done x\033[2Jy\nz')" ]
	capsule delete -f c1
}

@test "top: of a stopped one there is nothing; bad words" {
	args true
	capsule run -d c1
	capsule wait c1
	[ "$(capsule top c1 pid)" = PID ]
	[ "$(capsule top --format json c1)" = "[]" ]
	for words in "c1 nope" "c1 pid,,cmd" "-o x c1" "--format xml c1" "nobody" ""; do
		# shellcheck disable=SC2086
		run capsule top $words
		[ "$status" = 125 ]
	done
	run capsule top c1 nope
	[[ $output == "capsule: top c1: there is no column 'nope', but uid pid "* ]]
	capsule delete c1
}
