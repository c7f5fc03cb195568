#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# `features` tells the truth: every word that it lists is asked for in a container, and does what it says, or is refused
# for what this machine lacks, never for being unknown. The words that a test expects are written here: one more or one less fails.
# shellcheck disable=SC2016,SC2154 # what is quoted is for jq and the container; bats sets stderr
bats_require_minimum_version 1.5.0
load helpers

setup() {
	integ_setup
	agent=
	runtime features >"$WORK/features"
	cp config.json "$WORK/base.json"
}

teardown() {
	[ -z "$agent" ] || kill -9 "$agent"
	ip link delete peer9 2>/dev/null || true
	integ_teardown
}

# words FILTER: a list of the document, in one line, sorted.
words() {
	jq -r "$1 | sort | join(\" \")" "$WORK/features"
}

# listed FILTER [PREFIX=] WORD...: the list has these words, each with the prefix, and no other.
listed() {
	local filter=$1 prefix=''
	shift
	case $1 in *=) prefix=${1%=} && shift ;; esac
	echo "$filter: $(words "$filter")"
	[ "$(words "$filter")" = "$(printf "$prefix%s\n" "$@" | LC_ALL=C sort | paste -sd ' ')" ]
}

# with FILTER [JQ-ARG...]: the test's configuration, changed by this alone.
with() {
	jq "$@" "$WORK/base.json" >config.json
}

x86_64() {
	[ "$(uname -m)" = x86_64 ] || skip "numbers of x86_64"
}

@test "the members are those of the specification 1.3, no more and no less" {
	[ "$(jq -c keys_unsorted "$WORK/features")" = '["ociVersionMin","ociVersionMax","hooks","mountOptions","linux","annotations","potentiallyUnsafeConfigAnnotations"]' ]
	listed '.linux | keys' apparmor capabilities cgroup intelRdt memoryPolicy mountExtensions namespaces netDevices seccomp selinux
	listed '.linux.cgroup | keys' rdma systemd systemdUser v1 v2
	listed '.linux.seccomp | keys' actions archs enabled knownFlags operators supportedFlags
	listed '.linux.intelRdt | keys' enabled monitoring schemata
	listed '.linux.memoryPolicy | keys' flags modes
	listed '.linux.mountExtensions | keys' idmap
	# what can only be on is
	[ "$(jq -c '[.linux | .cgroup[], .intelRdt[], (.seccomp, .apparmor, .selinux, .mountExtensions.idmap, .netDevices).enabled] | unique' "$WORK/features")" = '[true]' ]
}

@test "versions: the lowest and the highest are taken, others of 1.x too, 0.9 and 2.0 are not" {
	local v
	for v in $(jq -r '.ociVersionMin, .ociVersionMax' "$WORK/features") 1.0.2-dev 1.9.0; do
		with '.ociVersion = $v | .process.args = ["true"]' --arg v "$v"
		runtime run c1
	done
	for v in 0.9.0 2.0.0; do
		with '.ociVersion = $v' --arg v "$v"
		run -1 runtime create c1
		[[ $output == *"ociVersion: version '$v' is not supported"* ]]
	done
	[ "$(jq -r '.ociVersionMin, .ociVersionMax' "$WORK/features" | paste -sd ' ')" = "1.0.0 1.3.0" ]
}

@test "hooks: each that is listed is run" {
	listed .hooks createContainer createRuntime poststart poststop prestart startContainer
	mkdir "$WORK/seen"
	with '.mounts += [{destination: $d, type: "bind", source: $d, options: ["bind"]}] | .process.args = ["true"]
		| .hooks = ($f[0].hooks | map({key: ., value: [{path: "/bin/sh", args: ["sh", "-c", "echo x >" + $d + "/" + .]}]}) | from_entries)' \
		--arg d "$WORK/seen" --slurpfile f "$WORK/features"
	runtime run c1
	[ "$(find "$WORK/seen" -mindepth 1 -printf '%f\n' | LC_ALL=C sort | paste -sd ' ')" = "$(words .hooks)" ]
}

