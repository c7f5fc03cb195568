# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2016,SC2154 # what the containers' shells expand; bats sets output
#
# A containerd of the test file's own, with an image, asked by ctr. CTR_OPTIONS says what containers are run with.

# What newer ones say of cgroup v1 in every answer is none of the output.
export CONTAINERD_SUPPRESS_DEPRECATION_WARNINGS=1

containerd_start() {
	setsid containerd --config /run/containerd.toml >/run/containerd.log 2>&1 </dev/null 3>&- &
	echo $! >/run/containerd.pid
	wait_until 20 ctr version
}

# With the image localhost/img, and a first container that has been there.
containerd_prepare() {
	containerd_configure 'disabled_plugins = ["io.containerd.grpc.v1.cri"]'
	containerd_start
	import_image img "$CLIENTS_IMAGE" '{Cmd: ["sh"], Env: ["PATH=/usr/bin:/bin"]}'
	ctr_run --rm img first true
}

# containerd_configure TEXT: members of no table, and tables
containerd_configure() {
	mkfifo /run/never
	cat >/run/containerd.toml <<-END
		version = 2
		$1
		[plugins."io.containerd.internal.v1.opt"]
		path = "/var/lib/containerd/opt"
	END
}

containerd_end() {
	kill "$(cat /run/containerd.pid)"
	gone "$(cat /run/containerd.pid)"
	find /sys/fs/cgroup -depth -type d -name default -exec rmdir {} +
}

containerd_clear() {
	local id
	for id in $(ctr task ls -q); do ctr task rm -f "$id" >/dev/null 2>&1; done
	for id in $(ctr container ls -q); do ctr container rm "$id"; done
}

