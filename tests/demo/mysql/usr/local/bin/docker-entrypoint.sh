#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The entrypoint of the demonstration's MySQL: an empty data directory is initialised, then the server starts. An
# initialisation that was killed begins again: the directory `mysql`, which tells that there is data, comes last.
set -e
data=/var/lib/mysql
if [ "$1" != mysqld ]; then
	exec "$@"
fi
shift
mkdir -p "$data" /run/mysqld /logs
if [ ! -d "$data/mysql" ]; then
	echo "initialising $data"
	rm -rf "$data/.new"
	mkdir "$data/.new"
	mariadb-install-db --no-defaults --user=root --datadir="$data/.new" --auth-root-authentication-method=normal \
		--skip-name-resolve --skip-test-db >/dev/null
	for entry in "$data"/.new/*; do
		[ "$entry" = "$data/.new/mysql" ] || mv -f "$entry" "$data/"
	done
	mv "$data/.new/mysql" "$data/mysql"
	rm -rf "$data/.new"
fi
exec mysqld --no-defaults --datadir="$data" --socket=/run/mysqld/mysqld.sock --bind-address=0.0.0.0 --skip-name-resolve \
	--init-file=/usr/local/share/demo.sql --general-log --general-log-file=/logs/queries.log "$@"
