#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Hooks: when each runs and where, what it is told, and what happens when one fails or hangs.
# shellcheck disable=SC2016,SC2154 # what is quoted is for jq and the container; bats sets stderr
bats_require_minimum_version 1.5.0
load helpers
setup() {
	integ_setup
	cat >"$WORK/hook" <<'EOS'
#!/bin/sh
# hook NAME: appends its name, the status it is told, and its mount and uts namespaces
IFS= read -r state
status=$(printf %s "$state" | sed 's/.*"status":"\([a-z]*\)".*/\1/')
printf '%s %s %s %s\n' "$1" "$status" "$(readlink /proc/self/ns/mnt)" "$(hostname)" >>"$HOOK_OUT"
printf '%s' "$state" >"$HOOK_OUT.$1"
EOS
	chmod 755 "$WORK/hook"
}
teardown() { integ_teardown; }

# hook KIND FIELDS: adds a hook; FIELDS are jq object members.
hook() {
	config ".hooks[\$k] += [{$2}]" --arg k "$1" --arg w "$WORK"
}

all_hooks() {
	local kind
	for kind in prestart createRuntime createContainer poststart poststop; do
		hook "$kind" "path: (\$w + \"/hook\"), args: [\"hook\", \"$kind\"], env: [\"PATH=/bin:/usr/bin\", \"HOOK_OUT=\\(\$w)/out\"]"
	done
}

names() {
	cut -d' ' -f1 "$WORK/out" | tr '\n' ' '
}

@test "order, and what each is told" {
	all_hooks
	args sleep 100
	runtime create c1
	[ "$(names)" = "prestart createRuntime createContainer " ]
	runtime start c1
	[ "$(names)" = "prestart createRuntime createContainer poststart " ]
	runtime kill c1 KILL
	wait_until 5 eval 'runtime state c1 | grep -q stopped'
	runtime delete c1
	[ "$(names)" = "prestart createRuntime createContainer poststart poststop " ]
	cat "$WORK/out"
	grep -q '^prestart creating ' "$WORK/out"
	grep -q '^createRuntime creating ' "$WORK/out"
	grep -q '^createContainer creating ' "$WORK/out"
	grep -q '^poststart running ' "$WORK/out"
	grep -q '^poststop stopped ' "$WORK/out"
	# the state is the OCI's
	jq -e '.id == "c1" and .ociVersion != null and .pid > 0 and .bundle == $b' --arg b "$BUNDLE" "$WORK/out.createRuntime"
	jq -e '.id == "c1" and .status == "stopped"' "$WORK/out.poststop"
}

@test "where: the runtime's namespaces, but createContainer in the container's" {
	all_hooks
	args true
	runtime run c1
	cat "$WORK/out"
	local mine
	mine=$(readlink /proc/self/ns/mnt)
	[ "$(grep -cF " $mine integ-host" "$WORK/out")" -eq 4 ]
	run grep '^createContainer' "$WORK/out"
	[[ $output != *"$mine"* && $output == *" integ" ]]
}

@test "startContainer: in the container, before its program" {
	own_rootfs
	hook startContainer 'path: "/bin/sh", args: ["sh", "-c", "cat >/tmp/state; hostname >/tmp/name; echo $K >/tmp/k"], env: ["PATH=/bin", "K=V"]'
	args sh -c 'cat /tmp/name /tmp/k; grep -c c1 /tmp/state'
	run runtime run c1
	[ "$output" = $'integ\nV\n1' ]
}

@test "a hook's environment is what the config says, and nothing else" {
	export LEAK=secret
	hook createRuntime 'path: "/usr/bin/env", args: ["env"], env: ["ONLY=this"]'
	hook createRuntime 'path: "/bin/sh", args: ["sh", "-c", "tr \"\\\\0\" \"\\\\n\" </proc/self/environ >\($w)/env; ls -l /proc/self/fd >\($w)/fds"], env: ["ONLY=this"]'
	args true
	runtime run c1
	grep -q '^ONLY=this' "$WORK/env"
	run ! grep -q LEAK "$WORK/env"
	cat "$WORK/fds"
	# its own listing's descriptor, and 0, 1, 2
	[ "$(grep -c ' -> ' "$WORK/fds")" -le 4 ]
}

@test "a hook that fails ends the create, says why, and leaves nothing" {
	local kind
	for kind in prestart createRuntime createContainer; do
		cp config.json good.json
		hook "$kind" 'path: "/bin/sh", args: ["sh", "-c", "echo the disk is on fire >&2; exit 3"], env: []'
		run --separate-stderr runtime create c1
		echo "$stderr"
		[ "$status" -eq 1 ]
		[ "${#stderr_lines[@]}" -eq 1 ]
		[[ $stderr == *"$kind hook #0: '/bin/sh'"*"exit status 3: the disk is on fire"* ]]
		[ ! -e "$ROOT/c1" ]
		mv good.json config.json
	done
}

@test "after a hook that fails the poststop hooks are run, when nothing is left; not after what fails before" {
	local kind
	hook poststop "path: \"/bin/sh\", args: [\"sh\", \"-c\", \"cat >\(\$w)/stopped; ls $ROOT >\(\$w)/left\"], env: [\"PATH=/bin:/usr/bin\"]"
	args tinit sleep
	for kind in prestart createRuntime createContainer poststart; do
		cp config.json good.json
		hook "$kind" 'path: "/bin/false"'
		run -1 runtime run --detach c1
		[[ $output == *"$kind hook #0"* ]]
		jq -e '.id == "c1" and .status == "stopped"' "$WORK/stopped"
		run ! grep c1 "$WORK/left"
		[ ! -e "$ROOT/c1" ]
		rm "$WORK/stopped"
		mv good.json config.json
	done
	config '.process.args = ["/no/such/program"]'
	run -1 runtime run --detach c1
	[ ! -e "$WORK/stopped" ]
}

