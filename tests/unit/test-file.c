/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files and trees, with the attacks that a hostile root may try.
 */
#include <config.h>
#include "unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "file.h"
#include "own.h"

static void put(int dir, const char *name, const char *text)
{
	struct cps_err err = { 0 };

	ck_assert_ok(cps_file_replace(dir, name, text, strlen(text), 0644, &err), err);
}

static bool is_there(int dir, const char *name)
{
	struct stat st;

	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static void check_content(int dir, const char *name, const char *text)
{
	cleanup_free char *data = NULL;
	struct cps_err err = { 0 };
	size_t len;

	ck_assert_ok(cps_file_read(dir, name, 1 << 20, &data, &len, &err), err);
	ck_assert_uint_eq(len, strlen(text));
	ck_assert_str_eq(data, text);
}

static void make_dir(int dir, const char *name)
{
	ck_assert_int_eq(mkdirat(dir, name, 0755), 0);
}

static void make_link(int dir, const char *target, const char *name)
{
	ck_assert_int_eq(symlinkat(target, dir, name), 0);
}

START_TEST(read_at_the_bound)
{
	cleanup_fd int dir = unit_dir();
	cleanup_free char *data = NULL;
	struct cps_err err = { 0 };
	size_t len = 77;

	put(dir, "five", "12345");
	ck_assert_err(cps_file_read(dir, "five", 4, &data, &len, &err), EFBIG, err,
		      "'five' is larger");
	ck_assert_ptr_null(data);
	ck_assert_uint_eq(len, 77);
	ck_assert_int_eq(cps_file_read(dir, "five", 5, &data, &len, &err), 0);
	ck_assert_str_eq(data, "12345");
	ck_assert_uint_eq(len, 5);
	ck_assert_err(cps_file_read(dir, "five", 0, &data, &len, &err), EFBIG, err, "five");
}
END_TEST

START_TEST(read_every_size)
{
	static const size_t sizes[] = { 0, 1, 32766, 32767, 32768, 32769, 65536, 100000 };
	cleanup_fd int dir = unit_dir();
	cleanup_free char *text = malloc(100000);
	struct cps_err err = { 0 };

	memset(text, 'x', 100000);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		cleanup_free char *data = NULL;
		size_t len;

		ck_assert_int_eq(cps_file_replace(dir, "f", text, sizes[i], 0600, &err), 0);
		ck_assert_int_eq(cps_file_read(dir, "f", 100000, &data, &len, &err), 0);
		ck_assert_uint_eq(len, sizes[i]);
		ck_assert_uint_eq(strlen(data), sizes[i]);
		free(take_ptr(&data));
		ck_assert_int_eq(cps_file_read(dir, "f", SIZE_MAX, &data, &len, &err), 0);
	}
}
END_TEST

START_TEST(read_what_has_no_size)
{
	cleanup_free char *data = NULL;
	cleanup_free char *piped = NULL;
	struct cps_err err = { 0 };
	size_t len;
	int p[2];

	ck_assert_int_eq(cps_file_read(AT_FDCWD, "/proc/self/status", 65536, &data, &len, &err), 0);
	ck_assert_ptr_nonnull(strstr(data, "Name:"));
	ck_assert_int_eq(pipe(p), 0);
	ck_assert_int_eq(cps_write_all(p[1], "abc", 3), 0);
	(void)close(p[1]);
	ck_assert_int_eq(cps_fd_read(p[0], "pipe", 10, &piped, &len, &err), 0);
	ck_assert_str_eq(piped, "abc");
}
END_TEST

START_TEST(read_errors)
{
	cleanup_fd int dir = unit_dir();
	char *data = NULL;
	struct cps_err err = { 0 };
	size_t len;

	ck_assert_err(cps_file_read(dir, "none", 9, &data, &len, &err), ENOENT, err, "open 'none'");
	ck_assert_err(cps_file_read(AT_FDCWD, "/proc", 9, &data, &len, &err), EISDIR, err,
		      "read '/proc'");
	ck_assert_err(cps_file_read(AT_FDCWD, "/dev/zero", 100000, &data, &len, &err), EFBIG, err,
		      "/dev/zero");
	ck_assert_err(cps_fd_read(-1, "x", 9, &data, &len, &err), EBADF, err, "read 'x'");
	ck_assert_ptr_null(data);
}
END_TEST

