/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See self.h. A private read-only clone of the binary's mount, attached nowhere and gone with the
 * process, is the cheap way: the page cache stays shared and nothing is copied. Where the kernel
 * refuses that, a sealed copy in memory.
 *
 * No variable or argument says "already done": what /proc/self/exe is, is looked at every time, so
 * there is nothing to forge. It cannot loop, because what is executed has been looked at too.
 */
#include <config.h>

#include "self.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "own.h"

#ifndef OPEN_TREE_CLONE
#define OPEN_TREE_CLONE 1
#endif
#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC 0x0020
#endif

extern char **environ;

static bool is_protected(int exe)
{
	struct statvfs s;
	int seals;

	seals = fcntl(exe, F_GET_SEALS);
	if (seals >= 0 && (seals & F_SEAL_WRITE))
		return true;
	return fstatvfs(exe, &s) == 0 && (s.f_flag & ST_RDONLY);
}

static int clone_read_only(int exe)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };
	cleanup_fd int tree = -1;

	tree = (int)syscall(SYS_open_tree, exe, "", OPEN_TREE_CLONE | O_CLOEXEC | AT_EMPTY_PATH);
	if (tree < 0 ||
	    syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
		return -1;
	return take_fd(&tree);
}

static int copy_sealed(int exe)
{
	cleanup_fd int copy = memfd_create("capsule-runtime", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct stat st;

	if (copy < 0 || fstat(exe, &st) < 0)
		return -1;
	for (off_t at = 0; at < st.st_size;)
		if (sendfile(copy, exe, &at, (size_t)(st.st_size - at)) <= 0)
			return -1;
	if (fcntl(copy, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0)
		return -1;
	return take_fd(&copy);
}

int rt_self_protect(char **argv, struct cps_err *err)
{
	cleanup_fd int exe = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	cleanup_fd int safe = -1;

	if (exe < 0)
		return cps_fail(err, errno, "open our own program");
	if (is_protected(exe))
		return 0;
	safe = clone_read_only(exe);
	if (safe < 0 || !is_protected(safe)) {
		cps_close(&safe);
		safe = copy_sealed(exe);
	}
	if (safe < 0 || !is_protected(safe))
		return cps_fail(err, errno, "make our program unreachable for the container");
	(void)execveat(safe, "", argv, environ, AT_EMPTY_PATH);
	return cps_fail(err, errno, "execute a protected copy of our program");
}
