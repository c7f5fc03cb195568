#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016,SC2314,SC2030,SC2031 # words for the shells in containers
#
# Networks: containers that reach each other, and what is left when they are gone, which is nothing. All of it in the
# network namespace that the runner has made.
bats_require_minimum_version 1.5.0
load helpers
setup() {
	integ_setup
	unset CAPSULE_NETWORK
	NETWORKS=$ROOT/data/networks
	args sleep 1000
}
teardown() {
	[ -n "${BATS_TEST_COMPLETED:-}" ] || what_is_there
	busybox ip link delete dummy0 2>/dev/null || true
	busybox ip link delete cps000000000000 2>/dev/null || true
	nft delete table inet capsule 2>/dev/null || true
	rm -rf "$ROOT/data/images" "$ROOT/data/volumes"
	integ_teardown
}

# A file of the container's, served by HTTP on its port 8000 and asked for by another's address and port.
serve() {
	args sh -c 'echo "I am $HOSTNAME" >/tmp/name; exec httpd -f -p '"${1:-8000}"' -h /tmp'
}

fetch() { # ID URL
	wait_until 10 capsule exec "$1" wget -q -O /dev/null "http://$2/name"
}

# `!` alone is no reason for bats to fail.
refute() {
	! "$@"
}

address_of() {
	capsule list --format json | jq -r '.[] | select(.id == "'"$1"'").ip'
}

veths() {
	# not /sys/class/net, which is another namespace's here
	grep -c '^ *cps[0-9a-f]\{12\}:' /proc/net/dev || true
}

leases() {
	find "$NETWORKS" -path '*/leases/*' | wc -l
}

endpoints() {
	find "$NETWORKS" -path '*/endpoints/*' | wc -l
}

# dies_alone ID: nobody is there to see it end
dies_alone() {
	local init
	init=$(capsule state "$1" | jq .pid)
	kill -9 "$(jq .pid "$ROOT/$1/shim.json")"
	kill -9 "$init"
	wait_until 5 eval '! [ -e /proc/'"$init"' ]'
}

# without the images' own summary
check_says() {
	local rc=0
	capsule system check >"$WORK/check" || rc=$?
	grep -v ' problems$' "$WORK/check" || true
	return $rc
}

# For who reads of a failure: containers, files and interfaces, a line each.
what_is_there() {
	echo "containers: $(capsule list -q | xargs)"
	echo "networks: $(cd "$NETWORKS" 2>/dev/null && find . -mindepth 1 | sort | xargs)"
	echo "interfaces: $(sed -n 's/^ *\([^:]*\):.*/\1/p' /proc/net/dev | xargs)"
	echo "processes: $(pgrep -a 'capsule|nft' | cut -c 1-120 | xargs -d '\n' printf '[%s] ')"
}

nothing_left() {
	[ "$(leases)" = 0 ] && [ "$(endpoints)" = 0 ] && [ "$(veths)" = 0 ]
}

@test "the first container makes capsule_bridge0; two of them reach each other; nothing is left of them" {
	serve
	capsule run -d c1
	capsule run -d c2
	[ "$(address_of c1)" = 192.168.1.2 ]
	[ "$(address_of c2)" = 192.168.1.3 ]
	capsule list | grep -q '^c2 .* Running .* 192\.168\.1\.3 '
	capsule network list | grep -q '^capsule_bridge0 .* bridge .* 192\.168\.1\.0/24 '
	[ "$(capsule network list -q)" = capsule_bridge0 ]
	capsule network show capsule_bridge0 | jq -e '.containers | keys == ["c1", "c2"]'
	fetch c1 192.168.1.3:8000
	fetch c2 192.168.1.2:8000
	busybox ping -c 1 -W 2 192.168.1.2
	[ "$(capsule exec c1 cat /sys/class/net/eth0/address)" = 02:63:c0:a8:01:02 ]
	capsule exec c1 ip route | grep -q '^default via 192.168.1.1 dev eth0'
	# no address that nobody gave it
	refute eval 'capsule exec c1 ip addr show dev eth0 | grep inet6'
	capsule delete -f c1 c2
	wait_until 5 nothing_left
	capsule network delete capsule_bridge0
	refute grep -q capsule_bridge0 /proc/net/dev
}

