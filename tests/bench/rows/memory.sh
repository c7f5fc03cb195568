# shellcheck shell=bash disable=SC2154 # what run.sh and world.sh set
# SPDX-License-Identifier: Apache-2.0

# The smallest linux.resources.memory.limit under which /bin/true runs and ends with 0, five times out of five; bisected to 4 kB,
# three times.
row_memory() {
	local r round
	for ((round = 0; round < 3; round++)); do
		for r in "${runtime_names[@]}"; do
			# shellcheck disable=SC2086 # words
			smallest "$r" ${runtimes[$r]} run --bundle "$bundles/limited"
		done
		# shellcheck disable=SC2086
		smallest capsule $capsule run -b "$bundles/limited"
	done
	goal memory "smallest limit" capsule-runtime 1 crun
	goal memory "smallest limit" capsule 1 crun
}

# starts_under KB COMMAND...
starts_under() {
	local kb=$1 i
	shift
	make_bundle limited '["/bin/true"]' ".linux.resources.memory = {limit: ($kb * 1024)}"
	for i in 1 2 3 4 5; do
		timeout 10 "$@" "m-$kb-$i" </dev/null >/dev/null 2>&1 || {
			"${@:1:3}" delete --force "m-$kb-$i" >/dev/null 2>&1 </dev/null || true
			return 1
		}
	done
}

# smallest CONTENDER COMMAND...
smallest() {
	local who=$1 low=0 high=16384 middle
	shift
	starts_under $high "$@" || {
		note memory "$who: does not start under $high kB"
		return 0
	}
	while [ $((high - low)) -gt 4 ]; do
		middle=$(((low + high) / 2))
		if starts_under $middle "$@"; then high=$middle; else low=$middle; fi
	done
	sample memory "smallest limit" kB "$who" "$high"
}
