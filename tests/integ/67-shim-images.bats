#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2153,SC2012,SC2016,SC2030,SC2031,SC2314 # words for the shells in containers
#
# What whoever makes containers of images asks of a shim: a root file system that is mounted nowhere,
# a user by name, a log in another directory, a command when it has ended, a probe of its health.
bats_require_minimum_version 1.5.0
load helpers
setup() { integ_setup; }
teardown() { integ_teardown; }

# maker MEMBERS [ROOT...]: `create` of container c1 with more members.
maker() {
	local members="\"bundle\":\"$BUNDLE\"$1"
	shift
	"$CAPSULE_BUILD/tests/integ/maker" "$SHIM" "$ROOT" c1 "$members" "$@" >"$WORK/reply" || { cat "$WORK/reply"; return 1; }
}

refused() {
	run ! maker "$@" # its output is in reply too
	jq -r .error.message "$WORK/reply"
	wait_until 5 no_containers # its shim goes when nobody is there any more
}

# An overlay over the shared root file system; on a disk of its own, since /tmp may be one itself.
overlay_dirs() {
	mkdir -p "$WORK/disk"
	mount -t tmpfs tmpfs "$WORK/disk"
	mkdir "$WORK/disk/upper" "$WORK/disk/work"
	set_overlay=(overlay "$INTEG_ROOTFS" "$WORK/disk/upper" "$WORK/disk/work")
}

disk_gone() {
	wait_until 5 umount "$WORK/disk"
}

@test "a detached overlay becomes the root; the host's mounts do not show it" {
	overlay_dirs
	args sh -c 'echo new >/written; cat /proc/self/mountinfo | grep " / / "; while ! [ -e /go ]; do sleep 0.05; done'
	config '.root = {"path": "/nowhere", "readonly": false}'
	cat /proc/self/mountinfo >"$WORK/mounts"
	maker '' "${set_overlay[@]}"
	capsule start -d c1
	diff /proc/self/mountinfo "$WORK/mounts"
	wait_until 5 test -e "$WORK/disk/upper/written"
	[ "$(capsule exec c1 cat /written)" = new ]
	capsule log c1 | grep -q ' - overlay '
	# not the shim's either; that it has closed it, disk_gone sees, below
	run ! grep overlay "/proc/$(jq .pid "$ROOT/c1/shim.json")/mountinfo"
	capsule exec c1 touch /go
	[ "$(capsule wait c1)" = 0 ]
	disk_gone
	capsule delete c1
}

@test "a root by descriptor: root.readonly and rootfsPropagation hold" {
	overlay_dirs
	args sh -c 'touch /x && exit 9; grep " / / " /proc/self/mountinfo | cut -d" " -f6,7'
	for propagation in private rslave shared rshared; do
		config '.root = {"path": "rootfs", "readonly": true} | .linux.rootfsPropagation = $p' --arg p $propagation
		cat /proc/self/mountinfo >"$WORK/mounts"
		maker '' "${set_overlay[@]}"
		diff /proc/self/mountinfo "$WORK/mounts"
		capsule start -d c1
		[ "$(capsule wait c1)" = 0 ]
		case $propagation in
		*shared) capsule log c1 | grep -q '^ro.* shared' ;;
		*) [[ $(capsule log c1) != *shared* ]] ;;
		esac
		capsule log c1 | grep -q '^ro'
		capsule delete c1
	done
	disk_gone
}

@test "a root by descriptor in a new user namespace" {
	args sh -c 'id -u; touch /denied 2>/dev/null || cat /etc/passwd | head -n 1'
	config '.linux.namespaces += [{"type": "user"}] | .root.path = "/nowhere"
		| .linux.uidMappings = [{"containerID": 0, "hostID": 100000, "size": 65536}]
		| .linux.gidMappings = [{"containerID": 0, "hostID": 100000, "size": 65536}]
		| .mounts |= map(select(.destination != "/sys" and .destination != "/dev/mqueue"))
		| .linux.maskedPaths = [] | .linux.readonlyPaths = []'
	maker '' clone "$INTEG_ROOTFS"
	capsule start -d c1
	[ "$(capsule wait c1)" = 0 ]
	[ "$(capsule log c1 | tr '\n' ' ')" = "0 root:x:0:0:root:/root:/bin/sh " ]
	capsule delete c1
}

