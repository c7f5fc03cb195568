/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The container's view of its control groups: the mount of type `cgroup` in its config. Runs in
 * init, in the container's mount namespace, while the host's tree is still in sight. Everything is
 * mounted by descriptor onto a descriptor (D2).
 */
#include <config.h>

#include "cgroup-impl.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "own.h"

/* Kernels before 5.12 have no mount_setattr(2): then the old call does it, on a mount that has to
 * have its place already, through /proc/self/fd. */
static int set_attr_old(int mount_fd, unsigned long attr)
{
	unsigned long flags = MS_REMOUNT | MS_BIND;
	char path[40];

	flags |= attr & MOUNT_ATTR_RDONLY ? MS_RDONLY : 0;
	flags |= attr & MOUNT_ATTR_NOSUID ? MS_NOSUID : 0;
	flags |= attr & MOUNT_ATTR_NODEV ? MS_NODEV : 0;
	flags |= attr & MOUNT_ATTR_NOEXEC ? MS_NOEXEC : 0;
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", mount_fd);
	return mount(NULL, path, NULL, flags, NULL) < 0 ? -errno : 0;
}

/* Attaches mount_fd on dest_fd. Its attributes are set before, so that it is never seen without. */
static int attach(int mount_fd, int dest_fd, unsigned long attr, const char *what,
		  struct cps_err *err)
{
	struct mount_attr set = { .attr_set = attr & ~(unsigned long)MOUNT_ATTR__ATIME };
	bool late = false;

	if (set.attr_set && mount_setattr(mount_fd, "", AT_EMPTY_PATH, &set, sizeof(set)) < 0) {
		if (errno != ENOSYS)
			return cps_fail(err, errno, "set the attributes of %s", what);
		late = true;
	}
	if (move_mount(mount_fd, "", dest_fd, "",
		       MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return cps_fail(err, errno, "mount %s", what);
	if (late) {
		int rc = set_attr_old(mount_fd, attr);

		if (rc < 0)
			return cps_fail(err, -rc, "set the attributes of %s", what);
	}
	return 0;
}

/* A bind of the container's own directory. */
static int bind_dir(const struct rt_cgroup_dir *dir, int dest_fd, unsigned long attr,
		    struct cps_err *err)
{
	char path[RT_CGROUP_FILE];
	cleanup_fd int fd = -1;

	fd = open_tree(AT_FDCWD, rt_cgroup_file(dir, NULL, path),
		       OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (fd < 0)
		return cps_fail(err, errno, "open_tree '%s'", path);
	return attach(fd, dest_fd, attr, path, err);
}

/* A new mount of a file system without a device. Returns the fd or -errno. */
static int new_mount(const char *type, const char *mode)
{
	cleanup_fd int fs = fsopen(type, FSOPEN_CLOEXEC);
	int fd;

	if (fs < 0)
		return -errno;
	if (mode && fsconfig(fs, FSCONFIG_SET_STRING, "mode", mode, 0) < 0)
		return -errno;
	if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	fd = fsmount(fs, FSMOUNT_CLOEXEC, 0);
	return fd < 0 ? -errno : fd;
}

static int mount_v2(const struct rt_cgroup *cg, int dest_fd, bool own_cgroupns, unsigned long attr,
		    struct cps_err *err)
{
	cleanup_fd int fd = own_cgroupns ? new_mount("cgroup2", NULL) : -1;

	/* Where a user namespace may not mount it, the bind shows the same directory. */
	if (fd < 0)
		return bind_dir(&cg->dirs[0], dest_fd, attr, err);
	return attach(fd, dest_fd, attr, "cgroup2", err);
}

/* "cpu,cpuacct" is reached as cpu and as cpuacct, too. */
static int link_names(int tmpfs, const char *name, struct cps_err *err)
{
	char copy[128];
	char *one, *save = NULL;

	if (!strchr(name, ','))
		return 0;
	(void)snprintf(copy, sizeof(copy), "%s", name);
	for (one = strtok_r(copy, ",", &save); one; one = strtok_r(NULL, ",", &save))
		if (symlinkat(name, tmpfs, one) < 0)
			return cps_fail(err, errno, "symlink '%s'", one);
	return 0;
}

static int mount_hierarchy(const struct rt_cgroup_dir *dir, int tmpfs, unsigned long attr,
			   struct cps_err *err)
{
	const char *name = dir->controllers;
	cleanup_fd int fd = -1;
	int rc;

	if (strncmp(name, "name=", 5) == 0)
		name += 5;
	if (mkdirat(tmpfs, name, 0755) < 0)
		return cps_fail(err, errno, "mkdir '%s'", name);
	fd = openat(tmpfs, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return cps_fail(err, errno, "open '%s'", name);
	rc = bind_dir(dir, fd, attr, err);
	return rc < 0 ? rc : link_names(tmpfs, name, err);
}

/* The tmpfs is put in place first, writable for us: a mount cannot be attached to one that is not
 * in a tree yet. Nobody but us runs in this namespace. The cgroup2 directory of a hybrid layout is
 * left out: it has nothing to read, and programs take its presence for a sign of systemd. */
static int mount_v1(const struct rt_cgroup *cg, int dest_fd, unsigned long attr,
		    struct cps_err *err)
{
	struct mount_attr set = { .attr_set = attr & ~(unsigned long)MOUNT_ATTR__ATIME };
	cleanup_fd int tmpfs = new_mount("tmpfs", "755");
	int rc;

	if (tmpfs < 0)
		return cps_fail(err, -tmpfs, "mount tmpfs");
	rc = attach(tmpfs, dest_fd, 0, "tmpfs", err);
	for (unsigned i = 0; rc == 0 && i < cg->ndirs; i++)
		if (cg->dirs[i].controllers[0])
			rc = mount_hierarchy(&cg->dirs[i], tmpfs, attr, err);
	if (rc < 0 || !set.attr_set)
		return rc;
	if (mount_setattr(tmpfs, "", AT_EMPTY_PATH, &set, sizeof(set)) < 0)
		rc = errno == ENOSYS ? set_attr_old(tmpfs, attr) : -errno;
	return rc < 0 ? cps_fail(err, -rc, "set the attributes of tmpfs") : 0;
}

/* No cgroup of its own: a place with nothing in it, where others' would be to be seen. */
static int mount_none(int dest_fd, unsigned long attr, struct cps_err *err)
{
	cleanup_fd int tmpfs = new_mount("tmpfs", "555");

	return tmpfs < 0 ? cps_fail(err, -tmpfs, "mount tmpfs")
			 : attach(tmpfs, dest_fd, attr | MOUNT_ATTR_RDONLY, "tmpfs", err);
}

int rt_cgroup_mount(const struct rt_cgroup *cg, int dest_fd, bool own_cgroupns, unsigned long attr,
		    struct cps_err *err)
{
	if (cg->ndirs == 0)
		return mount_none(dest_fd, attr, err);
	if (cg->layout == RT_CGROUP_V2)
		return mount_v2(cg, dest_fd, own_cgroupns, attr, err);
	return mount_v1(cg, dest_fd, attr, err);
}
