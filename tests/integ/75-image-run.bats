#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016,SC2030,SC2031,SC2314 # words for the shells in containers
#
# Containers of images: the command line of `image run`, each option seen from within.
bats_require_minimum_version 1.5.0
load helpers
setup() {
	integ_setup
	IMAGE=$INTEG_ROOTFS
}
teardown() {
	local id
	for id in $(capsule list -q 2>/dev/null); do
		capsule delete -f "$id" || true
	done
	integ_teardown
}

capsule() {
	"$CAPSULE" --root "$ROOT" --data-root "$WORK/data" "$@"
}

# in_it [OPTION...] -- COMMAND: its output, from a container that is gone afterwards
in_it() {
	local -a options=()
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	capsule image run --rm -network none "${options[@]}" "$IMAGE" "$@"
}

# no container is there, and nothing of any is left in the data root
no_data() {
	[ "$(capsule list -q)" = "" ] &&
	[ -z "$(find "$WORK/data/containers" "$WORK/data/trash" "$WORK/data/volumes" -mindepth 1 2>/dev/null | head -n 5)" ]
}

@test "a directory is an image: what is written there goes to the container alone" {
	[ "$(in_it -- sh -c 'echo x >/written; cat /written')" = x ]
	[ ! -e "$IMAGE/written" ]
	no_data
}

@test "exit codes: the command's, 126, 127, 125" {
	run in_it -- sh -c 'exit 7'
	[ "$status" = 7 ]
	run -127 in_it -- /nope
	run in_it -- /etc/passwd
	[ "$status" = 126 ]
	run capsule image run "$WORK/nope" true
	[ "$status" = 125 ]
	[[ $output == *"image '$WORK/nope'"* ]]
	no_data
}

@test "-d, log, exec, list, delete; the log lies with the container" {
	capsule image run -d -id c1 -network none "$IMAGE" sh -c 'echo begun; sleep 1000'
	wait_until 10 grep -q begun "$WORK/data/containers/c1/log"
	[ "$(capsule log c1)" = begun ]
	[ "$(capsule exec c1 echo there)" = there ]
	capsule list | grep -q '^c1 .*Running'
	run capsule image run -d -id c1 -network none "$IMAGE" true
	[ "$status" = 125 ]
	capsule exec c1 true
	capsule delete -f c1
	no_data
}

@test "without --rm one that has ended stays, and destroyc deletes it" {
	capsule image run -id c1 -network none "$IMAGE" sh -c 'echo out'
	capsule list | grep -q '^c1 .*Stopped'
	[ "$(capsule log c1)" = out ]
	capsule image destroyc c1
	no_data
}

@test "--rm of a detached one: it goes by itself" {
	capsule image run --rm -d -id c1 -network none "$IMAGE" true
	wait_until 10 no_data
}

@test "options behind the command begin with -id, --id, -id= or --name; a quoted command is split" {
	for how in "-id c1" "--id c1" "-id=c1" "--id=c1" "--name c1" "--name=c1"; do
		# shellcheck disable=SC2086
		capsule image runc "$IMAGE" "sleep 1000" $how -d -network none
		[ "$(jq -c .command "$WORK/data/containers/c1/container.json")" = '["sleep","1000"]' ]
		capsule delete -f c1
	done
	# once it is named, they are the command's
	[ "$(in_it -id c1 -- echo -id c2 -d)" = "-id c2 -d" ]
	run capsule image run "$IMAGE" true -id c1 stray
	[ "$status" = 125 ]
	[[ $output == *"'stray' stands among the options"* ]]
	no_data
}

@test "-d false is the foreground" {
	[ "$(capsule image run "$IMAGE" echo one -id c1 -d false --rm -network none)" = one ]
	[ "$(capsule image run -d false --rm -network none "$IMAGE" echo two)" = two ]
}

@test "capsule run IMAGE; with -b it is a bundle" {
	[ "$(capsule run --rm -network none "$IMAGE" echo image)" = image ]
	args echo bundle
	[ "$(capsule run -b . "$IMAGE" 2>&1 | head -c 20)" != bundle ]
	[ "$(capsule run -b . c1)" = bundle ]
	cd /
	run capsule run nope
	[ "$status" = 125 ]
	[ "$output" = "capsule: run nope: there is no such image, and no config.json in the current directory" ]
}

@test "-i is stdin, and without it there is none; -t is a terminal" {
	[ "$(echo abc | in_it -i -- cat)" = abc ]
	[ "$(echo abc | in_it -- cat)" = "" ]
	[ "$(in_it -t -- tty | tr -d '\r')" = /dev/pts/0 ]
	[ "$(in_it -it -- sh -c 'echo $TERM' | tr -d '\r')" = xterm ]
}