@test "in the foreground, and in one that cannot be started, too" {
	args ip -o -4 addr show dev eth0
	[[ "$(capsule run c1)" == *"inet 192.168.1.2/24 brd 192.168.1.255"* ]]
	args /no/such/thing
	run -127 capsule run c1
	wait_until 5 nothing_left
}

@test "none leaves a container alone, and so does a config.json without a network namespace of its own" {
	capsule run -d -network none c1
	[ "$(capsule exec c1 sh -c 'grep -c : /proc/net/dev')" = 1 ]
	run capsule create -network container:c1 c2
	[ "$status" = 125 ]
	[[ $output == *"config.json names the path"* ]]
	run capsule create -network host c2
	[[ $output == *"asks for a network namespace of its own"* ]]
	config '.linux.namespaces |= map(select(.type != "network"))'
	capsule run -d c2
	capsule run -d -network host c3
	[ "$(address_of c2)" = null ]
	run capsule create -network capsule_bridge0 c4
	[ "$status" = 125 ]
	[[ $output == *"asks for no network namespace of its own"* ]]
	run capsule create -p 80:80 c4
	[[ $output == *"the container is on no network"* ]]
	[ ! -e "$NETWORKS" ]
	capsule delete -f c1 c2 c3
}

@test "IPv6 beside IPv4, each with a gateway that was asked for; addresses are usable at once" {
	capsule network create -subnet 10.9.0.0/24 -subnet fd00:9::/64 -gateway fd00:9::ff -gateway 10.9.0.254 \
		-label a=b six
	capsule network show six | jq -e '.labels == ["a=b"] and .subnets[1].gateway == "fd00:9::ff"'
	serve '[::]:8000'
	capsule run -d -net six c1
	args wget -q -O /dev/null 'http://[fd00:9::1]:8000/name'
	wait_until 10 capsule exec c1 wget -q -O /dev/null 'http://[::1]:8000/name'
	# without a moment's delay
	capsule run -net six c2
	refute eval 'capsule exec c1 ip -6 addr show dev eth0 | grep tentative'
	capsule exec c1 ip -6 addr show dev eth0 | grep -q fe80::
	capsule exec c1 ip -6 route | grep -q '^default via fd00:9::ff dev eth0'
	capsule delete -f c1
}

@test "an internal network has no way out; the MTU is everybody's" {
	capsule network create --internal --mtu 1400 -subnet 10.9.0.0/24 inner
	serve
	capsule run -d -net inner c1
	capsule run -d -net inner c2
	refute eval 'capsule exec c1 ip route | grep default'
	[ "$(capsule exec c1 cat /sys/class/net/eth0/mtu)" = 1400 ]
	fetch c1 10.9.0.3:8000
	run capsule network create --mtu 67 x
	[[ $output == *"an MTU is from 68"* ]]
	run capsule network create --mtu 1279 -subnet fd00::/64 x
	[[ $output == *"MTU of 1280"* ]]
	capsule delete -f c1 c2
}

@test "connect and disconnect, while it runs; an address that was asked for" {
	capsule network create -subnet 10.9.0.0/29 more
	serve
	capsule run -d c1
	capsule run -d -net more c2
	refute capsule exec c1 timeout 1 wget -q -O /dev/null http://10.9.0.2:8000/name
	capsule network connect --ip 10.9.0.6 --alias other more c1
	capsule exec c1 ip addr show dev eth1 | grep -q 'inet 10.9.0.6/29'
	capsule network show more | jq -e '.containers.c1.aliases == ["other"]'
	fetch c1 10.9.0.2:8000
	fetch c2 10.9.0.6:8000
	# the way out stays the first network's
	[ "$(capsule exec c1 ip route | grep -c default)" = 1 ]
	[ "$(address_of c1)" = 192.168.1.2 ]
	run capsule network connect more c1
	[[ $output == *"it is on that network"* ]]
	capsule network disconnect more c1
	[ "$(capsule exec c1 sh -c 'grep -c eth /proc/net/dev')" = 1 ]
	# without the first one, the way out is by another
	capsule network connect --ip 10.9.0.6 more c1
	capsule network disconnect capsule_bridge0 c1
	[[ "$(capsule exec c1 ip route)" == "default via 10.9.0.1 dev eth1"* ]]
	capsule network connect capsule_bridge0 c1
	capsule network disconnect more c1
	[[ "$(capsule exec c1 ip route)" == "default via 192.168.1.1 dev eth0"* ]]
	run capsule network disconnect more c1
	[[ $output == *"not on the network more"* ]]
	for bad in 10.9.0.2:"is c2's" 10.9.0.1:"network's own" 10.9.0.7:"network's own" 10.9.0.0:"network's own" 10.9.1.1:"none of" x:"no IPv4"; do
		run capsule network connect --ip "${bad%%:*}" more c1
		[ "$status" = 125 ]
		[[ $output == *"${bad#*:}"* ]]
	done
	run capsule network connect more nobody
	[ "$status" = 125 ]
	capsule delete -f c1 c2
}

