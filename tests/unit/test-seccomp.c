/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Seccomp filters: what they answer, by interpretation and by loading them into a child for real.
 */
#include <config.h>
#include "seccomp.h"

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "file.h"
#include "filter.h"
#include "own.h"
#include "unit.h"

static struct filter_case under;

static void compile(const char *members)
{
	filter_compile(&under, members, NULL);
}

static uint32_t ask(uint32_t arch, uint32_t nr, uint64_t arg0, uint64_t arg1)
{
	return filter_ask(&under, arch, nr, arg0, arg1);
}

static uint32_t ask_name(const char *name, uint64_t arg0)
{
	return filter_ask_name(&under, name, arg0);
}

START_TEST(no_profile)
{
	const struct rt_seccomp none = { .set = false };
	struct cps_err err = { 0, "" };

	ck_assert_int_eq(rt_seccomp_compile(&none, NULL, &under.filter, NULL, &err), 0);
	ck_assert_ptr_null(under.filter.code);
	ck_assert_int_eq(rt_seccomp_load(&under.filter, &err), 0);
}
END_TEST

START_TEST(actions)
{
	compile("\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[" RULE("\"mkdir\",\"rmdir\"", "ERRNO", "") "," RULE(
		"\"link\"", "ERRNO",
		",\"errnoRet\":95") "," RULE("\"symlink\"", "KILL",
					     "") "," RULE("\"unlink\"", "KILL_PROCESS",
							  "") "," RULE("\"rename\"", "KILL_THREAD",
								       "") "," RULE("\"chmod\"",
										    "TRAP",
										    "") "," RULE("\"chown\"",
												 "T"
												 "R"
												 "A"
												 "C"
												 "E",
												 ","
												 "\"errnoRet\":7") "," RULE("\"access\"",
															    "LOG",
															    "") "]");
	ck_assert_uint_eq(ask_name("read", 0), SECCOMP_RET_ALLOW);
	ck_assert_uint_eq(ask_name("mkdir", 0), ERRNO(EPERM));
	ck_assert_uint_eq(ask_name("rmdir", 0), ERRNO(EPERM));
	ck_assert_uint_eq(ask_name("link", 0), ERRNO(95));
	ck_assert_uint_eq(ask_name("symlink", 0), SECCOMP_RET_KILL_THREAD);
	ck_assert_uint_eq(ask_name("unlink", 0), SECCOMP_RET_KILL_PROCESS);
	ck_assert_uint_eq(ask_name("rename", 0), SECCOMP_RET_KILL_THREAD);
	ck_assert_uint_eq(ask_name("chmod", 0), SECCOMP_RET_TRAP);
	ck_assert_uint_eq(ask_name("chown", 0), SECCOMP_RET_TRACE | 7);
	ck_assert_uint_eq(ask_name("access", 0), SECCOMP_RET_LOG);
}
END_TEST

START_TEST(arguments)
{
	compile("\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[" RULE("\"personality\"", "ERRNO", ",\"args\":[" ARG(0, "NE", "0", "") "]") "," RULE(
		"\"clone\"", "ERRNO",
		",\"args\":[" ARG(
			0, "MASKED_EQ", "2114060288",
			",\"valueTwo\":131072") "]") "," RULE("\"lseek\"", "ERRNO",
							      ",\"args\":[" ARG(
								      0, "GT", "4294967296",
								      "") "]") "," RULE("\"dup2\"",
											"ERRNO",
											",\"args\":"
											"[" ARG(0, "EQ", "1", "") "," ARG(
												1,
												"L"
												"E",
												"2",
												"") "]") "]");
	ck_assert_uint_eq(ask_name("personality", 0), SECCOMP_RET_ALLOW);
	ck_assert_uint_eq(ask_name("personality", 8), ERRNO(EPERM));
	ck_assert_uint_eq(ask_name("clone", 131072), ERRNO(EPERM));
	ck_assert_uint_eq(ask_name("clone", 17), SECCOMP_RET_ALLOW);
	/* 64 bits are compared, not 32 */
	ck_assert_uint_eq(ask_name("lseek", 4294967296), SECCOMP_RET_ALLOW);
	ck_assert_uint_eq(ask_name("lseek", 4294967297), ERRNO(EPERM));
	ck_assert_uint_eq(ask_name("lseek", 5), SECCOMP_RET_ALLOW);
	/* different arguments: both must hold */
	ck_assert_uint_eq(ask(AUDIT_ARCH_X86_64, SYS_dup2, 1, 2), ERRNO(EPERM));
	ck_assert_uint_eq(ask(AUDIT_ARCH_X86_64, SYS_dup2, 1, 3), SECCOMP_RET_ALLOW);
	ck_assert_uint_eq(ask(AUDIT_ARCH_X86_64, SYS_dup2, 2, 2), SECCOMP_RET_ALLOW);
}
END_TEST