@test "namespaces: all that are listed at once, each another than the host's; and each by path" {
	local ns link pid
	listed .linux.namespaces cgroup ipc mount network pid time user uts
	with '.linux.namespaces = ($f[0].linux.namespaces | map({type: .})) | .process.args = ["tinit", "sleep"]
		| .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] | .linux.gidMappings = .linux.uidMappings' \
		--slurpfile f "$WORK/features"
	runtime create c1
	runtime start c1
	pid=$(runtime state c1 | jq .pid)
	for ns in $(words .linux.namespaces); do
		case $ns in mount) link=mnt ;; network) link=net ;; *) link=$ns ;; esac
		echo "$ns"
		[ "$(readlink "/proc/$pid/ns/$link")" != "$(readlink "/proc/self/ns/$link")" ]
		# joined: with the mounts of the test's own, where that is possible
		with '.linux.namespaces = [{type: $t, path: ("/proc/" + $p + "/ns/" + $l)}]
				+ if $t == "mount" then [] else [{type: "mount"}] end
				+ if $t == "user" then [{type: "pid", path: ("/proc/" + $p + "/ns/pid")}] else [] end # else nobody there may mount /proc
			| del(.hostname)
			| if $t == "mount" then .mounts = [] | del(.linux.maskedPaths, .linux.readonlyPaths) | .root.readonly = false else . end
			| .mounts |= map(select(.type == "tmpfs" or .type == "proc")) | .process.args = ["readlink", "/proc/self/ns/" + $l]' \
			--arg p "$pid" --arg t "$ns" --arg l "$link"
		case $ns in
		# the tree of another container is no place for a root of one's own
		mount) run runtime run c2 ;;
		*)
			run runtime run c2
			echo "$output"
			[ "$status" -eq 0 ]
			[ "$output" = "$(readlink "/proc/$pid/ns/$link")" ]
			;;
		esac
		echo "$output"
		[[ $output != *"is no namespace type"* ]]
	done
	runtime delete --force c1
}

# Of each option: what the line of the mount in mountinfo has, its options and, behind the dash, those of the file system. A
# dash alone: nothing there shows it. (The kernel drops what its tmpfs does not know: acl, mand, iversion.)
# shellcheck disable=SC2054 # the commas are mountinfo's
declare -gA binds=(
	[ro]=' ro,' [nosuid]=,nosuid [nodev]=,nodev [noexec]=,noexec [nodiratime]=,nodiratime [noatime]=,noatime [nosymfollow]=,nosymfollow
	[rw]=' rw,' [suid]=!nosuid [dev]=!nodev [exec]=!noexec [diratime]=!nodiratime [atime]=!noatime [symfollow]=!nosymfollow
	[relatime]=,relatime [norelatime]=- [strictatime]=!relatime [nostrictatime]=,relatime
	[private]='!(shared|master|unbindable)' [rprivate]='!(shared|master|unbindable)' [shared]=shared: [rshared]=shared:
	[slave]=- [rslave]=- [unbindable]=unbindable [runbindable]=unbindable
	[bind]=- [rbind]=- [idmap]=idmapped [ridmap]=idmapped
)
# shellcheck disable=SC2054
declare -gA below=( # of what is mounted below, with rbind
	[rro]=' ro,' [rnosuid]=,nosuid [rnodev]=,nodev [rnoexec]=,noexec [rnodiratime]=,nodiratime [rnoatime]=,noatime
	[rnosymfollow]=,nosymfollow [rrw]=' rw,' [rsuid]=!nosuid [rdev]=!nodev [rexec]=!noexec [rdiratime]=!nodiratime [ratime]=!noatime
	[rsymfollow]=!nosymfollow [rrelatime]=,relatime [rnorelatime]=- [rstrictatime]=!relatime [rnostrictatime]=,relatime
)
# shellcheck disable=SC2054
declare -gA tmpfs=(
	[sync]=,sync [async]=!,sync [dirsync]=,dirsync [lazytime]=,lazytime [nolazytime]=!lazytime [mand]=- [nomand]=- [iversion]=- [noiversion]=-
	[acl]=- [noacl]=- [silent]=- [loud]=- [remount]=' ro,' [tmpcopyup]=- [defaults]=-
)

# shown WORD LINE
shown() {
	echo "$1: $2"
	case $1 in
	-) [ -n "$2" ] ;;
	!*) [ -n "$2" ] && ! grep -qE -- "${1#!}" <<<"$2" ;;
	*) grep -qE -- "$1" <<<"$2" ;;
	esac
}