@test "hooks find a root by descriptor where config.json says, if there is such a place" {
	overlay_dirs
	mkdir "$BUNDLE/rootfs"
	config '.root = {"path": "rootfs", "readonly": false}
		| .hooks.createContainer = [{"path": "/bin/sh", "args": ["sh", "-c", "ls \($b)/rootfs >\($b)/seen"]}]' --arg b "$BUNDLE"
	maker '' "${set_overlay[@]}"
	grep -q '^home$' "$BUNDLE/seen"
	[ -z "$(ls "$BUNDLE/rootfs")" ]
	capsule delete -f c1
	disk_gone
}

@test "what is no detached mount is no root" {
	local what
	mkdir "$WORK/plain"
	: >"$WORK/file"
	what=$(refused '' open "$WORK/plain")
	[[ $what == *"root file system by descriptor: it is no detached mount" ]]
	what=$(refused '' open /proc)
	[[ $what == *"it is no detached mount" ]]
	what=$(refused '' open /)
	[[ $what == *"it is no detached mount" ]]
	what=$(refused '' open "$WORK/file")
	[[ $what == *"it is no directory" ]]
	what=$(refused '' clone "$WORK/file")
	[[ $what == *"it is no directory" ]]
	no_containers
	mountpoint -q /proc
}

@test "a user by name, by number, with a group" {
	local spec user
	args sh -c 'id; echo again >/dev/stdout'
	config '.process.user = {"uid": 7, "gid": 8, "additionalGids": [9], "umask": 63}'
	for spec in app:1000:1000:100,2000 odd:1234:100:2000 1000:1000:1000:100,2000 1234/7:1234:7: app/users:1000:100: 55:55:0: 0/0:0:0:; do
		IFS=: read -r user uid gid groups <<<"$spec"
		maker ",\"user\":\"${user/\//:}\""
		capsule start -d c1
		[ "$(capsule wait c1)" = 0 ]
		capsule log c1
		capsule log c1 | grep -q "^uid=$uid.* gid=$gid"
		[ "$(capsule log c1 | sed -n '1s/([a-z]*)//g; 1s/.*groups=//p' | tr , '\n' | sed "/^$gid\$/d" | paste -sd,)" = "$groups" ]
		capsule log c1 | grep -q '^again$'
		capsule delete c1
	done
}

@test "an exec, and a job, run as the user that create was told; its umask stays the config's" {
	args sh -c 'umask; sleep 100'
	config '.process.user = {"uid": 0, "gid": 0, "umask": 63}'
	maker ',"user":"app"'
	capsule start -d c1
	[ "$(capsule exec c1 id -u)" = 1000 ]
	[ "$(capsule exec -u 0 c1 id -u)" = 0 ]
	[ "$(runtime exec c1 id -u)" = 1000 ]
	job=$(capsule exec -d c1 sh -c 'id -u; echo again >/dev/stdout')
	capsule wait --exec "$job" c1 || true
	wait_until 5 grep -q again "$ROOT/c1/exec/$job/log"
	jq -e '.uid == 1000 and .gid == 1000' "$ROOT/c1/shim.json"
	kill -9 "$(jq .pid "$ROOT/c1/shim.json")"
	[ "$(capsule exec c1 id -u)" = 1000 ]
	jq -e '.uid == 1000 and .gid == 1000' "$ROOT/c1/shim.json"
	wait_until 5 eval 'capsule log c1 | grep -qx 0077'
	capsule delete -f c1
}

@test "a user by name in a new user namespace" {
	args sh -c 'id -u; echo again >/dev/stdout; sleep 100'
	config '.linux.namespaces += [{"type": "user"}]
		| .linux.uidMappings = [{"containerID": 0, "hostID": 100000, "size": 65536}]
		| .linux.gidMappings = [{"containerID": 0, "hostID": 100000, "size": 65536}]
		| .mounts |= map(select(.destination != "/sys" and .destination != "/dev/mqueue"))
		| .linux.maskedPaths = [] | .linux.readonlyPaths = []'
	maker ',"user":"app"' clone "$INTEG_ROOTFS"
	capsule start -d c1
	jq -e '.uid == 101000 and .gid == 101000' "$ROOT/c1/shim.json"
	wait_until 5 eval 'capsule log c1 | grep -q again'
	[ "$(stat -c %u "$ROOT/c1/stdout")" = 101000 ]
	capsule delete -f c1
}

