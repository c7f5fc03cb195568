#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The container's file tree, as a program in a container finds it.
# shellcheck disable=SC2016 # what is quoted is jq's and the container's
bats_require_minimum_version 1.5.0
load helpers
setup() {
	integ_setup
	args sh -c '. /mnt/script'
	mkdir "$WORK/share"
	config '.mounts += [{destination: "/mnt", type: "bind", source: $s, options: ["rbind", "rprivate"]}]' --arg s "$WORK/share"
}
teardown() { integ_teardown; }

# What the container runs comes on stdin.
inside() {
	cat >"$WORK/share/script"
	runtime run c </dev/null
}

mounts() {
	config ".mounts += $1"
}

@test "the default mounts have their types and options" {
	inside >"$WORK/out" <<-'EOF'
		awk '{print $5, $6}' /proc/self/mountinfo
	EOF
	grep -qx '/ ro,relatime' "$WORK/out"
	grep -qx '/proc rw,relatime' "$WORK/out"
	grep -qx '/dev rw,nosuid' "$WORK/out"
	grep -qx '/dev/pts rw,nosuid,noexec,relatime' "$WORK/out"
	grep -qx '/dev/shm rw,nosuid,nodev,noexec,relatime' "$WORK/out"
	grep -qx '/dev/mqueue rw,nosuid,nodev,noexec,relatime' "$WORK/out"
	grep -qx '/sys ro,nosuid,nodev,noexec,relatime' "$WORK/out"
	# nothing of the host's is left under it
	run ! grep -q "$WORK\|/var/tmp" "$WORK/out"
}

@test "default devices work, are what they are called, and others are refused" {
	inside >"$WORK/out" <<-'EOF'
		stat -c '%n %F %t:%T %a' /dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty
		head -c 3 /dev/zero | od -An -tx1
		echo x >/dev/null && echo written
		echo x 2>/dev/null >/dev/full || echo full
		for l in fd stdin stdout stderr ptmx; do readlink /dev/$l; done
		mknod /dev/sda b 8 0 2>/dev/null || echo no mknod
		ls /dev
	EOF
	grep -q '^/dev/null character special file 1:3 666$' "$WORK/out"
	grep -q '^/dev/tty character special file 5:0 666$' "$WORK/out"
	grep -q '00 00 00' "$WORK/out"
	grep -qx written "$WORK/out"
	grep -qx full "$WORK/out"
	grep -qx 'pts/ptmx' "$WORK/out"
	grep -qx 'no mknod' "$WORK/out"
	run ! grep -qx 'sda\|mem\|kmsg' "$WORK/out"
}

@test "devices of the configuration have their owner, mode and numbers" {
	config '.linux.devices = [
		{path: "/dev/mine", type: "c", major: 1, minor: 5, fileMode: 416, uid: 12, gid: 34},
		{path: "/dev/sub/dir/pipe", type: "p", fileMode: 384},
		{path: "/dev/null", type: "c", major: 1, minor: 3, fileMode: 438, uid: 7, gid: 7}]'
	inside >"$WORK/out" <<-'EOF'
		stat -c '%n %F %t:%T %a %u:%g' /dev/mine /dev/sub/dir/pipe /dev/null
	EOF
	grep -qx '/dev/mine character special file 1:5 640 12:34' "$WORK/out"
	grep -q '^/dev/sub/dir/pipe fifo .* 600 0:0$' "$WORK/out"
	grep -qx '/dev/null character special file 1:3 666 7:7' "$WORK/out"
}