/* Conditions on one argument are alternatives. */
START_TEST(argument_twice)
{
	compile(DENY "\"syscalls\":[" RULE(
		"\"personality\"", "ALLOW",
		",\"args\":[" ARG(0, "EQ", "0", "") "," ARG(0, "EQ", "8", "") "]") "]");
	ck_assert_uint_eq(ask_name("personality", 0), SECCOMP_RET_ALLOW);
	ck_assert_uint_eq(ask_name("personality", 8), SECCOMP_RET_ALLOW);
	ck_assert_uint_eq(ask_name("personality", 4), ERRNO(EPERM));
}
END_TEST

START_TEST(newer_calls)
{
	compile(DENY "\"architectures\":[\"SCMP_ARCH_X86_64\",\"SCMP_ARCH_X86\",\"SCMP_ARCH_X32\"],"
		     "\"syscalls\":[" RULE("\"read\",\"openat2\",\"recvfrom\"", "ALLOW", "") "]");
	ck_assert_uint_eq(ask(AUDIT_ARCH_X86_64, 0, 0, 0), SECCOMP_RET_ALLOW);
	ck_assert_uint_eq(ask(AUDIT_ARCH_X86_64, 1, 0, 0), ERRNO(EPERM));
	ck_assert_uint_eq(ask(AUDIT_ARCH_X86_64, 437, 0, 0), SECCOMP_RET_ALLOW);
	ck_assert_uint_eq(ask(AUDIT_ARCH_X86_64, 436, 0, 0), ERRNO(EPERM));
	ck_assert_uint_eq(ask(AUDIT_ARCH_X86_64, 438, 0, 0), ERRNO(ENOSYS));
	ck_assert_uint_eq(ask(AUDIT_ARCH_X86_64, 0x3fffffff, 0, 0), ERRNO(ENOSYS));
	ck_assert_uint_eq(ask(AUDIT_ARCH_I386, 3, 0, 0), SECCOMP_RET_ALLOW);
	ck_assert_uint_eq(ask(AUDIT_ARCH_I386, 4, 0, 0), ERRNO(EPERM));
	ck_assert_uint_eq(ask(AUDIT_ARCH_I386, 438, 0, 0), ERRNO(ENOSYS));
	/* x32: read is 0, recvfrom is 517 there */
	ck_assert_uint_eq(ask(AUDIT_ARCH_X86_64, X32_BIT, 0, 0), SECCOMP_RET_ALLOW);
	ck_assert_uint_eq(ask(AUDIT_ARCH_X86_64, X32_BIT | 517, 0, 0), SECCOMP_RET_ALLOW);
	ck_assert_uint_eq(ask(AUDIT_ARCH_X86_64, X32_BIT | 516, 0, 0), ERRNO(EPERM));
	ck_assert_uint_eq(ask(AUDIT_ARCH_X86_64, X32_BIT | 518, 0, 0), ERRNO(ENOSYS));
	/* a call that a tracer skips, and an architecture that is not listed */
	ck_assert_uint_ne(ask(AUDIT_ARCH_X86_64, 0xffffffffu, 0, 0), ERRNO(ENOSYS));
	ck_assert_uint_eq(ask(AUDIT_ARCH_AARCH64, 0, 0, 0), SECCOMP_RET_KILL_THREAD);
	ck_assert_uint_eq(ask(AUDIT_ARCH_AARCH64, 500, 0, 0), SECCOMP_RET_KILL_THREAD);
}
END_TEST

