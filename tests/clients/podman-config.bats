#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016 # what the containers' shells expand
#
# podman 4.3: what a container may be given (file systems, rights, namespaces, networks), and images that are built.

load podman
setup_file() { podman_setup_file; }
teardown_file() { podman_teardown_file; }
setup() { integ_setup; }
teardown() { podman_teardown; }

@test "podman: volumes, directories as roots" {
	mkdir "$WORK/data"
	echo from-outside >"$WORK/data/file"
	is from-outside "$(podman run --rm -v "$WORK/data:/data:ro" img cat /data/file)"
	fails 1 podman run --rm -v "$WORK/data:/data:ro" img touch /data/new
	has "Read-only file system" "$output"
	podman run --rm -v "$WORK/data:/data" img sh -c 'echo from-inside >/data/new'
	is from-inside "$(cat "$WORK/data/new")"
	has app "$(podman run --rm -v named:/home img ls /home)"
	podman run --rm -v named:/data img touch /data/kept
	has kept "$(podman run --rm -v named:/data:ro img ls /data)"
	podman volume rm named >/dev/null
	fails 1 podman run --rm --read-only --read-only-tmpfs=false img touch /tmp/file
	has "shm /dev/shm tmpfs rw,nosuid,nodev,noexec,relatime,size=2048k" "$(podman run --rm --shm-size 2m img cat /proc/mounts)"
	podman run --rm -v "$WORK/data:/data:rshared" img test -e /data/file
	# without a copy-on-write root of podman's own
	mkdir "$WORK/root"
	tar -C "$WORK/root" -xf "$CLIENTS_IMAGE"
	is hello "$(podman run --rm --rootfs "$WORK/root" echo hello)"
}

@test "podman: users, groups, capabilities, no new privileges" {
	is 1000:1000 "$(podman run --rm -u app img sh -c 'echo $(id -u):$(id -g)')"
	is 1234:100 "$(podman run --rm -u 1234:100 img sh -c 'echo $(id -u):$(id -g)')"
	has 2000 "$(podman run --rm --group-add extra img id -G)"
	has "00000000a80425fb" "$(podman run --rm img grep CapEff /proc/self/status)"
	has "0000000000000000" "$(podman run --rm --cap-drop all img grep CapBnd /proc/self/status)"
	has "0000000000001000" "$(podman run --rm --cap-drop all --cap-add net_admin img grep CapEff /proc/self/status)"
	has "0000000000000000" "$(podman run --rm -u app img grep CapEff /proc/self/status)"
	has 1 "$(podman run --rm --security-opt no-new-privileges img grep NoNewPrivs /proc/self/status)"
}

@test "podman: seccomp: its own profile, none, one of ours" {
	has 2 "$(podman run --rm img grep '^Seccomp:' /proc/self/status)"
	# a personality that it does not allow, and the kernel does
	has "errno 38" "$(podman run --rm img tinit syscall 135 262144)"
	has "ret 0 " "$(podman run --rm --security-opt seccomp=unconfined img tinit syscall 135 262144)"
	has 0 "$(podman run --rm --security-opt seccomp=unconfined img grep '^Seccomp:' /proc/self/status)"
	echo '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28}]}' >"$WORK/profile"
	fails 1 podman run --rm --security-opt seccomp="$WORK/profile" img mkdir /new
	has "No space left" "$output"
}

@test "podman: privileged, unmasked" {
	is "$(proc_status self CapBnd)" "$(podman run --rm --privileged img sed -n 's/^CapEff:\t//p' /proc/self/status)"
	podman run --rm --privileged img sh -c 'mkdir /m && mount -t tmpfs tmpfs /m && test -c /dev/kmsg && grep -q "^Seccomp:.0" /proc/self/status'
	podman run --rm --security-opt unmask=ALL img sh -c '! grep -q " /sys/firmware " /proc/mounts'
	podman run --rm img grep -q " /sys/firmware " /proc/mounts
	podman run --rm --security-opt mask=/home/app img sh -c 'test -z "$(ls /home/app)" && grep -q " /home/app tmpfs ro" /proc/mounts'
}

@test "podman: init, devices, sysctls, limits, names, environment" {
	has init "$(podman run --rm --init img sh -c 'tr "\0" " " </proc/1/cmdline')"
	has "10, 229 " "$(podman run --rm --device /dev/fuse img ls -l /dev/fuse)"
	fails 1 podman run --rm --device /dev/fuse:/dev/mine:r img sh -c ': </dev/mine && : >/dev/mine'
	has "Operation not permitted" "$output"
	is 4321 "$(podman run --rm --sysctl net.core.somaxconn=4321 img cat /proc/sys/net/core/somaxconn)"
	is "900 1000" "$(podman run --rm --ulimit nofile=900:1000 --ulimit nproc=1000:2000 img sh -c 'echo $(ulimit -Sn) $(ulimit -Hn)')"
	is box "$(podman run --rm --hostname box img sh -c 'echo $(hostname)')"
	has $'10.1.2.3\tother' "$(podman run --rm --add-host other:10.1.2.3 img cat /etc/hosts)"
	has "nameserver 10.9.8.7" "$(podman run --rm --dns 10.9.8.7 img cat /etc/resolv.conf)"
	is "/home/app value" "$(podman run --rm -w /home/app -e NAME=value img sh -c 'echo $PWD $NAME')"
	is "from entry point" "$(podman run --rm --entrypoint echo img from entry point)"
	is 0077 "$(podman run --rm --umask 0077 img sh -c umask)"
	is 500 "$(podman run --rm --oom-score-adj 500 img cat /proc/self/oom_score_adj)"
	has tz "$(podman run --rm --annotation key=tz img echo tz)"
	is open "$(/usr/bin/podman run --rm --preserve-fds 1 img sh -c 'echo open >&3' 3>&1)"
}