@test "environment: nothing of ours, -e, --env-file, HOSTNAME, PATH" {
	printf 'A=file\n# B=no\n\nC=with blanks and = more\n' >"$WORK/env"
	SECRET=1 run in_it -id c1 --env-file "$WORK/env" -e A=option -env=D=4 -- env
	[[ $output != *SECRET* ]]
	[[ $output == *A=option* ]]
	[[ $output == *'C=with blanks and = more'* ]]
	[[ $output == *D=4* ]]
	[[ $output != *B=no* ]]
	[[ $output == *HOSTNAME=c1* ]]
	[[ $output == *PATH=/usr/local/sbin:* ]]
	run in_it -e NOVALUE -- true
	[ "$status" = 125 ]
	[[ $output == *"-e: 'NOVALUE'"* ]]
}

@test "-h, -cwd, -u" {
	[ "$(in_it -h box -- hostname)" = box ]
	[ "$(in_it -id c1 -- hostname)" = c1 ]
	[ "$(in_it -cwd /var/tmp -- pwd)" = /var/tmp ]
	[ "$(in_it -workdir /new/one -- pwd)" = /new/one ]
	[ "$(in_it -u app -- id -u)" = 1000 ]
	[ "$(in_it -u 77:88 -- sh -c 'id -u; id -g')" = $'77\n88' ]
	run in_it -u nobody-there -- true
	[ "$status" != 0 ]
	run in_it -h $'a\nb' -- true
	[ "$status" = 125 ]
	no_data
}

@test "capabilities: fourteen, --cap-add, --cap-drop, none for who is not root" {
	caps() { in_it "$@" -- sed -n 's/^CapEff:\t0*//p' /proc/self/status; }
	[ "$(caps)" = a80425fb ]
	[ "$(caps --cap-drop ALL)" = "" ]
	[ "$(caps --cap-drop all --cap-add net_admin)" = 1000 ]
	[ "$(caps --cap-add SYS_PTRACE --cap-drop CAP_CHOWN)" = a80c25fa ]
	[ "$(caps -u app)" = "" ]
	run in_it --cap-add NOPE -- true
	[ "$status" = 125 ]
	[[ $output == *"--cap-add: no such capability: 'NOPE'"* ]]
}

@test "seccomp: refused by default, allowed when unconfined" {
	run in_it --cap-add SYS_CHROOT -- unshare -U true
	[ "$status" != 0 ]
	[[ $output == *"Operation not permitted"* ]]
	in_it --security-opt seccomp=unconfined -- unshare -U true
	in_it --cap-add SYS_ADMIN -- unshare -m true
	[ "$(in_it -- sed -n 's/^Seccomp:\t//p' /proc/self/status)" = 2 ]
	[ "$(in_it --security-opt seccomp=unconfined -- sed -n 's/^Seccomp:\t//p' /proc/self/status)" = 0 ]
	[ "$(in_it --security-opt no-new-privileges -- sed -n 's/^NoNewPrivs:\t//p' /proc/self/status)" = 1 ]
	printf '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO","errnoRet":28}]}' \
		>"$WORK/filter"
	run in_it --security-opt seccomp="$WORK/filter" -- mkdir /x
	[[ $output == *"No space left"* ]]
	run in_it --security-opt apparmor=x -- true
	[ "$status" = 125 ]
}

@test "our filter: AF_ALG and AF_VSOCK, keys, bpf and userfaultfd fail with EPERM, unknown calls with ENOSYS" {
	[ "$(uname -m)" = x86_64 ] || skip "the numbers are of x86_64"
	# socket(AF_ALG), socket(AF_VSOCK), keyctl, bpf, userfaultfd, io_uring_setup, unshare(CLONE_NEWUSER), clone(CLONE_NEWUSER)
	for call in "41 38 5 0" "41 40 1 0" 250 321 323 425 "272 0x10000000" "56 0x10000011"; do
		# shellcheck disable=SC2086
		[ "$(in_it -- tinit syscall $call)" = "ret -1 errno 1" ]
	done
	for call in 999 435; do # one that nobody knows, and clone3
		[ "$(in_it -- tinit syscall $call)" = "ret -1 errno 38" ]
	done
	[[ "$(in_it -- tinit syscall 41 2 1 0)" == *"errno 0" ]]
	# none of it with the filter off: keyctl's own error
	[ "$(in_it --security-opt seccomp=unconfined -- tinit syscall 323 0xffff)" = "ret -1 errno 22" ]
}

