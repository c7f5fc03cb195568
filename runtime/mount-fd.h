/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mounts by descriptor: what the topics of the file tree (mounts, masks, devices, console) share.
 * Nothing here takes a path but where a path is resolved below the root, once.
 */
#ifndef RT_MOUNT_FD_H
#define RT_MOUNT_FD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "err.h"
#include "mount-opts.h"

#ifndef PROC_SUPER_MAGIC
#define PROC_SUPER_MAGIC 0x9fa0
#endif
#ifndef DEVPTS_SUPER_MAGIC
#define DEVPTS_SUPER_MAGIC 0x1cd1
#endif

/* Clones the mount (or, not being a mount point, the place) that fd has open; recursive: with what
 * is mounted below it. Returns the detached mount, or -errno. */
int rt_mount_clone(int fd, bool recursive);
/* Attaches a detached mount on what target has open. 0 or -errno. */
int rt_mount_attach(int tree, int target);

/* Changes an attached mount. set, clr: MOUNT_ATTR_*; propagation: MS_SLAVE … or 0. Kernels before
 * 5.12 have no mount_setattr(2): there it is mount(2) by way of proc_fd (-1: the host's /proc is
 * still in its place), which is only asked then; -EOPNOTSUPP for what they cannot do. */
struct rt_mount_change {
	uint64_t set, clr;
	unsigned long propagation;
	bool recursive;
};
int rt_mount_change(int mount_fd, const struct rt_mount_change *c, int proc_fd);

/* A new file system: fsopen, its options, fsmount. attr: MOUNT_ATTR_*. Returns the detached mount.
 * -ENOSYS, without an error, if it takes mount(2) to mount it: rt_mount_legacy. */
int rt_mount_new(const char *type, const char *source, const struct rt_mount_opts *o, uint64_t attr,
		 struct cps_err *err);
/* mount(2) on what target has open; proc_fd as above. */
int rt_mount_legacy(const char *type, const char *source, const struct rt_mount_opts *o,
		    uint64_t attr, int target, int proc_fd, struct cps_err *err);

/* f_type of what fd has open, 0 if that cannot be told. */
long rt_fs_type(int fd);

/* "//a/./b/" -> "/a/b": one spelling for comparisons; ".." and symlinks stay. buf has PATH_MAX. */
int rt_path_clean(const char *path, char *buf, struct cps_err *err);
/* The place that a mount goes to, below root_fd, made if missing: a directory, or an empty file.
 * plain: no symlink on the way (procfs and sysfs). ret_made: whether it was missing. Returns an
 * O_PATH descriptor. */
int rt_dest_open(int root_fd, const char *path, bool directory, bool plain, bool *ret_made,
		 struct cps_err *err);

#endif