@test "a hook killed by a signal, and one that cannot run" {
	hook createRuntime 'path: "/bin/sh", args: ["sh", "-c", "kill -9 $$"]'
	run --separate-stderr runtime create c1
	[ "$status" -eq 1 ]
	[[ $stderr == *"killed by signal 9 (killed)"* ]]
	config 'del(.hooks)'
	hook createRuntime 'path: "/no/such/hook"'
	run --separate-stderr runtime create c1
	[ "$status" -eq 1 ]
	[[ $stderr == *"createRuntime hook #0: '/no/such/hook'"* ]]
	[ ! -e "$ROOT/c1" ]
}

@test "a hook that hangs is ended at its timeout" {
	hook createRuntime 'path: "/bin/sleep", args: ["sleep", "100"], timeout: 1'
	local before=$SECONDS
	run --separate-stderr runtime create c1
	[ "$status" -eq 1 ]
	[ $((SECONDS - before)) -le 4 ]
	[[ $stderr == *"timed out"* ]]
	[ ! -e "$ROOT/c1" ]
}

@test "startContainer that fails: start fails, and the container is not running" {
	hook startContainer 'path: "/bin/sh", args: ["sh", "-c", "exit 4"], env: ["PATH=/bin"]'
	args sleep 100
	runtime create c1
	run --separate-stderr runtime start c1
	echo "$stderr"
	[ "$status" -ne 0 ]
	[[ $stderr == *"startContainer hook #0"* ]]
	wait_until 5 eval 'runtime state c1 | grep -q stopped'
	runtime delete c1
}

@test "poststart that fails: start fails, and the container is gone, its poststop hooks run" {
	hook poststart 'path: "/bin/false"'
	hook poststop "path: (\$w + \"/hook\"), args: [\"hook\", \"poststop\"], env: [\"PATH=/bin:/usr/bin\", \"HOOK_OUT=\\(\$w)/out\"]"
	args sleep 100
	runtime create --pid-file "$WORK/pid" c1
	run --separate-stderr runtime start c1
	echo "$stderr"
	[ "$status" -ne 0 ]
	[[ $stderr == *"poststart hook #0"* ]]
	gone "$(cat "$WORK/pid")"
	[ ! -e "$ROOT/c1" ]
	grep -q '^poststop stopped ' "$WORK/out"
}

@test "poststop that fails: the container is deleted all the same, with a warning" {
	hook poststop 'path: "/bin/false"'
	hook poststop "path: (\$w + \"/hook\"), args: [\"hook\", \"second\"], env: [\"PATH=/bin:/usr/bin\", \"HOOK_OUT=\\(\$w)/out\"]"
	args true
	runtime create c1
	runtime start c1
	wait_until 5 eval 'runtime state c1 | grep -q stopped'
	run --separate-stderr runtime delete c1
	echo "$stderr"
	[ "$status" -eq 0 ]
	[[ $stderr == *"poststop hook #0"* ]]
	[ ! -e "$ROOT/c1" ]
}

@test "delete --force while a hook hangs: it does not wait for it, and nothing is left" {
	hook createRuntime 'path: "/bin/sleep", args: ["sleep", "100"]'
	args sleep 100
	runtime create c1 3>&- &
	wait_until 5 eval 'runtime state c1 | grep -q "\"creating\""'
	wait_until 5 pgrep -f '^sleep 100$'
	timeout 10 "$RUNTIME" --root "$ROOT" delete --force c1
	[ ! -e "$ROOT/c1" ]
	pkill -f '^sleep 100$'
	run wait $!
	[ "$status" -ne 0 ]
}

@test "start waits for a creation that is under way" {
	hook createRuntime 'path: "/bin/sleep", args: ["sleep", "0.5"]'
	args sh -c 'echo started'
	runtime create c1 >"$WORK/words" 3>&- &
	wait_until 5 eval 'runtime state c1 | grep -q "\"creating\""'
	runtime start c1
	wait $!
	wait_until 5 eval 'runtime state c1 | grep -q stopped'
	[ "$(cat "$WORK/words")" = started ]
	runtime delete c1
}

@test "state waits a moment for a creation: the first answer is created, or that a hook takes its time" {
	hook createRuntime 'path: "/bin/sleep", args: ["sleep", "0.05"]'
	args sleep 100
	# a busy machine may need longer than that moment, but not each time
	for _ in 1 2 3 4 5 6; do
		runtime create c1 3>&- &
		wait_until 5 eval 'runtime state c1 >"$WORK/state" 2>/dev/null'
		wait $!
		runtime delete --force c1
		[ "$(jq -r .status "$WORK/state")" != created ] || break
	done
	[ "$(jq -r .status "$WORK/state")" = created ]
	hook createRuntime 'path: "/bin/sleep", args: ["sleep", "3"]'
	runtime create c1 3>&- &
	wait_until 5 eval 'runtime state c1 >"$WORK/state" 2>/dev/null'
	[ "$(jq -r .status "$WORK/state")" = creating ]
	wait $!
	runtime delete --force c1
}