@test "--read-only, --tmpfs, --shm-size" {
	run in_it --read-only -- touch /x
	[ "$status" != 0 ]
	[[ $output == *"Read-only file system"* ]]
	in_it --read-only --tmpfs /scratch:size=1m,mode=1777 -- sh -c 'echo x >/scratch/x; grep -q "/scratch tmpfs.*size=1024k" /proc/mounts'
	in_it --shm-size 1m -- grep -q '/dev/shm tmpfs.*size=1024k' /proc/mounts
}

@test "limits: memory kills, pids fails the fork, cpu is a quota, ulimit, sysctl" {
	run in_it -m 20m -- sh -c 'dd if=/dev/zero of=/dev/null bs=60M count=1'
	[ "$status" = 137 ]
	run in_it --pids-limit 3 -- sh -c 'sleep 1 & sleep 1 & sleep 1 & sleep 1 & wait'
	[[ $output == *"fork"* ]]
	[ "$(in_it --ulimit nofile=100:200 -- sh -c 'ulimit -n; ulimit -Hn')" = $'100\n200' ]
	[ "$(in_it --sysctl kernel.msgmax=4096 -- cat /proc/sys/kernel/msgmax)" = 4096 ]
	if is_v2; then
		[ "$(in_it --cpus 0.5 -- cat /sys/fs/cgroup/cpu.max)" = "50000 100000" ]
	else
		[ "$(in_it --cpus 0.5 -- cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us)" = 50000 ]
		[ "$(in_it --cpu 20000 -- cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us)" = 20000 ]
		[ "$(in_it -c 512 -- cat /sys/fs/cgroup/cpu/cpu.shares)" = 512 ]
		[ "$(in_it --cpuset 0 -- cat /sys/fs/cgroup/cpuset/cpuset.cpus)" = 0 ]
		[ "$(in_it -m 100m -- cat /sys/fs/cgroup/memory/memory.limit_in_bytes)" = 104857600 ]
	fi
	no_data
}

@test "values that are none are refused by the option's name, and nothing is left" {
	local option value
	while read -r option value; do
		run in_it "$option" "$value" -- true
		[ "$status" = 125 ]
		[[ $output == *"$option"* ]]
	done <<'LIST'
--cpu 5000
--cpu 100001
--cpus 0
--cpus 1x
--cpus .
--cpuset a
--memory 1q
--memory 1k
--memory-swap 1g
--pids-limit x
--cpushare 1
--ulimit nofile
--ulimit nope=1
--ulimit nofile=2:1
--sysctl kernel.msgmax
--security-opt nope
--userns maybe
--hostname a/b
--label =x
--tmpfs data
--tmpfs /a/../b
--mount type=nope,dst=/x
--mount type=bind,dst=/x
--device /etc/passwd
--device /nope
--shm-size 0
--ip 10.0.0.1
--link a:b
LIST
	no_data
}

@test "--device is one of the host's, and usable; others are not" {
	[ "$(in_it --device /dev/null:/dev/mynull -- sh -c 'echo x >/dev/mynull; stat -c %t:%T /dev/mynull')" = 1:3 ]
	run in_it -- sh -c 'mknod /dev/k c 1 11 && cat /dev/k'
	[[ $output == *"not permitted"* ]]
}

@test "--privileged: all capabilities and devices, nothing masked" {
	run in_it --privileged -- sh -c 'sed -n "s/^CapEff:\t0*//p;s/^Seccomp:\t//p" /proc/self/status; test -e /dev/full; mount -t tmpfs t /mnt && echo mounted'
	[ "$status" = 0 ]
	[[ $output == "$(sed -n 's/^CapEff:\t0*//p' /proc/self/status)"* ]]
	[[ $output == *$'\n0\nmounted' ]]
}

@test "volumes: a new one, a directory of the host, one by name" {
	mkdir "$WORK/host"
	echo data >"$WORK/host/file"
	[ "$(in_it -v "$WORK/host:/data" -- cat /data/file)" = data ]
	in_it -v "$WORK/made/by/us:/data" -- touch /data/x
	[ -e "$WORK/made/by/us/x" ]
	run in_it -v "$WORK/host:/data:ro" -- touch /data/x
	[[ $output == *"Read-only"* ]]
	in_it -v keep:/home -- sh -c 'test -d /home/app && echo kept >/home/app/file'
	[ "$(in_it -v keep:/other -- cat /other/app/file)" = kept ]
	in_it -v /etc -- grep -q root /etc/passwd
	in_it --mount type=bind,src="$WORK/host",dst=/m,ro -- sh -c 'cat /m/file; ! touch /m/x'
	[ "$(ls "$WORK/data/volumes")" = keep ]
	rm -rf "$WORK/data/volumes/keep"
	no_data
}