@test "podman: another container's namespaces, the machine's, and one's own cgroup namespace" {
	local there
	start c1 --ipc shareable img tinit sleep
	there=$(podman exec c1 sh -c 'readlink /proc/1/ns/net; readlink /proc/1/ns/ipc; readlink /proc/1/ns/pid')
	is "$there" "$(podman run --rm --network container:c1 --ipc container:c1 --pid container:c1 img sh -c 'readlink /proc/self/ns/net; readlink /proc/self/ns/ipc; readlink /proc/self/ns/pid')"
	is "$(readlink /proc/self/ns/net)" "$(podman run --rm --network host img readlink /proc/self/ns/net)"
	is "$(readlink /proc/self/ns/pid)" "$(podman run --rm --pid host img readlink /proc/self/ns/pid)"
	is "$(readlink /proc/self/ns/uts)" "$(podman run --rm --uts host img readlink /proc/self/ns/uts)"
	has ":memory:/" "$(podman run --rm --cgroupns private img grep ':memory:/$' /proc/self/cgroup)"
	has "/memory cgroup ro" "$(podman run --rm img cat /proc/mounts)"
	is "" "$(podman run --rm --network none img sh -c 'ip -o link | grep -v lo:')"
}

@test "podman: user namespaces" {
	printf 'containers:300000:1000000\n' | tee /etc/subuid >/etc/subgid
	is "0 100000 5000" "$(podman run --rm --uidmap 0:100000:5000 img sh -c 'echo $(cat /proc/self/uid_map)')"
	start c1 --uidmap 0:100000:5000 -v "$WORK:/data:ro" --memory 64m img tinit sleep
	is 100000 "$(proc_status "$(pid c1)" Uid | cut -f 1)"
	is "0 1000" "$(podman exec c1 id -u) $(podman exec -u app c1 id -u)"
	podman exec c1 touch /file
	is "$(podman exec c1 readlink /proc/1/ns/user)" "$(podman run --rm --userns container:c1 img readlink /proc/self/ns/user)"
	has " 300000 " "$(podman run --rm --userns auto img sh -c 'echo $(cat /proc/self/uid_map)')"
	podman run --rm -t --uidmap 0:100000:5000 img tty
}

@test "podman: a network, a published port" {
	start web -p 127.0.0.1:18080:8000 img httpd -f -p 8000 -h /etc
	becomes 5 root:x:0:0:root:/root:/bin/sh sh -c 'curl -s http://127.0.0.1:18080/passwd | head -n 1'
	podman network create --disable-dns net >/dev/null
	start server --network net img httpd -f -p 8000 -h /etc
	is "root:x:0:0:root:/root:/bin/sh" "$(podman run --rm --network net --add-host "there:$(podman inspect -f '{{.NetworkSettings.Networks.net.IPAddress}}' server)" img sh -c 'wget -q -O - http://there:8000/passwd | head -n 1')"
	podman rm -f -t 0 web server >/dev/null
	podman network rm net >/dev/null
}

@test "podman: hooks of the machine's administrator" {
	mkdir "$WORK/hooks"
	cat >"$WORK/hook" <<-END
		#!/bin/sh
		echo "\$1 \$(jq -r '.id != "" and .annotations.key == "value"')" >>$WORK/called
	END
	chmod +x "$WORK/hook"
	local stage
	for stage in prestart createRuntime createContainer poststart poststop; do
		jq -n --arg path "$WORK/hook" --arg stage $stage '{version: "1.0.0", hook: {path: $path, args: ["hook", $stage],
			env: ["PATH=/usr/bin:/bin"]}, when: {always: true}, stages: [$stage]}' >"$WORK/hooks/$stage.json"
	done
	podman --hooks-dir "$WORK/hooks" run --annotation key=value -v "$WORK:$WORK" --name c1 img true
	podman rm c1 >/dev/null
	becomes 5 $'prestart true\ncreateRuntime true\ncreateContainer true\npoststart true\npoststop true' cat "$WORK/called"
}

@test "podman: images are built" {
	cat >"$WORK/Dockerfile" <<-END
		FROM img
		ENV NAME=value
		COPY Dockerfile /copied
		RUN echo \$NAME >/built && id -u >>/built && test -s /copied
		RUN echo made:x:1500:1500::/home/made:/bin/sh >>/etc/passwd && mkdir /home/made && chown 1500 /home/made
		USER made
		WORKDIR /home/made
		RUN touch file
		CMD ["sh", "-c", "echo \$(cat /built) \$(id -un) \$(ls)"]
	END
	BUILDAH_RUNTIME=$RUNTIME podman build -q -t built "$WORK" >/dev/null
	is "value 0 made file" "$(podman run --rm built)"
	podman rmi -f built >/dev/null
	run ! podman build -q - <<<$'FROM img\nRUN exit 9'
}

@test "podman: tmpfs, a root that cannot be written to" {
	has "tmpfs /scratch tmpfs rw,nosuid,nodev,relatime,size=1024k" "$(podman run --rm --tmpfs /scratch:size=1m img cat /proc/mounts)"
	# what the image has there is copied into it, unless that is not wanted
	has app "$(podman run --rm --tmpfs /home img ls /home)"
	is "" "$(podman run --rm --tmpfs /home:notmpcopyup img ls /home)"
	fails 1 podman run --rm --read-only img touch /file
	has "Read-only file system" "$output"
	podman run --rm --read-only img touch /tmp/file /run/file
	# and where ids are mapped
	is app "$(podman run --rm --uidmap 0:100000:5000 --tmpfs /home img sh -c 'touch /home/file; ls -d /home/app | xargs basename')"
}