@test "mount options: each that is listed is known, and the mount has it" {
	local option line
	listed .mountOptions "${!binds[@]}" "${!below[@]}" "${!tmpfs[@]}"
	mkdir -p "$WORK/src/below"
	mount -t tmpfs below "$WORK/src/below"
	for option in "${!binds[@]}"; do
		with '.mounts += [{destination: "/mnt", type: "bind", source: $s, options: ["bind", $o]}
				+ if $o == "idmap" or $o == "ridmap" then {uidMappings: [{containerID: 0, hostID: 9, size: 5}]} | .gidMappings = .uidMappings else {} end]
			| .process.args = ["grep", " /mnt ", "/proc/self/mountinfo"]' --arg s "$WORK/src" --arg o "$option"
		line=$(runtime run c1)
		shown "${binds[$option]}" "$line"
	done
	for option in "${!below[@]}"; do
		with '.mounts += [{destination: "/mnt", type: "bind", source: $s, options: ["rbind", $o]}]
			| .process.args = ["grep", " /mnt/below ", "/proc/self/mountinfo"]' --arg s "$WORK/src" --arg o "$option"
		line=$(runtime run c1)
		shown "${below[$option]}" "$line"
	done
	umount "$WORK/src/below"
}

@test "mount options of file systems: each that is listed is no word for the file system, one that is not is" {
	local option line
	for option in "${!tmpfs[@]}"; do
		with '.mounts += [{destination: "/tmp", type: "tmpfs", source: "t", options: (if $o == "remount" then ["remount", "ro"] else [$o] end)}]
			| .process.args = ["sh", "-c", "grep \" /tmp \" /proc/self/mountinfo | tail -n 1"]' --arg o "$option"
		line=$(runtime run c1)
		shown "${tmpfs[$option]}" "$line"
	done
	with '.mounts += [{destination: "/tmp", type: "tmpfs", source: "t", options: ["nosuchoption"]}]'
	run -1 runtime create c1
	[[ $output == *"mounts: "* ]]
}