@test "the default subnet gives way to a route of the host, and says so; one that was asked for is refused" {
	busybox ip link add dummy0 type bridge
	busybox ip addr add 192.168.1.77/24 dev dummy0
	busybox ip link set dummy0 up
	run capsule create c1
	[ "$status" = 0 ]
	[ "$output" = "capsule: network capsule_bridge0: 192.168.1.0/24 is in use (a route by dummy0); it has 192.168.2.0/24 instead" ]
	[ "$(address_of c1)" = 192.168.2.2 ]
	for subnet in 192.168.0.0/16 192.168.1.128/25; do
		run capsule network create -subnet "$subnet" x
		[ "$status" = 125 ]
		[[ $output == *"subnet '$subnet' is in use: "* ]]
	done
	run capsule network create -subnet 192.168.2.128/25 x
	[[ $output == *"the network capsule_bridge0" || $output == *"a route by capsule_bridge0" ]]
	capsule network create x
	[ "$(capsule network show x | jq -r '.subnets[0].subnet')" = 192.168.3.0/24 ]
	capsule delete -f c1
}

@test "a network is not deleted under its containers; names and drivers are checked" {
	capsule network create -driver bridge -subnet 10.9.0.0/24 n1
	capsule create -net n1 c1
	run capsule network delete n1
	[ "$status" = 125 ]
	[ "$output" = "capsule: network delete n1: 1 container is on it, as c1" ]
	run capsule network create n1
	[[ $output == *"there is a network 'n1'"* ]]
	run capsule network create -driver macvlan n2
	[[ $output == *"'macvlan' is no driver: bridge, host or none" ]]
	run capsule network create -driver none -subnet 10.8.0.0/24 n2
	[[ $output == *"are for the driver bridge" ]]
	for name in host none bridge ../x .new-x "$(printf 'a\nb')" ''; do
		run capsule network create -- "$name"
		[ "$status" = 125 ]
	done
	run capsule network delete -driver host n1
	[[ $output == *"its driver is bridge" ]]
	run capsule network show nobody
	[[ $output == *"there is no network 'nobody'" ]]
	capsule network create -driver none nothing
	capsule delete -f c1
	capsule network prune >"$WORK/out"
	[ "$(sort "$WORK/out" | xargs)" = "n1 nothing" ]
	[ "$(find "$NETWORKS" -mindepth 1 -maxdepth 1 ! -name '.*')" = "" ]
}

@test "50 that start at once have 50 addresses" {
	local -a pids=()
	for n in $(seq 50); do
		"$CAPSULE" --root "$ROOT" run -d "c$n" 2>>"$WORK/errors" &
		pids+=($!)
	done
	for n in "${pids[@]}"; do
		wait "$n"
	done
	[ ! -s "$WORK/errors" ]
	[ "$(capsule list --format json | jq '[.[].ip] | unique | length')" = 50 ]
	[ "$(leases)" = 50 ]
	capsule list -q | xargs "$CAPSULE" --root "$ROOT" delete -f
	wait_until 10 nothing_left
}

@test "200 times on and off, and once more: every address comes back" {
	capsule network create -subnet 10.9.0.0/29 small
	capsule run -d -network none c1
	args true
	for n in $(seq 100); do
		capsule network connect small c1
		capsule network disconnect small c1
		capsule run -net small "c-$n"
	done
	wait_until 5 nothing_left
	capsule delete -f c1
}

