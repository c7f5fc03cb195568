/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Data and attributes. An O_PATH descriptor takes neither, so both go by /proc/self/fd, which is a
 * link to the very object, whatever its name means by now.
 */
#include <config.h>
#include "copy-file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "file.h"
#include "own.h"

#define CHUNK	   ((size_t)1 << 30) /* of one copy_file_range(2) */
#define BUFFER	   (128u * 1024)
#define XATTR_LIST 65536 /* the kernel's bounds */
#define XATTR_SIZE 65536
#define SELF_SIZE  32

static const char *self_path(int fd, char buf[SELF_SIZE])
{
	(void)snprintf(buf, SELF_SIZE, "/proc/self/fd/%d", fd);
	return buf;
}

int sto_node_open(const struct sto_node *node, int flags)
{
	char path[SELF_SIZE];
	int fd = open(self_path(node->fd, path), flags | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int sto_node_readlink(struct sto_node *node)
{
	ssize_t n = readlinkat(node->fd, "", node->target, sizeof(node->target));

	if (n < 0)
		return -errno;
	if ((size_t)n >= sizeof(node->target))
		return -ENAMETOOLONG;
	node->target[n] = '\0';
	return 0;
}

int sto_open_beneath(int dir, const char *path)
{
	const struct open_how how = {
		.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
	};
	long fd = syscall(SYS_openat2, dir, path, &how, sizeof(how));

	return fd < 0 ? -errno : (int)fd;
}

static int copy_by_hand(int in, int out, off_t *at, off_t end, struct cps_err *err)
{
	cleanup_free char *buf = malloc(BUFFER);

	if (!buf)
		return cps_fail(err, ENOMEM, "copy");
	while (*at < end) {
		size_t want = end - *at < (off_t)BUFFER ? (size_t)(end - *at) : BUFFER;
		ssize_t n = pread(in, buf, want, *at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return cps_fail(err, errno, "read");
		if (n == 0)
			break;
		for (ssize_t done = 0; done < n;) {
			ssize_t w = pwrite(out, buf + done, (size_t)(n - done), *at + done);

			if (w < 0 && errno != EINTR)
				return cps_fail(err, errno, "write");
			done += w > 0 ? w : 0;
		}
		*at += n;
	}
	return 0;
}

/* One stretch of data. File systems that copy within themselves are asked first. */
static int copy_stretch(int in, int out, off_t at, off_t end, struct cps_err *err)
{
	while (at < end) {
		size_t want = end - at < (off_t)CHUNK ? (size_t)(end - at) : CHUNK;
		off_t to = at;
		ssize_t n = copy_file_range(in, &at, out, &to, want, 0);

		if (n > 0 || (n < 0 && errno == EINTR))
			continue;
		if (n == 0 || errno == EXDEV || errno == EINVAL || errno == ENOSYS ||
		    errno == EOPNOTSUPP || errno == EBADF)
			return copy_by_hand(in, out, &at, end, err);
		return cps_fail(err, errno, "copy");
	}
	return 0;
}

int sto_copy_data(int in, int out, struct cps_err *err)
{
	struct stat st;
	off_t at = 0;

	if (fstat(in, &st) < 0)
		return cps_fail(err, errno, "look at the file");
	if (st.st_size ==
	    0) { /* or a file of procfs, which has no size: what there is, to a bound */
		at = 0;
		return copy_by_hand(in, out, &at, (off_t)CHUNK, err);
	}
	while (at < st.st_size) {
		off_t data = lseek(in, at, SEEK_DATA);
		off_t hole;
		int rc;

		if (data < 0 && errno == ENXIO) /* a hole to the end */
			break;
		if (data < 0) /* cannot tell: all of it is data */
			data = at;
		hole = lseek(in, data, SEEK_HOLE);
		if (hole < 0 || hole > st.st_size)
			hole = st.st_size;
		rc = copy_stretch(in, out, data, hole, err);
		if (rc < 0)
			return rc;
		at = hole;
	}
	return ftruncate(out, st.st_size) < 0 ? cps_fail(err, errno, "set the file's size") : 0;
}

static bool wants_xattr(const char *name, const struct sto_copy *how)
{
	if (strncmp(name, "user.", 5) == 0)
		return true;
	return how->archive &&
	       (strncmp(name, "security.", 9) == 0 || strncmp(name, "system.posix_acl_", 17) == 0);
}

/* What the target's file system does not know is no failure, as cp(1) has it. */
static int xattrs_copy(const char *from, const char *to, const struct sto_copy *how,
		       struct cps_err *err)
{
	cleanup_free char *names = NULL;
	cleanup_free char *value = NULL;
	ssize_t len = listxattr(from, NULL, 0);

	if (len <= 0) /* most have none */
		return 0;
	names = malloc(XATTR_LIST);
	value = malloc(XATTR_SIZE);
	if (!names || !value)
		return cps_fail(err, ENOMEM, "extended attributes");
	len = listxattr(from, names, XATTR_LIST);
	for (const char *n = names; len > 0 && n < names + len; n += strlen(n) + 1) {
		ssize_t size;

		if (!wants_xattr(n, how))
			continue;
		size = getxattr(from, n, value, XATTR_SIZE);
		if (size >= 0 && setxattr(to, n, value, (size_t)size, 0) < 0 &&
		    errno != EOPNOTSUPP && errno != EPERM && errno != ENOENT)
			return cps_fail(err, errno, "set extended attribute '%s'", n);
	}
	return 0;
}

int sto_node_attributes(const struct sto_node *node, int to, const struct sto_copy *how,
			struct cps_err *err)
{
	const struct timespec times[2] = { node->st.st_atim, node->st.st_mtim };
	const mode_t bits = how->archive ? 07777 : 01777;
	char from_path[SELF_SIZE], to_path[SELF_SIZE];
	int rc = 0;

	(void)self_path(node->fd, from_path);
	(void)self_path(to, to_path);
	if (fchownat(to, "", how->archive ? node->st.st_uid : how->uid,
		     how->archive ? node->st.st_gid : how->gid, AT_EMPTY_PATH) < 0)
		return cps_fail(err, errno, "change the owner");
	if (!S_ISLNK(node->st.st_mode)) { /* they have no mode, and no attributes of users */
		if (chmod(to_path, node->st.st_mode & bits) < 0)
			return cps_fail(err, errno, "change the mode");
		rc = xattrs_copy(from_path, to_path, how, err);
	}
	if (rc == 0 && utimensat(to, "", times, AT_EMPTY_PATH) < 0 && errno != EINVAL &&
	    utimensat(AT_FDCWD, to_path, times, 0) < 0)
		return cps_fail(err, errno, "set the times");
	return rc;
}