@test "capabilities: each that is listed is given alone, or warned of where the host has not got it" {
	local -a names=(CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST
		NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE
		SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ
		PERFMON BPF CHECKPOINT_RESTORE)
	local number host
	host=$((16#$(awk '/^CapBnd/ { print $2 }' /proc/self/status)))
	listed .linux.capabilities CAP_= "${names[@]}"
	for number in "${!names[@]}"; do
		with '.process.capabilities = ({bounding: [$c]} | .permitted = .bounding | .effective = .bounding)
			| .process.args = ["grep", "^CapEff", "/proc/self/status"]' --arg c "CAP_${names[number]}"
		run --separate-stderr runtime run c1
		echo "$number ${names[number]}: $output $stderr"
		if ((host & (1 << number))); then
			[ $((16#${output#*$'\t'})) = $((1 << number)) ]
			[ -z "$stderr" ]
		else
			[ $((16#${output#*$'\t'})) = 0 ]
			[[ $stderr == *"CAP_${names[number]}"* ]]
		fi
	done
}

@test "cgroups: of this machine's version; systemd's, and rdma, are asked for or missed by name" {
	local pid bad
	with '.process.args = ["tinit", "sleep"] | .linux.resources.pids.limit = 77 | .linux.cgroupsPath = "/capsule/features"'
	runtime create c1
	pid=$(runtime state c1 | jq .pid)
	if is_v2; then
		[ "$(cat "/sys/fs/cgroup$(sed -n 's/^0:://p' "/proc/$pid/cgroup")/pids.max")" = 77 ]
	else
		[ "$(cat "/sys/fs/cgroup/pids$(sed -n 's/^[0-9]*:pids://p' "/proc/$pid/cgroup")/pids.max")" = 77 ]
	fi
	runtime delete --force c1
	# the values of the annotations are looked at before anybody is asked
	bad=org.systemd.property.Description
	with 'del(.linux.cgroupsPath) | .annotations = {($k): "{not a value"} | .process.args = ["true"]' --arg k "$bad"
	run -1 runtime --systemd-cgroup run c1
	[[ $output == *"annotations: $bad: "* ]]
	# without systemd nothing comes of them
	runtime run c1
	with '.process.args = ["true"] | .linux.resources.rdma = {mlx5_0: {hcaHandles: 3}}'
	run runtime run c1
	[ "$status" -eq 0 ] || [[ $output == *"cgroup-limits: linux.resources.rdma"* ]]
}

@test "seccomp: each action that is listed" {
	local -A does=([ALLOW]='ret -1 errno 14' [LOG]='ret -1 errno 14' [ERRNO]='ret -1 errno 1' [TRACE]='ret -1 errno 38'
		[KILL]=159 [KILL_THREAD]=159 [KILL_PROCESS]=159 [TRAP]=159 [NOTIFY]='ret -1 errno 123')
	local a
	x86_64
	listed .linux.seccomp.actions SCMP_ACT_= "${!does[@]}"
	python3 "$CAPSULE_INTEG/agent.py" "$WORK/agent.sock" "$WORK/agent" >&2 3>&- &
	agent=$!
	mkdir "$WORK/agent"
	wait_until 5 test -S "$WORK/agent.sock"
	for a in "${!does[@]}"; do
		# mkdir(2) without a name: EFAULT, where it is let through
		with '.linux.seccomp = ({defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["mkdir"], action: ("SCMP_ACT_" + $a)}]}
				+ if $a == "ALLOW" then {defaultAction: "SCMP_ACT_LOG"} else {} end
				+ if $a == "NOTIFY" then {listenerPath: $s, listenerMetadata: "errno=123"} else {} end)
			| .process.args = ["sh", "-c", "r=$(tinit syscall 83) || r=$?; echo \"$r\""]' --arg a "$a" --arg s "$WORK/agent.sock"
		run --separate-stderr runtime run c1
		echo "$a: $status $output"
		[ "${lines[-1]}" = "${does[$a]}" ]
	done
}

@test "seccomp: each operator that is listed, below, at and above its value" {
	local -A does=([NE]='71 0 71' [LT]='71 0 0' [LE]='71 71 0' [EQ]='0 71 0' [GE]='0 71 71' [GT]='0 0 71' [MASKED_EQ]='0 71 71')
	local o
	x86_64
	listed .linux.seccomp.operators SCMP_CMP_= "${!does[@]}"
	for o in "${!does[@]}"; do
		# sched_yield(2) does not look at its arguments; 4 and 5 have the bit, 3 has not
		with '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["sched_yield"], action: "SCMP_ACT_ERRNO", errnoRet: 71,
				args: [{index: 0, op: ("SCMP_CMP_" + $o), value: 4, valueTwo: 4}]}]}
			| .process.args = ["sh", "-c", "for i in 3 4 5; do tinit syscall 24 $i; done"]' --arg o "$o"
		run runtime run c1
		echo "$o: $output"
		[ "${lines[*]##*errno }" = "${does[$o]}" ]
	done
}

@test "seccomp: each architecture and each flag that is listed; one that is not" {
	local word
	x86_64
	listed .linux.seccomp.archs SCMP_ARCH_{X86,X86_64,X32,ARM,AARCH64,MIPS,MIPS64,MIPS64N32,MIPSEL,MIPSEL64,MIPSEL64N32,PPC,PPC64,PPC64LE,S390,S390X,PARISC,PARISC64,RISCV64}
	for word in $(words .linux.seccomp.archs); do
		with '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", architectures: [$w], syscalls: [{names: ["sched_yield"], action: "SCMP_ACT_ERRNO"}]}
			| .process.args = ["sh", "-c", "tinit syscall 24; grep ^Seccomp: /proc/self/status"]' --arg w "$word"
		run runtime run c1
		echo "$word: $output"
		case $word in
		*_MIPS | *_MIPS64 | *_MIPS64N32 | *_PPC | *_PPC64 | *_S390 | *_S390X | *_PARISC | *_PARISC64)
			[[ $output == *"linux.seccomp: architectures[0]: its byte order is not this machine's"* ]]
			;;
		*) # this machine's own is always in it
			[ "${lines[0]}" = "ret -1 errno 1" ]
			[ "$(tr -s '\t ' ' ' <<<"${lines[1]}")" = "Seccomp: 2" ]
			;;
		esac
	done
	listed .linux.seccomp.knownFlags SECCOMP_FILTER_FLAG_{TSYNC,LOG,SPEC_ALLOW,WAIT_KILLABLE_RECV}
	[ "$(words .linux.seccomp.knownFlags)" = "$(words .linux.seccomp.supportedFlags)" ]
	python3 "$CAPSULE_INTEG/agent.py" "$WORK/agent.sock" "$WORK/agent" >&2 3>&- &
	agent=$!
	mkdir "$WORK/agent"
	wait_until 5 test -S "$WORK/agent.sock"
	for word in $(words .linux.seccomp.supportedFlags); do
		with '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", flags: [$w], listenerPath: $s,
				syscalls: [{names: ["sched_yield"], action: (if $w | endswith("RECV") then "SCMP_ACT_NOTIFY" else "SCMP_ACT_ERRNO" end)}]}
			| if $w | endswith("RECV") then . else del(.linux.seccomp.listenerPath) end
			| .process.args = ["grep", "^Seccomp:", "/proc/self/status"]' --arg w "$word" --arg s "$WORK/agent.sock"
		run runtime run c1
		echo "$word: $output"
		[ "$(tr -s '\t ' ' ' <<<"$output")" = "Seccomp: 2" ]
	done
	for word in architectures:SCMP_ARCH_PDP11 flags:SECCOMP_FILTER_FLAG_NEW; do
		with '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", ($k): [$w]}' --arg k "${word%:*}" --arg w "${word#*:}"
		run -1 runtime create c1
		[[ $output == *"linux.seccomp.${word%:*}"* ]]
	done
}

@test "security modules and Intel RDT: asked for, and missed by name where the machine has none" {
	local change
	while read -r change; do
		with "$change"' | .process.args = ["true"]'
		run runtime run c1
		echo "$change: $output"
		[ "$status" -eq 0 ] || [[ $output == *"this kernel has no "* || $output == *"no resctrl file system is mounted"* ]]
	done <<'ROWS'
.process.apparmorProfile = "web"
.process.selinuxLabel = "a:b:c"
.linux.mountLabel = "a:b:c"
.linux.intelRdt = {closID: "/"}
.linux.intelRdt = {schemata: []}
.linux.intelRdt = {enableMonitoring: true}
ROWS
}

@test "memory policies: each mode and each flag that is listed" {
	local -A shows=([DEFAULT]=default [BIND]=bind:0 [INTERLEAVE]=interleave:0 [WEIGHTED_INTERLEAVE]='weighted interleave:0' [PREFERRED]=prefer:0
		[PREFERRED_MANY]='prefer (many):0' [LOCAL]=local)
	local -A flags=([STATIC_NODES]==static [RELATIVE_NODES]==relative [NUMA_BALANCING]=bind)
	local m
	listed .linux.memoryPolicy.modes MPOL_= "${!shows[@]}"
	listed .linux.memoryPolicy.flags MPOL_F_= "${!flags[@]}"
	for m in "${!shows[@]}"; do
		with '.linux.memoryPolicy = ({mode: ("MPOL_" + $m)} + if $m == "DEFAULT" or $m == "LOCAL" then {} else {nodes: "0"} end)
			| .process.args = ["head", "-n", "1", "/proc/self/numa_maps"]' --arg m "$m"
		run runtime run c1
		echo "$m: $output"
		[[ $output == *" ${shows[$m]} "* ]]
	done
	for m in "${!flags[@]}"; do
		with '.linux.memoryPolicy = {mode: "MPOL_BIND", nodes: "0", flags: ["MPOL_F_" + $m]}
			| .process.args = ["head", "-n", "1", "/proc/self/numa_maps"]' --arg m "$m"
		run runtime run c1
		echo "$m: $output"
		[[ $output == *"bind"*"${flags[$m]#bind}"* ]]
	done
}

@test "id mapped mounts and network devices" {
	mkdir "$WORK/src"
	chown 3:4 "$WORK/src"
	with '.mounts += [{destination: "/mnt", type: "bind", source: $s, options: ["bind"], uidMappings: [{containerID: 0, hostID: 70, size: 10}],
		gidMappings: [{containerID: 0, hostID: 90, size: 10}]}] | .process.args = ["stat", "-c", "%u:%g", "/mnt"]' --arg s "$WORK/src"
	[ "$(runtime run c1)" = 73:94 ]
	ip link add given9 type veth peer name peer9
	with '.linux.netDevices = {given9: {name: "net0"}} | .process.args = ["ip", "-o", "link", "show", "net0"]'
	runtime run c1
}

