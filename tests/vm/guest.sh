#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# In the virtual machine, started by systemd from the second disk: runs the tests there, as many files at a time as there are
# processors. TAP goes to stdout, the second serial port, file by file, numbered anew; its last line is the exit status of the
# run, so that the host can tell an end from a crash.
stty raw </dev/ttyS1
tests=/srv/disk/tree/tests
export CAPSULE_BUILD=/srv/disk/build CAPSULE_INTEG=$tests/integ INTEG_SNAPSHOT=kernel
state=/run/capsule-vm

finish() {
	echo "# guest: status $1, ${SECONDS} s"
	sync
	sleep 0.2 # the port's last bytes
	# not the orderly way: it takes seconds, and the disks are thrown away
	echo o >/proc/sysrq-trigger
	sleep 60
}

bail() {
	echo "Bail out! $*"
	finish 1
}

# The next line of the list, or 1.
next() {
	exec 8>"$state/lock"
	flock 8
	sed -n '1p;1q' "$state/queue" | grep . || return 1
	sed -i 1d "$state/queue"
}

# Hands on what a file's tests say, each test numbered on from those of the others, with the file's name before all. The lock
# is for a line: two files speak at a time.
publish() {
	local name=$1 line number
	while IFS= read -r line; do
		flock 8
		case $line in
		ok\ * | not\ ok\ *)
			number=$(($(cat "$state/number") + 1))
			echo "$number" >"$state/number"
			[[ $line =~ ^(not )?ok\ [0-9]+\ (.*) ]]
			echo "${BASH_REMATCH[1]}ok $number $name: ${BASH_REMATCH[2]}"
			;;
		1..[0-9]*) ;;
		'#'*) echo "# $name:${line#\#}" ;;
		*) echo "# $name: $line" ;;
		esac
		flock -u 8
	done 8>>"$state/lock"
}

# A file that fails without a test's failing (bats itself, what is left behind) is a failure by its status.
worker() {
	local line file filter start
	while line=$(next); do
		read -r file filter <<<"$line"
		start=$SECONDS
		if [ -e "$tests/vm/$file" ]; then
			bats --tap ${filter:+--filter "$filter"} "$tests/vm/$file"
		else
			INTEG_FILTER=$filter "$tests/integ/run" "$CAPSULE_BUILD" "$tests/integ/$file"
		fi 2>&1 | publish "${file%.bats}"
		[ "${PIPESTATUS[0]}" = 0 ] || echo 1 >"$state/status"
		echo "# ${file%.bats}: $((SECONDS - start)) s"
	done
}

[ "$(cat /proc/1/comm)" = systemd ] || bail "pid 1 is not systemd"
[ "$(stat -f -c %T /sys/fs/cgroup)" = cgroup2fs ] || bail "not cgroup v2"
[ -z "$(cut -d: -f2 /proc/self/cgroup)" ] || bail "there are v1 hierarchies: $(tr '\n' ' ' </proc/self/cgroup)"
echo "# $(uname -sr), systemd $(systemctl --version | sed -n '1s/systemd \([0-9]*\).*/\1/p'), cgroup v2," \
	"booted in $(cut -d. -f1 /proc/uptime) s"
echo 2 >/proc/sys/kernel/printk
# what a desktop or a server has, and the boot into the tests has not waited for
systemctl start dbus.socket dbus.service systemd-logind.service || bail "no D-Bus"
for ((i = 0; i < 100; i++)); do
	busctl status org.freedesktop.systemd1 >/dev/null 2>&1 && break
	sleep 0.2
done
# a user with a systemd and ids of his own
useradd --create-home --uid 1000 tester || bail "no user"
loginctl enable-linger tester
mkdir "$state"
grep -v '^#' /srv/disk/files >"$state/queue"
echo 0 >"$state/number"
echo 0 >"$state/status"
for ((i = 0; i < $(nproc); i++)); do
	worker &
done
wait
echo "1..$(cat "$state/number")"
finish "$(cat "$state/status")"
