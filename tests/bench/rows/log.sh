# shellcheck shell=bash disable=SC2154 # what run.sh and world.sh set
# SPDX-License-Identifier: Apache-2.0

# 1 GB of lines of 100 bytes, 64 KiB a write, to a log on tmpfs that is not rotated: MB/s from `start` to the exit being known (the log is
# complete then), and CPU time of the logging process alone (schedstat). Also with capsule's rotation as it is by default.
row_log() {
	local mb=1000 dir=$work/conmon/log-conmon words
	[ -z "$quick" ] || mb=100
	make_bundle flood "[\"/bin/load\", \"flood\", \"$mb\"]"
	{
		echo "case log"
		flood_line "capsule cri" --log-driver cri --log-max-size 0
		flood_line "capsule json-file" --log-driver json-file --log-max-size 0
		flood_line "capsule cri, rotated" --log-driver cri
		flood_line "capsule none" --log-driver none
		if [ -n "$conmon" ]; then
			words=$(conmon_words log-conmon flood "k8s-file:$dir/ctr.log")
			echo "conmon k8s-file: !@clear $dir/ctr.log ; !@clear $dir/exits/log-conmon ; !@conmon $words ; !@meter $dir/conmon.pid ;" \
				"!@watch $dir/exits ; ${runtimes[crun]} start log-conmon ; @seen log-conmon ; !@gone $dir/conmon.pid ;" \
				"!@metered $mb ; !${runtimes[crun]} delete -f log-conmon ; !@clear $dir/ctr.log"
		fi
	} | plan 5 1
	for words in cri json-file; do
		goal log speed "capsule $words" 3 "conmon k8s-file"
		goal log CPU "capsule $words" 0.33 "conmon k8s-file"
	done
}

# flood_line NAME OPTION...: the plan's line of one way to log.
flood_line() {
	local name=$1
	shift
	echo "$name: !$capsule create $* -b $bundles/flood fl ; !@meter /run/cps/fl/shim.sock ; $capsule start -d fl ; $capsule wait fl ;" \
		"!@metered $mb ; !$capsule delete -f fl"
}
