dnl SPDX-License-Identifier: Apache-2.0
dnl CPS_TRY_CFLAG(VARIABLE, FLAG): append FLAG to VARIABLE if the compiler takes it without a word.
AC_DEFUN([CPS_TRY_CFLAG], [
AC_MSG_CHECKING([whether $CC accepts $2])
cps_saved_CFLAGS=$CFLAGS
CFLAGS="$CFLAGS -Werror $2"
AC_COMPILE_IFELSE([AC_LANG_PROGRAM([], [])], [cps_ok=yes], [cps_ok=no])
CFLAGS=$cps_saved_CFLAGS
AC_MSG_RESULT([$cps_ok])
AS_IF([test $cps_ok = yes], [$1="$$1 $2"])
])

dnl CPS_TRY_LDFLAG(VARIABLE, FLAG)
AC_DEFUN([CPS_TRY_LDFLAG], [
AC_MSG_CHECKING([whether the linker accepts $2])
cps_saved_LDFLAGS=$LDFLAGS
LDFLAGS="$LDFLAGS $2"
AC_LINK_IFELSE([AC_LANG_PROGRAM([], [])], [cps_ok=yes], [cps_ok=no])
LDFLAGS=$cps_saved_LDFLAGS
AC_MSG_RESULT([$cps_ok])
AS_IF([test $cps_ok = yes], [$1="$$1 $2"])
])

dnl Sets CPS_CFLAGS and CPS_LDFLAGS (every object and program), CPS_PIE_CFLAGS and CPS_PIE_LDFLAGS (programs that load
dnl shared libraries).
AC_DEFUN([CPS_COMPILER_FLAGS], [
CPS_CFLAGS="-std=gnu11"
CPS_LDFLAGS=
m4_foreach_w([cps_flag], [-Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wswitch-enum -Wformat=2 -Wvla
	-Wundef -Wimplicit-fallthrough -fno-strict-aliasing -fstack-protector-strong -ffunction-sections -fdata-sections],
	[CPS_TRY_CFLAG([CPS_CFLAGS], cps_flag)])
m4_foreach_w([cps_flag], [-Wl,--gc-sections -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack],
	[CPS_TRY_LDFLAG([CPS_LDFLAGS], m4_quote(cps_flag))])
AS_IF([test "x$enable_werror" = xyes], [CPS_CFLAGS="$CPS_CFLAGS -Werror"])

dnl glibc warns if FORTIFY is asked for without optimisation, and the sanitizers replace what it would check.
AS_CASE([" $CFLAGS "],
	[*" -O0 "*], [],
	[*" -O"*], [AS_IF([test "x$enable_sanitizers" = xno && test "x$enable_fuzzers" = xno],
		[CPS_CFLAGS="$CPS_CFLAGS -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2"])])

AS_IF([test "x$enable_sanitizers" = xyes || test "x$enable_fuzzers" = xyes], [
	cps_san="-fsanitize=address,undefined -fno-omit-frame-pointer -fno-sanitize-recover=undefined"
	CPS_CFLAGS="$CPS_CFLAGS $cps_san"
	CPS_LDFLAGS="$CPS_LDFLAGS -fsanitize=address,undefined"
	AC_DEFINE([CAPSULE_SANITIZERS], [1], [Built with AddressSanitizer and UBSan.])
])
AS_IF([test "x$enable_coverage" = xyes], [
	CPS_CFLAGS="$CPS_CFLAGS --coverage -fprofile-update=atomic"
	CPS_LDFLAGS="$CPS_LDFLAGS --coverage"
	AC_DEFINE([CAPSULE_COVERAGE], [1], [Built for gcov: processes dump their counters before they leave.])
])
CPS_FUZZ_CFLAGS=
CPS_FUZZ_LDFLAGS=
AS_IF([test "x$enable_fuzzers" = xyes], [
	cps_saved_CFLAGS=$CFLAGS
	CFLAGS="$CFLAGS -fsanitize=fuzzer-no-link"
	AC_COMPILE_IFELSE([AC_LANG_PROGRAM([], [])], [],
		[AC_MSG_ERROR([--enable-fuzzers needs a compiler with libFuzzer: configure with CC=clang])])
	CFLAGS=$cps_saved_CFLAGS
	dnl every object is instrumented (that is how coverage guides the fuzzer); only the targets get libFuzzer's main
	CPS_CFLAGS="$CPS_CFLAGS -fsanitize=fuzzer-no-link"
	CPS_FUZZ_CFLAGS="-fsanitize=fuzzer"
	CPS_FUZZ_LDFLAGS="-fsanitize=fuzzer"
])

CPS_PIE_CFLAGS=
CPS_PIE_LDFLAGS=
CPS_TRY_CFLAG([CPS_PIE_CFLAGS], [-fPIE])
CPS_TRY_LDFLAG([CPS_PIE_LDFLAGS], [-pie])
AC_SUBST([CPS_CFLAGS])
AC_SUBST([CPS_LDFLAGS])
AC_SUBST([CPS_PIE_CFLAGS])
AC_SUBST([CPS_PIE_LDFLAGS])
AC_SUBST([CPS_FUZZ_CFLAGS])
AC_SUBST([CPS_FUZZ_LDFLAGS])
])
