#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016,SC2314 # words for the shells in containers
#
# The older tool's documented command lines about images, as they were written, with images that stand in for
# redis, MySQL and the web application: busybox, and scripts of their programs' names.
bats_require_minimum_version 1.5.0
load helpers
setup() {
	integ_setup
	unset CAPSULE_NETWORK
	cd "$WORK" || return 1
}
teardown() {
	local id
	for id in $(capsule list -q 2>/dev/null); do
		capsule delete -f "$id" || true
	done
	capsule network delete capsule_bridge0 2>/dev/null || true
	integ_teardown
}

capsule() {
	"$CAPSULE" --root "$ROOT" --data-root "$WORK/data" "$@"
}

# image_tar NAME: NAME.tar, a root file system as docker export writes it
image_tar() {
	local tree=$WORK/tree
	mkdir -p "$tree"
	cp -a "$INTEG_ROOTFS/." "$tree"
	mkdir -p "$tree/usr/local/bin" "$tree/usr/bin"
	printf '#!/bin/sh\necho "entrypoint $*"\nexec "$@"\n' >"$tree/usr/local/bin/docker-entrypoint.sh"
	printf '#!/bin/sh\nwhile :; do echo PONG | nc -l -p 6379; done\n' >"$tree/usr/local/bin/redis-server"
	printf '#!/bin/sh\necho "mysqld $*"; echo query >>/logs/log; echo rows >>/var/lib/mysql/data; exec sleep 1000\n' \
		>"$tree/usr/local/bin/mysqld"
	printf '#!/bin/sh\necho "java $* $SPRING_PROFILES_ACTIVE"; exec sleep 1000\n' >"$tree/usr/bin/java"
	printf '#!/bin/sh\nexec sh "$@"\n' >"$tree/bin/bash"
	chmod +x "$tree"/usr/local/bin/* "$tree/usr/bin/java" "$tree/bin/bash"
	tar -C "$tree" -cf "$1.tar" .
}

logged() { # ID TEXT
	capsule log "$1" | grep -q -- "$2"
}

@test "the demo: redis, mysql and the web application, linked" {
	image_tar redis
	cp redis.tar mysql.tar
	cp redis.tar capsule-demo-app.tar
	capsule image create redis redis.tar
	capsule image create mysql mysql.tar
	capsule image create capsule-demo-app capsule-demo-app.tar
	capsule image list | grep -q redis
	capsule image get redis | grep -q redis
	capsule image runc redis /usr/local/bin/docker-entrypoint.sh redis-server --id redis -p 6379:6379 -d
	capsule image runc mysql "/usr/local/bin/docker-entrypoint.sh mysqld --user=root" -id=mysql -v "$WORK/mysql/logs:/logs" -v "$WORK/mysql/data:/var/lib/mysql" -p 3306:3306 -d
	capsule image runc capsule-demo-app "java -jar /app.jar" -id capsule-demo-container -e "SPRING_PROFILES_ACTIVE=prod" -p 8080:8080 -d -link mysql:mysql-container -link redis:redis-container
	wait_until 10 logged redis "entrypoint redis-server"
	wait_until 10 logged mysql "mysqld --user=root"
	wait_until 10 logged capsule-demo-container "java -jar /app.jar prod"
	[ "$(cat "$WORK/mysql/logs/log" "$WORK/mysql/data/data")" = $'query\nrows' ]
	wait_until 10 capsule exec capsule-demo-container sh -c '[ "$(nc -w 1 redis-container 6379 </dev/null)" = PONG ]'
	capsule exec capsule-demo-container ping -c 1 mysql-container
	[ "$(echo 'echo in $0' | capsule exec redis bash)" = "in sh" ]
	[ "$(capsule list | head -n 1 | tr -s ' ')" = "ID PID STATUS IP BUNDLE CREATED" ]
	capsule list | grep -q '^redis .*Running .*192\.168\.1\.'
	capsule network list | grep -q capsule_bridge0
	capsule network show capsule_bridge0 | grep -q 192.168.1.0/24
	capsule ps mysql | grep -q sleep
	capsule kill capsule-demo-container SIGKILL
	capsule wait capsule-demo-container
	capsule image destroyc capsule-demo-container
	capsule image destroyc redis -f
	capsule image destroyc mysql -f
	capsule image delete redis
	capsule image delete mysql
	capsule image delete capsule-demo-app
	[ "$(capsule list -q)" = "" ]
	[ -z "$(capsule image list -q)" ]
}

@test "image run IMAGE COMMAND --name NAME; every option of image runc" {
	image_tar box
	capsule image create box box.tar
	capsule image run box sleep 1000 --name c1 -d
	[ "$(capsule exec c1 hostname)" = c1 ]
	capsule image destroyc -f c1
	capsule image runc box "sleep 1000" -detach -id c2 -cwd /tmp -env A=1 -e B=2 -hostname h -cpushare 512 -memory 104857600 \
		-network capsule_bridge0 -port 8081:80 -label K=V -volume /scratch
	[ "$(capsule exec c2 sh -c 'pwd; echo $A$B; hostname')" = $'/tmp\n12\nh' ]
	capsule inspect c2 | jq -e '.[0].labels.K == "V"'
	capsule image destroyc c2 -f
	[ "$(capsule image runc box pwd -id c3 -workdir /var --rm)" = /var ]
	[ "$(capsule image runc box hostname -id c4 -h four -c 1024 -m 0 -net none -l a=b --rm)" = four ]
	run capsule image runc box true -id c5 -net nope
	[ "$status" = 125 ]
	[ "$(capsule list -q)" = "" ]
}

@test "an image may be a directory, a memory limit 100m, a CPU limit in microseconds" {
	[ "$(capsule image run -it --net none --name t --cpu 50000 --mem 100m -v "$WORK/host:/in" --rm "$INTEG_ROOTFS" sh -c 'echo here >/in/x; echo done' | tr -d '\r')" = "done" ]
	[ "$(cat "$WORK/host/x")" = here ]
}
