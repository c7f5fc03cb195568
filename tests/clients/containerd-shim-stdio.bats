#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016 # what the containers' and the loggers' shells expand
#
# Where containers' output goes: files, and programs that take it.

load helpers
load containerd-shim

# logger NAME SCRIPT: an executable $WORK/NAME; it finds that directory in $D
logger() {
	printf '#!/bin/bash\nD=%s\n%s\n' "$WORK" "$2" >"$WORK/$1"
	chmod +x "$WORK/$1"
}

# run_to NAME[?QUERY] [OPTION…] img ID COMMAND…: detached, with that logger
run_to() {
	ctr_run -d --log-uri "binary://$WORK/$1" "${@:2}"
}

@test "containerd, our shim: binary://: output and errors go to the program; what it is told; it ends with its input" {
	logger take 'printf "%s|" "$@" "$CONTAINER_ID" "$CONTAINER_NAMESPACE" >"$D/args"
		cat <&3 >"$D/out" & cat <&4 >"$D/err" & echo >&5; wait; echo over >"$D/end"'
	run_to 'take?key=a%20value&other=2' img b1 sh -c 'echo out; echo wrong >&2; head -c 3000000 /dev/zero; exit 5'
	becomes 10 STOPPED state b1
	has "exit code 5" "$(ctr task rm b1 2>&1)"
	# what `rm` has waited for
	is over "$(cat "$WORK/end")"
	is "key|a value|other|2|b1|default|" "$(cat "$WORK/args")"
	is 3000004 "$(stat -c %s "$WORK/out")"
	is wrong "$(cat "$WORK/err")"
}

@test "containerd, our shim: binary://: of an exec, by its id; of a terminal" {
	logger take 'echo >&5; cat <&3 >>"$D/$CONTAINER_ID"; echo over >>"$D/$CONTAINER_ID"'
	start img b1 tinit sleep
	ctr task exec -d --log-uri "binary://$WORK/take" --exec-id e1 b1 echo hello
	becomes 5 $'hello\nover' cat "$WORK/e1"
	call_exec b1 e2 "binary://$WORK/take" tty
	becomes 5 $'/dev/pts/0\r\nover' cat "$WORK/e2"
}

@test "containerd, our shim: binary://: who dies before it is ready, and who is not there, have the container not made" {
	logger dies 'exit 3'
	fails 1 run_to dies img b1 tinit sleep
	has "before it was ready" "$output"
	fails 1 run_to missing img b2 tinit sleep
	has "No such file or directory" "$output"
	is "" "$(ctr task ls -q)"
	start img b3 tinit sleep
	fails 1 ctr task exec -d --log-uri "binary://$WORK/dies" --exec-id e1 b3 true
	has "ended with status 3" "$output"
	is hello "$(text ctr task exec --exec-id e2 b3 echo hello)"
}

@test "containerd, our shim: binary://: one that is slow to be ready holds nothing else up" {
	local pid
	mkfifo "$WORK/gate"
	logger slow 'read -r <"$D/gate"; echo >&5; cat <&3 >"$D/out"'
	start --annotation io.containerd.runc.v2.group=pod1 img b1 tinit sleep
	run_to slow --annotation io.containerd.runc.v2.group=pod1 img b2 echo hello &
	pid=$!
	becomes 5 1 pgrep -fc "^/bin/bash $WORK/slow"
	# of the same server
	is hello "$(text ctr task exec --exec-id e1 b1 echo hello)"
	is RUNNING "$(state b1)"
	kill -0 "$pid"
	echo >"$WORK/gate"
	wait "$pid"
	becomes 5 hello cat "$WORK/out"
}

@test "containerd, our shim: binary://: one that is killed is started again, and no line is lost" {
	local i pid
	logger take 'echo >&5; while read -r line <&3; do echo "$line" >>"$D/out"; done'
	mkfifo "$WORK/lines"
	run_to take --mount "type=bind,src=$WORK,dst=/work,options=rbind:rw" img b1 sh -c 'exec 3<>/work/lines; while read -r l <&3; do echo $l; done'
	exec 6<>"$WORK/lines"
	for i in 1 2 3; do
		echo "line $i" >&6
		becomes 5 "line $i" tail -n 1 "$WORK/out"
		pid=$(pgrep -f "^/bin/bash $WORK/take")
		kill -9 "$pid"
		gone "$pid"
	done
	echo "line 4" >&6
	becomes 10 $'line 1\nline 2\nline 3\nline 4' cat "$WORK/out"
	exec 6>&-
	# containerd's log has the shim's notes
	grep "level=warning msg=\"logger '$WORK/take': it has ended with signal 9, and is started again\" id=\"b1\" namespace=\"default\"" /run/containerd.log
}

@test "containerd, our shim: binary://: one that does not end is killed, and does not hold the end up" {
	local shim
	logger stays 'trap "" TERM; echo >&5; while :; do sleep 0.1; done'
	run_to stays img b1 true
	becomes 5 STOPPED state b1
	shim=$(pidof containerd-shim-capsule-v2)
	ctr task rm b1
	is "" "$(ctr task ls -q)"
	# it is asked to after 10 s
	wait_until 20 eval "! kill -0 $shim 2>/dev/null"
	is 0 "$(pgrep -fc "^/bin/bash $WORK/stays" || true)"
}

@test "containerd, our shim: file://: names with escapes, directories made, both outputs in one, more is appended" {
	local i
	for i in 1 2; do
		ctr_run -d --log-uri "file://$WORK/new/a%20log" img "f$i" sh -c 'echo out; echo wrong >&2'
		becomes 5 STOPPED state "f$i"
		ctr task rm "f$i"
	done
	is $'out\nwrong\nout\nwrong' "$(cat "$WORK/new/a log")"
	is 644 "$(stat -c %a "$WORK/new/a log")"
	start img f3 tinit sleep
	call_exec f3 e1 "file://$WORK/terminal" tty
	becomes 5 $'/dev/pts/0\r' cat "$WORK/terminal"
	fails 1 ctr_run -d --log-uri "file://no/such" img f4 true
	has "is not absolute" "$output"
	fails 1 ctr_run -d --log-uri "journal:///x" img f5 true
	has "not supported" "$output"
}
