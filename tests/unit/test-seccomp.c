/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Seccomp filters: what they answer, seen by running the BPF in a small interpreter here (any
 * number, any architecture) and by loading it into a child for real; and their cache.
 */
#include <config.h>

#include "seccomp.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "file.h"
#include "own.h"
#include "unit.h"

#define X32_BIT 0x40000000u

static struct cps_arena arena;
static struct rt_filter filter;
static struct rt_warn warn;

/* The profile's members, read as config.json's are. */
static const struct rt_seccomp *profile(const char *members)
{
	const struct rt_spec *spec = NULL;
	struct cps_err err = { 0, "" };
	static char text[65536];

	(void)snprintf(text, sizeof(text),
		       "{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"/\"},\"linux\":"
		       "{\"seccomp\":{%s}}}",
		       members);
	ck_assert_msg(rt_spec_parse(&arena, text, strlen(text), "/", NULL, &spec, &err) == 0, "%s",
		      err.msg);
	return &spec->seccomp;
}

static void compile_in(const char *members, const char *cache_dir)
{
	struct cps_err err = { 0, "" };

	rt_filter_done(&filter);
	ck_assert_msg(rt_seccomp_compile(profile(members), cache_dir, &filter, &warn, &err) == 0,
		      "%s", err.msg);
}

static void compile(const char *members)
{
	compile_in(members, NULL);
}

static uint32_t load_word(const struct seccomp_data *data, uint32_t offset)
{
	uint32_t word;

	ck_assert_uint_le(offset, sizeof(*data) - sizeof(word));
	memcpy(&word, (const char *)data + offset, sizeof(word));
	return word;
}

static bool jump_taken(const struct sock_filter *op, uint32_t a)
{
	switch (BPF_OP(op->code)) {
	case BPF_JEQ:
		return a == op->k;
	case BPF_JGT:
		return a > op->k;
	case BPF_JGE:
		return a >= op->k;
	case BPF_JSET:
		return a & op->k;
	default:
		ck_abort_msg("jump 0x%x", op->code);
	}
	return false;
}

/* The instructions that seccomp programs use. */
static uint32_t answer(const struct seccomp_data *data)
{
	uint32_t a = 0;
	unsigned pc;

	for (pc = 0; pc < filter.count; pc++) {
		const struct sock_filter *op = &filter.code[pc];

		if (op->code == (BPF_LD | BPF_W | BPF_ABS))
			a = load_word(data, op->k);
		else if (op->code == (BPF_ALU | BPF_AND | BPF_K))
			a &= op->k;
		else if (op->code == (BPF_JMP | BPF_JA))
			pc += op->k;
		else if (BPF_CLASS(op->code) == BPF_JMP && BPF_SRC(op->code) == BPF_K)
			pc += jump_taken(op, a) ? op->jt : op->jf;
		else if (op->code == (BPF_RET | BPF_K))
			return op->k;
		else
			ck_abort_msg("instruction 0x%x", op->code);
	}
	ck_abort_msg("the program has no end");
	return 0;
}

static uint32_t ask(uint32_t arch, uint32_t nr, uint64_t arg0, uint64_t arg1)
{
	struct seccomp_data data = { .nr = (int)nr, .arch = arch, .args = { arg0, arg1 } };

	return answer(&data);
}

static uint32_t ask_name(const char *name, uint64_t arg0)
{
	return ask(seccomp_arch_native(), (uint32_t)seccomp_syscall_resolve_name(name), arg0, 0);
}

#define ERRNO(num) (SECCOMP_RET_ERRNO | (num))
#define RULE(names, action, more) \
	"{\"names\":[" names "],\"action\":\"SCMP_ACT_" action "\"" more "}"
#define DENY "\"defaultAction\":\"SCMP_ACT_ERRNO\","

