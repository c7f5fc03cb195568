#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016 # what the containers' shells expand
#
# Docker 20.10: what a container may be given (file systems, rights, namespaces, networks), and images that are built.

load docker
setup_file() { docker_setup_file; }
teardown_file() { docker_teardown_file; }
setup() { integ_setup; }
teardown() { docker_teardown; }

@test "docker: volumes, tmpfs, a root that cannot be written to" {
	mkdir "$WORK/data"
	echo from-outside >"$WORK/data/file"
	is from-outside "$(docker run --rm -v "$WORK/data:/data:ro" img cat /data/file)"
	fails 1 docker run --rm -v "$WORK/data:/data:ro" img touch /data/new
	has "Read-only file system" "$output"
	docker run --rm -v "$WORK/data:/data" img sh -c 'echo from-inside >/data/new'
	is from-inside "$(cat "$WORK/data/new")"
	# one of Docker's, which is filled from the image when it is new
	has app "$(docker run --rm -v named:/home img ls /home)"
	docker run --rm -v named:/data img touch /data/kept
	has kept "$(docker run --rm -v named:/data:ro img ls /data)"
	docker volume rm named >/dev/null
	has "tmpfs /scratch tmpfs rw,nosuid,nodev,noexec,relatime,size=1024k" \
		"$(docker run --rm --tmpfs /scratch:size=1m img cat /proc/mounts)"
	fails 1 docker run --rm --read-only img touch /file
	has "Read-only file system" "$output"
	docker run --rm --read-only --tmpfs /tmp img touch /tmp/file
	docker run --rm --mount type=bind,source="$WORK/data",target=/data,bind-propagation=rslave img test -e /data/file
	has "shm /dev/shm tmpfs rw,nosuid,nodev,noexec,relatime,size=2048k" "$(docker run --rm --shm-size 2m img cat /proc/mounts)"
}

@test "docker: users, groups, capabilities, no new privileges" {
	is 1000:1000:100,1000,2000 "$(docker run --rm -u app img sh -c 'echo $(id -u):$(id -g):$(id -G | tr " " "\n" | sort -n | tr "\n" "," | sed s/,$//)')"
	is 1234:100 "$(docker run --rm -u 1234:100 img sh -c 'echo $(id -u):$(id -g)')"
	has 2000 "$(docker run --rm --group-add extra img id -G)"
	has "00000000a80425fb" "$(docker run --rm img grep CapEff /proc/self/status)"
	has "0000000000000000" "$(docker run --rm --cap-drop all img grep CapBnd /proc/self/status)"
	has "0000000000001000" "$(docker run --rm --cap-drop all --cap-add net_admin img grep CapEff /proc/self/status)"
	has "0000000000000000" "$(docker run --rm -u app img grep CapEff /proc/self/status)"
	has 0 "$(docker run --rm img grep NoNewPrivs /proc/self/status)"
	has 1 "$(docker run --rm --security-opt no-new-privileges img grep NoNewPrivs /proc/self/status)"
}

@test "docker: seccomp: its own profile, none, one of ours" {
	has 2 "$(docker run --rm img grep '^Seccomp:' /proc/self/status)"
	fails 1 docker run --rm img unshare -U true
	has "Operation not permitted" "$output"
	has 0 "$(docker run --rm --security-opt seccomp=unconfined img grep '^Seccomp:' /proc/self/status)"
	docker run --rm --security-opt seccomp=unconfined img unshare -U true
	echo '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28}]}' >"$WORK/profile"
	fails 1 docker run --rm --security-opt seccomp="$WORK/profile" img mkdir /new
	has "No space left" "$output"
}

@test "docker: privileged" {
	local line all
	# what Docker knows of and can be given here
	all=$(printf %016x $((0x3fffffffff & 0x$(proc_status self CapBnd))))
	is "$all" "$(docker run --rm --privileged img sed -n 's/^CapEff:\t//p' /proc/self/status)"
	docker run --rm --privileged img sh -c 'mkdir /m && mount -t tmpfs tmpfs /m && test -c /dev/kmsg && grep -q "^Seccomp:.0" /proc/self/status'
	# nothing is masked or read-only
	line=$(docker run --rm --privileged img grep -E ' /(proc|sys)/?[a-z]* ' /proc/mounts)
	has " /sys sysfs rw," "$line"
	[[ $line != *" ro,"* ]]
	start c1 --privileged img tinit sleep
	has "$all" "$(docker exec c1 grep CapEff /proc/self/status)"
	docker exec --privileged -u app c1 true
}

