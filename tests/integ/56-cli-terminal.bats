#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016,SC2094,SC1010,SC2314 # words for the shells in containers
#
# Terminals: `script` gives capsule one to run on.
bats_require_minimum_version 1.5.0
load helpers
setup() { integ_setup; }
teardown() { integ_teardown; }

none_listed() {
	[ -z "$(capsule list -q)" ]
}

# on_terminal TYPIST ARG...: capsule ARG... on a terminal, typed at by a script. That waits for what the terminal shows: `seen
# WORD`, and `prompt`, a shell's, which it asks for by empty lines (of a shell that was there before). Neither waits for longer
# than the command lives, and that is a minute at the most.
on_terminal() {
	local typist=$1 over='over-[2]' screen=$WORK/screen
	shift
	: >"$screen"
	timeout 60 bash -c "
		seen() { until grep -qe \"\$1\" -e '$over' '$screen'; do sleep 0.02; done; }
		prompt() { until grep -qe '# ' -e '$over' '$screen'; do echo; sleep 0.1; done; }
		$typist
		seen '$over'" |
		timeout 60 script -qefc "stty rows 33 cols 77; $(printf '%q ' "$CAPSULE" --root "$ROOT" "$@"); echo over-\$((1+1))" /dev/null |
		tee "$screen" | tr -d '\r'
}

@test "exec -t: a terminal of its own, its size, its exit code" {
	args sleep 1000
	capsule run -d c1
	run on_terminal "" exec -t c1 sh -c 'test -t 0 && test -t 1 && stty size; exit 6'
	[[ $output == *"33 77"* ]]
	run on_terminal "prompt; echo 'echo \$((6*7))'; seen 42; echo exit 9" exec -t c1 sh
	[[ $output == *42* ]]
	capsule delete -f c1
}

@test "exec -t: exit code" {
	args sleep 1000
	capsule run -d c1
	run script -qefc "'$CAPSULE' --root '$ROOT' exec -t c1 sh -c 'exit 6'" /dev/null </dev/null
	[ "$status" = 6 ]
	capsule delete -f c1
}

@test "exec -t without a terminal of ours: piped commands run to their end" {
	args sleep 1000
	capsule run -d c1
	run timeout 10 bash -c "echo 'echo \$((6*7))' | '$CAPSULE' --root '$ROOT' exec -t c1 sh"
	[ "$status" = 0 ]
	[[ $output == *42* ]]
	capsule delete -f c1
}

@test "run with a terminal in config.json: in the foreground, with its size" {
	args sh -c 'test -t 0 && stty size; exit 5'
	config '.process.terminal = true'
	run script -qefc "stty rows 33 cols 77; '$CAPSULE' --root '$ROOT' run c1" /dev/null </dev/null
	[ "$status" = 5 ]
	[[ $output == *"33 77"* ]]
	[ ! -e "$ROOT/c1" ]
}

@test "the terminal's own settings come back" {
	args sh -c 'exit 0'
	config '.process.terminal = true'
	run script -qefc "stty -a >'$WORK/before.tty'; '$CAPSULE' --root '$ROOT' run c1; stty -a >'$WORK/after.tty'" /dev/null </dev/null
	cmp "$WORK/before.tty" "$WORK/after.tty"
}

@test "ctrl-p ctrl-q detaches: the container lives on, attach comes back" {
	args sh
	config '.process.terminal = true'
	run on_terminal "prompt; echo 'echo a\$((40+2))b'; seen a42b; printf '\\020\\021'" run c1
	[[ $output == *a42b* ]]
	[ "$(capsule state c1 | jq -r .status)" = running ]
	run on_terminal "prompt; printf '\\020x'; printf '\\025echo c\$((41+2))d\n'; seen c43d; printf '\\020'; sleep 0.2; printf '\\021'" attach c1
	[[ $output == *c43d* ]]
	[ "$(capsule state c1 | jq -r .status)" = running ]
	run on_terminal "prompt; echo exit 4" attach c1
	[ "$(capsule wait c1)" = 4 ]
	capsule delete c1
}

@test "run --rm, then ctrl-p ctrl-q: it lives on, and is deleted at its end" {
	for how in exit "kill -9 of its shim, then exit"; do
		run on_terminal "prompt; printf '\\020\\021'" image run --rm -it -id c1 -network none "$INTEG_ROOTFS" sh
		[ "$(capsule state c1 | jq -r .status)" = running ]
		if [ "$how" != exit ]; then
			kill -9 "$(capsule state -d c1 | jq .shim.pid)"
		fi
		run on_terminal "prompt; echo exit 4" attach c1
		wait_until 10 none_listed
		[ -z "$(ls "$ROOT/data/containers")" ]
	done
	rm -rf "$ROOT/data"
}

@test "a change of the terminal's size reaches the container" {
	args tinit ptsize
	config '.process.terminal = true'
	timeout 60 script -qefc "shows() { until grep -q \"^\$1\" '$WORK/screen'; do sleep 0.02; done; }
		stty rows 20 cols 50
		'$CAPSULE' --root '$ROOT' run c1 &
		shows '20 50'
		stty rows 44 cols 99
		kill -WINCH \$!
		shows '44 99'
		'$CAPSULE' --root '$ROOT' kill c1 KILL
		wait" /dev/null </dev/null >"$WORK/screen" || true
	grep -q '^44 99' "$WORK/screen"
}

@test "a terminal container detached: the log has its output" {
	args sh -c 'test -t 1 && echo on a terminal'
	config '.process.terminal = true'
	capsule run -d c1
	[ "$(capsule wait c1)" = 0 ]
	[ "$(capsule log c1 | tr -d '\r')" = "on a terminal" ]
	capsule delete c1
}

@test "a terminal container in the foreground with piped input runs to its end" {
	args sh
	config '.process.terminal = true'
	run timeout 10 bash -c "(echo 'echo \$((6*7))'; echo exit 3) | '$CAPSULE' --root '$ROOT' run c1"
	[ "$status" = 3 ]
	[[ $output == *42* ]]
	run timeout 10 bash -c "echo 'echo \$((6*7))' | '$CAPSULE' --root '$ROOT' run c1"
	[ "$status" = 0 ]
	[[ $output == *42* ]]
}
