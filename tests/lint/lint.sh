#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# lint.sh [--strict] [CHECK...]: what `make lint` runs; every check is one test in TAP, a tool that is missing a skip.
# --strict: exit 1 if a check failed (a TAP harness counts the "not ok" lines and wants 0).
# Without arguments: the checks that CHECKS names, as in `make check CHECKS=sizes TESTS=tests/lint/lint.sh`, or all.
# TOP_SRCDIR and TOP_BUILDDIR name the trees; the build must be done, since some checks look at objects and programs.
set -uo pipefail

: "${TOP_SRCDIR:?}" "${TOP_BUILDDIR:?}"
lint=$TOP_SRCDIR/tests/lint
export CLANG_FORMAT=${CLANG_FORMAT:-clang-format} CLANG_TIDY=${CLANG_TIDY:-clang-tidy}

sources() {
	find lib runtime shim task init systemd criu store network image supervisor tests \( -name '*.c' -o -name '*.h' \) ! -name config.h | LC_ALL=C sort
}

scripts() {
	echo bootstrap
	echo .ci/run
	echo tests/integ/run
	echo tests/clients/run
	find tests docs supervisor \( -name '*.sh' -o -name '*.bash' -o -name '*.bats' \) | LC_ALL=C sort
}

need() {
	command -v "$1" >/dev/null && return 0
	skip="$1 is not installed"
	return 1
}

check_clang_format() {
	need "$CLANG_FORMAT" || return 0
	sources | xargs "$CLANG_FORMAT" --dry-run -Werror
}

check_clang_tidy() {
	need "$CLANG_TIDY" || return 0
	bash "$lint/tidy.sh"
}

check_cppcheck() {
	need cppcheck || return 0
	# It does not know __attribute__((cleanup)), which owns every local here: leaks are left to the sanitizers.
	sources | grep '\.c$' | cppcheck -q -j2 --std=c11 --language=c --enable=warning,performance,portability \
		--inline-suppr --error-exitcode=1 --suppress=missingInclude --suppress=resourceLeak --suppress=memleak \
		--suppress=arrayIndexThenCheck \
		--include=tests/lint/queue.h -D_GNU_SOURCE -DPACKAGE_VERSION='""' -I "$TOP_BUILDDIR/lib" -I lib --file-list=-
}

check_shellcheck() {
	need shellcheck || return 0
	scripts | xargs shellcheck -x
}

check_includes() { bash "$lint/includes.sh"; }
check_names() { bash "$lint/names.sh"; }
check_sizes() { bash "$lint/sizes.sh"; }
check_docs() { bash "$lint/docs.sh"; }

main() {
	local strict='' failed=0 i=0 check skip output
	[[ ${1:-} != --strict ]] || { strict=yes && shift; }
	# shellcheck disable=SC2086 # several words
	(($#)) || set -- ${CHECKS:-clang-format sizes includes names docs shellcheck cppcheck clang-tidy}
	cd "$TOP_SRCDIR" || exit 1
	echo "1..$#"
	for check in "$@"; do
		i=$((i + 1))
		skip=
		output=$(mktemp)
		if "check_${check//-/_}" >"$output" 2>&1; then
			echo "ok $i - $check${skip:+ # SKIP $skip}"
		else
			echo "not ok $i - $check"
			head -n 200 "$output" | sed 's/^/# /'
			failed=1
		fi
		rm -f "$output"
	done
	[[ -z $strict ]] || exit $failed
}

main "$@"
