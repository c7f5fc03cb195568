#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016,SC2314 # words for the shells in containers
#
# What an earlier boot has left, shims that are older than the commands, and state that an older version wrote.
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

kill_shim() {
	local shim
	shim=$(shim_pid "$1")
	kill -KILL "$shim"
	gone "$shim"
}

said() {
	wait_until 10 grep -q "$2" "$ROOT/$1/log"
}

# edit ID/FILE FILTER
edit() {
	jq "$2" "$ROOT/$1" >"$WORK/edited"
	cat "$WORK/edited" >"$ROOT/$1"
}

# The container as a restart of the machine leaves it: neither process nor shim, ids of another boot. Its cgroups stay,
# and somebody else's process is in them now.
reboot() {
	local pid boot='"00000000-0000-0000-0000-000000000000"'
	pid=$(jq .pid "$ROOT/$1/state.json")
	kill_shim "$1"
	kill -KILL "$pid"
	gone "$pid"
	edit "$1/state.json" ".bootId = $boot"
	edit "$1/shim.json" ".boot_id = $boot"
}

cgroups() {
	find /sys/fs/cgroup -type d -path "*/capsule/$1"
}

@test "after a restart of the machine: stopped, the end unknown, the log there, delete clears up" {
	capsule run -d c1
	said c1 hello
	reboot c1
	[ "$(capsule list | grep -c '^c1 .*Stopped(unknown)')" = 1 ]
	capsule list --format json | jq -e '.[0] | .status == "stopped" and .exit.known == false'
	capsule state c1 | jq -e '.status == "stopped" and .exit.known == false and .pid == 0'
	capsule state -d c1 | jq -e '.shim == null and .exit.known == false'
	for command in "exec c1 true" "kill c1" "kill --all c1" "start c1" "attach c1"; do
		# shellcheck disable=SC2086
		run capsule $command
		[ "$status" = 125 ]
		[ "${#lines[@]}" = 1 ]
		[[ $output == *"the container is stopped: the machine has been restarted since" ]]
	done
	run --separate-stderr capsule wait c1
	[ "$status" = 255 ]
	[ "$output" = unknown ]
	capsule stop c1
	[ "$(capsule log c1)" = hello ]
	[ "$(timeout 5 "$CAPSULE" --root "$ROOT" log -f c1)" = hello ]
	[ -z "$(capsule jobs -q c1)" ]
	! pgrep -f 'capsule-shim .*--id c1( |$)'
	cgroups c1 >"$WORK/cgroups"
	capsule delete c1
	[ ! -e "$ROOT/c1" ]
	xargs rmdir <"$WORK/cgroups"
}

@test "after a restart: cgroups of that name are somebody else's by now, and are left alone" {
	local pid dir
	config '.linux.namespaces |= map(select(.type != "pid"))'
	for how in "delete" "delete -f" "kill --all"; do
		capsule run -d c1
		reboot c1
		dir=$(cgroups c1 | head -n 1)
		sleep 1000 &
		pid=$!
		cgroups c1 | while read -r each; do echo $pid >"$each/cgroup.procs"; done
		# shellcheck disable=SC2086
		capsule $how c1 || [ "$how" = "kill --all" ]
		[ "$how" = "kill --all" ] || [ ! -e "$ROOT/c1" ]
		kill -0 $pid
		! grep -q ') Z ' /proc/$pid/stat
		[ -d "$dir" ]
		grep -qx $pid "$dir/cgroup.procs"
		kill -KILL $pid
		wait $pid || true
		capsule delete -f c1
		wait_until 5 eval '! cgroups c1 | xargs cat 2>/dev/null | grep -q .'
		cgroups c1 | xargs -r rmdir
	done
}