/* Without x32 in the profile, its calls are foreign, whatever their number. */
START_TEST(newer_calls_without_x32)
{
	compile(DENY "\"syscalls\":[" RULE("\"read\"", "ALLOW", "") "]");
	ck_assert_uint_eq(ask(AUDIT_ARCH_X86_64, 1, 0, 0), ERRNO(ENOSYS));
	ck_assert_uint_eq(ask(AUDIT_ARCH_X86_64, X32_BIT, 0, 0), SECCOMP_RET_KILL_THREAD);
	ck_assert_uint_eq(ask(AUDIT_ARCH_X86_64, X32_BIT | 600, 0, 0), SECCOMP_RET_KILL_THREAD);
}
END_TEST

START_TEST(newer_calls_by_default_action)
{
	static const struct {
		const char *members;
		uint32_t answer;
	} rows[] = {
		{ "\"defaultAction\":\"SCMP_ACT_ALLOW\"", SECCOMP_RET_ALLOW },
		{ "\"defaultAction\":\"SCMP_ACT_LOG\"", SECCOMP_RET_LOG },
		{ "\"defaultAction\":\"SCMP_ACT_TRACE\"", SECCOMP_RET_TRACE | EPERM },
		{ "\"defaultAction\":\"SCMP_ACT_KILL\"", ERRNO(ENOSYS) },
		{ "\"defaultAction\":\"SCMP_ACT_KILL_PROCESS\"", ERRNO(ENOSYS) },
		{ "\"defaultAction\":\"SCMP_ACT_TRAP\"", ERRNO(ENOSYS) },
		{ "\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":13", ERRNO(ENOSYS) },
		{ "\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":38", ERRNO(ENOSYS) },
	};
	char text[512];
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		(void)snprintf(text, sizeof(text),
			       "%s,\"syscalls\":[" RULE("\"openat2\"", "ERRNO", "") "]",
			       rows[i].members);
		compile(text);
		ck_assert_uint_eq(ask(AUDIT_ARCH_X86_64, 5000, 0, 0), rows[i].answer);
		ck_assert_uint_eq(ask_name("openat2", 0), ERRNO(EPERM));
	}
}
END_TEST

START_TEST(unknown_names)
{
	uint32_t pos = 0;

	under.warn.debug = true;
	compile(DENY "\"syscalls\":[" RULE("\"read\",\"new_in_2040\"", "ALLOW",
					   "") "," RULE("\"write\"", "ERRNO", "") "]");
	ck_assert_uint_eq(ask_name("read", 0), SECCOMP_RET_ALLOW);
	ck_assert_uint_eq(ask_name("write", 0), ERRNO(EPERM));
	ck_assert_str_eq(rt_warn_next(&under.warn, &pos),
			 "linux.seccomp.syscalls[0].names[1]: this libseccomp does not know "
			 "'new_in_2040', ignoring");
}
END_TEST

/* libseccomp's merging, and so runc's: the first unconditional rule for a call holds. */
START_TEST(contradiction)
{
	compile("\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[" RULE(
		"\"read\"", "ERRNO", "") "," RULE("\"read\"", "KILL", "") "]");
	ck_assert_uint_eq(ask_name("read", 0), ERRNO(EPERM));
	compile(DENY "\"syscalls\":[" RULE("\"read\"", "KILL", "") "," RULE("\"read\"", "ALLOW",
									    "") "]");
	ck_assert_uint_eq(ask_name("read", 0), SECCOMP_RET_KILL_THREAD);
}
END_TEST

/* Docker's own profile, as docker wrote it. */
START_TEST(engine_profile)
{
	const struct rt_spec *spec = NULL;
	struct cps_err err = { 0, "" };
	cleanup_free char *text = NULL;
	char path[4096];
	size_t len;

	(void)snprintf(path, sizeof(path), "%s/tests/data/configs/docker-plain.json",
		       getenv("TOP_SRCDIR"));
	ck_assert_int_eq(cps_file_read(AT_FDCWD, path, RT_SPEC_MAX, &text, &len, &err), 0);
	ck_assert_int_eq(rt_spec_parse(&under.arena, text, len, "/", NULL, &spec, &err), 0);
	ck_assert_int_eq(rt_seccomp_compile(&spec->seccomp, NULL, &under.filter, NULL, &err), 0);
	ck_assert_uint_eq(ask_name("read", 0), SECCOMP_RET_ALLOW);
	ck_assert_uint_eq(ask_name("keyctl", 0), ERRNO(EPERM));
	ck_assert_uint_eq(ask_name("unshare", 0), ERRNO(EPERM));
	ck_assert_uint_eq(ask_name("clone", 0x10000000), ERRNO(EPERM)); /* CLONE_NEWUSER */
	ck_assert_uint_eq(ask_name("clone", SIGCHLD), SECCOMP_RET_ALLOW);
	ck_assert_uint_eq(ask_name("clone3", 0), ERRNO(ENOSYS));
	ck_assert_uint_eq(ask(AUDIT_ARCH_X86_64, 5000, 0, 0), ERRNO(ENOSYS));
	/* what the kernel has to read at each start: over 900 as libseccomp writes them */
	ck_assert_uint_lt(under.filter.count, 300);
}
END_TEST

/* In a child: loads the filter and reports what one system call says. */
static int child_errno(long nr, long arg)
{
	struct cps_err err = { 0, "" };
	int status;
	pid_t pid;

	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		    rt_seccomp_load(&under.filter, &err) < 0)
			_exit(254);
		/* not _exit(): a sanitizer has more to do there than the filter allows */
		(void)syscall(SYS_exit_group, syscall(nr, arg, 0, 0) < 0 ? errno : 0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

START_TEST(for_real)
{
	compile("\"defaultAction\":\"SCMP_ACT_ERRNO\",\"flags\":[\"SECCOMP_FILTER_FLAG_TSYNC\","
		"\"SECCOMP_FILTER_FLAG_LOG\",\"SECCOMP_FILTER_FLAG_SPEC_ALLOW\","
		"\"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV\"],\"syscalls\":[" RULE(
			"\"getpid\",\"exit_group\"", "ALLOW",
			"") "," RULE("\"getppid\"", "ERRNO",
				     ",\"errnoRet\":71") "," RULE("\"getpgid\"", "KILL_PROCESS",
								  "") "," RULE("\"getsid\"", "TRAP",
									       "") "]");
	ck_assert_uint_eq(under.filter.flags,
			  SECCOMP_FILTER_FLAG_LOG | SECCOMP_FILTER_FLAG_SPEC_ALLOW);
	ck_assert_int_eq(child_errno(SYS_getpid, 0), 0);
	ck_assert_int_eq(child_errno(SYS_getppid, 0), 71);
	ck_assert_int_eq(child_errno(SYS_mkdir, 0), EPERM);
	ck_assert_int_eq(child_errno(5000, 0), ENOSYS);
	ck_assert_int_eq(child_errno(SYS_getpgid, 0), -SIGSYS);
	ck_assert_int_eq(child_errno(SYS_getsid, 0), -SIGSYS);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		no_profile,
		actions,
		arguments,
		argument_twice,
		newer_calls,
		newer_calls_without_x32,
		newer_calls_by_default_action,
		unknown_names,
		contradiction,
		engine_profile,
		for_real,
		NULL,
	};

	return unit_main("seccomp", tests);
}