@test "annotations of a configuration that change what is done: each that is listed, and no other" {
	listed .potentiallyUnsafeConfigAnnotations org.systemd.property. run.oci.keep_original_groups run.oci.seccomp_fail_unknown_syscall
	# the first is above, with cgroups
	with '.annotations = {"run.oci.keep_original_groups": "1"} | .process.args = ["sh", "-c", "sed -n \"s/^Groups:.//p\" /proc/self/status"]'
	[ "$(setpriv --groups 7,4711 "$RUNTIME" --root "$ROOT" run c1 | xargs)" = "7 4711" ]
	with '.annotations = {"run.oci.seccomp_fail_unknown_syscall": "1"}
		| .linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["no_such_call"], action: "SCMP_ACT_ERRNO"}]}'
	run -1 runtime create c1
	[[ $output == *no_such_call* ]]
	with '.annotations = {"run.oci.something": "1", "org.systemd": "x", "color": "blue"} | .process.args = ["true"]
		| .linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["no_such_call"], action: "SCMP_ACT_ERRNO"}]}'
	runtime run c1
}

@test "annotations: the libseccomp that is in the program" {
	local version
	version=$(jq -r '.annotations["io.github.seccomp.libseccomp.version"]' "$WORK/features")
	[[ $version =~ ^2\.[0-9]+\.[0-9]+$ ]]
	[[ "$(runtime --version)" != *libseccomp* || "$(runtime --version)" == *"$version"* ]]
}
