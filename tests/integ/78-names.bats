#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2030,SC2031 # each test has a directory of its own
#
# Names: hosts, hostname and resolv.conf of containers, seen from within, and kept up to date while others come and go.
bats_require_minimum_version 1.5.0
load helpers

setup() {
	integ_setup
	capsule network create one --subnet 10.1.0.0/24 --subnet fd01::/64
	capsule network create two --subnet 10.2.0.0/24
}

teardown() {
	local id
	for id in $(capsule list -q 2>/dev/null); do
		capsule delete -f "$id" || true
	done
	capsule network delete one two || true
	integ_teardown
}

capsule() {
	"$CAPSULE" --root "$ROOT" --data-root "$WORK/data" "$@"
}

# container ID NETWORK [OPTION]...
container() {
	local id=$1 network=$2
	shift 2
	capsule image run -d -id "$id" -network "$network" "$@" "$INTEG_ROOTFS" sleep 1000
}

hosts_of() {
	capsule exec "$1" cat /etc/hosts
}

# knows ID NAME ADDRESS: this is the first line with that name; "" for none
knows() {
	local found
	found=$(hosts_of "$1" | awk -v name="$2" '!/^#/ {for (i = 2; i <= NF; i++) if ($i == name) {print $1; exit}}')
	[ "$found" = "$3" ] || {
		echo "$1 has $2 at '$found', not at '$3'"
		return 1
	}
}

@test "own name, and the others' by id, hostname and alias" {
	container web one -hostname web-host --network-alias www --network-alias site
	container db one
	[ "$(capsule exec web cat /etc/hostname)" = web-host ]
	[ "$(capsule exec web hostname)" = web-host ]
	knows web web 10.1.0.2
	knows web localhost 127.0.0.1
	for name in web web-host www site; do
		knows db $name 10.1.0.2
	done
	knows web db 10.1.0.3
	hosts_of db | grep -q '^fd01::2.web web-host www site$'
	# each line is there once, one's own too
	[ -z "$(hosts_of web | sort | uniq -d)" ]
	[ "$(hosts_of web | grep -c web-host)" = 2 ]
	capsule exec db ping -c 1 -W 3 www
}

@test "rename: the others find it by the new name and by its id, no longer by the old one" {
	container c1 one
	container c2 one -link c1:first
	capsule rename c1 web
	knows c2 web 10.1.0.2
	knows c1 web 10.1.0.2
	container c3 one -link web:second
	knows c3 web 10.1.0.2
	knows c3 second 10.1.0.2
	capsule network disconnect two web && false
	capsule network connect two web
	container c4 two
	knows c4 web 10.2.0.2
	capsule rename web front
	for who in c2 c3; do
		knows $who front 10.1.0.2
		knows $who c1 10.1.0.2
		knows $who web ""
	done
	knows c2 first 10.1.0.2
	knows c4 front 10.2.0.2
	knows c4 web ""
	capsule exec c4 ping -c 1 -W 3 front
	capsule network disconnect two front
	knows c4 front ""
	capsule rename front c1
	knows c2 front ""
	knows c2 c1 10.1.0.2
	# one that was killed before it had told the networks is said again
	capsule rename c1 web
	strace -qq -o /dev/null -e trace=pwrite64 -e inject=pwrite64:signal=SIGKILL:when=1 \
		"$CAPSULE" --root "$ROOT" --data-root "$WORK/data" rename web late && false
	capsule rename late late
	knows c2 late 10.1.0.2
	knows c2 web ""
}

@test "who joins later is seen by those that run, in the same file, and who leaves is not" {
	local inode
	container web one
	inode=$(stat -c %i "$WORK/data/containers/web/hosts")
	knows web db ""
	container db one
	knows web db 10.1.0.3
	capsule delete -f db
	knows web db ""
	[ "$(stat -c %i "$WORK/data/containers/web/hosts")" = "$inode" ]
	[ "$(capsule exec web tail -c 1 /etc/hosts | wc -l)" = 1 ]
}

@test "who ends is not seen any longer, though it is not deleted" {
	container web one
	container db one
	knows web db 10.1.0.3
	capsule stop -t 0 db
	wait_until 5 knows web db ""
	capsule delete db
}