@test "--userns auto: root in it is nobody on the host" {
	capsule image run -d -id c1 -network none --userns auto "$IMAGE" sh -c 'echo x >/written; echo ready; sleep 1000'
	wait_until 10 grep -q ready "$WORK/data/containers/c1/log"
	[ "$(stat -c %u "/proc/$(capsule state c1 | jq .pid)")" -gt 65536 ]
	[ "$(capsule exec c1 stat -c %u /written)" = 0 ]
	[ "$(stat -c %u "$WORK/data/containers/c1/upper/written")" -gt 65536 ]
	capsule delete -f c1
	no_data
}

@test "--init passes signals on, reaps, and ends as the program does" {
	run in_it --init -- sh -c 'exit 9'
	[ "$status" = 9 ]
	run in_it --init -- sh -c 'kill -KILL $$'
	[ "$status" = 137 ]
	run -127 in_it --init -- /nope
	[ "$(in_it --init -- cat /proc/1/comm)" = capsule-init ]
	run in_it --init -- sh -c 'echo x >/sbin/capsule-init'
	[[ $output == *"Read-only"* ]]
	# a child that nobody waits for is no zombie
	[ "$(in_it --init -- sh -c '(sleep 0.05 &) ; sleep 0.3; grep -l "^State:.Z" /proc/[0-9]*/status | wc -l')" = 0 ]
	capsule image run -d -id c1 --init -network none "$IMAGE" sh -c 'trap "exit 4" TERM; echo ready; while :; do sleep 0.05; done'
	wait_until 10 grep -q ready "$WORK/data/containers/c1/log"
	capsule kill c1
	[ "$(capsule wait c1)" = 4 ]
	capsule delete c1
	no_data
}

# share ID: percent of a processor that its first process has in 1.5 s
share() {
	local pid from to ticks
	pid=$(capsule state "$1" | jq .pid)
	from=$(date +%s%N)
	ticks=$(awk '{print $14 + $15}' "/proc/$pid/stat")
	sleep 1.5
	ticks=$(($(awk '{print $14 + $15}' "/proc/$pid/stat") - ticks))
	to=$(date +%s%N)
	echo $((ticks * 1000000000 / (to - from)))
}

@test "--cpus, --cpu: a busy loop has that much of a processor and no more" {
	local part
	for how in "--cpus=0.5 62" "--cpu=10000 18"; do
		capsule image run -d -id c1 -network none "${how% *}" "$IMAGE" sh -c 'while :; do :; done'
		part=$(share c1)
		echo "$how: $part %"
		# less where others have the machine, so that only the bound is sure
		[ "$part" -ge 3 ]
		[ "$part" -le "${how#* }" ]
		capsule delete -f c1
	done
	no_data
}

@test "the image's stop signal is what stop sends, and --stop-signal what it sends instead" {
	tar -C "$INTEG_ROOTFS" -cf "$WORK/box.tar" .
	capsule image create --stop-signal USR1 --cmd sh --cmd -c --cmd 'trap "exit 7" USR1; trap "exit 8" HUP; trap "exit 9" TERM; echo ready; while :; do sleep 0.05; done' box "$WORK/box.tar"
	for how in "" "--stop-signal HUP"; do
		# shellcheck disable=SC2086
		capsule image run -d -id c1 -network none $how box
		wait_until 10 grep -q ready "$WORK/data/containers/c1/log"
		capsule stop c1
		[ "$(capsule wait c1)" = "$([ -z "$how" ] && echo 7 || echo 8)" ]
		capsule delete c1
	done
}

@test "--health-cmd tells; --no-healthcheck does not" {
	status_is() { [ "$(capsule state -d c1 | jq -r .health.status)" = "$1" ]; }
	capsule image run -d -id c1 -network none --health-cmd 'test -e /well' --health-interval 100ms --health-retries 2 "$IMAGE" sleep 1000
	wait_until 10 status_is unhealthy
	capsule exec c1 touch /well
	wait_until 10 status_is healthy
	capsule inspect c1 | jq -e '.[0].health'
	capsule delete -f c1
	run in_it --health-cmd x --health-interval 1 --health-retries 0 -- true
	[ "$status" = 125 ]
	[[ $output == *"--health-retries"* ]]
}

