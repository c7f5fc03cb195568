#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The integration tests that lead through most of the code, for a build with --enable-sanitizers. Leaks are looked for by
# the unit tests: here programs end while they still own what was theirs for as long as they lived.
export RACES=50 # they take longer
export ASAN_OPTIONS=detect_leaks=0${ASAN_OPTIONS:+:$ASAN_OPTIONS}
exec "$TOP_SRCDIR/tests/integ/run" "$TOP_BUILDDIR" \
	"$TOP_SRCDIR"/tests/integ/{10-runtime-life,11-runtime-exec,20-mounts,21-mounts-bad,48-checkpoint,50-cli-lifecycle,51-cli-exec,52-cli-log,56-cli-terminal,90-tour}.bats
