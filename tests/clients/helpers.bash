# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# What the clients' tests load. Each test is compared with the world before it, like the integration tests (their helpers),
# but for $OWN, an extended regular expression of what the client keeps for itself.
#
#	load helpers
#	setup() { integ_setup; }
#	teardown() { CLIENT rm -f …; integ_teardown; }

bats_require_minimum_version 1.5.0
load ../integ/helpers
# shellcheck disable=SC2034 # for integ_setup: the runtime's state is where the client wants it
ROOT=/run/no-root
# shellcheck disable=SC2034 # for the tests
RUNTIME=$CLIENTS_RUNTIME

# is WANT GOT: says what differs.
is() {
	[ "$1" = "$2" ] || {
		printf 'expected: %s\ngot:      %s\n' "$1" "$2"
		return 1
	}
}

# has PART TEXT
has() {
	[[ $2 == *"$1"* ]] || {
		printf 'expected: …%s…\nin:       %s\n' "$1" "$2"
		return 1
	}
}

# fails CODE COMMAND…: its output is in $output.
fails() {
	local code=$1
	shift
	run "-$code" "$@"
}

# becomes SECONDS WANT COMMAND…: polls until the command prints that.
becomes() {
	local end=$((SECONDS + $1)) want=$2 got
	shift 2
	while true; do
		got=$("$@" 2>&1) || true
		[ "$got" != "$want" ] || return 0
		[ $SECONDS -lt "$end" ] || break
		sleep 0.05
	done
	is "$want" "$got"
}

# cgroup_file CONTROLLER FILE PID: of the cgroup that a process is in.
cgroup_file() {
	local path
	path=$(sed -n "s/^[0-9]*:$1://p" "/proc/$3/cgroup")
	cat "/sys/fs/cgroup/$1$path/$2"
}

# The line of /proc/PID/status, without its name.
proc_status() {
	sed -n "s/^$2:[ \t]*//p" "/proc/$1/status"
}

# Words for what is asked of docker and podman alike; $PROGRAM is the one that is.

# start NAME [OPTION…] IMAGE COMMAND…: detached; nothing is printed
start() {
	"$PROGRAM" run -d --name "$@" >/dev/null
}

# pid NAME: its first process here
pid() {
	"$PROGRAM" inspect -f '{{.State.Pid}}' "$1"
}

state() {
	"$PROGRAM" inspect -f '{{.State.Status}} {{.State.ExitCode}}' "$1"
}
