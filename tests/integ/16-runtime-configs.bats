#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The configurations that podman, docker, containerd, buildah and buildkit wrote (tests/data/configs): what occurs in them is
# known, member by member, and containers are made of them. That each is parsed, and nothing in it unknown, is in tests/unit/test-spec.c.
# shellcheck disable=SC2016,SC2154 # what is quoted is for jq and the container; bats sets stderr
bats_require_minimum_version 1.5.0
load helpers

configs=$CAPSULE_INTEG/../data/configs

setup() {
	integ_setup
}

teardown() {
	integ_teardown
}

@test "every member that occurs in them is on the list, with the test that shows it" {
	local path test leaf
	jq -rn '[inputs | paths(type != "object" and type != "array") | map(if type == "number" then "[]" else . end)
		| if .[0] == "annotations" then ["annotations", "<key>"] elif .[:2] == ["linux", "sysctl"] then ["linux", "sysctl", "<key>"] else . end
		| join(".") | gsub("\\.\\[\\]"; "[]")] | unique[]' "$configs"/*.json >"$WORK/found"
	sed '/^#/d; s/\t.*//' "$configs/FIELDS" >"$WORK/listed"
	[ "$(wc -l <"$WORK/found")" -gt 90 ]
	diff "$WORK/listed" "$WORK/found"
	while IFS=$'\t' read -r path test; do
		case $path in '#'*) continue ;; esac
		case $test in 'ignored: '?*) continue ;; esac
		leaf=${path%.<key>}
		leaf=${leaf##*.}
		echo "$path: $test"
		grep -qw -- "${leaf%%[*}" "$CAPSULE_INTEG/../$test"
	done <"$configs/FIELDS"
}

# What belongs to the machines that are gone: files and namespaces of theirs, and the programs of their hooks. The place of the group
# is our own, and no terminal is had.
here() {
	jq --arg r "$WORK/rootfs" --arg w "$WORK" '
		.root.path = $r | .process.terminal = false | .process.args = ["/bin/sh", "/report"] | del(.process.consoleSize)
		| .mounts |= map(if (.options // []) | any(. == "bind" or . == "rbind")
			then .source = $w + (if .destination | test("^/etc/|containerenv$|-init$") then "/file" else "/dir" end)
			else . end)
		| .linux.namespaces |= map(del(.path))
		| .linux.cgroupsPath = "/capsule/configs"
		| if .hooks then .hooks |= map_values(map(.path = "/bin/true")) else . end
		| del(.linux.resources.blockIO.throttleReadBpsDevice, .linux.resources.blockIO.throttleWriteIOPSDevice)' "$1" >config.json
}

# Where the mounts go: a root that belongs to nobody in a user namespace cannot be added to.
make_places() {
	local path kind
	while read -r kind path; do
		mkdir -p "$WORK/rootfs$(dirname "$path")"
		[ -e "$WORK/rootfs$path" ] || if [ "$kind" = file ]; then touch "$WORK/rootfs$path"; else mkdir "$WORK/rootfs$path"; fi
	done < <(jq -r --arg f "$WORK/file" '.mounts[] | (if .source == $f then "file" else "dir" end) + " " + .destination' config.json)
	mkdir -p "$WORK/rootfs$(jq -r .process.cwd config.json)"
}

# expected: what the program should see of the configuration, in the order of its report.
expected() {
	jq -r --arg h "$(hostname)" --argjson oom "$(cat /proc/self/oom_score_adj)" --slurpfile f "$WORK/features" '
		.process.user.uid, .process.user.gid, .process.cwd, (.hostname // $h),
		(if .process.noNewPrivileges then 1 else 0 end), (if .linux.seccomp then 2 else 0 end), (.process.oomScoreAdj // $oom),
		(if .linux.readonlyPaths // [] | any(. == "/proc/sys") then "ro" else "rw" end), (if .root.readonly then "ro" else "rw" end),
		([.process.env[] | select(startswith("PATH=") | not)] | map(sub("=.*"; "")) + ["HOME"] | unique | join(" ")),
		([.process.capabilities.bounding[]? as $c | $f[0].linux.capabilities | index($c) | pow(2; .)] | add // 0)' config.json
}

@test "containers are made of them, and are what they say" {
	local file name host n=0
	host=0x$(awk '/^CapBnd/ { print $2 }' /proc/self/status)
	runtime features >"$WORK/features"
	cp -a "$INTEG_ROOTFS" "$WORK/rootfs"
	cat >"$WORK/rootfs/report" <<-'END'
		id -u
		id -g
		pwd
		hostname
		sed -n 's/^NoNewPrivs:\t//p; s/^Seccomp:\t//p' /proc/self/status
		cat /proc/self/oom_score_adj
		case $(grep ' /proc/sys ' /proc/self/mountinfo) in *' ro,'*) echo ro ;; *) echo rw ;; esac
		case $(grep ' / / ' /proc/self/mountinfo; grep ' / ro,' /proc/self/mountinfo) in *' / ro,'*) echo ro ;; *) echo rw ;; esac
		env | sed -n '/^PATH=/d; /^PWD=/d; /^SHLVL=/d; s/=.*//p' | sort | tr '\n' ' ' | sed 's/ $//'
		echo
		sed -n 's/^CapBnd:\t/0x/p' /proc/self/status
	END
	mkdir -m 777 "$WORK/dir"
	touch "$WORK/file"
	chmod 755 "$WORK"
	for file in "$configs"/*.json; do
		name=$(basename "$file" .json)
		here "$file"
		make_places
		expected >"$WORK/want"
		runtime run c1 >"$WORK/got" 2>"$WORK/said" || { echo "$name: $(cat "$WORK/said")" && return 1; }
		# what the host has of the capabilities, as a number
		printf '%s\n%d\n' "$(head -n -1 "$WORK/want")" $(($(tail -n 1 "$WORK/want") & host)) >"$WORK/want.new"
		mv "$WORK/want.new" "$WORK/want"
		printf '%s\n%d\n' "$(head -n -1 "$WORK/got")" "$(tail -n 1 "$WORK/got")" >"$WORK/got.new"
		mv "$WORK/got.new" "$WORK/got"
		diff "$WORK/want" "$WORK/got" || { echo "$name: <: wanted, >: seen" && return 1; }
		n=$((n + 1))
	done
	echo "$n configurations"
	[ "$n" -eq 73 ]
}