@test "network connect and disconnect" {
	container web one
	container db two
	knows web db ""
	capsule network connect one db
	knows web db 10.1.0.3
	knows db web 10.1.0.2
	knows db db 10.1.0.3
	hosts_of db | grep -q '^10.2.0.2.db'
	# the others of both
	container third two
	knows db third 10.2.0.3
	knows db web 10.1.0.2
	knows web third ""
	capsule network disconnect one db
	knows web db ""
	knows db web ""
	knows db third 10.2.0.3
}

@test "links: only the one that links knows the alias" {
	container mysql one
	container app one -link mysql:mysql-container
	container other one
	knows app mysql-container 10.1.0.2
	knows other mysql-container ""
	knows other mysql 10.1.0.2
	# the linked one comes back with another address
	capsule delete -f mysql
	knows app mysql-container ""
	container filler one --ip 10.1.0.2
	container mysql one --ip 10.1.0.77
	knows app mysql-container 10.1.0.77
}

@test "a link's name comes before somebody else's of the same name" {
	container db one
	container real one
	container app one -link real:db
	knows app db 10.1.0.3
}

@test "--add-host, host-gateway" {
	container web one --add-host bank.example:192.0.2.7 --add-host six:fd00::7 --add-host up:host-gateway
	knows web bank.example 192.0.2.7
	knows web six fd00::7
	knows web up 10.1.0.1
	container db one
	knows web bank.example 192.0.2.7
	knows web db 10.1.0.3
	knows db bank.example ""
}

@test "values that would be lines or words of their own are refused" {
	local bad
	for bad in $'a\n192.0.2.66 bank.example' 'a b' $'a\tb' '#a' '-a' 'a:b' ''; do
		run -125 container web one -hostname "$bad"
		[ -z "$bad" ] || run -125 container web one --network-alias "$bad"
		run -125 container web one --add-host "$bad:192.0.2.1"
		run -125 container web one --dns "$bad"
	done
	run -125 container web one --add-host $'a:192.0.2.1\n192.0.2.66 bank.example'
	run -125 container web one --add-host a:192.0.2.1.5
	run -125 container web one --dns 10.0.0.53.1
	[[ $output == *"not an address"* ]]
	container db one
	run -125 container web one -link $'db:x\n192.0.2.66 bank.example'
	run -125 container web one -link $'db:x y'
	[ "$(capsule list -q)" = db ]
	run hosts_of db
	[[ $output != *bank.example* ]]
}

@test "a container that spoils its own hosts spoils nobody else's" {
	container web one
	capsule exec web sh -c 'echo "192.0.2.66 db" >/etc/hosts; echo "@db x" >>/etc/hosts'
	container db one
	knows web db 10.1.0.3
	run hosts_of db
	[[ $output != *192.0.2.66* ]]
}

@test "resolv.conf: the host's, without those on its loopback; --dns; something that can be used in any case" {
	local etc=$WORK/resolv.conf
	printf 'nameserver 192.0.2.53\nnameserver 127.0.0.1\nsearch lan.example\n' >"$etc"
	mount --bind "$etc" /etc/resolv.conf
	container web one
	[ "$(capsule exec web cat /etc/resolv.conf)" = $'nameserver 192.0.2.53\nsearch lan.example' ]
	capsule delete -f web
	container web one --dns 192.0.2.99
	[ "$(capsule exec web cat /etc/resolv.conf)" = $'nameserver 192.0.2.99\nsearch lan.example' ]
	capsule delete -f web
	# the stub of systemd-resolved
	echo 'nameserver 127.0.0.53' >"$etc"
	mkdir -p /run/systemd/resolve
	echo 'nameserver 192.0.2.54' >/run/systemd/resolve/resolv.conf
	container web one
	[ "$(capsule exec web cat /etc/resolv.conf)" = 'nameserver 192.0.2.54' ]
	capsule delete -f web
	rm -r /run/systemd
	container web one
	[ "$(capsule exec web cat /etc/resolv.conf)" = $'nameserver 1.1.1.1\nnameserver 8.8.8.8' ]
	capsule delete -f web
	container web host
	[ "$(capsule exec web cat /etc/resolv.conf)" = 'nameserver 127.0.0.53' ]
	umount /etc/resolv.conf
}

@test "no network: it knows itself" {
	container web none -hostname alone
	knows web alone 127.0.0.1
	knows web web 127.0.0.1
}
