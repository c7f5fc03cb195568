#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Published ports, masquerade, isolation: real traffic between containers, the host, and a machine outside of it, which is
# a network namespace at the other end of a veth pair. It knows the way to every container's address by the host, as a hostile neighbour
# would.

# shellcheck disable=SC2030,SC2031 # each test has servers of its own
load helpers
bats_require_minimum_version 1.5.0

HOST=203.0.113.1 HOST6=2001:db8::1
OUTSIDE=203.0.113.9 OUTSIDE6=2001:db8::9

setup() {
	integ_setup
	unshare -n sleep 1000 3>&- &
	OUT=$!
	SERVERS=()
	wait_until 5 test "$(readlink /proc/self/ns/net)" != "$(readlink /proc/$OUT/ns/net)"
	wait_until 5 different_netns "$OUT"
	ip link add ext0 type veth peer name eth0 netns "$OUT"
	ip address add $HOST/24 dev ext0
	ip address add $HOST6/64 dev ext0 nodad
	ip link set ext0 up
	outside ip link set lo up
	outside ip address add $OUTSIDE/24 dev eth0
	outside ip address add $OUTSIDE6/64 dev eth0 nodad
	outside ip link set eth0 up
	outside ip route add 10.0.0.0/8 via $HOST
	outside ip route add fd00::/8 via $HOST6
	outside ip route add 127.0.0.0/9 via $HOST table 7
	outside ip rule add to 127.0.0.0/9 table 7 priority 0
	args sleep 1000
	capsule network create one --subnet 10.1.0.0/24 --subnet fd01::/64
	capsule network create two --subnet 10.2.0.0/24 --subnet fd02::/64
	serve_in "$OUT" 80 53
}

teardown() {
	local id
	for id in web other third inner inner2; do
		[ ! -d "$ROOT/$id" ] || capsule delete -f "$id"
	done
	for id in one two inside; do
		capsule network delete "$id" 2>/dev/null || true
	done
	kill "${SERVERS[@]}" "$OUT" || true
	wait || true
	ip link delete ext0 2>/dev/null || true
	nft delete table inet strangers 2>/dev/null || true
	rm -rf "$ROOT/data"
	integ_teardown
}

different_netns() {
	[ "$(readlink /proc/self/ns/net)" != "$(readlink "/proc/$1/ns/net")" ]
}

outside() {
	nsenter -t "$OUT" -n "$@"
}

init_of() {
	capsule state "$1" | jq .pid
}

# serve_in PID PORT...: answers in this network namespace.
serve_in() {
	local pid=$1 ready=$WORK/ready.$BATS_TEST_NUMBER.${#SERVERS[@]}
	shift
	nsenter -t "$pid" -n python3 "$CAPSULE_INTEG/talk.py" serve "$ready" "$@" 3>&- &
	SERVERS+=($!)
	wait_until 10 test -e "$ready"
}

# container ID NETWORK [OPTION]...: runs, and answers at its ports 80, 81 and 53.
container() {
	local id=$1 network=$2
	shift 2
	capsule run -d -b "$BUNDLE" -network "$network" "$@" "$id"
	serve_in "$(init_of "$id")" 80 81 53
}

# from WHERE ADDRESS PORT [udp]: what the other side says; WHERE is outside, host or a container.
from() {
	local where=$1
	shift
	case $where in
	host) python3 "$CAPSULE_INTEG/talk.py" ask "$@" ;;
	outside) outside python3 "$CAPSULE_INTEG/talk.py" ask "$@" ;;
	*) nsenter -t "$(init_of "$where")" -n python3 "$CAPSULE_INTEG/talk.py" ask "$@" ;;
	esac
}

# answers "PORT PEER" WHERE ADDRESS PORT [udp]
answers() {
	local wanted=$1
	shift
	run -0 from "$@"
	[ "$output" = "$wanted" ] || {
		echo "from $*: '$output', not '$wanted'"
		return 1
	}
}

not_in_table() {
	run -0 nft list table inet capsule
	[[ $output != *$1* ]]
}

silent() {
	PATIENCE=0.3 run from "$@"
	[ "$status" = 1 ] || {
		echo "from $*: '$output'"
		return 1
	}
}