@test "after a restart: an exit on record stays what it was" {
	args sh -c 'exit 3'
	capsule run -d c1
	[ "$(capsule wait c1)" = 3 ]
	kill_shim c1
	edit c1/state.json '.bootId = "00000000-0000-0000-0000-000000000000"'
	[ "$(capsule wait c1)" = 3 ]
	capsule list | grep '^c1 .*Stopped '
	cgroups c1 >"$WORK/cgroups"
	capsule delete c1
	no_containers
	xargs rmdir <"$WORK/cgroups"
}

# Three programs in a directory of their own, as a package has them.
programs_copy() {
	mkdir -p "$WORK/bin"
	for program in capsule capsule-shim capsule-runtime; do
		cp "$CAPSULE_BUILD/$program" "$WORK/bin/$program.new"
		mv "$WORK/bin/$program.new" "$WORK/bin/$program"
	done
}

@test "programs replaced by an upgrade: the shim that runs serves the new commands; killed, a new one adopts" {
	local job shim
	programs_copy
	CAPSULE=$WORK/bin/capsule
	capsule run -d c1
	said c1 hello
	programs_copy
	readlink "/proc/$(shim_pid c1)/exe" | grep -q deleted
	shim=$(shim_pid c1)
	capsule list | grep '^c1 .*Running'
	capsule state -d c1 | jq -e ".shim.pid == $shim"
	[ "$(capsule exec c1 echo in it)" = "in it" ]
	job=$(capsule exec -d c1 sh -c 'echo up; trap "exit 5" TERM; while :; do sleep 0.05; done')
	wait_until 10 grep -q up "$ROOT/c1/exec/$job/log"
	[ "$(capsule log c1)" = hello ]
	capsule ps c1 | grep -q 'sleep 1000'
	kill_shim c1
	capsule jobs c1 | grep "^$job .*Running"
	! readlink "/proc/$(shim_pid c1)/exe" | grep -q deleted
	[ "$(capsule exec c1 echo in it)" = "in it" ]
	capsule kill -exec "$job" c1
	[ "$(capsule wait -exec "$job" c1)" = 5 ]
	capsule stop -t 0 c1
	[ "$(capsule wait c1)" = 137 ]
	capsule delete c1
	rm -r "${WORK:?}/bin"
}

@test "state of the version before: no lock, a record of few members, jobs without one" {
	local job pid
	args sh -c 'echo hello; trap "echo bye; exit 6" TERM; while :; do sleep 0.05; done'
	capsule run -d --stop-timeout 7 c1
	said c1 hello
	job=$(capsule exec -d c1 sh -c 'echo up; sleep 1000')
	wait_until 10 grep -q up "$ROOT/c1/exec/$job/log"
	pid=$(jq .pid "$ROOT/c1/state.json")
	kill_shim c1
	edit c1/shim.json '{pid, start_time, version, protocol, bundle, log, stop_signal, stop_timeout_ms, jobs_max, memory_events}'
	rm "$ROOT/c1/shim.lock" "$ROOT/c1/exec/$job/job.json"
	rm -f "$ROOT/c1/log.journal" "$ROOT/c1/exec/$job/log.journal"
	capsule list | grep '^c1 .*Running'
	[ "$(capsule state c1 | jq .pid)" = "$pid" ]
	[ "$(capsule exec c1 echo in it)" = "in it" ]
	capsule stop c1
	[ "$(capsule wait c1)" = 6 ]
	[ "$(capsule log c1 | tr '\n' ' ')" = "hello bye " ]
	[ "$(capsule log -exec "$job" c1)" = up ]
	capsule delete c1
	no_containers
}

@test "an older shim, which has no lock, is alive as long as its process: nobody adopts beside it" {
	capsule run -d c1
	shim=$(shim_pid c1)
	rm "$ROOT/c1/shim.lock"
	capsule list | grep '^c1 .*Running'
	[ "$(capsule exec c1 echo in it)" = "in it" ]
	[ "$(shim_pid c1)" = "$shim" ]
	[ "$(pgrep -fc 'capsule-shim .*--id c1( |$)')" = 1 ]
	kill_shim c1
	[ "$(capsule exec c1 echo in it)" = "in it" ]
	capsule delete -f c1
}
