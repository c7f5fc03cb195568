dnl SPDX-License-Identifier: Apache-2.0
dnl The --enable switches of this package.
AC_DEFUN([CPS_OPTIONS], [
AC_ARG_ENABLE([static-programs],
	[AS_HELP_STRING([--disable-static-programs], [link capsule-runtime and capsule-shim dynamically (default: static where the libraries allow it)])],
	[], [enable_static_programs=auto])
AC_ARG_ENABLE([werror],
	[AS_HELP_STRING([--enable-werror], [make compiler warnings errors])], [], [enable_werror=no])
AC_ARG_ENABLE([sanitizers],
	[AS_HELP_STRING([--enable-sanitizers], [build with AddressSanitizer and UBSan (dynamic programs)])],
	[], [enable_sanitizers=no])
AC_ARG_ENABLE([faults],
	[AS_HELP_STRING([--enable-faults], [compile in fault injection for tests; never in a release build])],
	[], [enable_faults=no])
AC_ARG_ENABLE([coverage],
	[AS_HELP_STRING([--enable-coverage], [build for gcov and lcov])], [], [enable_coverage=no])
AC_ARG_ENABLE([fuzzers],
	[AS_HELP_STRING([--enable-fuzzers], [build the fuzz targets with libFuzzer (needs CC=clang); without it they replay their corpus])],
	[], [enable_fuzzers=no])

AS_IF([test "x$enable_faults" = xyes],
	[AC_DEFINE([CAPSULE_FAULTS], [1], [Steps can be made to fail, for tests.])])
AM_CONDITIONAL([ENABLE_FAULTS], [test "x$enable_faults" = xyes])
AM_CONDITIONAL([ENABLE_SANITIZERS], [test "x$enable_sanitizers" = xyes])
AM_CONDITIONAL([ENABLE_COVERAGE], [test "x$enable_coverage" = xyes])
AM_CONDITIONAL([ENABLE_FUZZERS], [test "x$enable_fuzzers" = xyes])
])