@test "a published port answers outside, and the container sees who asks" {
	container web one -p 8080:80 -p 5353:53/udp
	answers "80 $OUTSIDE" outside $HOST 8080
	answers "80 $OUTSIDE6" outside $HOST6 8080
	answers "53 $OUTSIDE" outside $HOST 5353 udp
	answers "53 $OUTSIDE6" outside $HOST6 5353 udp
	# not what was not published, nor the other protocol
	silent outside $HOST 8081
	silent outside $HOST 8080 udp
	silent outside $HOST 5353
}

@test "the host reaches it by every address of its own" {
	container web one -p 8080:80 -p 5353:53/udp
	answers "80 10.1.0.1" host 127.0.0.1 8080
	answers "80 10.1.0.1" host 127.0.0.53 8080
	answers "53 10.1.0.1" host 127.0.0.1 5353 udp
	answers "80 $HOST" host $HOST 8080
	answers "80 $HOST6" host $HOST6 8080
	answers "80 10.1.0.1" host 10.1.0.1 8080
	# the one that IPv6 does not let leave lo is refused at once, it does not wait
	run from host ::1 8080
	[[ $output == *refused* ]]
}

@test "ports at 127.0.0.1 are the host's alone" {
	container web one -p 127.0.0.1:8080:80
	container other one
	container third two
	answers "80 10.1.0.1" host 127.0.0.1 8080
	silent host $HOST 8080
	silent outside $HOST 8080
	silent outside 127.0.0.1 8080
	silent other $HOST 8080
	silent other 10.1.0.1 8080
	silent third $HOST 8080
	# a host that lets everybody in to its loopback does not let them in to this port
	echo 1 >/proc/sys/net/ipv4/conf/all/route_localnet
	silent outside 127.0.0.1 8080
	echo 0 >/proc/sys/net/ipv4/conf/all/route_localnet
	# and no container reaches what listens on the host's loopback
	python3 -m http.server --bind 127.0.0.1 8099 >/dev/null 2>&1 3>&- &
	SERVERS+=($!)
	wait_until 5 from host 127.0.0.1 8099 || true
	nsenter -t "$(init_of other)" -n ip link set lo down
	nsenter -t "$(init_of other)" -n ip route add table 7 127.0.0.0/9 via 10.1.0.1
	nsenter -t "$(init_of other)" -n ip rule add to 127.0.0.0/9 table 7 priority 0
	silent other 127.0.0.1 8099
	silent other 127.0.0.1 8080
}

@test "one address of the host, and no other" {
	container web one -p $HOST:8080:80 -p "[$HOST6]:8082:80"
	answers "80 $OUTSIDE" outside $HOST 8080
	silent host 127.0.0.1 8080
	answers "80 $OUTSIDE6" outside $HOST6 8082
	silent outside $HOST 8082
	run -125 capsule run -d -b "$BUNDLE" -network two -p 198.51.100.7:80:80 other
	[[ $output == *"the host has no address 198.51.100.7"* ]]
	run -125 capsule run -d -b "$BUNDLE" -network two -p '[::1]:80:80' other
	[[ $output == *"::1"* ]]
}

@test "hairpin: a container's own port, its neighbour's, another network's" {
	container web one -p 8080:80 -p 5353:53/udp
	container other one
	container third two -p 9090:80
	answers "80 10.1.0.1" web $HOST 8080
	answers "80 10.1.0.1" web 10.1.0.1 8080
	answers "80 10.1.0.1" other $HOST 8080
	answers "53 10.1.0.1" other $HOST 5353 udp
	answers "80 fd01::1" other $HOST6 8080
	answers "80 10.2.0.2" third $HOST 8080
	answers "80 10.1.0.2" web $HOST 9090
}

@test "out, behind the host's address; within a network, as oneself" {
	container web one
	container other one
	answers "80 $HOST" web $OUTSIDE 80
	answers "80 $HOST6" web $OUTSIDE6 80
	answers "53 $HOST" web $OUTSIDE 53 udp
	answers "80 10.1.0.3" other 10.1.0.2 80
	answers "80 fd01::3" other fd01::2 80
}

