#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The entrypoint of the demonstration's redis: as root it takes the data directory over and goes on as the user redis.
set -e
case ${1:-} in
'' | -*) set -- redis-server "$@" ;;
esac
if [ "$1" = redis-server ] && [ "$(id -u)" = 0 ]; then
	mkdir -p /data
	chown -R redis:redis /data
	cd /data
	exec setpriv --reuid=redis --regid=redis --init-groups "$0" "$@"
fi
# who may connect is decided by the network
[ "$1" != redis-server ] || set -- "$@" --protected-mode no
exec "$@"
