#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2030,SC2031 # each test is a process of its own
#
# Volumes by hand. Those of containers that come from images are in 70 and the following.

load helpers

setup() {
	integ_setup
	DATA=$WORK/data
}

teardown() {
	integ_teardown
}

fails() {
	run "$@"
	[ "$status" -eq 125 ]
}

volume() {
	"$CAPSULE" --root "$ROOT" --data-root "$DATA" volume "$@"
}

@test "volume create, list, get, delete" {
	[ "$(volume list -q)" = "" ]
	[ "$(volume list --format json | jq -c .)" = "[]" ]
	volume prune
	[ ! -e "$DATA" ] # looking makes nothing
	[ "$(volume create -l tier=db --label empty db)" = db ]
	[ "$(volume create db)" = db ] # as good as made
	[ "$(volume list -q)" = db ]
	volume list | grep -q '^NAME  *CREATED  *USED BY  *LABELS'
	volume list | grep -q '^db .* - .*tier=db,empty='
	run volume get db
	[ "$status" -eq 0 ]
	[ "$(jq -r '.[0].labels.tier' <<<"$output")" = db ]
	[ "$(jq -r '.[0].anonymous' <<<"$output")" = false ]
	[ -d "$(jq -r '.[0].path' <<<"$output")" ]
	[ "$(volume list --format json | jq -r '.[].name')" = db ]
	volume delete db
	fails volume get db
	[[ $output == *"no such volume: 'db'"* ]]
	fails volume delete db
	[[ $output == *"no such volume: 'db'"* ]]
	volume delete -f db
	[ -z "$(find "$DATA/trash" -mindepth 1)" ]
}

@test "volume: anonymous ones have names of 64 digits, and prune takes them" {
	name=$(volume create)
	[[ $name =~ ^[0-9a-f]{64}$ ]]
	volume create keep
	mkdir "$DATA/volumes/.new-crash"
	[ "$(volume prune)" = "$name" ]
	[ ! -e "$DATA/volumes/.new-crash" ]
	[ "$(volume list -q)" = keep ]
	[ "$(volume prune -a)" = keep ]
	[ "$(volume list -q)" = "" ]
}

@test "volume: names that are none" {
	for name in .. ../x .x -x 'a/b' 'a b' $'a\nb' "$(printf 'x%.0s' {1..65})"; do
		fails volume create -- "$name"
		[[ $output == *"is no volume's name"* ]]
		fails volume delete -- "$name"
	done
	fails volume create -l =x y
	[[ $output == *"KEY=VALUE is wanted"* ]]
	[ ! -e "$DATA/volumes" ] || [ -z "$(find "$DATA/volumes" -mindepth 1)" ]
}

@test "volume: made by 20 at once it is there once" {
	for _ in {1..20}; do
		volume create same >/dev/null 3>&- &
	done
	wait
	[ "$(find "$DATA/volumes" -mindepth 1 -maxdepth 1)" = "$DATA/volumes/same" ]
	volume get same >/dev/null
}