# Bash's word of every one that is killed goes to stderr.
kill_often() {
	local delay n
	for n in $(seq 40); do
		delay=0.00$((n % 9 + 1))
		timeout -s KILL "$delay" "$CAPSULE" --root "$ROOT" run -d -net n1 "c$n" >/dev/null 2>&1 || true
		timeout -s KILL "$delay" "$CAPSULE" --root "$ROOT" network create -subnet "10.8.$n.0/24" "k$n" >/dev/null 2>&1 || true
		timeout -s KILL "$delay" "$CAPSULE" --root "$ROOT" network delete "k$((n - 1))" >/dev/null 2>&1 || true
		timeout -s KILL "$delay" "$CAPSULE" --root "$ROOT" delete -f "c$n" >/dev/null 2>&1 || true
	done
}

@test "killed while it creates or deletes: prune finds what is left, and takes no more" {
	# what is not ours, though it has our names
	busybox ip link add cps000000000000 type bridge
	busybox ip link add dummy0 type bridge
	capsule network create -subnet 10.9.0.0/24 n1
	capsule run -d -net n1 stays
	kill_often 2>/dev/null
	capsule list -q | grep -v '^stays$' | xargs -r "$CAPSULE" --root "$ROOT" delete -f
	capsule network prune
	wait_until 5 eval '[ "$(veths)" = 2 ]' # the one that stays, and the stranger
	[ "$(leases)" = 1 ]
	[ "$(endpoints)" = 1 ]
	[ "$(find "$NETWORKS" -mindepth 1 -maxdepth 1 ! -name '.*lock')" = "$NETWORKS/n1" ]
	[ "$(grep -c '^ *\(cpsbr\|k[0-9]\|n1\)' /proc/net/dev)" = 1 ]
	grep -q '^ *dummy0:' /proc/net/dev
	refute capsule network connect n1 stays
	capsule delete -f stays
	busybox ip link delete cps000000000000
}

# before what it writes has its name
@test "killed while it writes down a member: prune finds the file, and system check tells of it" {
	capsule network create -subnet 10.9.0.0/24 n1
	run strace -o /dev/null -e trace=renameat -e inject=renameat:signal=KILL:when=1 \
		"$CAPSULE" --root "$ROOT" create -net n1 c1
	[ "$status" = 137 ]
	[ "$(ls -A "$NETWORKS/n1/endpoints")" = .c1.json.tmp ]
	capsule delete -f c1
	run -1 check_says
	[ "$output" = "network n1: 2 members or addresses of containers that have ended" ]
	capsule run -d -net n1 stays
	capsule network prune
	[ "$(leases)" = 1 ]
	[ "$(ls -A "$NETWORKS/n1/endpoints")" = stays.json ]
	capsule delete -f stays
}

@test "a bridge that somebody has removed is made again, and everybody is on it" {
	serve
	capsule run -d c1
	capsule run -d c2
	fetch c1 192.168.1.3:8000
	busybox ip link delete capsule_bridge0
	capsule network repair
	fetch c1 192.168.1.3:8000
	busybox ip link delete capsule_bridge0
	capsule run -d c3
	fetch c3 192.168.1.2:8000
	fetch c2 192.168.1.4:8000
	busybox ip addr del 192.168.1.1/24 dev capsule_bridge0
	capsule network repair
	busybox ping -c 1 -W 2 192.168.1.2
	capsule delete -f c1 c2 c3
}

@test "a container that has ended gives its address to one that needs it" {
	capsule network create -subnet 10.9.0.0/30 one
	capsule run -d -net one c1
	run capsule create -net one c2
	[ "$status" = 125 ]
	[[ $output == *"all addresses of 10.9.0.0/30 are taken" ]]
	refute eval 'capsule list -q | grep -q c2'
	capsule kill c1 KILL
	capsule wait c1 || true
	capsule run -d -net one c2
	[ "$(address_of c2)" = 10.9.0.2 ]
	capsule delete c1
	[ "$(address_of c2)" = 10.9.0.2 ]
	capsule delete -f c2
}