START_TEST(put_is_one_write)
{
	cleanup_fd int dir = unit_dir();
	struct cps_err err = { 0 };

	ck_assert_err(cps_file_put(dir, "none", "x", &err), ENOENT, err, "open 'none'");
	ck_assert(!is_there(dir, "none"));
	put(dir, "f", "abc");
	ck_assert_int_eq(cps_file_put(dir, "f", "x", &err), 0);
	check_content(dir, "f", "xbc");
	ck_assert_err(cps_file_put(AT_FDCWD, "/dev/full", "abc\n", &err), ENOSPC, err,
		      "write 'abc' to '/dev/full'");
}
END_TEST

START_TEST(replace_is_whole_or_not_at_all)
{
	cleanup_fd int dir = unit_dir();
	struct cps_err err = { 0 };
	struct stat st;

	put(dir, "f", "old");
	put(dir, "f", "new");
	check_content(dir, "f", "new");
	ck_assert(!is_there(dir, ".f.tmp"));

	make_dir(dir, "d");
	put(dir, "d/x", "1");
	ck_assert_int_lt(cps_file_replace(dir, "d", "x", 1, 0600, &err), 0);
	ck_assert(!is_there(dir, ".d.tmp"));
	ck_assert_err(cps_file_replace(dir, "none/x", "x", 1, 0600, &err), ENOENT, err,
		      "create 'none/.x.tmp'");

	ck_assert_int_eq(cps_file_replace(dir, "d/y", "2", 1, 0600, &err), 0);
	check_content(dir, "d/y", "2");
	ck_assert_int_eq(fstatat(dir, "d/y", &st, 0), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
}
END_TEST

START_TEST(replace_after_a_crash_or_a_trap)
{
	cleanup_fd int dir = unit_dir();

	put(dir, "victim", "untouched");
	put(dir, ".f.tmp", "left by a crash");
	put(dir, "f", "1");
	check_content(dir, "f", "1");
	make_link(dir, "victim", ".f.tmp");
	put(dir, "f", "2");
	check_content(dir, "f", "2");
	check_content(dir, "victim", "untouched");
	make_link(dir, "victim", "link");
	put(dir, "link", "3");
	check_content(dir, "victim", "untouched");
	check_content(dir, "link", "3");
}
END_TEST

START_TEST(full_reads_and_writes)
{
	char data[8];
	int p[2];

	ck_assert_int_eq(pipe(p), 0);
	ck_assert_int_eq(cps_write_all(p[1], "12345", 5), 0);
	ck_assert_int_eq(cps_read_full(p[0], data, 3), 3);
	(void)close(p[1]);
	ck_assert_int_eq(cps_read_full(p[0], data, 8), 2);
	ck_assert_int_eq(cps_read_full(p[0], data, 8), 0);
	ck_assert_int_eq(cps_read_full(-1, data, 8), -EBADF);
	ck_assert_int_eq(cps_write_all(-1, data, 8), -EBADF);
	ck_assert_int_eq(cps_write_all(-1, data, 0), 0);
}
END_TEST

/* root/ is what the container sees, beside it lies what it must never reach. */
struct trap {
	int outside;
	int root;
};

static struct trap trap_make(void)
{
	struct trap t;

	t.outside = unit_dir();
	put(t.outside, "secret", "outside");
	make_dir(t.outside, "root");
	t.root = openat(t.outside, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(t.root, 0);
	put(t.root, "secret", "inside");
	make_dir(t.root, "etc");
	return t;
}

static void check_opens(int root, const char *path, const char *text)
{
	cleanup_free char *data = NULL;
	struct cps_err err = { 0 };
	cleanup_fd int fd = cps_open_in_root(root, path, O_RDONLY, 0);
	size_t len;

	ck_assert_msg(fd >= 0, "%s: %s", path, strerror(-fd));
	ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(cps_fd_read(fd, path, 100, &data, &len, &err), 0);
	ck_assert_str_eq(data, text);
}

START_TEST(no_path_leads_out_of_the_root)
{
	struct trap t = trap_make();

	make_link(t.root, "../secret", "up");
	make_link(t.root, "/secret", "top");
	make_link(t.root, "../../../../../../../secret", "etc/far");
	make_link(t.root, "..", "etc/parent");
	make_link(t.root, "/proc/self/root", "magic");
	check_opens(t.root, "secret", "inside");
	check_opens(t.root, "/secret", "inside");
	check_opens(t.root, "../secret", "inside");
	check_opens(t.root, "/../../secret", "inside");
	check_opens(t.root, "etc/../../secret", "inside");
	check_opens(t.root, "up", "inside");
	check_opens(t.root, "top", "inside");
	check_opens(t.root, "etc/far", "inside");
	check_opens(t.root, "etc/parent/../../secret", "inside");
	ck_assert_int_eq(cps_open_in_root(t.root, "magic/secret", O_RDONLY, 0), -ENOENT);
	ck_assert_int_eq(cps_open_in_root(t.root, "none", O_RDONLY, 0), -ENOENT);
	ck_assert_int_eq(cps_open_in_root(t.root, "", O_RDONLY, 0), -ENOENT);
	ck_assert_int_eq(cps_open_in_root(t.root, "secret/x", O_RDONLY, 0), -ENOTDIR);
	ck_assert_int_eq(cps_open_in_root(-1, "secret", O_RDONLY, 0), -EBADF);
}
END_TEST

START_TEST(magic_links_are_refused)
{
	cleanup_fd int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);

	ck_assert_int_eq(cps_open_in_root(proc, "self/root/etc/passwd", O_RDONLY, 0), -ELOOP);
	ck_assert_int_eq(cps_open_in_root(proc, "self/exe", O_RDONLY, 0), -ELOOP);
	ck_assert_int_eq(cps_open_in_root(proc, "self/fd/0", O_RDONLY, 0), -ELOOP);
}
END_TEST

START_TEST(create_in_root)
{
	struct trap t = trap_make();
	cleanup_fd int fd = cps_open_in_root(t.root, "etc/new", O_WRONLY | O_CREAT | O_EXCL, 0640);
	struct stat st;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0640 & ~022);
	ck_assert_int_eq(cps_open_in_root(t.root, "etc/new", O_WRONLY | O_CREAT | O_EXCL, 0640),
			 -EEXIST);
	/* openat2(2) wants no mode where nothing is created: ours to see to */
	cps_close(&fd);
	fd = cps_open_in_root(t.root, "etc/new", O_RDONLY, 0640);
	ck_assert_int_ge(fd, 0);
	make_link(t.root, "../../secret", "etc/trap");
	ck_assert_int_eq(cps_open_in_root(t.root, "etc/trap",
					  O_WRONLY | O_CREAT | O_NOFOLLOW | O_TRUNC, 0640),
			 -ELOOP);
}
END_TEST