@test "docker: init, devices, sysctls, limits, names, environment" {
	has docker-init "$(docker run --rm --init img sh -c 'tr "\0" " " </proc/1/cmdline')"
	has "10, 229 " "$(docker run --rm --device /dev/fuse img ls -l /dev/fuse)"
	fails 1 docker run --rm --device /dev/fuse:/dev/mine:r img sh -c ': </dev/mine && : >/dev/mine'
	has "Operation not permitted" "$output"
	fails 1 docker run --rm img sh -c 'mknod /tmp/m c 1 1 && cat /tmp/m'
	is 4321 "$(docker run --rm --sysctl net.core.somaxconn=4321 img cat /proc/sys/net/core/somaxconn)"
	is "900 1000" "$(docker run --rm --ulimit nofile=900:1000 img sh -c 'echo $(ulimit -Sn) $(ulimit -Hn)')"
	is "box.example.org box" "$(docker run --rm --hostname box --domainname example.org img sh -c 'echo $(hostname).$(cat /proc/sys/kernel/domainname) $(uname -n)')"
	has $'10.1.2.3\tother' "$(docker run --rm --add-host other:10.1.2.3 img cat /etc/hosts)"
	has "nameserver 10.9.8.7" "$(docker run --rm --dns 10.9.8.7 img cat /etc/resolv.conf)"
	is "/home/app value" "$(docker run --rm -w /home/app -e NAME=value img sh -c 'echo $PWD $NAME')"
	is "from entry point" "$(docker run --rm --entrypoint echo img from entry point)"
	is 500 "$(docker run --rm --oom-score-adj 500 img cat /proc/self/oom_score_adj)"
}

@test "docker: another container's namespaces, the machine's, and one's own cgroup namespace" {
	local there
	start c1 --ipc shareable img tinit sleep
	there=$(docker exec c1 sh -c 'readlink /proc/1/ns/net; readlink /proc/1/ns/ipc; readlink /proc/1/ns/pid')
	is "$there" "$(docker run --rm --network container:c1 --ipc container:c1 --pid container:c1 img sh -c 'readlink /proc/self/ns/net; readlink /proc/self/ns/ipc; readlink /proc/self/ns/pid')"
	is "$(readlink /proc/self/ns/net)" "$(docker run --rm --network host img readlink /proc/self/ns/net)"
	is "$(readlink /proc/self/ns/pid)" "$(docker run --rm --pid host img readlink /proc/self/ns/pid)"
	is "$(readlink /proc/self/ns/uts)" "$(docker run --rm --uts host img readlink /proc/self/ns/uts)"
	has ":memory:/" "$(docker run --rm --cgroupns private img grep ':memory:/$' /proc/self/cgroup)"
	is "" "$(docker run --rm --network none img sh -c 'ip -o link | grep -v lo:')"
	# the first process of a container without a pid namespace of its own is not the end of the others
	start c2 --pid host img sh -c 'sleep 1000 & exec sleep 1001'
	docker rm -f c2 >/dev/null
}

@test "docker: a network, a published port, names" {
	start web -p 127.0.0.1:18080:8000 img httpd -f -p 8000 -h /etc
	becomes 5 root:x:0:0:root:/root:/bin/sh sh -c 'curl -s http://127.0.0.1:18080/passwd | head -n 1'
	docker network create net >/dev/null
	start server --network net img httpd -f -p 8000 -h /etc
	is "root:x:0:0:root:/root:/bin/sh" "$(docker run --rm --network net img sh -c 'wget -q -O - http://server:8000/passwd | head -n 1')"
	docker network connect net web
	is 3 "$(docker exec web sh -c 'ip -o link | grep -c : ')"
	docker network disconnect net web
	is 2 "$(docker exec web sh -c 'ip -o link | grep -c :')"
}

@test "docker: user namespaces" {
	printf 'mapped:100000:65536\n' | tee /etc/subuid >/etc/subgid
	echo 'mapped:x:990:990::/:/bin/false' >>/etc/passwd
	echo 'mapped:x:990:' >>/etc/group
	"$CLIENTS/dockerd.sh" stop /run/docker
	"$CLIENTS/dockerd.sh" start /run/docker "$RUNTIME" --userns-remap mapped 3>&-
	docker import "$CLIENTS_IMAGE" img >/dev/null
	is "0 100000 65536" "$(docker run --rm img sh -c 'echo $(cat /proc/self/uid_map)')"
	start c1 -v "$WORK:/data:ro" --tmpfs /scratch --memory 64m img tinit sleep
	is "Uid: 100000" "$(awk '/^Uid/ {print $1, $2}' "/proc/$(pid c1)/status")"
	is 0 "$(docker exec c1 id -u)"
	is 1000 "$(docker exec -u app c1 id -u)"
	docker exec c1 touch /scratch/file /file
	fails 1 docker exec c1 sh -c 'echo 1 >/proc/sys/kernel/panic'
	is "0 0 4294967295" "$(docker run --rm --userns host img sh -c 'echo $(cat /proc/self/uid_map)')"
	docker rm -f c1 >/dev/null
	"$CLIENTS/dockerd.sh" stop /run/docker
	"$CLIENTS/dockerd.sh" start /run/docker "$RUNTIME" 3>&-
}

@test "docker: images are built, with BuildKit and without" {
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
	local kit
	for kit in 0 1; do
		DOCKER_BUILDKIT=$kit docker build -q -t "built$kit" "$WORK" >/dev/null
		is "value 0 made file" "$(docker run --rm "built$kit")"
		run ! env DOCKER_BUILDKIT=$kit /usr/bin/docker build -q - <<<$'FROM img\nRUN exit 9'
		docker rmi -f "built$kit" >/dev/null
	done
}