@test "a user that is not there, or no user at all, is named" {
	local what
	what=$(refused ',"user":"nobody1"')
	[[ $what == "user-lookup: unable to find user nobody1: no matching entries in passwd file" ]]
	what=$(refused ',"user":"app:nogroup"')
	[[ $what == *"unable to find group nogroup"* ]]
	what=$(refused ',"user":"99999999999"')
	[[ $what == *"user '99999999999': ids are 0 to"* ]]
	what=$(refused ',"user":""')
	[[ $what == *user* ]]
	what=$(refused ',"user":1000')
	[[ $what == *user* ]]
	no_containers
}

@test "a user of digits is never a name of the image's" {
	overlay_dirs
	mkdir "$WORK/disk/upper/etc"
	printf '1:x:0:0:root:/root:/bin/sh\nroot:x:0:0:root:/root:/bin/sh\n' >"$WORK/disk/upper/etc/passwd"
	args id -u
	maker ',"user":"1"' "${set_overlay[@]}"
	capsule start -d c1
	[ "$(capsule wait c1)" = 0 ]
	[ "$(capsule log c1)" = 1 ]
	capsule delete c1
	disk_gone
}

@test "a root by descriptor needs a new mount namespace" {
	local what
	config '.linux.namespaces |= map(select(.type != "mount")) | .mounts = [] | .root.readonly = false
		| .linux.maskedPaths = [] | .linux.readonlyPaths = []'
	what=$(refused '' clone "$INTEG_ROOTFS")
	[[ $what == *"needs a new mount namespace" ]]
	no_containers
}

# in_data SIZE FILES: members that put the log into $WORK/data.
in_data() {
	mkdir -p "$WORK/data"
	printf ',"log":{"path":"%s/data/log","max_size":%s,"max_files":%s}' "$WORK" "$1" "$2"
}

COUNT='i=0; while [ $i -lt 3000 ]; do echo "line $i"; i=$((i+1)); done'

@test "a log in another directory: read, rotated, followed; delete leaves it to its maker" {
	args sh -c "$COUNT; while ! [ -e /tmp/go ]; do sleep 0.02; done; echo end"
	maker "$(in_data 40000 10)"
	capsule start -d c1
	capsule log -f c1 >"$WORK/followed" &
	follower=$!
	wait_until 10 eval 'capsule log c1 | grep -qx "line 2999"'
	[ ! -e "$ROOT/c1/log" ]
	[ -e "$WORK/data/log.1" ]
	capsule exec c1 touch /tmp/go
	[ "$(capsule wait c1)" = 0 ]
	wait "$follower"
	capsule log c1 | cmp - <(seq -f 'line %.0f' 0 2999; echo end)
	cmp "$WORK/followed" <(seq -f 'line %.0f' 0 2999; echo end)
	[ "$(capsule log --tail 1 c1)" = end ]
	[ "$(capsule state -d c1 | jq -r .log.path)" = "$WORK/data/log" ]
	# the shim of a stopped container may go
	kill -9 "$(jq .pid "$ROOT/c1/shim.json")"
	wait_until 5 eval 'capsule state -d c1 | jq -e ".shim == null"'
	capsule log c1 | cmp - <(seq -f 'line %.0f' 0 2999; echo end)
	capsule delete c1
	[ -e "$WORK/data/log" ]
	# the same directory again: what is there stays in front
	args echo again
	maker "$(in_data 400000 10)"
	capsule start -d c1
	[ "$(capsule wait c1)" = 0 ]
	[ "$(capsule log --tail 2 c1 | tr '\n' ' ')" = 'end again ' ]
	capsule delete c1
}

@test "a log in another directory: a successor goes on with it, byte for byte" {
	args sh -c "while ! [ -e /tmp/go ]; do sleep 0.02; done; $COUNT; printf half; sleep 1; echo; while ! [ -e /tmp/end ]; do sleep 0.02; done"
	maker "$(in_data 30000 20)"
	capsule start -d c1
	capsule exec c1 touch /tmp/go
	wait_until 10 grep -qs . "$WORK/data/log"
	kill -9 "$(jq .pid "$ROOT/c1/shim.json")"
	wait_until 10 eval 'capsule log c1 | grep -q "^half"'
	kill -9 "$(jq .pid "$ROOT/c1/shim.json")"
	capsule exec c1 touch /tmp/end
	[ "$(capsule wait c1)" = 0 ]
	capsule log c1 | cmp - <(seq -f 'line %.0f' 0 2999; echo half)
	[ ! -e "$ROOT/c1/log" ]
	capsule delete c1
}