@test "an image's configuration is used: entrypoint, command, environment, directory, user, volume, stop signal, label" {
	tar -C "$INTEG_ROOTFS" -cf "$WORK/box.tar" .
	capsule image create --entrypoint sh --entrypoint -c --cmd 'echo $A $(pwd) $(id -un); sleep 1000' \
		--env A=image --user app --workdir /home/app --volume /home/app --stop-signal USR1 --label who=image box "$WORK/box.tar"
	capsule run -d -id c1 -network none box
	wait_until 10 grep -q image "$WORK/data/containers/c1/log"
	[ "$(capsule log c1)" = "image /home/app app" ]
	capsule inspect c1 >"$WORK/inspect"
	[ "$(jq -r '.[0] | .image, .status, .labels.who, .stop_signal, .mounts[0].destination, .mounts[0].anonymous' "$WORK/inspect")" = \
		$'box\nrunning\nimage\nUSR1\n/home/app\ntrue' ]
	[ "$(find "$WORK/data/volumes" -mindepth 1 -maxdepth 1 | wc -l)" = 1 ]
	[ "$(jq .stop_signal "$ROOT/c1/shim.json")" = 10 ]
	run capsule image delete box
	[ "$status" != 0 ]
	capsule top c1 | grep -q 'sleep 1000'
	capsule delete -f c1
	no_data
	[ "$(capsule run --rm -network none -e A=ours -u 0 -w / box "'echo \$A \$(pwd) \$(id -un)'")" = "ours / root" ]
	[ "$(capsule run --rm -network none --entrypoint echo box hello)" = hello ]
	run capsule run --rm -network none --entrypoint '' box
	[ "$status" = 125 ]
	[[ $output == *"no command is given"* ]]
	no_data
	capsule image delete box
}

@test "the default network, a port, a link; container:ID shares it; host is the host's" {
	unset CAPSULE_NETWORK
	capsule image run -d -id db "$IMAGE" sh -c 'while :; do echo answer | nc -l -p 7000; done'
	capsule image run -d -id web -p 127.0.0.1:8123:80 -link db:database "$IMAGE" sleep 1000
	wait_until 10 capsule exec web sh -c '[ "$(nc -w 1 database 7000 </dev/null)" = answer ]'
	[ "$(capsule port web)" = "127.0.0.1:8123->80/tcp" ]
	[ "$(capsule image run --rm -network container:db "$IMAGE" ip -o -4 addr show eth0)" = "$(capsule exec db ip -o -4 addr show eth0)" ]
	[ "$(capsule image run --rm -network host "$IMAGE" readlink /proc/self/ns/net)" = "$(readlink /proc/self/ns/net)" ]
	capsule inspect web | jq -e '.[0].networks.capsule_bridge0'
	run capsule image run --rm -p 127.0.0.1:8123:80 "$IMAGE" true
	[ "$status" = 125 ]
	run capsule image run --rm -network nope "$IMAGE" true
	[ "$status" = 125 ]
	[[ $output == *nope* ]]
	capsule delete -f db web
	no_data
	capsule network delete capsule_bridge0
}

@test "an image whose container lives, or is being made, keeps what that needs" {
	tar -C "$IMAGE" -cf "$WORK/box.tar" .
	capsule image create --cmd sh box "$WORK/box.tar"
	manifest=$(capsule image get box | jq -r .manifest)
	# between the mount of its layers and its record the command waits for the volumes
	mkdir -p "$WORK/data/volumes"
	flock "$WORK/data/volumes" sleep 1000 3>&- &
	holder=$!
	wait_until 3 eval "! flock -n '$WORK/data/volumes' true"
	capsule image run -id web -network none -d -v data:/srv box sleep 1000 >"$WORK/run" 2>&1 3>&- &
	making=$!
	wait_until 5 [ -d "$WORK/data/containers/web/work/work" ]
	run timeout 1 "$CAPSULE" --root "$ROOT" --data-root "$WORK/data" image delete -f box
	[ "$status" = 124 ]
	[ ! -e "$WORK/data/containers/web/container.json" ]
	kill "$(pgrep -P $holder)"
	wait $holder || true
	wait $making
	run capsule image delete box
	[ "$status" = 125 ]
	[[ $output == *"container 'web' is made of it"* ]]
	capsule image delete -f box
	[ -z "$(capsule image list -q)" ]
	capsule image prune
	capsule exec web sh -c 'echo new >/srv/new; echo x >/written'
	capsule commit web made
	[ "$(capsule image run --rm -network none made cat /written)" = x ]
	capsule inspect web | jq -e '.[0].image == "box"'
	capsule system check
	capsule delete -f web
	capsule image delete made
	[ -z "$(ls -A "$WORK/data/layers")" ] && [ ! -e "$WORK/data/images/blobs/sha256/${manifest#sha256:}" ]
	capsule volume delete data
	no_data
}
