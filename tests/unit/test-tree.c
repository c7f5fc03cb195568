/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Directories below a root that is somebody else's, with the attacks that it may try.
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
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "file.h"
#include "own.h"

/* root/ is what the container sees, beside it lies what it must never reach. */
struct trap {
	int outside;
	int root;
};

static struct trap trap_make(void)
{
	struct trap t;

	t.outside = unit_dir();
	unit_put(t.outside, "secret", "outside");
	unit_make_dir(t.outside, "root");
	t.root = openat(t.outside, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(t.root, 0);
	unit_put(t.root, "secret", "inside");
	unit_make_dir(t.root, "etc");
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

	unit_make_link(t.root, "../secret", "up");
	unit_make_link(t.root, "/secret", "top");
	unit_make_link(t.root, "../../../../../../../secret", "etc/far");
	unit_make_link(t.root, "..", "etc/parent");
	unit_make_link(t.root, "/proc/self/root", "magic");
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
	unit_make_link(t.root, "../../secret", "etc/trap");
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
	unit_make_link(t.root, "/etc", "link");
	check_mkdir(&t, "link/d", "etc/d");
	unit_make_link(t.root, "../../..", "out");
	check_mkdir(&t, "out/e/f", "e/f");
	unit_make_link(t.root, "/run", "dangling");
	check_mkdir(&t, "dangling/lock", "run/lock");
	unit_make_link(t.root, "../deep/er", "etc/dangling");
	check_mkdir(&t, "etc/dangling/x", "deep/er/x");
	unit_make_link(t.root, "../../../far", "etc/last");
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

	unit_make_link(t.root, "loop2", "loop1");
	unit_make_link(t.root, "loop1", "loop2");
	unit_make_link(t.root, "grow/x", "grow");
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

	unit_make_dir(t.outside, "canary");
	unit_make_dir(t.root, "spot");
	unit_make_link(t.root, "../canary", "bait");
	swapper = fork();
	ck_assert_int_ge(swapper, 0);
	if (swapper == 0) {
		for (;;)
			(void)renameat2(t.root, "spot", t.root, "bait", RENAME_EXCHANGE);
	}
	for (int i = 0; i < 500; i++) {
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

/* The same against a removal: what the symlink points to must stay. */
START_TEST(remove_against_a_swapper)
{
	struct trap t = trap_make();
	struct cps_err err = { 0 };
	pid_t swapper;

	unit_make_dir(t.outside, "canary");
	unit_put(t.outside, "canary/x", "untouched");
	swapper = fork();
	ck_assert_int_ge(swapper, 0);
	if (swapper == 0) {
		for (;;)
			(void)renameat2(t.root, "tree/spot", t.root, "tree/bait", RENAME_EXCHANGE);
	}
	for (int i = 0; i < 100; i++) {
		cleanup_fd int fd = cps_mkdir_in_root(t.root, "tree/spot/deep", 0755, &err);

		ck_assert_ok(fd, err);
		unit_put(fd, "x", "goes");
		unit_make_link(t.root, "../../canary", "tree/bait");
		(void)cps_remove_tree(t.root, "tree",
				      &err); /* may lose the race, but not its way */
		(void)cps_remove_tree(t.root, "tree", &err);
		ck_assert_ok(cps_remove_tree(t.root, "tree", &err), err);
		unit_check_content(t.outside, "canary/x", "untouched");
	}
	(void)kill(swapper, SIGKILL);
	(void)waitpid(swapper, NULL, 0);
	ck_assert(!unit_is_there(t.root, "tree"));
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
	unit_put(dir, "file", "x");
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

	unit_put(t.outside, "canary", "x");
	fd = cps_mkdir_in_root(t.root, "tree/a/b/c", 0755, &err);
	for (int i = 0; i < 300; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "f%d", i);
		unit_put(fd, name, "x");
	}
	unit_make_link(t.root, "../..", "tree/up");
	unit_make_link(t.root, "../../canary", "tree/file");
	unit_make_link(t.root, "/etc", "tree/a/etc");
	ck_assert_int_eq(mkfifoat(t.root, "tree/a/fifo", 0600), 0);
	cps_close(&fd);
	ck_assert_ok(cps_remove_tree(t.root, "tree", &err), err);
	ck_assert(!unit_is_there(t.root, "tree"));
	ck_assert_ok(cps_remove_tree(t.root, "tree", &err), err);
	ck_assert(unit_is_there(t.root, "etc"));
	unit_check_content(t.outside, "canary", "x");
	ck_assert_uint_eq(unit_fd_count(), before);
}
END_TEST

START_TEST(remove_of_a_symlink_is_of_the_symlink)
{
	struct trap t = trap_make();
	struct cps_err err = { 0 };

	unit_make_dir(t.outside, "canary");
	unit_put(t.outside, "canary/x", "x");
	unit_make_link(t.root, "../canary", "link");
	ck_assert_int_eq(cps_remove_tree(t.root, "link", &err), 0);
	ck_assert(!unit_is_there(t.root, "link"));
	unit_check_content(t.outside, "canary/x", "x");
	unit_put(t.root, "file", "x");
	ck_assert_int_eq(cps_remove_tree(t.root, "file", &err), 0);
	ck_assert(!unit_is_there(t.root, "file"));
}
END_TEST

START_TEST(remove_by_path)
{
	cleanup_fd int dir = unit_dir();
	struct cps_err err = { 0 };

	unit_make_dir(dir, "a");
	unit_make_dir(dir, "a/b");
	unit_make_dir(dir, "a/b/c");
	ck_assert_int_eq(cps_remove_tree(dir, "a/b", &err), 0);
	ck_assert(unit_is_there(dir, "a"));
	ck_assert(!unit_is_there(dir, "a/b"));
	ck_assert_int_eq(cps_remove_tree(dir, "none/b", &err), 0);
	ck_assert_err(cps_remove_tree(dir, "a/", &err), EINVAL, err, "'a/'");
	ck_assert_err(cps_remove_tree(dir, ".", &err), EINVAL, err, "'.'");
	ck_assert_err(cps_remove_tree(dir, "a/..", &err), EINVAL, err, "'a/..'");
	ck_assert_err(cps_remove_tree(dir, "", &err), EINVAL, err, "''");
	ck_assert(unit_is_there(dir, "a"));
}
END_TEST

/* What is only files needs no descriptor more. */
START_TEST(remove_of_an_open_directory)
{
	cleanup_fd int dir = unit_dir();
	cleanup_fd int open_dir = -1;
	struct rlimit was, none;
	struct cps_err err = { 0 };
	char path[64], name[32];
	int rc;

	unit_make_dir(dir, "a");
	for (int i = 0; i < 300; i++) { /* more than one reading brings */
		(void)snprintf(name, sizeof(name), "a/file-%d", i);
		unit_put(dir, name, "x");
	}
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d/a", dir);
	open_dir = openat(dir, "a", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(open_dir, 0);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &was), 0);
	none = (struct rlimit){ .rlim_cur = 0, .rlim_max = was.rlim_max };
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	rc = cps_remove_open_tree(open_dir, path, &err);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &was), 0);
	ck_assert_ok(rc, err);
	ck_assert(!unit_is_there(dir, "a"));
	ck_assert_ok(cps_remove_open_tree(open_dir, path, &err), err); /* gone is gone */

	unit_make_dir(dir, "a");
	unit_make_dir(dir, "a/b");
	unit_put(dir, "a/b/c", "x");
	cps_close(&open_dir);
	open_dir = openat(dir, "a", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_ok(cps_remove_open_tree(open_dir, path, &err), err);
	ck_assert(!unit_is_there(dir, "a"));
}
END_TEST