static void check_mkdir(struct trap *t, const char *path, const char *where)
{
	struct cps_err err = { 0 };
	cleanup_fd int fd = cps_mkdir_in_root(t->root, path, 0755, &err);
	cleanup_fd int wanted = openat(t->root, where, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct stat a;
	struct stat b;

	ck_assert_msg(fd >= 0, "%s: %s", path, err.msg);
	ck_assert_msg(wanted >= 0, "%s: '%s' is not there", path, where);
	ck_assert_int_eq(fstat(fd, &a), 0);
	ck_assert_int_eq(fstat(wanted, &b), 0);
	ck_assert_msg(a.st_ino == b.st_ino && a.st_dev == b.st_dev, "%s is not %s", path, where);
}

static unsigned entries(int dir)
{
	cleanup_dir DIR *d = NULL;
	unsigned count = 0;

	d = fdopendir(openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	ck_assert_ptr_nonnull(d);
	while (readdir(d))
		count++;
	return count - 2;
}

START_TEST(mkdir_stays_in_the_root)
{
	struct trap t = trap_make();
	unsigned before = unit_fd_count();

	check_mkdir(&t, "a/b/c", "a/b/c");
	check_mkdir(&t, "a/b/c", "a/b/c");
	check_mkdir(&t, "/abs//x/", "abs/x");
	check_mkdir(&t, "../../up", "up");
	check_mkdir(&t, "new/../sibling", "sibling");
	check_mkdir(&t, "/", ".");
	make_link(t.root, "/etc", "link");
	check_mkdir(&t, "link/d", "etc/d");
	make_link(t.root, "../../..", "out");
	check_mkdir(&t, "out/e/f", "e/f");
	make_link(t.root, "/run", "dangling");
	check_mkdir(&t, "dangling/lock", "run/lock");
	make_link(t.root, "../deep/er", "etc/dangling");
	check_mkdir(&t, "etc/dangling/x", "deep/er/x");
	make_link(t.root, "../../../far", "etc/last");
	check_mkdir(&t, "etc/last", "far");
	ck_assert_uint_eq(unit_fd_count(), before);
	ck_assert_uint_eq(entries(t.outside), 2); /* secret and root, as before */
}
END_TEST

START_TEST(mkdir_refuses)
{
	struct trap t = trap_make();
	struct cps_err err = { 0 };
	unsigned before = unit_fd_count();
	char name[NAME_MAX + 4];
	char path[PATH_MAX + 4];

	make_link(t.root, "loop2", "loop1");
	make_link(t.root, "loop1", "loop2");
	make_link(t.root, "grow/x", "grow");
	ck_assert_err(cps_mkdir_in_root(t.root, "secret/x", 0755, &err), ENOTDIR, err,
		      "'secret/x'");
	ck_assert_err(cps_mkdir_in_root(t.root, "secret", 0755, &err), ENOTDIR, err, "'secret'");
	ck_assert_err(cps_mkdir_in_root(t.root, "loop1/x", 0755, &err), ELOOP, err, "'loop1/x'");
	ck_assert_err(cps_mkdir_in_root(t.root, "grow", 0755, &err), ELOOP, err, "'grow'");
	memset(name, 'n', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	ck_assert_err(cps_mkdir_in_root(t.root, name, 0755, &err), ENAMETOOLONG, err, "nnn");
	memset(path, '/', sizeof(path));
	path[sizeof(path) - 1] = '\0';
	ck_assert_err(cps_mkdir_in_root(t.root, path, 0755, &err), ENAMETOOLONG, err, "//");
	ck_assert_uint_eq(unit_fd_count(), before);
	ck_assert_uint_eq(entries(t.outside), 2);
}
END_TEST

/* Another process swaps a directory for a symlink that leads out, as fast as it can. */
START_TEST(mkdir_against_a_swapper)
{
	struct trap t = trap_make();
	pid_t swapper;

	make_dir(t.outside, "canary");
	make_dir(t.root, "spot");
	make_link(t.root, "../canary", "bait");
	swapper = fork();
	ck_assert_int_ge(swapper, 0);
	if (swapper == 0) {
		for (;;)
			(void)renameat2(t.root, "spot", t.root, "bait", RENAME_EXCHANGE);
	}
	for (int i = 0; i < 3000; i++) {
		char path[32];
		struct cps_err err = { 0 };
		cleanup_fd int fd = -1;

		(void)snprintf(path, sizeof(path), "spot/x%d/y", i);
		fd = cps_mkdir_in_root(t.root, path, 0755, &err);
		ck_assert_msg(fd >= 0 || fd == -ENOENT || fd == -EAGAIN || fd == -ENOTDIR, "%s",
			      err.msg);
	}
	(void)kill(swapper, SIGKILL);
	(void)waitpid(swapper, NULL, 0);
	{
		cleanup_fd int canary =
			openat(t.outside, "canary", O_PATH | O_DIRECTORY | O_CLOEXEC);

		ck_assert_uint_eq(entries(canary), 0);
	}
	ck_assert_uint_eq(entries(t.outside), 3);
}
END_TEST

START_TEST(mkdir_all_on_the_host)
{
	cleanup_fd int dir = unit_dir();
	struct cps_err err = { 0 };
	char base[64];
	char path[128];
	struct stat st;

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", dir);
	base[readlink(path, base, sizeof(base) - 1)] = '\0';
	(void)snprintf(path, sizeof(path), "%s/a/b//c/", base);
	for (int i = 0; i < 2; i++)
		ck_assert_ok(cps_mkdir_all(path, 0700, &err), err);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0700);
	put(dir, "file", "x");
	(void)snprintf(path, sizeof(path), "%s/file", base);
	ck_assert_err(cps_mkdir_all(path, 0700, &err), ENOTDIR, err, "file");
	(void)snprintf(path, sizeof(path), "%s/file/x", base);
	ck_assert_err(cps_mkdir_all(path, 0700, &err), ENOTDIR, err, "file");
	ck_assert_err(cps_mkdir_all("", 0700, &err), ENOENT, err, "''");
	ck_assert_int_eq(cps_mkdir_all("/", 0700, &err), 0);
}
END_TEST

START_TEST(remove_goes_through_all)
{
	struct trap t = trap_make();
	cleanup_fd int fd = -1;
	struct cps_err err = { 0 };
	unsigned before = unit_fd_count();

	put(t.outside, "canary", "x");
	fd = cps_mkdir_in_root(t.root, "tree/a/b/c", 0755, &err);
	for (int i = 0; i < 2000; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "f%d", i);
		put(fd, name, "x");
	}
	make_link(t.root, "../..", "tree/up");
	make_link(t.root, "../../canary", "tree/file");
	make_link(t.root, "/etc", "tree/a/etc");
	ck_assert_int_eq(mkfifoat(t.root, "tree/a/fifo", 0600), 0);
	cps_close(&fd);
	ck_assert_ok(cps_remove_tree(t.root, "tree", &err), err);
	ck_assert(!is_there(t.root, "tree"));
	ck_assert_ok(cps_remove_tree(t.root, "tree", &err), err);
	ck_assert(is_there(t.root, "etc"));
	check_content(t.outside, "canary", "x");
	ck_assert_uint_eq(unit_fd_count(), before);
}
END_TEST

START_TEST(remove_of_a_symlink_is_of_the_symlink)
{
	struct trap t = trap_make();
	struct cps_err err = { 0 };

	make_dir(t.outside, "canary");
	put(t.outside, "canary/x", "x");
	make_link(t.root, "../canary", "link");
	ck_assert_int_eq(cps_remove_tree(t.root, "link", &err), 0);
	ck_assert(!is_there(t.root, "link"));
	check_content(t.outside, "canary/x", "x");
	put(t.root, "file", "x");
	ck_assert_int_eq(cps_remove_tree(t.root, "file", &err), 0);
	ck_assert(!is_there(t.root, "file"));
}
END_TEST

START_TEST(remove_by_path)
{
	cleanup_fd int dir = unit_dir();
	struct cps_err err = { 0 };

	make_dir(dir, "a");
	make_dir(dir, "a/b");
	make_dir(dir, "a/b/c");
	ck_assert_int_eq(cps_remove_tree(dir, "a/b", &err), 0);
	ck_assert(is_there(dir, "a"));
	ck_assert(!is_there(dir, "a/b"));
	ck_assert_int_eq(cps_remove_tree(dir, "none/b", &err), 0);
	ck_assert_err(cps_remove_tree(dir, "a/", &err), EINVAL, err, "'a/'");
	ck_assert_err(cps_remove_tree(dir, ".", &err), EINVAL, err, "'.'");
	ck_assert_err(cps_remove_tree(dir, "a/..", &err), EINVAL, err, "'a/..'");
	ck_assert_err(cps_remove_tree(dir, "", &err), EINVAL, err, "''");
	ck_assert(is_there(dir, "a"));
}
END_TEST

START_TEST(remove_has_a_bottom)
{
	cleanup_fd int dir = unit_dir();
	int at = dup(dir);
	struct cps_err err = { 0 };
	unsigned before;

	for (int i = 0; i < 300; i++) {
		int next;

		make_dir(at, "d");
		next = openat(at, "d", O_PATH | O_DIRECTORY | O_CLOEXEC);
		(void)close(at);
		at = next;
	}
	(void)close(at);
	before = unit_fd_count();
	ck_assert_err(cps_remove_tree(dir, "d", &err), ELOOP, err, "nested more than");
	ck_assert_uint_eq(unit_fd_count(), before);
}
END_TEST

/* What can be removed is, and the error names what could not. */
START_TEST(remove_goes_on_after_an_error)
{
	/* root may write everywhere: not as root, then */
	int rc = geteuid() == 0 ? setresuid(65534, 65534, 65534) : 0;
	cleanup_fd int dir = unit_dir();
	struct cps_err err = { 0 };

	ck_assert_int_eq(rc, 0);
	make_dir(dir, "t");
	make_dir(dir, "t/locked");
	put(dir, "t/locked/stays", "x");
	put(dir, "t/a", "x");
	put(dir, "t/z", "x");
	ck_assert_int_eq(fchmodat(dir, "t/locked", 0500, 0), 0);
	ck_assert_err(cps_remove_tree(dir, "t", &err), EACCES, err, "t: locked: remove 'stays'");
	ck_assert(!is_there(dir, "t/a"));
	ck_assert(!is_there(dir, "t/z"));
	ck_assert(is_there(dir, "t/locked/stays"));
	ck_assert_int_eq(fchmodat(dir, "t/locked", 0700, 0), 0);
	ck_assert_int_eq(cps_remove_tree(dir, "t", &err), 0);
}
END_TEST

static bool mounts_allowed(void)
{
	return unshare(CLONE_NEWNS | (geteuid() ? CLONE_NEWUSER : 0)) == 0 &&
	       mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

START_TEST(remove_stops_at_mounts)
{
	bool allowed = mounts_allowed(); /* first: what is opened before belongs to the old tree */
	cleanup_fd int dir = unit_dir();
	struct cps_err err = { 0 };

	if (!allowed)
		return;
	make_dir(dir, "canary");
	put(dir, "canary/x", "x");
	make_dir(dir, "tree");
	make_dir(dir, "tree/mnt");
	ck_assert_int_eq(fchdir(dir), 0);
	ck_assert_int_eq(mount("canary", "tree/mnt", NULL, MS_BIND, NULL), 0);
	ck_assert_err(cps_remove_tree(dir, "tree", &err), EBUSY, err,
		      "tree: remove 'mnt': something is mounted there");
	check_content(dir, "canary/x", "x");
	ck_assert_err(cps_remove_tree(dir, "tree/mnt", &err), EBUSY, err,
		      "something is mounted there");
	check_content(dir, "canary/x", "x");
	ck_assert_int_eq(umount2("tree/mnt", MNT_DETACH), 0);
	ck_assert_ok(cps_remove_tree(dir, "tree", &err), err);
	ck_assert(!is_there(dir, "tree"));
}
END_TEST

START_TEST(memfds_are_sealed)
{
	struct cps_err err = { 0 };
	cleanup_fd int fd = cps_memfd_sealed("config", "12345", 5, &err);
	char data[8];

	ck_assert_ok(fd, err);
	ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(fcntl(fd, F_GET_SEALS),
			 F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
	ck_assert_int_eq(read(fd, data, 8), 5);
	ck_assert_mem_eq(data, "12345", 5);
	ck_assert_int_eq(pwrite(fd, "x", 1, 0), -1);
	ck_assert_int_eq(ftruncate(fd, 0), -1);
}
END_TEST

START_TEST(sockets_by_directory)
{
	cleanup_fd int dir = unit_dir();
	cleanup_fd int listener = -1;
	cleanup_fd int client = -1;
	cleanup_fd int server = -1;
	char name[128];
	char data[8];
	struct stat st;

	listener = cps_sock_listen(dir, "shim.sock", SOCK_NONBLOCK, 5);
	ck_assert_int_ge(listener, 0);
	ck_assert_int_eq(fstatat(dir, "shim.sock", &st, 0), 0);
	ck_assert_uint_eq(st.st_mode, S_IFSOCK | 0600);
	ck_assert_int_eq(fcntl(listener, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	client = cps_sock_connect(dir, "shim.sock", 0);
	ck_assert_int_ge(client, 0);
	server = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	ck_assert_int_ge(server, 0);
	ck_assert_int_eq(send(client, "abc", 3, 0), 3);
	ck_assert_int_eq(send(client, "de", 2, 0), 2);
	ck_assert_int_eq(recv(server, data, sizeof(data), 0), 3);

	ck_assert_int_eq(cps_sock_listen(dir, "shim.sock", 0, 5), -EADDRINUSE);
	ck_assert_int_eq(cps_sock_connect(dir, "none", 0), -ENOENT);
	ck_assert_int_eq(cps_sock_listen(AT_FDCWD, "", 0, 5), -EINVAL);
	memset(name, 'n', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	ck_assert_int_eq(cps_sock_listen(dir, name, 0, 5), -ENAMETOOLONG);
	ck_assert_int_eq(cps_sock_connect(dir, name, 0), -ENAMETOOLONG);
	cps_close(&listener);
	ck_assert_int_eq(cps_sock_connect(dir, "shim.sock", 0), -ECONNREFUSED);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		read_at_the_bound,
		read_every_size,
		read_what_has_no_size,
		read_errors,
		put_is_one_write,
		replace_is_whole_or_not_at_all,
		replace_after_a_crash_or_a_trap,
		full_reads_and_writes,
		no_path_leads_out_of_the_root,
		magic_links_are_refused,
		create_in_root,
		mkdir_stays_in_the_root,
		mkdir_refuses,
		mkdir_against_a_swapper,
		mkdir_all_on_the_host,
		remove_goes_through_all,
		remove_of_a_symlink_is_of_the_symlink,
		remove_by_path,
		remove_has_a_bottom,
		remove_goes_on_after_an_error,
		remove_stops_at_mounts,
		memfds_are_sealed,
		sockets_by_directory,
		NULL,
	};

	return unit_main("file", tests);
}
