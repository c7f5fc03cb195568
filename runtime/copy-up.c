/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tmpcopyup: a tmpfs that begins with what it covers. The directory is the image's, and hostile: it
 * is walked by descriptors, no symlink is followed, and other file systems below it are left out.
 * Owners, modes and times are kept; what the tmpfs's size does not hold is an error.
 */
#include <config.h>
#include "rootfs-priv.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "own.h"

#define DEPTH_MAX 128
#define CHUNK	  (1u << 20)

struct copy {
	dev_t dev; /* of the directory that is copied: its mounts stay behind */
	unsigned depth;
	struct rt_warn *warn;
};

static int copy_dir(struct copy *c, int from, int to, struct cps_err *err);

/* Ids that a user namespace has no number for become its root's. */
static int keep_metadata(int to, const char *name, const struct stat *st, struct cps_err *err)
{
	const struct timespec times[2] = { st->st_atim, st->st_mtim };

	if (fchownat(to, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0 && errno != EINVAL)
		return cps_fail(err, errno, "owner");
	if (!S_ISLNK(st->st_mode) && fchmodat(to, name, st->st_mode & 07777, 0) < 0)
		return cps_fail(err, errno, "mode");
	if (utimensat(to, name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return cps_fail(err, errno, "times");
	return 0;
}

static int copy_file(int from, int to, const char *name, struct cps_err *err)
{
	cleanup_fd int in = openat(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	cleanup_fd int out = -1;
	ssize_t n;

	if (in < 0)
		return cps_fail(err, errno, "open");
	out = openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (out < 0)
		return cps_fail(err, errno, "make");
	do
		n = sendfile(out, in, NULL, CHUNK);
	while (n > 0 || (n < 0 && errno == EINTR));
	return n < 0 ? cps_fail(err, errno, "copy") : 0;
}

static int copy_link(int from, int to, const char *name, struct cps_err *err)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(from, name, target, sizeof(target) - 1);

	if (n < 0)
		return cps_fail(err, errno, "read the link");
	target[n] = '\0';
	return symlinkat(target, to, name) < 0 ? cps_fail(err, errno, "make the link") : 0;
}

static int copy_below(struct copy *c, int from, int to, const char *name, struct cps_err *err)
{
	cleanup_fd int in = -1;
	cleanup_fd int out = -1;
	struct stat st;
	int rc;

	if (c->depth == DEPTH_MAX)
		return cps_failx(err, ELOOP, "more than %d directories deep", DEPTH_MAX);
	if (mkdirat(to, name, 0700) < 0)
		return cps_fail(err, errno, "make");
	in = openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	out = openat(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (in < 0 || out < 0 || fstat(in, &st) < 0)
		return cps_fail(err, errno, "open");
	if (st.st_dev != c->dev)
		return 0;
	c->depth++;
	rc = copy_dir(c, in, out, err);
	c->depth--;
	return rc;
}

/* A device that a user namespace may not make is left out; it could not be used there either. */
static int copy_node(struct copy *c, int to, const char *name, const struct stat *st,
		     struct cps_err *err)
{
	if (mknodat(to, name, st->st_mode, st->st_rdev) == 0)
		return 0;
	if (errno != EPERM)
		return cps_fail(err, errno, "make");
	rt_warn(c->warn, "tmpcopyup: '%s' is a device that cannot be made here, ignoring", name);
	return 1;
}

static int copy_entry(struct copy *c, int from, int to, const char *name, struct cps_err *err)
{
	struct stat st;
	int rc;

	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return cps_fail(err, errno, "stat");
	if (S_ISDIR(st.st_mode))
		rc = copy_below(c, from, to, name, err);
	else if (S_ISREG(st.st_mode))
		rc = copy_file(from, to, name, err);
	else if (S_ISLNK(st.st_mode))
		rc = copy_link(from, to, name, err);
	else
		rc = copy_node(c, to, name, &st, err);
	if (rc == 0)
		rc = keep_metadata(to, name, &st, err);
	return rc > 0 ? 0 : rc;
}

static int copy_dir(struct copy *c, int from, int to, struct cps_err *err)
{
	int copy = fcntl(from, F_DUPFD_CLOEXEC, 3);
	cleanup_dir DIR *d = copy < 0 ? NULL : fdopendir(copy);
	const struct dirent *e;

	if (!d) {
		cps_close(&copy);
		return cps_fail(err, errno, "list");
	}
	while ((errno = 0, e = readdir(d))) {
		int rc;

		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		rc = copy_entry(c, from, to, e->d_name, err);
		if (rc < 0)
			return cps_wrap(err, rc, "%s", e->d_name);
	}
	return errno ? cps_fail(err, errno, "list") : 0;
}

int rt_copy_up(int covered, int mount_fd, struct rt_warn *warn, struct cps_err *err)
{
	/* both are known by O_PATH only */
	cleanup_fd int from = openat(covered, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_fd int to = openat(mount_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct copy c = { .warn = warn };
	struct stat st;
	int rc;

	if (from < 0 || to < 0 || fstat(from, &st) < 0)
		return cps_fail(err, errno, "tmpcopyup");
	c.dev = st.st_dev;
	rc = copy_dir(&c, from, to, err);
	return cps_wrap(err, rc, "tmpcopyup");
}