START_TEST(no_profile)
{
	const struct rt_seccomp none = { .set = false };
	struct cps_err err = { 0, "" };

	ck_assert_int_eq(rt_seccomp_compile(&none, NULL, &filter, NULL, &err), 0);
	ck_assert_ptr_null(filter.code);
	ck_assert_int_eq(rt_seccomp_load(&filter, &err), 0);
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

#define ARG(index, op, value, more) \
	"{\"index\":" #index ",\"op\":\"SCMP_CMP_" op "\",\"value\":" value more "}"

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

	warn.debug = true;
	compile(DENY "\"syscalls\":[" RULE("\"read\",\"new_in_2040\"", "ALLOW",
					   "") "," RULE("\"write\"", "ERRNO", "") "]");
	ck_assert_uint_eq(ask_name("read", 0), SECCOMP_RET_ALLOW);
	ck_assert_uint_eq(ask_name("write", 0), ERRNO(EPERM));
	ck_assert_str_eq(rt_warn_next(&warn, &pos),
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
	ck_assert_int_eq(rt_spec_parse(&arena, text, len, "/", NULL, &spec, &err), 0);
	ck_assert_int_eq(rt_seccomp_compile(&spec->seccomp, NULL, &filter, NULL, &err), 0);
	ck_assert_uint_eq(ask_name("read", 0), SECCOMP_RET_ALLOW);
	ck_assert_uint_eq(ask_name("keyctl", 0), ERRNO(EPERM));
	ck_assert_uint_eq(ask_name("unshare", 0), ERRNO(EPERM));
	ck_assert_uint_eq(ask_name("clone", 0x10000000), ERRNO(EPERM)); /* CLONE_NEWUSER */
	ck_assert_uint_eq(ask_name("clone", SIGCHLD), SECCOMP_RET_ALLOW);
	ck_assert_uint_eq(ask_name("clone3", 0), ERRNO(ENOSYS));
	ck_assert_uint_eq(ask(AUDIT_ARCH_X86_64, 5000, 0, 0), ERRNO(ENOSYS));
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
		    rt_seccomp_load(&filter, &err) < 0)
			_exit(254);
		_exit(syscall(nr, arg, 0, 0) < 0 ? errno : 0);
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
				     ",\"errnoRet\":71") "," RULE("\"getuid\"", "KILL_PROCESS",
								  "") "," RULE("\"gettid\"", "TRAP",
									       "") "]");
	ck_assert_uint_eq(filter.flags, SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_LOG |
						SECCOMP_FILTER_FLAG_SPEC_ALLOW);
	ck_assert_int_eq(child_errno(SYS_getpid, 0), 0);
	ck_assert_int_eq(child_errno(SYS_getppid, 0), 71);
	ck_assert_int_eq(child_errno(SYS_mkdir, 0), EPERM);
	ck_assert_int_eq(child_errno(5000, 0), ENOSYS);
	ck_assert_int_eq(child_errno(SYS_getuid, 0), -SIGSYS);
	ck_assert_int_eq(child_errno(SYS_gettid, 0), -SIGSYS);
}
END_TEST

static char cache[64];

/* Not there yet: it is made when it is needed. */
static void cache_name(void)
{
	(void)snprintf(cache, sizeof(cache), "/proc/self/fd/%d/cache", unit_dir());
}

static unsigned cache_entries(char *ret_path, size_t size)
{
	cleanup_dir DIR *d = opendir(cache);
	const struct dirent *entry;
	unsigned n = 0;

	while (d && (entry = readdir(d))) {
		if (entry->d_name[0] == '.')
			continue;
		n++;
		(void)snprintf(ret_path, size, "%s/%s", cache, entry->d_name);
	}
	return n;
}

#define CACHED DENY "\"syscalls\":[" RULE("\"read\"", "ALLOW", "") "]"

START_TEST(cache_hit)
{
	char path[512];
	struct stat st;

	cache_name();
	compile_in(CACHED, cache);
	ck_assert_uint_eq(cache_entries(path, sizeof(path)), 1);
	ck_assert_int_eq(stat(cache, &st), 0);
	ck_assert_uint_eq(st.st_mode, S_IFDIR | 0700);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode, S_IFREG | 0600);
	compile_in(CACHED, cache);
	ck_assert_uint_eq(ask_name("read", 0), SECCOMP_RET_ALLOW);
	ck_assert_uint_eq(filter.flags, 0);
	/* another profile is another entry; white space is none */
	compile_in(CACHED ",\"flags\":[\"SECCOMP_FILTER_FLAG_LOG\"]", cache);
	ck_assert_uint_eq(filter.flags, SECCOMP_FILTER_FLAG_LOG);
	compile_in(" " CACHED " ", cache);
	ck_assert_uint_eq(cache_entries(path, sizeof(path)), 2);
}
END_TEST

/* The program's first instruction becomes "allow everything". */
static void entry_spoil(const char *path)
{
	const struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	cleanup_fd int fd = open(path, O_RDWR | O_CLOEXEC);
	struct stat st;

	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert_int_eq(pwrite(fd, &allow, sizeof(allow),
				st.st_size - (off_t)(filter.count * sizeof(allow))),
			 sizeof(allow));
}

static void expect_compiled_anew(void)
{
	compile_in(CACHED, cache);
	ck_assert_uint_eq(ask_name("read", 0), SECCOMP_RET_ALLOW);
	ck_assert_uint_eq(ask(AUDIT_ARCH_X86_64, 1, 0, 0), ERRNO(ENOSYS));
}

