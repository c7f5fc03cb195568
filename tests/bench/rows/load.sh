# shellcheck shell=bash disable=SC2154 # what run.sh and world.sh set
# SPDX-License-Identifier: Apache-2.0
# Many containers.

# 200 services started, 8 commands at a time: `run --detach`, whole commands; starts a second, each command's time, the slowest.
row_parallel() {
	local r count round
	count=$(part 200)
	for ((round = 0; round < 3; round++)); do
		for r in "${runtime_names[@]}"; do
			# shellcheck disable=SC2086 # words
			"$stopwatch" parallel "$samples" parallel "$r" "$count" 8 ${runtimes[$r]} run --detach --bundle "$bundles/serve" "p-$r-%"
			# shellcheck disable=SC2086
			"$stopwatch" parallel "$work/ignored" parallel "$r" "$count" 4 ${runtimes[$r]} delete --force "p-$r-%"
			sleep 0.5
		done
		"$stopwatch" parallel "$samples" parallel capsule "$count" 8 "$capsule_bin" --root /run/cps run -d -b "$bundles/serve" "p-capsule-%"
		"$stopwatch" parallel "$work/ignored" parallel capsule "$count" 4 "$capsule_bin" --root /run/cps delete -f "p-capsule-%"
		sleep 0.5
	done
	goal parallel starts capsule-runtime 2 crun
	goal parallel slowest capsule-runtime 1000 - max
	goal parallel slowest capsule 1000 - max
}

# One start while 500 services run (under capsule), against the same before them and after their end. The floor says what the
# kernel charges for the crowd.
row_crowd() {
	local count
	count=$(part 500)
	crowd_round "none running"
	"$stopwatch" parallel "$work/ignored" crowd capsule "$count" 2 "$capsule_bin" --root /run/cps run -d -b "$bundles/serve" "crowd-%"
	sleep 1
	crowd_round "$count running"
	"$stopwatch" parallel "$work/ignored" crowd capsule "$count" 2 "$capsule_bin" --root /run/cps delete -f "crowd-%"
	sleep 1
	crowd_round "none again"
	goal crowd time "capsule run -d, $count running" 1.2 "capsule run -d, none running"
	goal crowd time "capsule-runtime run, $count running" 1.2 "capsule-runtime run, none running"
	goal crowd time "floor, $count running" 1.2 "floor, none running"
}
crowd_round() {
	{
		echo "case crowd"
		echo "capsule run -d, $1: $capsule run -d -b $bundles/serve one ; !$capsule delete -f one"
		echo "capsule-runtime run, $1: ${runtimes[capsule-runtime]} run --bundle $bundles/true one-more"
		echo "floor, $1: $tools/floor $bundles/true/rootfs floor /bin/true"
	} | plan "$(((rounds + 1) / 2))"
}
