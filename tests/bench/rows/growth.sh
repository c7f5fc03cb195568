# shellcheck shell=bash disable=SC2154 # what run.sh and world.sh set
# SPDX-License-Identifier: Apache-2.0

# of_shim PID WHEN: what the shim holds now.
of_shim() {
	local fds=("/proc/$1/fd"/*)
	awk -v when="$2" -v OFS='\t' '
		/^Rss:/ {rss = $2} /^Private_(Clean|Dirty):/ {uss += $2}
		END {print "growth", "USS", "kB", when, uss; print "growth", "RSS", "kB", when, rss}' "/proc/$1/smaps_rollup" >>"$samples"
	sample growth descriptors count "$2" ${#fds[@]}
}

# One shim: looked at when its container has just started, after a hundredth of all that follows (what is allocated once is
# allocated then), and after each of: 10,000 execs, 100,000 resizes of a terminal, 10,000 clients that attach and are killed, 10 GB of
# output to a log that is rotated. The container that floods is another one (its shim is looked at after 0.1 GB and at the end).
row_growth() {
	local pid job socket=/run/cps/grow/shim.sock grow="$stopwatch grow" gb=10
	# another one, so that the pages of the program itself are shared and not counted
	$capsule run -d -b "$bundles/serve" beside </dev/null >/dev/null
	$capsule run -d -b "$bundles/serve" grow </dev/null >/dev/null
	pid=$("$stopwatch" peer $socket)
	sleep 0.2
	of_shim "$pid" "at the start"
	job=$($capsule exec -d -t grow /bin/load serve </dev/null)
	$grow execs "$(part 100)" $socket
	$grow resizes "$(part 1000)" $socket "$job"
	$grow attaches "$(part 100)" $socket
	sleep 0.2
	of_shim "$pid" "warmed up by 1 %"
	$grow execs "$(part 10000)" $socket
	of_shim "$pid" "10,000 execs"
	$grow resizes "$(part 100000)" $socket "$job"
	of_shim "$pid" "100,000 resizes"
	$grow attaches "$(part 10000)" $socket
	sleep 0.5
	of_shim "$pid" "10,000 attach + kill -9"
	$capsule delete -f grow
	[ -z "$quick" ] || note growth "with --quick a tenth of it"

	[ -z "$quick" ] || gb=1
	flooded cri 100 "0.1 GB to the log"
	flooded cri $((gb * 1000)) "$gb GB to the log"
	flooded none 100 "0.1 GB to none"
	flooded none $((gb * 1000)) "$gb GB to none"
	$capsule delete -f beside
	# a tenth: three or four pages more or less on the stack or between allocations is no growth
	goal growth USS "10,000 attach + kill -9" 1.1 "warmed up by 1 %"
	goal growth descriptors "10,000 attach + kill -9" 1 "warmed up by 1 %"
	goal growth USS "$gb GB to the log" 1.1 "0.1 GB to the log"
	goal growth USS "$gb GB to none" 1.1 "0.1 GB to none"
	goal growth descriptors "$gb GB to the log" 1 "0.1 GB to the log"
}

# flooded DRIVER MB NAME: the shim when its container has written that much and ended.
flooded() {
	make_bundle flood "[\"/bin/load\", \"flood\", \"$2\"]"
	$capsule run -d --log-driver "$1" -b "$bundles/flood" grow-flood </dev/null >/dev/null
	$capsule wait grow-flood >/dev/null
	of_shim "$("$stopwatch" peer /run/cps/grow-flood/shim.sock)" "$3"
	$capsule delete -f grow-flood
}
