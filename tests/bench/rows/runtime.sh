# shellcheck shell=bash disable=SC2154 # what run.sh and world.sh set
# SPDX-License-Identifier: Apache-2.0
# The OCI runtimes alone, whole commands: time from the spawn of the command to its end.

# A container whose command is /bin/true, from nothing to nothing. The floor is the bare system calls (floor.c).
row_run() {
	local r
	{
		echo "case run"
		echo "floor: $tools/floor $bundles/true/rootfs floor /bin/true"
		for r in "${runtime_names[@]}"; do echo "$r: ${runtimes[$r]} run --bundle $bundles/true b-$r"; done
	} | plan
	goal run time capsule-runtime 1.5 floor
	goal run time capsule-runtime 0.5 crun
}

# The same with Docker's default seccomp profile, whose filter is cached from the second container on; beside one without.
row_run_seccomp() {
	local r
	# shellcheck disable=SC2016 # a name of jq's
	make_bundle filtered '["/bin/true"]' '.linux.seccomp = $docker[0].linux.seccomp' --slurpfile docker "$source/tests/data/configs/docker-plain.json"
	{
		echo "case run-seccomp"
		echo "unfiltered: ${runtimes[capsule-runtime]} run --bundle $bundles/true b-unfiltered"
		for r in "${runtime_names[@]}"; do echo "$r: ${runtimes[$r]} run --bundle $bundles/filtered b-$r"; done
	} | plan
	goal run-seccomp time capsule-runtime 0.5 crun
}

# start_services / end_services: a running container each.
start_services() {
	local r
	for r in "${runtime_names[@]}"; do
		# shellcheck disable=SC2086 # the command line is words
		${runtimes[$r]} run --detach --bundle "$bundles/serve" "long-$r" >/dev/null 2>&1 </dev/null
	done
}
end_services() {
	local r
	for r in "${runtime_names[@]}"; do
		# shellcheck disable=SC2086
		${runtimes[$r]} delete --force "long-$r"
	done
}

# One more process in a running container: /bin/true, in the foreground.
row_exec() {
	local r
	start_services
	{
		echo "case exec"
		for r in "${runtime_names[@]}"; do echo "$r: ${runtimes[$r]} exec long-$r /bin/true"; done
	} | plan
	end_services
	goal exec time capsule-runtime 0.33 crun
}

# What callers ask most often.
row_state() {
	local r
	start_services
	{
		echo "case state"
		for r in "${runtime_names[@]}"; do echo "$r: ${runtimes[$r]} state long-$r"; done
	} | plan
	end_services
}

# Three commands: create, start, delete --force, of a service.
row_lifecycle() {
	local r a
	{
		echo "case lifecycle"
		for r in "${runtime_names[@]}"; do
			a=${runtimes[$r]}
			echo "$r: $a create --bundle $bundles/serve c-$r ; $a start c-$r ; $a delete --force c-$r"
		done
	} | plan
}
