#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# clang-tidy over every C file of the programs, two at a time. A file that was clean is not looked at again until it, a
# header or the configuration changes: the stamps are in the build tree.
set -uo pipefail

cd "$TOP_SRCDIR" || exit 1
stamps=$TOP_BUILDDIR/lint-stamps
mkdir -p "$stamps"
common=$(cat .clang-tidy tests/lint/analyser.h "$TOP_BUILDDIR/lib/config.h" {lib,runtime,shim,task,init,systemd,criu,store,network,image,supervisor}/*.h 2>/dev/null | sha256sum)
export common stamps

tidy_one() {
	local file=$1 stamp
	local flags=(-std=gnu11 -Wall -Wextra -I"$TOP_BUILDDIR/lib" -Ilib -iquote "${file%%/*}")
	[[ $file != @(image|supervisor)/* ]] || flags+=(-iquote store -iquote network)
	[[ $file != task/* ]] || flags+=(-I"$TOP_BUILDDIR/task" -iquote shim)
	[[ $file != criu/* ]] || flags+=(-iquote runtime -I"$TOP_BUILDDIR/criu")
	[[ $file != lib/* ]] || flags+=(-DLINT_LIB)
	# shellcheck disable=SC2207 # words are what there is
	[[ $file != network/* ]] || flags+=($(pkg-config --cflags libnl-3.0))
	stamp=$stamps/$(printf '%s' "$common" | cat - "$file" | sha256sum | cut -c1-32)
	[[ ! -e $stamp ]] || return 0
	"$CLANG_TIDY" --quiet "$file" -- "${flags[@]}" -include tests/lint/analyser.h 2>/dev/null || return 1
	: >"$stamp"
}
export -f tidy_one

# shellcheck disable=SC2016  # expanded by the inner shell
find lib runtime shim task init systemd criu store network image supervisor -name '*.c' | LC_ALL=C sort | xargs -P2 -I{} bash -c 'tidy_one "$1"' - {}