@test "networks do not reach each other, and nobody reaches what is not published" {
	container web one -p 8080:80
	container third two
	silent web 10.2.0.2 80
	silent web fd02::2 80
	silent third 10.1.0.2 80
	silent third 10.1.0.2 53 udp
	# the address of a container with a published port is no way around it
	silent outside 10.1.0.2 80
	silent outside 10.1.0.2 81
	silent outside fd01::2 80
	silent outside 10.2.0.2 53 udp
	answers "80 10.1.0.1" host 10.1.0.2 80
}

@test "an internal network reaches nothing outside, nor is it reached" {
	capsule network create inside --internal --subnet 10.3.0.0/24 --subnet fd03::/64
	container inner inside -p 7070:80
	container inner2 inside
	container web one -p 8080:80
	serve_in $$ 9999
	# whatever routes it gives itself
	nsenter -t "$(init_of inner2)" -n ip route replace default via 10.3.0.1
	nsenter -t "$(init_of inner2)" -n ip -6 route replace default via fd03::1
	silent inner2 $OUTSIDE 80
	silent inner2 $OUTSIDE6 80
	silent inner2 $HOST 9999
	silent inner2 $HOST6 9999
	silent inner2 10.1.0.1 9999
	silent inner2 $HOST 8080
	silent inner2 10.3.0.1 8080
	silent inner2 10.1.0.2 80
	silent web 10.3.0.2 80
	silent outside 10.3.0.2 80
	silent outside $HOST 7070
	answers "80 10.3.0.3" inner2 10.3.0.2 80
	answers "9999 10.3.0.3" inner2 10.3.0.1 9999
	answers "80 10.3.0.1" host 127.0.0.1 7070
}

@test "ranges" {
	container web one -p 7000-7001:80-81
	answers "80 $OUTSIDE" outside $HOST 7000
	answers "81 $OUTSIDE" outside $HOST 7001
	silent outside $HOST 7002
}

@test "a port that somebody has is refused, with the name" {
	container web one -p 8080-8089:80-89
	run -125 capsule run -d -b "$BUNDLE" -network two -p 8085:80 other
	[[ $output == *"container 'web' has it already"* ]]
	run -125 capsule run -d -b "$BUNDLE" -network two -p 127.0.0.1:8080:80 other
	[[ $output == *"container 'web' has it already"* ]]
	[ ! -e "$ROOT/other" ]
	serve_in $$ 9999
	run -125 capsule run -d -b "$BUNDLE" -network two -p 9999:80 other
	[[ $output == *"port 9999/tcp: in use on the host by python3 (pid ${SERVERS[-1]})"* ]]
	run -125 capsule run -d -b "$BUNDLE" -network two -p 127.0.0.1:9999:80/udp other
	[[ $output == *"port 9999/udp: in use on the host by python3"* ]]
	run -125 capsule run -d -b "$BUNDLE" -network two -p 80:80 -p 80:81 other
	# the other protocol is another port
	container other two -p 8080:53/udp
	answers "53 $OUTSIDE" outside $HOST 8080 udp
}

@test "what a container had is gone with it, and can be had again" {
	container web one -p 8080:80
	nft list table inet capsule | grep -q 8080
	capsule delete -f web
	not_in_table 8080
	silent outside $HOST 8080
	container other two -p 8080:80
	answers "80 $OUTSIDE" outside $HOST 8080
	capsule delete -f other
	capsule network delete one
	capsule network delete two
	run nft list tables
	[[ $output != *capsule* ]]
}

@test "a port is free when its container has ended, and traffic to it does not hang" {
	container web one -p 8080:80
	capsule kill web KILL
	capsule wait web || true
	# at once, and so perhaps before its shim has come to it
	container other two -p 8080:80
	answers "80 $OUTSIDE" outside $HOST 8080
	[ -z "$(capsule port web)" ]
	[[ "$(capsule port other)" = *8080* ]]
	capsule delete web
	answers "80 $OUTSIDE" outside $HOST 8080
	capsule stop -t 0 other
	wait_until 5 not_in_table 8080
	PATIENCE=2 run from outside $HOST 8080
	[[ $output == *refused* ]]
	capsule delete other
}

