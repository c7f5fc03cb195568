#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016,SC2034 # what the containers' shells expand; CTR_OPTIONS is ctr_run's
#
# Events on their way to a containerd that is not always there.

load helpers
load containerd-shim

# From its next start on, containerd tells of each event that it takes. Its log: /run/containerd.log
talk() {
	grep -q debug /run/containerd.toml || printf '[debug]\nlevel = "debug"\n' >>/run/containerd.toml
}

# taken TOPIC: how many events of that topic shims have been rid of
taken() {
	grep -c "event forwarded.*topic=$1 " /run/containerd.log
}

containerd_kill() {
	kill -9 "$(cat /run/containerd.pid)"
	gone "$(cat /run/containerd.pid)"
}

@test "containerd, our shim: events of when containerd was away are all told when it is back, once each" {
	local i
	talk
	start --mount "type=bind,src=$WORK,dst=/work,options=rbind:rw" img a1 tinit sleep
	start --mount "type=bind,src=$WORK,dst=/work,options=rbind:rw" img a2 sh -c 'until [ -e /work/go ]; do sleep 0.05; done; exit 9'
	for i in {1..20}; do
		ctr task exec -d --exec-id "e$i" a1 sh -c 'until [ -e /work/go ]; do sleep 0.05; done; exit '"$i"
	done
	containerd_kill
	touch "$WORK/go"
	becomes 10 0 pgrep -fc "until.*/work/go"
	containerd_start
	becomes 20 21 taken /tasks/exit
	becomes 5 STOPPED state a2
	# what came before it was killed, nobody tells again
	is "0 0" "$(taken /tasks/start) $(taken /tasks/exec-started)"
	for i in 1 20; do
		run "-$i" ctr task delete --exec-id "e$i" a1
	done
	# and the order goes on: nothing is left before these
	ctr task kill -s KILL a1
	becomes 5 22 taken /tasks/exit
	ctr task rm a2 || true
	becomes 5 1 taken /tasks/delete
	is 22 "$(taken /tasks/exit)"
}

@test "containerd, our shim: containerd is killed again and again: each event is told at least once, and no shim is in the way" {
	local i
	talk
	containerd_kill
	containerd_start
	for i in 1 2 3; do
		start --mount "type=bind,src=$WORK,dst=/work,options=rbind:rw" img "k$i" sh -c 'until [ -e /work/go'"$i"' ]; do sleep 0.05; done; exit 5'
	done
	for i in 1 2 3; do
		containerd_kill
		touch "$WORK/go$i"
		containerd_start
		becomes 20 STOPPED state "k$i"
		becomes 20 1 taken /tasks/exit
		has "exit code 5" "$(ctr task rm "k$i" 2>&1)"
	done
}

@test "containerd, our shim: without TTRPC_ADDRESS events go by the publish binary" {
	printf '#!/bin/sh\nunset TTRPC_ADDRESS\nexec containerd-shim-capsule-v2 "$@"\n' >/run/programs/containerd-shim-older-v2
	chmod +x /run/programs/containerd-shim-older-v2
	listen
	CTR_OPTIONS=(--runtime io.containerd.older.v2)
	start img p1 tinit sleep
	fails 3 ctr task exec --exec-id e1 p1 sh -c 'exit 3'
	ctr task kill -s KILL p1
	becomes 5 STOPPED state p1
	ctr task rm p1 || true
	becomes 10 'create start exec-added exec-started exit exit delete ' heard p1
	grep -q '"container_id":"p1","id":"e1".*"exit_status":3' "$WORK/events"
	kill "$LISTENER"
	rm /run/programs/containerd-shim-older-v2
}
