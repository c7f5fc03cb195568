#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The chaos as a test: most of the time with a seed that stays, so that what fails once fails again, and the rest with one
# made from the commit, so that no two commits try the same. CHAOS_SECONDS and CHAOS_SEED: once, for so long, with that seed.
set -u
build=$TOP_BUILDDIR

# TAP of one run, its tests numbered from $1 on and named.
once() {
	local first=$1 seed=$2 seconds=$3
	"$TOP_SRCDIR/tests/integ/run" "$build" -- "$build/tests/chaos/chaos" "$build" --seed "$seed" --seconds "$seconds" |
		awk -v n="$first" -v seed="$seed" '/^1\.\./ { next }
			/^(not )?ok / { sub(/ok [0-9]+ -/, "ok " n++ " - seed " seed ":"); seen++ } { print; fflush() }
			END { for (; seen < 7; seen++) print "not ok " n++ " - seed " seed ": the run was cut short" }'
}

if [ "$(id -u)" != 0 ]; then
	echo "1..0 # SKIP chaos needs root"
elif [ -n "${CHAOS_SECONDS:-}" ]; then
	echo "1..7"
	once 1 "${CHAOS_SEED:-$(date +%s%N)}" "$CHAOS_SECONDS"
else
	commit=$(git -C "$TOP_SRCDIR" rev-parse --short=8 HEAD 2>/dev/null) || commit=1
	echo "1..14"
	once 1 1 80
	once 8 $((16#$commit)) 30
fi