/* Two branches of a depth that no path has; descriptors are few. */
START_TEST(remove_of_any_depth)
{
	enum { DEPTH = 5000 };
	cleanup_fd int dir = unit_dir();
	struct rlimit few = { .rlim_cur = 100, .rlim_max = 100 };
	struct cps_err err = { 0 };
	unsigned before;

	unit_make_dir(dir, "t");
	unit_put(dir, "canary", "x");
	for (int branch = 0; branch < 2; branch++) {
		int at = openat(dir, "t", O_PATH | O_DIRECTORY | O_CLOEXEC);

		for (int i = 0; i < DEPTH; i++) {
			const char *name = branch ? ".lifted-1" : "d";
			int next;

			unit_make_dir(at, name);
			if (i % 50 == 0)
				unit_make_link(at, "../../canary", "out");
			next = openat(at, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
			(void)close(at);
			at = next;
			if (branch == 0 && i == 0)
				ck_assert_int_eq(symlinkat("/", at, ".lifted-0"), 0);
		}
		(void)close(at);
		(void)unlinkat(dir, "t/out", 0);
	}
	before = unit_fd_count();
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
	ck_assert_ok(cps_remove_tree(dir, "t", &err), err);
	ck_assert(!unit_is_there(dir, "t"));
	unit_check_content(dir, "canary", "x");
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
	unit_make_dir(dir, "t");
	unit_make_dir(dir, "t/locked");
	unit_put(dir, "t/locked/stays", "x");
	unit_put(dir, "t/a", "x");
	unit_put(dir, "t/z", "x");
	ck_assert_int_eq(fchmodat(dir, "t/locked", 0500, 0), 0);
	ck_assert_err(cps_remove_tree(dir, "t", &err), EACCES, err, "t: locked: remove 'stays'");
	ck_assert(!unit_is_there(dir, "t/a"));
	ck_assert(!unit_is_there(dir, "t/z"));
	ck_assert(unit_is_there(dir, "t/locked/stays"));
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
	unit_make_dir(dir, "canary");
	unit_put(dir, "canary/x", "x");
	unit_make_dir(dir, "tree");
	unit_make_dir(dir, "tree/mnt");
	ck_assert_int_eq(fchdir(dir), 0);
	ck_assert_int_eq(mount("canary", "tree/mnt", NULL, MS_BIND, NULL), 0);
	ck_assert_err(cps_remove_tree(dir, "tree", &err), EBUSY, err,
		      "tree: remove 'mnt': something is mounted there");
	unit_check_content(dir, "canary/x", "x");
	ck_assert_err(cps_remove_tree(dir, "tree/mnt", &err), EBUSY, err,
		      "something is mounted there");
	unit_check_content(dir, "canary/x", "x");
	ck_assert_int_eq(umount2("tree/mnt", MNT_DETACH), 0);
	ck_assert_ok(cps_remove_tree(dir, "tree", &err), err);
	ck_assert(!unit_is_there(dir, "tree"));
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		no_path_leads_out_of_the_root,
		magic_links_are_refused,
		create_in_root,
		mkdir_stays_in_the_root,
		mkdir_refuses,
		mkdir_against_a_swapper,
		remove_against_a_swapper,
		mkdir_all_on_the_host,
		remove_goes_through_all,
		remove_of_a_symlink_is_of_the_symlink,
		remove_by_path,
		remove_of_an_open_directory,
		remove_of_any_depth,
		remove_goes_on_after_an_error,
		remove_stops_at_mounts,
		NULL,
	};

	return unit_main("tree", tests);
}