@test "a UDP client that keeps its port reaches who has the published port now" {
	local way
	for way in "outside $HOST" "outside $HOST6"; do
		# shellcheck disable=SC2086 # two words
		asks() { SOURCE=4444 PATIENCE=$1 run from $way 5353 udp; }
		container web one -p 5353:53/udp
		asks 3
		[[ $output == 53\ * ]]
		capsule stop -t 0 web
		# at once
		container other two -p 5353:81/udp
		asks 3
		[[ $output == 81\ * ]]
		capsule delete -f web other
		# and after it has asked for a while when nobody was there
		asks 0.1
		asks 0.1
		[[ $output == nothing* ]]
		container third one -p 5353:80/udp
		asks 3
		[[ $output == 80\ * ]]
		# a connection that began with somebody who was stopped by force is no other's
		capsule delete -f third
		container web two -p 5353:53/udp
		asks 3
		[[ $output == 53\ * ]]
		capsule delete -f web
	done
}

@test "a port of a container that has ended without a shim is free for who wants it" {
	local init
	container web one -p 8080:80 -p 8081:81
	init=$(init_of web)
	kill -9 "$(jq .pid "$ROOT/web/shim.json")"
	kill -9 "$init"
	wait_until 5 test ! -e "/proc/$init"
	container other two -p 8080:80
	answers "80 $OUTSIDE" outside $HOST 8080
	not_in_table 8081
}

@test "nft flush ruleset: noticed at the next start, and repaired on request" {
	container web one -p 8080:80
	nft flush ruleset
	silent outside $HOST 8080
	capsule network repair
	answers "80 $OUTSIDE" outside $HOST 8080
	silent outside 10.1.0.2 80
	nft flush ruleset
	container other two -p 9090:80
	answers "80 $OUTSIDE" outside $HOST 8080
	answers "80 $OUTSIDE" outside $HOST 9090
	# a single chain
	nft flush chain inet capsule forward
	container third two
	silent third 10.1.0.2 80
	# an element that somebody took away does not keep the others of its container there
	nft delete element inet capsule any4_port '{ tcp . 8080 }'
	capsule delete -f web
	not_in_table 8080
	nft flush ruleset
	capsule delete -f other
}

@test "tables of others are left alone" {
	nft -f - <<-END
		table inet strangers {
			set s { type ipv4_addr; elements = { 192.0.2.1 } }
			chain c { type filter hook forward priority 10; ip saddr 192.0.2.1 drop; }
		}
	END
	nft list table inet strangers >"$WORK/strangers"
	container web one -p 8080:80
	capsule network repair
	capsule delete -f web
	nft list table inet strangers | diff "$WORK/strangers" -
}

@test "a host whose forward chain drops: what the manual says to add is enough" {
	nft -f - <<-END
		table inet strangers {
			chain forward { type filter hook forward priority 10; policy drop; }
		}
	END
	container web one -p 8080:80
	silent outside $HOST 8080
	nft add rule inet strangers forward oifname one accept
	nft add rule inet strangers forward iifname one accept
	answers "80 $OUTSIDE" outside $HOST 8080
	answers "80 $HOST" web $OUTSIDE 80
	silent outside 10.1.0.2 80
}

@test "a thousand ports cost no process, no rule, and little time" {
	local before after rules
	container web one
	rules=$(nft -a list table inet capsule | grep -c 'handle.*$')
	capsule delete -f web
	before=$(find /proc -maxdepth 1 -name '[0-9]*' | wc -l)
	capsule run -d -b "$BUNDLE" -network one web
	after=$(find /proc -maxdepth 1 -name '[0-9]*' | wc -l)
	capsule delete -f web
	capsule run -d -b "$BUNDLE" -network one -p 10000-10999:80-1079 web
	[ "$(find /proc -maxdepth 1 -name '[0-9]*' | wc -l)" -le "$after" ] && [ "$after" -gt "$before" ]
	[ "$(nft -a list table inet capsule | grep -c 'handle.*$')" = "$rules" ]
	serve_in "$(init_of web)" 80 1079
	answers "80 $OUTSIDE" outside $HOST 10000
	answers "1079 $OUTSIDE" outside $HOST 10999
	capsule delete -f web
	not_in_table 10500
}
