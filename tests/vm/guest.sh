#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# In the virtual machine, started by systemd from the second disk: runs the integration tests there. TAP goes to stdout, the
# second serial port; its last line is the exit status of the run, so that the host can tell an end from a crash.
stty raw </dev/ttyS1

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

[ "$(cat /proc/1/comm)" = systemd ] || bail "pid 1 is not systemd"
[ "$(stat -f -c %T /sys/fs/cgroup)" = cgroup2fs ] || bail "not cgroup v2"
[ -z "$(cut -d: -f2 /proc/self/cgroup)" ] || bail "there are v1 hierarchies: $(tr '\n' ' ' </proc/self/cgroup)"
echo "# $(uname -sr), systemd $(systemctl --version | sed -n '1s/systemd \([0-9]*\).*/\1/p'), cgroup v2," \
	"booted in $(cut -d. -f1 /proc/uptime) s"
echo 2 >/proc/sys/kernel/printk
mapfile -t files </srv/disk/files
/srv/disk/tree/tests/integ/run /srv/disk/build "${files[@]/#//srv/disk/tree/tests/integ/}"
finish $?