START_TEST(cache_damaged)
{
	char path[512];
	struct stat before, after;

	cache_name();
	compile_in(CACHED, cache);
	ck_assert_uint_eq(cache_entries(path, sizeof(path)), 1);
	for (int i = 0; i < 4; i++) {
		ck_assert_int_eq(stat(path, &before), 0);
		if (i == 0)
			entry_spoil(path);
		else if (i == 1)
			ck_assert_int_eq(truncate(path, before.st_size - 8), 0);
		else if (i == 2)
			ck_assert_int_eq(truncate(path, 0), 0);
		else
			ck_assert_int_eq(truncate(path, before.st_size + 8), 0);
		expect_compiled_anew();
		ck_assert_int_eq(stat(path, &after), 0);
		ck_assert_uint_ne(before.st_ino, after.st_ino);
		ck_assert_int_eq(before.st_size, after.st_size);
	}
}
END_TEST

/* What others can write is not believed, not even when it is whole. */
START_TEST(cache_of_strangers)
{
	char path[512], moved[600];
	struct stat before, after;

	cache_name();
	compile_in(CACHED, cache);
	ck_assert_uint_eq(cache_entries(path, sizeof(path)), 1);
	ck_assert_int_eq(stat(path, &before), 0);
	ck_assert_int_eq(chmod(path, 0620), 0);
	expect_compiled_anew();
	ck_assert_int_eq(stat(path, &after), 0);
	ck_assert_uint_ne(before.st_ino, after.st_ino);

	/* a symlink is replaced, its target left alone */
	(void)snprintf(moved, sizeof(moved), "%s/moved", cache);
	ck_assert_int_eq(rename(path, moved), 0);
	ck_assert_int_eq(symlink("moved", path), 0);
	expect_compiled_anew();
	ck_assert_int_eq(lstat(path, &after), 0);
	ck_assert(S_ISREG(after.st_mode));

	/* a FIFO does not hang us; it goes as well */
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	expect_compiled_anew();
	ck_assert_int_eq(lstat(path, &after), 0);
	ck_assert(S_ISREG(after.st_mode));

	ck_assert_int_eq(chmod(cache, 0777), 0);
	warn.debug = true;
	expect_compiled_anew();
	ck_assert_msg(strstr(warn.text, "seccomp cache: ") == warn.text, "%s", warn.text);
}
END_TEST

/* An entry under another profile's name is not taken: the key is compared, not only its hash. */
START_TEST(cache_collision)
{
	char path[512], other[512], list[2][512];
	unsigned n = 0;
	const struct dirent *entry;
	cleanup_dir DIR *d = NULL;

	cache_name();
	compile_in("\"defaultAction\":\"SCMP_ACT_ALLOW\"", cache);
	cache_entries(other, sizeof(other));
	compile_in(CACHED, cache);
	d = opendir(cache);
	while (n < 2 && (entry = readdir(d)))
		if (entry->d_name[0] != '.')
			(void)snprintf(list[n++], sizeof(list[0]), "%.60s/%s", cache,
				       entry->d_name);
	ck_assert_uint_eq(n, 2);
	(void)snprintf(path, sizeof(path), "%s", strcmp(list[0], other) ? list[0] : list[1]);
	ck_assert_int_eq(rename(other, path), 0);
	expect_compiled_anew();
}
END_TEST

START_TEST(cache_bounded)
{
	char text[256], path[512];

	cache_name();
	for (int i = 0; i < 80; i++) {
		(void)snprintf(text, sizeof(text),
			       DENY "\"syscalls\":[" RULE("\"read\"", "ALLOW",
							  ",\"args\":[{\"index\":0,\"op\":"
							  "\"SCMP_CMP_EQ\",\"value\":%d}]") "]",
			       i);
		compile_in(text, cache);
	}
	ck_assert_uint_eq(cache_entries(path, sizeof(path)), 64);
}
END_TEST

/* A cache that cannot be made is no reason to fail. */
START_TEST(cache_impossible)
{
	warn.debug = true;
	compile_in(CACHED, "/proc/no/such/place");
	ck_assert_uint_eq(ask_name("read", 0), SECCOMP_RET_ALLOW);
	ck_assert_msg(strstr(warn.text, "seccomp cache: ") == warn.text, "%s", warn.text);
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
		cache_hit,
		cache_damaged,
		cache_of_strangers,
		cache_collision,
		cache_bounded,
		cache_impossible,
		NULL,
	};

	return unit_main("seccomp", tests);
}
