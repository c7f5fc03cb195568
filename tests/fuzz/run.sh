#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# run.sh BUILD SOURCE SECONDS [TARGET...]: libFuzzer on each target (frame, spec, …; all by default) for SECONDS, starting
# from its corpus. What it finds new stays in BUILD/fuzz-corpus; a crash is left in BUILD as crash-TARGET-… and ends the run.
set -euo pipefail

build=$1 source=$2 seconds=$3
shift 3
targets=("$@")
if ((!$#)); then
	for file in "$build"/tests/fuzz/fuzz-*; do
		[[ ! -x $file ]] || targets+=("${file##*/fuzz-}")
	done
fi
for target in "${targets[@]}"; do
	echo "== $target, $seconds s"
	mkdir -p "$build/fuzz-corpus/$target"
	options=(-max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -print_final_stats=1
		-artifact_prefix="$build/crash-$target-")
	dict=$source/tests/fuzz/$target.dict
	[[ ! -e $dict ]] || options+=(-dict="$dict")
	"$build/tests/fuzz/fuzz-$target" "${options[@]}" "$build/fuzz-corpus/$target" "$source/tests/fuzz/corpus/$target"
done