@test "a log in a directory that is not there is an error of create, and nothing stays" {
	local what
	what=$(refused ",\"log\":{\"path\":\"$WORK/data/log\"}")
	[[ $what == *"$WORK/data/log"* ]]
	what=$(refused ',"log":{"path":"data/log"}')
	[[ $what == *"log"*"absolute"* ]]
	no_containers
}

@test "an exit command that deletes the container, asking the shim that runs it" {
	args sh -c 'while ! [ -e /tmp/go ]; do sleep 0.02; done; exit 3'
	maker ",\"exit_command\":[\"$CAPSULE\",\"--root\",\"$ROOT\",\"delete\",\"c1\"]"
	capsule start -d c1
	capsule wait c1 >"$WORK/waited" &
	waiter=$!
	capsule exec c1 touch /tmp/go
	wait "$waiter"
	[ "$(cat "$WORK/waited")" = 3 ]
	wait_until 5 no_containers
	[ "$(jq -r .event "$ROOT/events.log" | grep -vx exec -c)" -ge 3 ]
	[ "$(jq -r .event "$ROOT/events.log" | tail -n 2 | tr '\n' ' ')" = 'exit delete ' ]
}

@test "an exit command runs under a successor too, and a kill of the shim does not lose it" {
	args sleep 100
	maker ",\"exit_command\":[\"$CAPSULE\",\"--root\",\"$ROOT\",\"delete\",\"c1\"]"
	capsule start -d c1
	kill -9 "$(jq .pid "$ROOT/c1/shim.json")"
	capsule kill c1 KILL
	wait_until 5 no_containers
}

health() {
	capsule state -d c1 | jq -r ".health$1"
}

@test "a probe in a real container: healthy, unhealthy, its output, its timeout, a successor" {
	args sh -c 'touch /tmp/well; sleep 100'
	maker ',"user":"app","health":{"args":["sh","-c","id -u; test -e /tmp/well"],"interval_ms":50,"timeout_ms":3000,"retries":2}'
	capsule start -d c1
	wait_until 10 eval '[ "$(health .status)" = healthy ]'
	[ "$(health '.results[-1].output')" = 1000 ]
	capsule exec c1 rm /tmp/well
	wait_until 10 eval '[ "$(health .status)" = unhealthy ]'
	kill -9 "$(jq .pid "$ROOT/c1/shim.json")"
	[ "$(health .status)" = unhealthy ]
	capsule exec c1 touch /tmp/well
	wait_until 10 eval '[ "$(health .status)" = healthy ]'
	[ "$(capsule jobs c1 | wc -l)" -le 1 ]
	[ "$(capsule events --format json | jq -r 'select(.event == "health") | .status' | tr '\n' ' ')" = 'healthy unhealthy healthy ' ]
	capsule events | grep -q 'health.*unhealthy'
	capsule delete -f c1
}

@test "a probe that hangs is killed, with what it has started" {
	args sleep 100
	maker ',"health":{"args":["sh","-c","sleep 77 & wait"],"interval_ms":50,"timeout_ms":200,"retries":1}'
	capsule start -d c1
	wait_until 10 eval '[ "$(health .status)" = unhealthy ]'
	[ "$(health '.results[0].timed_out')" = true ]
	sleep 1
	[ "$(capsule exec c1 ps -o args | grep -c 'sleep 77')" -le 2 ]
	capsule delete -f c1
}

@test "a probe whose program is not there says so" {
	args sleep 100
	maker ',"health":{"args":["nowhere"],"interval_ms":50,"retries":1}'
	capsule start -d c1
	wait_until 10 eval '[ "$(health .status)" = unhealthy ]'
	[[ $(health '.results[0].output') == *nowhere*"not found"* ]]
	[ "$(health '.results[0].code')" = -1 ]
	capsule delete -f c1
}
