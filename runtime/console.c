/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The container's terminal: a pty of its own devpts.
 *
 * The devpts that we mounted is held open and asked directly. Where the configuration brought one
 * by other ways, its ptmx is looked at before it is opened (D4), and the other end is never looked
 * up by name but asked of the kernel (D5: TIOCGPTPEER).
 */
#include <config.h>
#include "rootfs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "file.h"
#include "mount-fd.h"
#include "own.h"

#define PTMX_MAJOR 5
#define PTMX_MINOR 2
#define PTS_MAJOR  136 /* to 143 */

static int ptmx_check(int fd, struct cps_err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return cps_fail(err, errno, "stat /dev/pts/ptmx");
	if (rt_fs_type(fd) != DEVPTS_SUPER_MAGIC || !S_ISCHR(st.st_mode) ||
	    st.st_rdev != makedev(PTMX_MAJOR, PTMX_MINOR))
		return cps_failx(err, EPERM, "/dev/pts/ptmx is not a devpts's");
	return 0;
}

static int master_open(const struct rt_rootfs *r, struct cps_err *err)
{
	const int flags = O_RDWR | O_NOCTTY | O_CLOEXEC;
	cleanup_fd int node = -1;
	char path[32];
	int rc, fd;

	if (r->pts_fd >= 0) {
		/* of that very devpts: what may be mounted over its ptmx is something else */
		fd = cps_open_beneath(r->pts_fd, "ptmx", flags, 0);
		return fd < 0 ? cps_fail(err, -fd, "open /dev/pts/ptmx") : fd;
	}
	node = cps_open_in_root(r->root_fd, "/dev/pts/ptmx", O_PATH | O_NOFOLLOW, 0);
	if (node < 0)
		return cps_fail(err, -node, "open /dev/pts/ptmx");
	rc = ptmx_check(node, err);
	if (rc < 0)
		return rc;
	if (r->proc_fd < 0) {
		/* Nothing to open that very node by: it is opened again, and what came is looked
		 * at. On a devpts a device of another kind cannot be. */
		fd = cps_open_in_root(r->root_fd, "/dev/pts/ptmx", flags | O_NOFOLLOW, 0);
		if (fd < 0)
			return cps_fail(err, -fd, "open /dev/pts/ptmx");
		rc = ptmx_check(fd, err);
		if (rc < 0)
			cps_close(&fd);
		return rc < 0 ? rc : fd;
	}
	(void)snprintf(path, sizeof(path), "self/fd/%d", node);
	fd = openat(r->proc_fd, path, flags);
	return fd < 0 ? cps_fail(err, errno, "open /dev/pts/ptmx") : fd;
}

static int slave_open(int master, struct cps_err *err)
{
	cleanup_fd int slave = -1;
	int unlocked = 0;
	struct stat st;

	if (ioctl(master, TIOCSPTLCK, &unlocked) < 0)
		return cps_fail(err, errno, "unlock the pty");
	slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0)
		return cps_fail(err, errno, "open the other end of the pty");
	if (fstat(slave, &st) < 0 || !S_ISCHR(st.st_mode) || major(st.st_rdev) < PTS_MAJOR ||
	    major(st.st_rdev) > PTS_MAJOR + 7)
		return cps_failx(err, EPERM, "the other end of the pty is no pty");
	return take_fd(&slave);
}

static int console_bind(const struct rt_rootfs *r, int slave, struct cps_err *err)
{
	cleanup_fd int place = -1;
	cleanup_fd int tree = -1;
	bool made;
	int rc;

	if (r->dev_fd >= 0)
		place = openat(r->dev_fd, "console", O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (place < 0)
		place = rt_dest_open(r->root_fd, "/dev/console", false, false, &made, err);
	if (place < 0)
		return place;
	if (rt_fs_type(place) == PROC_SUPER_MAGIC)
		return cps_failx(err, EPERM, "/dev/console is inside procfs");
	tree = rt_mount_clone(slave, false);
	rc = tree < 0 ? tree : rt_mount_attach(tree, place);
	return rc < 0 ? cps_fail(err, -rc, "bind the pty on /dev/console") : 0;
}

int rt_console_open(const struct rt_rootfs *r, unsigned rows, unsigned cols, bool bind,
		    int *ret_master, int *ret_slave, struct cps_err *err)
{
	cleanup_fd int master = master_open(r, err);
	cleanup_fd int slave = -1;

	if (master < 0)
		return master;
	slave = slave_open(master, err);
	if (slave < 0)
		return slave;
	if (bind) {
		int rc = console_bind(r, slave, err);

		if (rc < 0)
			return rc;
	}
	if (rows > 0 || cols > 0) {
		struct winsize size = {
			.ws_row = (unsigned short)(rows < USHRT_MAX ? rows : USHRT_MAX),
			.ws_col = (unsigned short)(cols < USHRT_MAX ? cols : USHRT_MAX),
		};

		if (ioctl(master, TIOCSWINSZ, &size) < 0)
			return cps_fail(err, errno, "set the size of the terminal");
	}
	*ret_master = take_fd(&master);
	*ret_slave = take_fd(&slave);
	return 0;
}

int rt_console_attach(int slave, struct cps_err *err)
{
	if (ioctl(slave, TIOCSCTTY, 0) < 0)
		return cps_fail(err, errno, "make the pty the controlling terminal");
	for (int fd = 0; fd < 3; fd++) {
		/* dup2(2) onto itself would leave it close-on-exec */
		if (fd == slave ? fcntl(fd, F_SETFD, 0) < 0 : dup2(slave, fd) < 0)
			return cps_fail(err, errno, "make the pty fd %d", fd);
	}
	return 0;
}