@test "binds: of directories and files, read-only, recursive, with missing mount points" {
	own_rootfs
	mkdir -p "$WORK/src/below"
	echo file >"$WORK/src/file"
	mount -t tmpfs below "$WORK/src/below"
	mounts "[{destination: \"/a/b/c\", type: \"bind\", source: \"$WORK/src\", options: [\"rbind\", \"ro\"]},
		{destination: \"/e/file\", type: \"bind\", source: \"$WORK/src/file\", options: [\"bind\"]},
		{destination: \"/flat\", source: \"$WORK/src\", options: [\"bind\", \"noexec\"]},
		{destination: \"/rro\", source: \"$WORK/src\", options: [\"rbind\", \"rro\", \"rnodev\"]}]"
	inside >"$WORK/out" <<-'EOF'
		cat /a/b/c/file /e/file
		echo changed >/e/file
		touch /a/b/c/x 2>/dev/null || echo ro
		touch /a/b/c/below/x && echo ro is not recursive
		touch /rro/below/y 2>/dev/null || echo rro is recursive
		awk '{print $5, $6}' /proc/self/mountinfo
	EOF
	umount "$WORK/src/below"
	[ "$(grep -c '^file$' "$WORK/out")" = 2 ]
	grep -qx ro "$WORK/out"
	grep -qx 'ro is not recursive' "$WORK/out"
	grep -qx 'rro is recursive' "$WORK/out"
	grep -q '^/flat .*noexec' "$WORK/out"
	run ! grep -q '^/flat/below' "$WORK/out"
	grep -q '^/rro/below ro,nodev' "$WORK/out"
	[ "$(cat "$WORK/src/file")" = changed ]
}

@test "binds: of what an earlier mount has brought, by its place in the root; destinations by that too" {
	own_rootfs
	local root=$BUNDLE/rootfs
	mkdir -p "$WORK/a/x" "$WORK/b"
	echo a >"$WORK/a/x/file"
	echo b >"$WORK/b/file"
	ln -s "$WORK/b" "$WORK/a/out"
	chmod 700 "$WORK/a" "$WORK/b"
	mounts "[{destination: \"/in\", type: \"bind\", source: \"$WORK/a\", options: [\"rbind\"]},
		{destination: \"/in/x\", type: \"bind\", source: \"$WORK/b\", options: [\"rbind\"]},
		{destination: \"$root/all\", type: \"bind\", source: \"$root/in\", options: [\"rbind\", \"ro\"]},
		{destination: \"/flat\", type: \"bind\", source: \"$root//in\", options: [\"bind\"]},
		{destination: \"/file\", type: \"bind\", source: \"$root/in/x/file\", options: [\"bind\"]}]"
	inside >"$WORK/out" <<<'cat /all/x/file /flat/x/file /file; touch /all/new 2>/dev/null || echo ro'
	[ "$(xargs <"$WORK/out")" = "b a b ro" ]
	# a symlink there does not lead out of the root
	mounts "[{destination: \"/out\", type: \"bind\", source: \"$root/in/out\", options: [\"bind\"]}]"
	run -1 runtime create c
	echo "$output"
	[[ $output == *"mounts: /out: bind '$root/in/out': No such file or directory"* ]]
}

# flags OPTIONS: the flags that a bind with these options has; what it binds has those of $SOURCE_FLAGS.
flags() {
	mount --bind -o remount,rw,suid,dev,exec,symfollow,diratime,atime,strictatime "$WORK/src"
	mount --bind -o "remount,$SOURCE_FLAGS" "$WORK/src"
	config '.mounts |= map(select(.destination != "/b")) + [{destination: "/b", source: $s, options: $o}]' \
		--arg s "$WORK/src" --argjson o "$(jq -cRM 'split(",")' <<<"bind,$1")"
	inside <<<"awk '\$2 == \"/b\" { print \$4 }' /proc/self/mounts" | sed 's/,size.*//'
}

@test "binds: the flags of the source are kept until an option names any; in a user namespace all that are locked" {
	own_rootfs
	mkdir "$WORK/src"
	mount -t tmpfs -o size=1m source "$WORK/src"
	SOURCE_FLAGS=ro,nosuid,nodev,noexec,noatime,nodiratime
	[ "$(flags private)" = ro,nosuid,nodev,noexec,noatime,nodiratime ]
	[ "$(flags rw)" = rw,noatime,nodiratime ]
	[ "$(flags dev,private)" = rw,noatime,nodiratime ]
	[ "$(flags ro)" = ro,noatime,nodiratime ]
	[ "$(flags noexec,atime)" = rw,noexec,noatime,nodiratime ]
	[ "$(flags ro,relatime)" = ro,relatime ]
	[ "$(flags nodiratime)" = rw,nodiratime,relatime ]
	SOURCE_FLAGS=nosymfollow,nosuid
	[ "$(flags ro)" = ro ]

	chown -R 100000:100000 "$BUNDLE/rootfs"
	chmod 755 "$WORK" "$BUNDLE"
	config '.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 1000}]
		| .linux.gidMappings = .linux.uidMappings'
	SOURCE_FLAGS=ro,nosuid,nodev,noexec,noatime
	[ "$(flags nosuid)" = ro,nosuid,nodev,noexec,noatime ]
	[ "$(flags ro,atime)" = ro,nosuid,nodev,noexec,noatime ]
	SOURCE_FLAGS=nodev,nosymfollow
	[ "$(flags ro)" = ro,nodev ]
	for locked in rw:ro dev:nodev suid:nosuid exec:noexec relatime:noatime; do
		SOURCE_FLAGS=${locked#*:} run flags "${locked%:*}"
		[[ $output == *"/b: set the options of the mount: Operation not permitted"* ]]
	done
	umount "$WORK/src"
}

@test "tmpfs: size, the mode of what it covers, read-only when all in it is made; overlay" {
	own_rootfs
	mkdir -m 1750 "$BUNDLE/rootfs/scratch"
	chmod 1750 "$BUNDLE/rootfs/scratch"
	mkdir -p "$WORK/o/upper" "$WORK/o/work" "$WORK/o/lower"
	mount -t tmpfs overlay "$WORK/o" # an upper layer cannot be on every file system
	mkdir -p "$WORK/o/upper" "$WORK/o/work" "$WORK/o/lower"
	echo low >"$WORK/o/lower/file"
	mounts "[{destination: \"/scratch\", type: \"tmpfs\", source: \"tmpfs\", options: [\"size=64k\"]},
		{destination: \"/made/for/it\", type: \"tmpfs\", source: \"tmpfs\"},
		{destination: \"/ro\", type: \"tmpfs\", source: \"tmpfs\", options: [\"ro\"]},
		{destination: \"/ro/in\", type: \"bind\", source: \"$WORK/share\", options: [\"bind\"]},
		{destination: \"/over\", type: \"overlay\", source: \"overlay\",
		 options: [\"lowerdir=$WORK/o/lower\", \"upperdir=$WORK/o/upper\", \"workdir=$WORK/o/work\"]}]"
	inside >"$WORK/out" <<-'EOF'
		stat -c '%a' /scratch /made/for/it
		head -c 100000 /dev/zero >/scratch/big 2>/dev/null || echo bounded
		test -e /ro/in/script && echo made
		touch /ro/x 2>/dev/null || echo ro
		cat /over/file && echo up >/over/file && cat /over/file
	EOF
	[ "$(cat "$WORK/o/lower/file")" = low ]
	[ "$(cat "$WORK/o/upper/file")" = up ]
	umount "$WORK/o"
	[ "$(xargs <"$WORK/out")" = "1750 1777 bounded made ro low up" ]
}

@test "masked and read-only paths; sysctls of the container's own namespaces" {
	config '.linux.sysctl = {"kernel.msgmax": "9999", "net.ipv4.ip_forward": "1", "kernel.domainname": "dom"}
		| .linux.maskedPaths += ["/etc/passwd", "/home", "/none"]'
	local before
	before=$(cat /proc/sys/kernel/msgmax)
	inside >"$WORK/out" <<-'EOF'
		cat /proc/sys/kernel/msgmax /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/domainname
		echo "passwd [$(cat /etc/passwd)]"
		echo "home [$(ls /home)]"
		touch /home/x 2>/dev/null || echo home ro
		echo 1 2>/dev/null >/proc/sys/kernel/msgmax || echo sys ro
		echo b 2>/dev/null >/proc/sysrq-trigger || echo sysrq ro
		wc -c </proc/keys
	EOF
	[ "$(head -n 3 "$WORK/out" | xargs)" = "9999 1 dom" ]
	grep -qx 'passwd \[\]' "$WORK/out"
	grep -qx 'home \[\]' "$WORK/out"
	grep -qx 'home ro' "$WORK/out"
	grep -qx 'sys ro' "$WORK/out"
	grep -qx 'sysrq ro' "$WORK/out"
	[ "$(tail -n 1 "$WORK/out")" = 0 ]
	[ "$(cat /proc/sys/kernel/msgmax)" = "$before" ]
}

@test "a shared volume shows the host what the container mounts; other volumes do not" {
	mkdir "$WORK/shared" "$WORK/slave"
	mount --bind "$WORK/shared" "$WORK/shared"
	mount --make-shared "$WORK/shared"
	mount --bind "$WORK/slave" "$WORK/slave"
	mount --make-shared "$WORK/slave"
	mkdir "$WORK/shared/m" "$WORK/slave/m" "$WORK/slave/late"
	mounts "[{destination: \"/shared\", source: \"$WORK/shared\", options: [\"rbind\", \"rshared\"]},
		{destination: \"/slave\", source: \"$WORK/slave\", options: [\"rbind\", \"rslave\"]}]"
	config '.linux.rootfsPropagation = "rshared" | .process.capabilities = (["CAP_SYS_ADMIN"] | {bounding: ., effective: ., permitted: .})
		| .root.readonly = false'
	own_rootfs
	cat >"$WORK/share/script" <<-'EOF'
		mount -t tmpfs seen /shared/m && touch /shared/m/file
		mount -t tmpfs unseen /slave/m && touch /slave/m/file
		touch /mnt/ready
		until test -e /slave/late/file; do sleep 0.02; done
		umount /shared/m
	EOF
	runtime run -d c </dev/null >/dev/null
	wait_until 5 test -e "$WORK/share/ready"
	[ -e "$WORK/shared/m/file" ]
	[ ! -e "$WORK/slave/m/file" ]
	mount -t tmpfs late "$WORK/slave/late"
	touch "$WORK/slave/late/file"
	wait_until 5 eval "! mountpoint -q '$WORK/shared/m'"
	wait_until 5 eval "runtime state c | grep -q stopped"
	runtime delete c
	umount "$WORK/slave/late" "$WORK/slave" "$WORK/shared"
}

@test "a user namespace: root in it owns nothing of the host's, and has all that a container has" {
	own_rootfs
	chown -R 100000:100000 "$BUNDLE/rootfs"
	chmod 755 "$WORK" "$BUNDLE"
	config '.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 1000}]
		| .linux.gidMappings = .linux.uidMappings'
	echo secret >"$WORK/share/secret"
	chmod 600 "$WORK/share/secret"
	inside >"$WORK/out" <<-'EOF'
		cat /mnt/secret 2>/dev/null || echo denied
		echo x >/dev/null && echo null
		touch /home/mine && stat -c '%u' /home/mine
		test -d /sys/kernel && echo sys
		cat /proc/self/uid_map
	EOF
	[ "$(stat -c %u "$BUNDLE/rootfs/home/mine")" = 100000 ]
	[ "$(xargs <"$WORK/out")" = "denied null 0 sys 0 100000 1000" ]
}

@test "a user namespace on the host's network: sysfs is the host's, read-only with all below it" {
	own_rootfs
	chown -R 100000:100000 "$BUNDLE/rootfs"
	chmod 755 "$WORK" "$BUNDLE"
	config '.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 1000}]
		| .linux.gidMappings = .linux.uidMappings | .linux.namespaces |= map(select(.type != "network"))'
	inside >"$WORK/out" <<-'EOF'
		test -d /sys/kernel && echo sys
		awk '$5 ~ "^/sys" && $6 !~ "^ro"' /proc/self/mountinfo
		awk '$5 == "/sys" {print $6}' /proc/self/mountinfo
	EOF
	[ "$(xargs <"$WORK/out")" = "sys ro,nosuid,nodev,noexec,relatime" ]
}

@test "the cgroup mount shows the container its own cgroup, read-only" {
	mounts '[{destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["ro", "nosuid", "nodev", "noexec", "relatime"]}]'
	inside >"$WORK/out" <<-'EOF'
		d=/sys/fs/cgroup/memory; test -d $d || d=/sys/fs/cgroup
		grep -c . $d/cgroup.procs
		echo 1 2>/dev/null >$d/cgroup.procs || echo ro
	EOF
	grep -qx ro "$WORK/out"
	[ "$(head -n 1 "$WORK/out")" -lt 6 ]
}

@test "the working directory is made if it is missing, for root, in a root that is read-only after" {
	own_rootfs
	config '.process.cwd = "/srv/new/dir" | .root.readonly = true'
	inside >"$WORK/out" <<-'EOF'
		pwd
		stat -c '%a %u' .
		touch x 2>/dev/null || echo ro
	EOF
	[ "$(xargs <"$WORK/out")" = "/srv/new/dir 755 0 ro" ]
}

@test "exec into a directory that is missing fails, and makes none" {
	own_rootfs
	args sleep 100
	runtime run -d c </dev/null >/dev/null
	run runtime exec --cwd /srv/none c true </dev/null
	echo "$output"
	[ "$status" -ne 0 ]
	[[ "$output" == *"working directory '/srv/none': No such file or directory"* ]]
	[ ! -e rootfs/srv ]
	runtime delete --force c
}

@test "without a pivot: the same tree" {
	cat >"$WORK/share/script" <<<'ls /; cat /proc/mounts | wc -l; ls /dev'
	runtime run --no-pivot c >"$WORK/out" </dev/null
	grep -qx null "$WORK/out"
	grep -qx mnt "$WORK/out"
}

@test "a mount over the root: what comes after it goes there, and the root is covered" {
	own_rootfs
	mkdir "$WORK/other"
	cp -a "$INTEG_ROOTFS/." "$WORK/other"
	touch "$WORK/other/of-the-other" "$BUNDLE/rootfs/of-the-first"
	config '.mounts = [{"destination":"/","type":"bind","source":$w,"options":["bind","ro"]}] + .mounts
		+ [{"destination":"/made","type":"tmpfs","source":"tmpfs"}]' --arg w "$WORK/other"
	args sh -c 'ls /; touch /x; echo null >/dev/null'
	run runtime run c
	echo "$output"
	[[ $output == *of-the-other* && $output != *of-the-first* && $output == *made* ]]
	[[ $output == *"touch: /x: Read-only file system"* ]]
	[ -d "$WORK/other/made" ]
	[ ! -e "$BUNDLE/rootfs/made" ]
	# nothing of it is the host's
	[ ! -e "$BUNDLE/rootfs/of-the-other" ]
}

@test "a tmpfs over the root, filled with what it covers" {
	own_rootfs
	config '.mounts = [{"destination":"/","type":"tmpfs","source":"tmpfs","options":["tmpcopyup"]}] + .mounts'
	args sh -c 'touch /new && stat -f -c %T / && cat /etc/passwd'
	run -0 runtime run c
	[[ ${lines[0]} == tmpfs && $output == *"root:x:0:0"* ]]
	[ ! -e "$BUNDLE/rootfs/new" ]
}

@test "rootfsPropagation unbindable: the root cannot be bound, and is a root all the same" {
	local flags
	config '.linux.rootfsPropagation = "unbindable"
		| .process.capabilities = {bounding: ["CAP_SYS_ADMIN"], effective: ["CAP_SYS_ADMIN"], permitted: ["CAP_SYS_ADMIN"]}'
	args sh -c 'grep " / / \| / " /proc/self/mountinfo; mkdir /tmp/x && mount -o bind / /tmp/x'
	run runtime run c
	echo "$output"
	flags=$(awk '$5 == "/"' <<<"$output")
	[[ $flags == *unbindable* ]]
	[[ ${lines[-1]} == *"Invalid argument"* ]]
}
