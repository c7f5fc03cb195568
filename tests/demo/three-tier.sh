#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# three-tier.sh BUILD: a web application with MySQL behind it and redis beside it, each in a container from an image of its own, with
# the programs in BUILD and the command lines of the tool that capsule follows. Every line after "$" is run as it stands and what follows
# it is what it printed; what is said to hold is checked, and at the end nothing may be left that was not there before.
#
# It runs as root in namespaces of its own (tests/integ/run), where the default directories are empty and no port is taken. One more
# network namespace is a machine of the local network, 10.99.0.2, to which this one is 10.99.0.1.
set -euo pipefail

build=$(cd -- "${1:?three-tier.sh BUILD}" && pwd)
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
if [[ ${CAPSULE_DEMO_INSIDE:-} != yes ]]; then
	[[ $(id -u) == 0 ]] || {
		echo "demo: containers need root" >&2
		exit 1
	}
	bash "$here/images.sh" "$build/demo"
	CAPSULE_DEMO_INSIDE=yes exec "$here/../integ/run" "$build" -- bash "${BASH_SOURCE[0]}" "$build"
fi
# shellcheck source=tests/integ/helpers.bash
. "$here/../integ/helpers.bash"
unset CAPSULE_NETWORK # what is not said is the default bridge

work=/tmp/t.three-tier
images=$build/demo
app=http://127.0.0.1:8080
mkdir "$work"
cd "$work"
capsule() {
	"$CAPSULE" "$@"
}

bold=$'\e[1m' plain=$'\e[0m'
[[ -t 1 ]] || bold='' plain=''
title() {
	printf '\n%s# %s%s\n' "$bold" "$*" "$plain"
}

prompt() {
	printf '%s$ %s%s\n' "$bold" "$*" "$plain"
}

# show 'COMMAND LINE': prints it, runs it, keeps its output in $out, and says its exit status if that is not 0.
show() {
	local rc=0
	prompt "$1"
	eval "$1" >out 2>&1 </dev/null || rc=$?
	cat out
	((rc == 0)) || printf '(exit status %d)\n' "$rc"
	out=$(cat out)
	return $rc
}

# expect PATTERN: what show printed last contains it.
expect() {
	# shellcheck disable=SC2053 # a pattern
	[[ $out == *$1* ]] || fail "not in the output: $1"
}

fail() {
	printf 'demo: %s\n' "$*" >&2
	for id in redis mysql capsule-demo-container; do
		printf -- '-- log of %s\n' "$id" >&2
		capsule log --tail 20 "$id" >&2 || true
	done
	exit 1
}

# wait_for COMMAND...: for a service to answer; a minute, since an emulated processor initialises a database slowly
wait_for() {
	wait_until 60 "$@" || fail "no answer to: $*"
}

start_mysql() {
	show "capsule image runc mysql \"/usr/local/bin/docker-entrypoint.sh mysqld --user=root\" -id=mysql -v $work/mysql/logs:/logs -v $work/mysql/data:/var/lib/mysql -p 3306:3306 -d"
}

machine() {
	nsenter --net=/proc/"$machine"/ns/net "$@"
}

# The machine next door goes; the parents of all containers' cgroups stay, and so does the record of events.
finish() {
	[[ -z ${machine:-} ]] || kill "$machine" 2>/dev/null || true
	for id in capsule-demo-container mysql redis; do
		capsule image destroyc "$id" -f >/dev/null 2>&1 || true
	done
}
trap finish EXIT

snapshot >before
unshare --net sleep infinity &
machine=$!
wait_until 5 eval "[[ \$(readlink /proc/$machine/ns/net) != \$(readlink /proc/self/ns/net) ]]"
ip link add lan0 type veth peer name lan0 netns "$machine"
ip addr add 10.99.0.1/24 dev lan0
ip link set lan0 up
machine ip addr add 10.99.0.2/24 dev lan0
machine ip link set lan0 up

title "Three images of three root file systems"
show "capsule image create redis $images/redis.tar"
show "capsule image create mysql $images/mysql.tar"
show "capsule image create capsule-demo-app $images/capsule-demo-app.tar"
show "capsule image list"

title "Three containers: ports published, data in volumes, the application linked with the other two"
show "capsule image runc redis /usr/local/bin/docker-entrypoint.sh redis-server --id redis -p 6379:6379 -d"
start_mysql
show "capsule image runc capsule-demo-app \"python3 /app.py\" -id capsule-demo-container -e \"DEMO_PROFILE=prod\" -p 8080:8080 -d -link mysql:mysql-container -link redis:redis-container"
show "capsule list"
for id in redis mysql capsule-demo-container; do
	[[ $out =~ (^|$'\n')"$id"\ +[0-9]+\ +[Rr]unning\ +192\.168\.1\.[0-9]+ ]] || fail "list does not show $id running with an address"
done
show "capsule exec capsule-demo-container cat /etc/hosts"
expect mysql-container
expect redis-container
wait_for curl -fs "$app/users"

title "The application, through the port published on this machine"
show "curl -s $app/users -d '{\"name\": \"Ada\", \"email\": \"ada@example.org\"}'"
expect '"id": 1'
show "curl -s $app/users -d '{\"name\": \"Charles\", \"email\": \"charles@example.org\"}'"
show "curl -si $app/users/1 | grep -E '^X-Cache|^{'"
expect 'X-Cache: miss'
expect Ada
show "curl -si $app/users/1 | grep -E '^X-Cache|^{'"
expect 'X-Cache: hit'
expect Ada
show "capsule exec redis redis-cli get user:1"
expect Ada
show "capsule exec mysql mysql -e 'select * from demo.users'"
expect Charles

title "And from elsewhere: by the bridge's address, and from another machine of the network"
show "curl -s http://192.168.1.1:8080/users"
expect Ada
show "machine curl -s --max-time 10 http://10.99.0.1:8080/users"
expect Charles
show "capsule log capsule-demo-container"
expect 'profile prod'
expect '10.99.0.2 - - '

title "MySQL is started anew with the same volume"
show "capsule image destroyc mysql -f"
show "curl -s $app/users"
expect error
start_mysql
wait_for curl -fs "$app/users"
show "curl -s $app/users"
expect Ada
expect Charles
show "capsule log mysql 2>&1 | grep 'ready for connections'"
show "tail -n 1 mysql/logs/queries.log"
expect 'Quit'

title "All of it goes, and nothing stays"
show "capsule image destroyc capsule-demo-container -f"
show "capsule image destroyc mysql -f"
show "capsule image destroyc redis -f"
show "capsule image delete capsule-demo-app"
show "capsule image delete mysql"
show "capsule image delete redis"
show "capsule network delete capsule_bridge0 -driver bridge"
show "capsule system check"
kill "$machine"
wait "$machine" 2>/dev/null || true
machine=
unchanged() {
	snapshot >all
	# these stay on purpose: the record of events, compiled seccomp filters
	grep -vE '^file /(run/capsule|run/capsule/(events\.log|\.seccomp).*|var/lib/capsule.*)$' all >after
	diff before after >left
}
wait_until 10 unchanged || fail "left behind: $(cat left)"
# of the store: its directories and their locks
left=$(cd /var/lib/capsule && find . -mindepth 2 ! -type d ! -name '*lock' && find containers layers volumes trash -mindepth 1)
[[ -z $left ]] || fail "left in the store: $left"
echo
echo "three tiers: all as it should be, in $SECONDS s"
