/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mount points: found, or made, below the root. The tree belongs to somebody else, so a name is
 * resolved once, by the kernel, with the root as its limit, and what is made is made by O_EXCL.
 */
#include <config.h>
#include "mount-fd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "own.h"

#define LINKS_MAX 40 /* the kernel's own bound */

int rt_path_clean(const char *path, char *buf, struct cps_err *err)
{
	size_t used = 0;

	for (const char *at = path; *at;) {
		size_t len;

		at += strspn(at, "/");
		len = strcspn(at, "/");
		if (len > 0 && !(len == 1 && at[0] == '.')) {
			if (used + len + 2 > PATH_MAX)
				return cps_fail(err, ENAMETOOLONG, "'%.64s'", path);
			buf[used++] = '/';
			memcpy(buf + used, at, len);
			used += len;
		}
		at += len;
	}
	if (used == 0)
		buf[used++] = '/';
	buf[used] = '\0';
	return 0;
}

/* As cps_open_in_root, and without following any symlink. */
static int open_plain(int root_fd, const char *path)
{
	return cps_open_resolved(root_fd, path, O_PATH, 0, RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS);
}

/*
 * Makes the file. A symlink to something that does not exist (images have /etc/resolv.conf ->
 * ../run/systemd/…) stands for its target, within the root.
 */
static int file_make(int root_fd, const char *path, struct cps_err *err)
{
	char at[PATH_MAX], target[PATH_MAX], joined[2 * PATH_MAX];
	int rc = rt_path_clean(path, at, err);

	for (int links = 0; rc == 0 && links < LINKS_MAX; links++) {
		cleanup_fd int parent = -1;
		char *name = strrchr(at, '/') + 1;
		ssize_t n;
		int fd;

		if (*name == '\0' || strcmp(name, "..") == 0)
			return cps_fail(err, EISDIR, "make file '%s'", path);
		name[-1] = '\0';
		parent = cps_mkdir_in_root(root_fd, *at ? at : "/", 0755, err);
		if (parent < 0)
			return parent;
		fd = openat(parent, name, O_RDONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
			    0644);
		if (fd >= 0)
			return fd;
		if (errno != EEXIST)
			return cps_fail(err, errno, "make file '%s'", path);
		n = readlinkat(parent, name, target, sizeof(target) - 1);
		if (n < 0) { /* it appeared just now */
			fd = openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
			return fd >= 0 ? fd : cps_fail(err, errno, "open '%s'", path);
		}
		target[n] = '\0';
		(void)snprintf(joined, sizeof(joined), "%s/%s", target[0] == '/' ? "" : at, target);
		rc = rt_path_clean(joined, at, err);
	}
	return rc < 0 ? rc : cps_fail(err, ELOOP, "make file '%s'", path);
}

int rt_dest_open(int root_fd, const char *path, bool directory, bool plain, bool *ret_made,
		 struct cps_err *err)
{
	int fd = plain ? open_plain(root_fd, path) : cps_open_in_root(root_fd, path, O_PATH, 0);

	*ret_made = fd == -ENOENT;
	if (fd >= 0)
		return fd;
	if (fd == -ELOOP && plain)
		return cps_failx(err, ELOOP,
				 "must be mounted on ordinary directory, not by way "
				 "of a symlink");
	if (fd != -ENOENT)
		return cps_fail(err, -fd, "open mount point '%s'", path);
	if (!directory)
		return file_make(root_fd, path, err);
	fd = cps_mkdir_in_root(root_fd, path, 0755, err);
	if (fd >= 0 && plain) { /* a symlink may have come in between */
		cps_close(&fd);
		fd = open_plain(root_fd, path);
		if (fd < 0)
			return cps_fail(err, -fd, "open mount point '%s'", path);
	}
	return fd;
}
