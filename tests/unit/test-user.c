/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Users by the container's files, and programs by its PATH: what is found, and what hostile files
 * get: an error or nothing, never another identity.
 */
#include <config.h>
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arena.h"
#include "file.h"
#include "own.h"
#include "rootfs.h"

static int root;
static struct cps_arena arena;
static struct cps_err err;
static struct rt_user user;

static void put(const char *path, const char *text)
{
	int fd = openat(root, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(cps_write_all(fd, text, strlen(text)), 0);
	ck_assert_int_eq(close(fd), 0);
}

static void begin(void)
{
	root = unit_dir();
	ck_assert_int_eq(mkdirat(root, "etc", 0755), 0);
	put("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n"
			  "app:x:1000:1001:app:/home/app:/bin/sh\n"
			  "1:x:0:0:number:/:/bin/sh\n"
			  "7x:x:77:78::/:\n"
			  "twice:x:50:51::/:\ntwice:x:0:0::/:\n");
	put("etc/group", "root:x:0:\nusers:x:100:app,other\napp:x:1001:\nextra:x:2000:other,app\n"
			 "2:x:0:\nnear:x:3000:apps,xapp\n");
}

static int look(const char *text)
{
	err = (struct cps_err){ 0 };
	user = (struct rt_user){ .uid = 4242, .gid = 4242 };
	return rt_user_lookup(root, text, &arena, &user, &err);
}

#define ck_user(text, wanted_uid, wanted_gid, wanted_n)    \
	do {                                               \
		ck_assert_ok(look(text), err);             \
		ck_assert_uint_eq(user.uid, (wanted_uid)); \
		ck_assert_uint_eq(user.gid, (wanted_gid)); \
		ck_assert_uint_eq(user.ngids, (wanted_n)); \
	} while (0)

START_TEST(names_and_numbers)
{
	begin();
	ck_user("app", 1000, 1001, 2);
	ck_assert_uint_eq(user.gids[0], 100);
	ck_assert_uint_eq(user.gids[1], 2000);
	ck_user("1000", 1000, 1001, 2); /* known: the group and the groups of its entry */
	ck_user("4711", 4711, 0, 0);
	ck_user("app:users", 1000, 100, 0); /* a group that is given is the only one */
	ck_user("app:55", 1000, 55, 0);
	ck_user("4711:4712", 4711, 4712, 0);
	ck_user("", 0, 0, 0);
	ck_user("app:", 1000, 1001, 2);
	ck_user(":users", 0, 100, 0);
	ck_user("twice", 50, 51, 0); /* the first entry, as libc has it */
	cps_arena_done(&arena);
}
END_TEST

/* crun's CVE-2026-30892, containerd's CVE-2024-40635. */
START_TEST(digits_are_a_number)
{
	begin();
	ck_user("1", 1, 0, 0); /* not the user who is called 1 and is root */
	ck_user("7x", 77, 78, 0);
	ck_user("app:2", 1000, 2, 0);
	ck_user("2147483647", 2147483647, 0, 0);
	ck_assert_err(look("2147483648"), ERANGE, err, "2147483648");
	ck_assert_err(look("4294967296"), ERANGE, err, "4294967296");
	ck_assert_err(look("18446744073709551616"), ERANGE, err, "18446744073709551616");
	ck_assert_err(look("app:4294967296"), ERANGE, err, "group");
	ck_assert_uint_eq(user.uid, 4242); /* untouched */
}
END_TEST

START_TEST(no_such)
{
	static const char *const unknown[] = { "nobody", "-1",	"+1",	 " 1",
					       "1 ",	 "0x0", "root ", "app\n" };

	begin();
	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
		ck_assert_err(look(unknown[i]), EINVAL, err, "no matching entries in passwd file");
	ck_assert_err(look("app:none"), EINVAL, err, "no matching entries in group file");
	ck_assert_err(look("app:users:x"), EINVAL, err, "users:x");
}
END_TEST

START_TEST(without_files)
{
	begin();
	ck_assert_int_eq(unlinkat(root, "etc/passwd", 0), 0);
	ck_assert_int_eq(unlinkat(root, "etc/group", 0), 0);
	ck_user("5:6", 5, 6, 0);
	ck_assert_err(look("app"), EINVAL, err, "app");
	ck_assert_int_eq(unlinkat(root, "etc", AT_REMOVEDIR), 0);
	ck_user("5", 5, 0, 0);
}
END_TEST

START_TEST(odd_lines)
{
	begin();
	put("etc/passwd",
	    ":x:0:0::/:\nshort\nshort:x\nshort:x:1\nneg:x:-1:0::/:\nbig:x:4294967296:0::/:\n"
	    "plus:x:+5:5::/:\nspace:x: 5:5::/:\n\n\n::::::\nend:x:9:9");
	ck_user("end", 9, 9, 0);
	ck_assert_int_lt(look("short"), 0);
	ck_assert_int_lt(look("neg"), 0);
	ck_assert_int_lt(look("big"), 0);
	ck_assert_int_lt(look("plus"), 0);
	ck_assert_int_lt(look("space"), 0);
}
END_TEST

START_TEST(a_long_line_is_one_line)
{
	char *text = malloc(300000);

	begin();
	ck_assert_ptr_nonnull(text);
	memset(text, 'a', 300000);
	/* at a power of two, where a fixed buffer would cut, something that looks like an entry */
	for (size_t at = 256; at < 299000; at *= 2)
		memcpy(text + at, "evil:x:0:0::/:", 14);
	text[299998] = '\n';
	text[299999] = '\0';
	put("etc/passwd", text);
	free(text);
	ck_assert_err(look("evil"), EINVAL, err, "evil");
}
END_TEST

START_TEST(hostile_files)
{
	begin();
	ck_assert_int_eq(unlinkat(root, "etc/passwd", 0), 0);
	ck_assert_int_eq(mkfifoat(root, "etc/passwd", 0666), 0);
	ck_assert_err(look("app"), EINVAL, err, "not a regular file"); /* and does not hang */
	ck_assert_int_eq(unlinkat(root, "etc/passwd", 0), 0);
	ck_assert_int_eq(mkdirat(root, "etc/passwd", 0755), 0);
	ck_assert_err(look("app"), EINVAL, err, "not a regular file");
	ck_assert_int_eq(unlinkat(root, "etc/passwd", AT_REMOVEDIR), 0);
	/* the host's root has no such file within the container's */
	ck_assert_int_eq(symlinkat("../../../../../../../../etc/passwd", root, "etc/passwd"), 0);
	ck_assert_err(look("root"), ELOOP, err, "etc/passwd");
	ck_assert_int_eq(unlinkat(root, "etc/passwd", 0), 0);
	ck_assert_int_eq(symlinkat("/proc/self/environ", root, "etc/passwd"), 0);
	ck_assert_int_lt(look("root"), 0);
	ck_assert_int_eq(unlinkat(root, "etc/passwd", 0), 0);
	ck_assert_int_eq(symlinkat("/etc/real", root, "etc/passwd"), 0);
	put("etc/real", "app:x:12:13::/:\n");
	ck_user("app", 12, 13, 2);
	cps_arena_done(&arena);
}
END_TEST

START_TEST(a_huge_file_is_refused)
{
	int fd;

	begin();
	fd = openat(root, "etc/passwd", O_WRONLY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, 1LL << 40), 0); /* sparse */
	ck_assert_int_eq(close(fd), 0);
	ck_assert_err(look("app"), EFBIG, err, "etc/passwd");
	put("etc/passwd", "x");
	fd = openat(root, "etc/passwd", O_WRONLY | O_CLOEXEC);
	ck_assert_int_eq(ftruncate(fd, 4096), 0);
	ck_assert_int_eq(close(fd), 0);
	ck_assert_err(look("app"), EINVAL, err, "NUL");
}
END_TEST