# import_image NAME LAYER CONFIG: localhost/NAME, as `docker save` would write it: one layer, and what it runs
import_image() {
	local digest
	digest=$(sha256sum <"$2" | cut -d ' ' -f 1)
	mkdir /tmp/archive
	jq -n --arg digest "sha256:$digest" "{architecture: \"amd64\", os: \"linux\", config: $3,
		rootfs: {type: \"layers\", diff_ids: [\$digest]}}" >/tmp/archive/config.json
	cp "$2" /tmp/archive/layer.tar
	echo "[{\"Config\": \"config.json\", \"RepoTags\": [\"localhost/$1:latest\"], \"Layers\": [\"layer.tar\"]}]" >/tmp/archive/manifest.json
	tar -C /tmp/archive -cf /tmp/archive.tar .
	ctr image import /tmp/archive.tar >/dev/null
	rm -r /tmp/archive /tmp/archive.tar
}

# bats' own descriptors stay here. ctr waits for ever if its stdin ends before the task is there: this one does not end.
ctr() {
	command ctr "$@" <>/run/never 3>&- 4>&-
}

# ctr_run [OPTION…] img ID COMMAND…; with the ID `new`, one that no container has had: a moment after its end, containerd has the
# runtime delete each container a second time, by force, which would meet the next one of that id.
ctr_run() {
	local -a options=()
	while [ "$1" != img ]; do
		options+=("$1")
		shift
	done
	shift
	[ "$1" != new ] || set -- "new-$SRANDOM" "${@:2}"
	ctr run "${CTR_OPTIONS[@]}" "${options[@]}" localhost/img:latest "$@"
}

# text COMMAND…: what it prints, asked again if that is nothing: ctr stops copying when the process has ended, and what a short one
# has written may be lost, once in a few hundred times, with runc too.
text() {
	local out try
	for try in 1 2 3; do
		out=$("$@") || true
		[ -z "$out" ] || break
		echo "nothing, try $try: $*" >&2
	done
	echo "$out"
}

# start [OPTION…] img ID COMMAND…: detached, output to $WORK/log
start() {
	ctr_run -d --log-uri "file://$WORK/log" "$@"
}

# pid ID
pid() {
	ctr task ls | awk -v id="$1" '$1 == id {print $2}'
}

state() {
	ctr task ls | awk -v id="$1" '$1 == id {print $3}'
}

# What both shims do: detached: state, log, ends.
detached_ones() {
	start img d1 sh -c 'echo one; exec tinit sleep'
	is RUNNING "$(state d1)"
	becomes 5 $'one\nready' cat "$WORK/log"
	fails 3 ctr task exec --exec-id e1 d1 sh -c 'exit 3'
	ctr task kill -s USR1 d1
	becomes 5 STOPPED state d1
	has "exit code 3" "$(ctr task rm d1 2>&1)"
	ctr container rm d1
	start img d2 tinit sleep
	ctr task kill -s KILL d2
	becomes 5 STOPPED state d2
	has "exit code 137" "$(ctr task rm d2 2>&1)"
	ctr container rm d2
	# of a container that runs, with processes that it has started
	start img d3 sh -c 'sleep 1000 & setsid sleep 1000 & exec sleep 1000'
	run ctr task rm -f d3
	is "" "$(ctr task ls -q)"
	ctr container rm d3
}

# What both shims do: pause, resume.
paused_and_resumed() {
	start img p1 sh -c 'while true; do sleep 0.05; done'
	ctr task pause p1
	is PAUSED "$(state p1)"
	is FROZEN "$(cgroup_file freezer freezer.state "$(pid p1)")"
	fails 1 ctr task exec --exec-id e1 p1 true
	ctr task resume p1
	is RUNNING "$(state p1)"
	ctr task exec --exec-id e2 p1 true
}

# exec: exit code, user, directory, terminal; leaves x1 with a detached e7.
exec_of_all_kinds() {
	start img x1 tinit sleep
	is hello "$(text ctr task exec --exec-id e1 x1 echo hello)"
	fails 5 ctr task exec --exec-id e2 x1 sh -c 'exit 5'
	fails 1 ctr task exec --exec-id e3 x1 no-such-program
	has "executable file not found" "$output"
	is 1000:1000 "$(text ctr task exec --exec-id e4 --user app x1 sh -c 'echo $(id -u):$(id -g)')"
	is /home/app "$(text ctr task exec --exec-id e5 --cwd /home/app x1 pwd)"
	run script -qec "stty rows 33 cols 77; ctr task exec -t --exec-id e6 x1 sh -c 'tty; until stty size | grep \"33 77\"; do sleep 0.1; done'" /dev/null <>/run/never
	has "/dev/pts/" "$output"
	has "33 77" "$output"
	ctr task exec -d --exec-id e7 x1 sleep 100
	becomes 5 2 sh -c 'ctr task ps x1 | grep -c "^[0-9]"'
}

# bridge_net DIR SUBNET: a network's configuration, of a bridge whose leases are in DIR
bridge_net() {
	mkdir -p /etc/cni/net.d
	jq -n --arg dir "$1" --arg subnet "$2" '{cniVersion: "0.4.0", name: "net", plugins: [{type: "bridge", bridge: "cni0", isGateway: true,
		ipam: {type: "host-local", dataDir: $dir, ranges: [[{$subnet}]], routes: [{dst: "0.0.0.0/0"}]}}]}' >/etc/cni/net.d/10-net.conflist
}

# What both shims do: a container on a bridge.
bridged() {
	mkdir /opt/cni
	ln -s /usr/lib/cni /opt/cni/bin
	bridge_net /var/lib/cni-networks 10.77.0.0/24
	start --cni img b1 httpd -f -p 8000 -h /etc
	becomes 5 root:x:0:0:root:/root:/bin/sh sh -c "curl -s http://$(text ctr task exec --exec-id e1 b1 ip -4 -o addr show eth0 | sed 's/.*inet \([0-9.]*\).*/\1/'):8000/passwd | head -n 1"
	run ctr task rm -f b1
	ip link del cni0
	rm -r /etc/cni /opt/cni
}
