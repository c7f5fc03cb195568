/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding and opening the runtime's binary. What runs next to a container must not be writable from
 * there (CVE-2019-5736: through /proc/PID/exe), and an upgrade of the package must not give an old
 * shim a new runtime. Both hold for a read-only clone of the file's mount, which costs no memory;
 * where that is not to be had (no CAP_SYS_ADMIN, an old kernel), for a sealed copy in memory.
 */
#include <config.h>
#include "runtime-link.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/mount.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "own.h"

#define RUNTIME_NAME "capsule-runtime"

#ifndef BINDIR
#define BINDIR "/usr/bin"
#endif

/* fcntl.h and linux/fcntl.h do not go together; these are the kernel's numbers. */
#ifndef OPEN_TREE_CLONE
#define OPEN_TREE_CLONE 1
#endif
#ifndef OPEN_TREE_CLOEXEC
#define OPEN_TREE_CLOEXEC O_CLOEXEC
#endif

static int clone_read_only(const char *path)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV };
	cleanup_fd int fd = -1;

	fd = (int)syscall(SYS_open_tree, AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
		return -errno;
	return take_fd(&fd);
}

static int copy_sealed(const char *path, struct cps_err *err)
{
	cleanup_fd int from = open(path, O_RDONLY | O_CLOEXEC);
	cleanup_fd int to = -1;
	struct stat st;
	off_t at = 0;

	if (from < 0 || fstat(from, &st) < 0)
		return cps_fail(err, errno, "open the runtime '%s'", path);
	to = memfd_create(RUNTIME_NAME, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (to < 0)
		return cps_fail(err, errno, "copy the runtime '%s'", path);
	while (at < st.st_size) {
		ssize_t n = sendfile(to, from, &at, (size_t)(st.st_size - at));

		if (n <= 0)
			return cps_fail(err, n < 0 ? errno : EIO, "copy the runtime '%s'", path);
	}
	if (fcntl(to, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
		return cps_fail(err, errno, "seal the copy of the runtime");
	return take_fd(&to);
}

/* Beside us, in the build tree as in the installed one. */
static int path_beside_us(char *buf, size_t size)
{
	ssize_t n = readlink("/proc/self/exe", buf, size - sizeof(RUNTIME_NAME));
	char *slash;

	if (n < 0)
		return -errno;
	buf[n] = '\0';
	slash = strrchr(buf, '/');
	if (!slash)
		return -ENOENT;
	memcpy(slash + 1, RUNTIME_NAME, sizeof(RUNTIME_NAME));
	return access(buf, X_OK) < 0 ? -errno : 0;
}

int shim_runtime_open(const char *path, int *ret_fd, struct cps_err *err)
{
	char beside[PATH_MAX];
	cleanup_fd int fd = -1;
	int high;

	if (!path)
		path = path_beside_us(beside, sizeof(beside)) == 0 ? beside
								   : BINDIR "/" RUNTIME_NAME;
	if (access(path, X_OK) < 0)
		return cps_fail(err, errno, "the runtime '%s'", path);
	fd = clone_read_only(path);
	if (fd < 0)
		fd = copy_sealed(path, err);
	if (fd < 0)
		return fd;
	/* Out of the way: the runtime finds its socket at 3. */
	high = fcntl(fd, F_DUPFD_CLOEXEC, 10);
	if (high < 0)
		return cps_fail(err, errno, "the runtime '%s'", path);
	*ret_fd = high;
	return 0;
}