@test "a container that has ended is on no network, and says so; its deletion finds nothing to do" {
	capsule run -d c1
	capsule run -d c2
	capsule network create -subnet 10.9.0.0/24 n1
	capsule network connect n1 c1
	capsule network release c1 nobody # it lives
	[ "$(leases)" = 3 ]
	capsule stop -t 0 c1
	wait_until 5 eval '[ "$(leases)" = 1 ] && [ "$(endpoints)" = 1 ]'
	[ "$(address_of c1)" = null ]
	capsule inspect c1 | jq -e '.[0].networks == {} and .[0].status == "stopped"'
	[ -z "$(capsule port c1)" ]
	capsule network show capsule_bridge0 | jq -e '.containers | keys == ["c2"]'
	capsule network delete n1
	run capsule network connect capsule_bridge0 c1
	[[ $output == *"the container is stopped" ]]
	# by itself, whoever waits for it or not
	args true
	capsule run c3
	capsule run -d c4
	capsule wait c4
	wait_until 5 eval '[ "$(leases)" = 1 ] && [ "$(endpoints)" = 1 ]'
	capsule network release c1 c1
	capsule delete c1 c4
	capsule delete -f c2
	wait_until 5 nothing_left
	capsule network delete capsule_bridge0
}

@test "a container that has ended without a shim: its address is free for who wants them" {
	capsule network create -subnet 10.9.0.0/30 n1
	capsule run -d -net n1 c1
	dies_alone c1
	[ "$(endpoints)" = 1 ]
	capsule run -d -net n1 c2
	[ "$(address_of c2)" = 10.9.0.2 ]
	[ "$(endpoints)" = 1 ]
	dies_alone c2
	# of whoever looks at it next, it gets a shim, which does what the last one could not
	capsule list >/dev/null
	wait_until 5 eval '[ "$(endpoints)" = 0 ]'
	capsule delete c1 c2
}

@test "system check tells what is left over of networks, and nothing else; system prune takes that" {
	capsule network create -subnet 10.9.0.0/24 n1
	capsule run -d c1
	capsule run -d -net n1 -p 8080:80 c2
	capsule run -d -p 8081:80 c3
	capsule delete -f c3
	run -0 check_says
	[ -z "$output" ]
	dies_alone c1
	ln -s nobody "$NETWORKS/n1/leases/10.9.0.77"
	mkdir "$NETWORKS/.new-half"
	ip link add dummy0 type bridge
	ip link set dummy0 alias "capsule:$(realpath "$NETWORKS"):gone"
	nft add element inet capsule any4_port '{ tcp . 9 : 9 }'
	run -1 check_says
	diff - <(sort <<<"$output") <<-END
		interface dummy0: of no network or container
		network capsule_bridge0: 1 member or address of containers that have ended
		network half: half made or half removed
		network n1: 1 member or address of containers that have ended
		packet rules: 1 entry of no network or container
	END
	# it is still there
	diff <(check_says) - <<<"$output"
	capsule system prune >"$WORK/pruned"
	diff <(grep -v "^removed: " "$WORK/pruned" | sort) <(sort <<<"$output")
	run -0 check_says
	[ -z "$output" ]
	nft list table inet capsule | grep -q 'tcp . 8080 : 80'
	[ "$(leases)" = 1 ]
	capsule delete -f c1 c2
}

@test "counters, each way" {
	serve
	capsule run -d c1
	capsule run -d c2
	fetch c1 192.168.1.3:8000
	capsule network stats --format json c2 >"$WORK/stats"
	jq -e 'length == 1 and .[0].id == "c2" and .[0].rx_packets >= 4 and .[0].tx_bytes > 200 and .[0].rx_errors == 0' "$WORK/stats"
	capsule network stats | grep -q '^c1 .* capsule_bridge0 .* eth0 '
	capsule delete -f c1 c2
}

@test "files that lie: what is damaged is named, and the rest goes on" {
	capsule network create -subnet 10.9.0.0/24 good
	mkdir -p "$NETWORKS/bad/leases" "$NETWORKS/bad/endpoints"
	for content in '' '{' '{"name":"good"}' '[]' "$(head -c 4096 /dev/zero | tr '\0' '[')"; do
		printf %s "$content" >"$NETWORKS/bad/network.json"
		run capsule network show bad
		[ "$status" = 125 ]
		[[ $output == "capsule: network show bad: network bad: "* ]]
	done
	capsule create -net good c1
	printf '{"id":"c1"}' >"$NETWORKS/good/endpoints/c1.json"
	[ "$(address_of c1)" = null ]
	ln -s ../../../etc "$NETWORKS/good/leases/10.9.0.77"
	ln -s x "$NETWORKS/good/leases/not-an-address"
	capsule delete -f c1
	rm -r "$NETWORKS/bad"
	capsule network prune
	refute capsule network show good
}