/* --- programs -----------------------------------------------------------------------------------
 */

static char found[4096];

static int find(const char *name, const char *env)
{
	const char *args[] = { name, NULL };
	const char *envs[] = { env, NULL };
	struct rt_process p = { .args = { 1, args }, .env = { env ? 1 : 0, envs } };

	err = (struct cps_err){ 0 };
	return rt_exec_find(&p, found, sizeof(found), &err);
}

START_TEST(programs)
{
	char path[64], env[300], name[80];
	int fd;

	root = unit_dir();
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", root);
	ck_assert_int_eq(chdir(path), 0);
	ck_assert_ptr_nonnull(getcwd(path, sizeof(path)));
	ck_assert_int_eq(mkdirat(root, "a", 0755), 0);
	ck_assert_int_eq(mkdirat(root, "b", 0755), 0);
	ck_assert_int_eq(mkdirat(root, "a/dir", 0755), 0);
	put("a/tool", "no program");
	fd = openat(root, "b/tool", O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(close(fd), 0);
	(void)snprintf(env, sizeof(env), "PATH=%s/none:b::.:%s/a:%s/b", path, path, path);

	ck_assert_ok(find("tool", env), err);
	(void)snprintf(name, sizeof(name), "%s/b/tool", path);
	ck_assert_str_eq(found, name);
	ck_assert_ok(find("b/tool", env), err);
	ck_assert_str_eq(found, "b/tool");
	ck_assert_ok(find(name, NULL), err);
	ck_assert_err(find("nix", env), ENOENT, err,
		      "exec: \"nix\": executable file not found in $PATH");
	ck_assert_err(find("", env), ENOENT, err, "executable file not found in $PATH");
	ck_assert_err(find("/no/where", env), ENOENT, err, "no such file or directory");
	ck_assert_err(find("a/tool", env), EACCES, err, "exec: \"a/tool\": permission denied");
	ck_assert_err(find("a/dir", env), EISDIR, err, "is a directory");
	(void)snprintf(env, sizeof(env), "PATH=%s/a", path);
	ck_assert_err(find("tool", env), EACCES, err, "permission denied");
	ck_assert_err(find("dir", env), ENOENT, err, "not found in $PATH");
	/* the working directory is the image's choice: PATH does not mean it by "" or "." */
	ck_assert_int_eq(fchdir(root), 0);
	ck_assert_int_eq(chdir("b"), 0);
	ck_assert_err(find("tool", "PATH=.:"), ENOENT, err, "not found in $PATH");
	ck_assert_ok(find("sh", NULL), err); /* the default PATH */
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		names_and_numbers, digits_are_a_number,
		no_such,	   without_files,
		odd_lines,	   a_long_line_is_one_line,
		hostile_files,	   a_huge_file_is_refused,
		programs,	   NULL,
	};

	return unit_main("user", tests);
}
