dnl SPDX-License-Identifier: Apache-2.0
dnl The libraries, and how each program is linked with them:
dnl   LIB_LIBS         what lib/ itself needs (yajl), shared
dnl   RUNTIME_LIBS     capsule-runtime: yajl, libcap, libseccomp    with RUNTIME_CFLAGS, RUNTIME_LDFLAGS
dnl   SHIM_LIBS        capsule-shim: yajl, libevent_core            with SHIM_CFLAGS, SHIM_LDFLAGS
dnl   SUPERVISOR_LIBS  capsule: yajl, libnl-3, libnl-route-3       with SUPERVISOR_CFLAGS, SUPERVISOR_LDFLAGS
dnl   IMAGE_LIBS       capsule-image: yajl, libarchive, libcurl, libcrypto, shared    with IMAGE_CFLAGS
dnl   SYSTEMD_LIBS     capsule-systemd: yajl; libsystemd is loaded when it runs, here its header is enough
dnl   TASK_LIBS        containerd-shim-capsule-v2: protobuf-c, and the shim's    with SHIM_CFLAGS, SHIM_LDFLAGS
dnl   CRIU_LIBS        capsule-criu: protobuf-c, and the runtime's    with CRIU_LDFLAGS
dnl   TEST_LIBS        check, for tests/unit
dnl   CPS_STATIC_CFLAGS, CPS_STATIC_LDFLAGS   of the two static programs
dnl Debian's archive of yajl is called libyajl_s.a, which is why pkg-config --static is of no use here.
AC_DEFUN([CPS_LIBRARIES], [
PKG_CHECK_MODULES([YAJL], [yajl >= 2.1])
PKG_CHECK_MODULES([LIBCAP], [libcap])
PKG_CHECK_MODULES([SECCOMP], [libseccomp >= 2.5])
PKG_CHECK_MODULES([EVENT], [libevent_core >= 2.1], [], [PKG_CHECK_MODULES([EVENT], [libevent >= 2.1])])
PKG_CHECK_MODULES([NL], [libnl-3.0 >= 3.5 libnl-route-3.0 >= 3.5])
PKG_CHECK_MODULES([ARCHIVE], [libarchive >= 3.5])
PKG_CHECK_MODULES([CURL], [libcurl >= 7.85])
PKG_CHECK_MODULES([CRYPTO], [libcrypto >= 3.0])
PKG_CHECK_MODULES([CHECK], [check >= 0.12], [cps_have_check=yes], [cps_have_check=no])
AS_IF([test $cps_have_check = no], [AC_MSG_WARN([no check library: make check builds no unit tests])])
AM_CONDITIONAL([HAVE_CHECK], [test $cps_have_check = yes])
AC_CHECK_HEADER([systemd/sd-bus.h], [cps_have_sd_bus=yes], [cps_have_sd_bus=no])
AS_IF([test $cps_have_sd_bus = no], [AC_MSG_WARN([no systemd/sd-bus.h: without capsule-systemd there is no --systemd-cgroup])])
AM_CONDITIONAL([HAVE_SD_BUS], [test $cps_have_sd_bus = yes])

PKG_CHECK_MODULES([PROTOBUF_C], [libprotobuf-c >= 1.3], [cps_have_protobuf_c=yes], [cps_have_protobuf_c=no])
AC_CHECK_PROGS([PROTOC_C], [protoc-c], [no])
AS_IF([test $PROTOC_C = no], [cps_have_protobuf_c=no])
AS_IF([test $cps_have_protobuf_c = no], [AC_MSG_WARN([no protobuf-c with its compiler: without containerd-shim-capsule-v2 containerd has no shim of ours, and without capsule-criu there is no checkpoint and restore])])
AM_CONDITIONAL([HAVE_PROTOBUF_C], [test $cps_have_protobuf_c = yes])

cps_static=no
cps_yajl_static="-l:libyajl_s.a"
cps_saved_LIBS=$LIBS
cps_saved_LDFLAGS=$LDFLAGS
cps_saved_CPPFLAGS=$CPPFLAGS
AS_IF([test "x$enable_static_programs" != xno && test "x$enable_sanitizers" = xno && test "x$enable_fuzzers" = xno], [
	AC_MSG_CHECKING([whether capsule-runtime and capsule-shim can be linked statically])
	LDFLAGS="$LDFLAGS -static -no-pie"
	CPPFLAGS="$CPPFLAGS $NL_CFLAGS"
	for cps_yajl_static in -l:libyajl_s.a -lyajl; do
		LIBS="-lseccomp -lcap -levent_core -lnl-route-3 -lnl-3 $cps_yajl_static -lpthread -lm"
		AC_LINK_IFELSE([AC_LANG_PROGRAM([[
			#include <event2/event.h>
			#include <netlink/route/link.h>
			#include <seccomp.h>
			#include <sys/capability.h>
			#include <yajl/yajl_parse.h>]],
			[[cap_free(cap_init()); seccomp_release(seccomp_init(SCMP_ACT_ALLOW)); yajl_free(yajl_alloc(0, 0, 0));
			  event_base_free(event_base_new()); rtnl_link_put(rtnl_link_alloc());]])],
			[cps_static=yes; break])
	done
	AC_MSG_RESULT([$cps_static])
	AS_IF([test "x$enable_static_programs" = xyes && test $cps_static = no],
		[AC_MSG_ERROR([--enable-static-programs: the static libraries of yajl, libcap, libseccomp, libevent and libnl are needed])])
])
LDFLAGS=$cps_saved_LDFLAGS
CPPFLAGS=$cps_saved_CPPFLAGS

dnl yajl's archive in a dynamic PIE: needs position-independent objects, which Debian's are
AC_MSG_CHECKING([whether yajl's archive can go into a PIE])
cps_yajl_pie=no
LDFLAGS="$LDFLAGS $CPS_PIE_LDFLAGS"
LIBS="-l:libyajl_s.a"
AS_IF([test "x$enable_static_programs" != xno], [
AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <yajl/yajl_parse.h>]], [[yajl_free(yajl_alloc(0, 0, 0));]])], [cps_yajl_pie=yes])])
AC_MSG_RESULT([$cps_yajl_pie])
LDFLAGS=$cps_saved_LDFLAGS
LIBS=$cps_saved_LIBS

RUNTIME_ENTRY_LDFLAGS=
AS_IF([test $cps_static = yes], [
	dnl Not static-pie: relocating itself costs such a program about 0.1 ms at every start, of the 1 ms that a create
	dnl may take, and address space randomisation of the image buys little where each run lasts a millisecond.
	CPS_STATIC_CFLAGS="-fno-pie"
	CPS_STATIC_LDFLAGS="-static -no-pie"
	AC_DEFINE([CAPSULE_STATIC], [1], [capsule-runtime and capsule-shim are static.])
	RUNTIME_LIBS="-lseccomp -lcap $cps_yajl_static -lm"
	SHIM_LIBS="-levent_core $cps_yajl_static"
	dnl runtime/early.c: code before libc's. gcov's counters do not survive the exec that it does.
	AC_MSG_CHECKING([whether capsule-runtime can have an entry of its own])
	AC_COMPILE_IFELSE([AC_LANG_SOURCE([[
		#if !defined(__x86_64__) && !defined(__aarch64__)
		#error no entry is written for this processor
		#endif
		#if !__has_attribute(no_stack_protector)
		#error the stack protector cannot be left out
		#endif
		int main(void) { return 0; }]])], [cps_early=yes], [cps_early=no])
	AS_IF([test "x$enable_coverage" = xyes], [cps_early=no])
	AC_MSG_RESULT([$cps_early])
	AS_IF([test $cps_early = yes], [
		AC_DEFINE([CAPSULE_EARLY], [1], [capsule-runtime protects itself before libc begins.])
		RUNTIME_ENTRY_LDFLAGS="-Wl,-e,rt_entry"
	])
], [
	CPS_STATIC_CFLAGS=$CPS_PIE_CFLAGS
	CPS_STATIC_LDFLAGS=$CPS_PIE_LDFLAGS
	RUNTIME_LIBS="$SECCOMP_LIBS $LIBCAP_LIBS $YAJL_LIBS -lm"
	SHIM_LIBS="$EVENT_LIBS $YAJL_LIBS"
])
AM_CONDITIONAL([STATIC_PROGRAMS], [test $cps_static = yes])
TASK_LIBS="$PROTOBUF_C_LIBS $SHIM_LIBS"
dnl capsule-criu has the runtime's archive in it, which is compiled for one way of linking; but it looks names up, and libc does
dnl that with libraries that it loads.
CRIU_LDFLAGS=$RUNTIME_LDFLAGS
CRIU_LIBS="$PROTOBUF_C_LIBS $RUNTIME_LIBS"
AS_IF([test $cps_static = yes], [CRIU_LDFLAGS=-no-pie])
LIB_LIBS=$YAJL_LIBS
SYSTEMD_LIBS=$YAJL_LIBS
AS_IF([test $cps_yajl_pie = yes], [SYSTEMD_LIBS="-l:libyajl_s.a"])
SUPERVISOR_LIBS="$NL_LIBS $YAJL_LIBS"
AS_IF([test $cps_yajl_pie = yes], [SUPERVISOR_LIBS="$NL_LIBS -l:libyajl_s.a"])
IMAGE_CFLAGS="$CPS_PIE_CFLAGS $ARCHIVE_CFLAGS $CURL_CFLAGS $CRYPTO_CFLAGS"
IMAGE_LIBS="$ARCHIVE_LIBS $CURL_LIBS $CRYPTO_LIBS $YAJL_LIBS"
AS_IF([test $cps_yajl_pie = yes], [IMAGE_LIBS="$ARCHIVE_LIBS $CURL_LIBS $CRYPTO_LIBS -l:libyajl_s.a"])
RUNTIME_CFLAGS="$CPS_STATIC_CFLAGS $SECCOMP_CFLAGS $LIBCAP_CFLAGS"
RUNTIME_LDFLAGS=$CPS_STATIC_LDFLAGS
SHIM_CFLAGS="$CPS_STATIC_CFLAGS $EVENT_CFLAGS"
SHIM_LDFLAGS=$CPS_STATIC_LDFLAGS
dnl libevent's archive has one object for all of its helpers, and the linker warns about the resolver in it, which nobody calls
AS_IF([test $cps_static = yes], [CPS_TRY_LDFLAG([SHIM_LDFLAGS], [-Wl,--no-warnings])])
dnl capsule is static as well: measured, it starts in 0.3 ms then, and in 0.45 ms with libc alone as a shared library.
SUPERVISOR_CFLAGS="$CPS_STATIC_CFLAGS $NL_CFLAGS"
SUPERVISOR_LDFLAGS=$CPS_STATIC_LDFLAGS
AS_IF([test $cps_static = yes], [SUPERVISOR_LIBS="-lnl-route-3 -lnl-3 $cps_yajl_static -lpthread -lm"])
AS_IF([test $cps_static = yes], [CPS_TRY_LDFLAG([SUPERVISOR_LDFLAGS], [-Wl,--no-warnings])])
LIB_CFLAGS="$CPS_PIE_CFLAGS $YAJL_CFLAGS"
TEST_CFLAGS="$CPS_PIE_CFLAGS $CHECK_CFLAGS"
TEST_LIBS=$CHECK_LIBS
m4_foreach_w([cps_var], [CPS_STATIC_CFLAGS CPS_STATIC_LDFLAGS LIB_CFLAGS LIB_LIBS RUNTIME_CFLAGS RUNTIME_LDFLAGS
	RUNTIME_ENTRY_LDFLAGS
	RUNTIME_LIBS SHIM_CFLAGS SHIM_LDFLAGS SHIM_LIBS TASK_LIBS SUPERVISOR_CFLAGS SUPERVISOR_LDFLAGS SUPERVISOR_LIBS IMAGE_CFLAGS IMAGE_LIBS SYSTEMD_LIBS CRIU_LDFLAGS CRIU_LIBS TEST_CFLAGS
	TEST_LIBS], [AC_SUBST(cps_var)])
])

dnl Tools of developers; their absence only disables the target that wants them.
AC_DEFUN([CPS_DEV_TOOLS], [
AC_PATH_PROGS([BATS], [bats], [bats])
AC_CHECK_PROGS([CLANG_FORMAT], [clang-format clang-format-14], [clang-format])
AC_CHECK_PROGS([CLANG_TIDY], [clang-tidy clang-tidy-14], [clang-tidy])
])
