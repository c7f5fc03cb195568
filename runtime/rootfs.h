/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The container's file tree, made in init's own mount namespace. The tree is hostile: every name
 * below root_fd is resolved by openat2(RESOLVE_IN_ROOT) once, and mounts go by descriptor (D1, D2
 * of the threat model). Order of calls: propagation, attach, mounts, devices, [hooks], pivot,
 * then the functions that work in the pivoted tree.
 */
#ifndef RT_ROOTFS_H
#define RT_ROOTFS_H

#include <stdbool.h>
#include <stddef.h>

#include "cgroup.h"
#include "err.h"
#include "spec.h"
#include "warn.h"

struct rt_rootfs {
	int root_fd; /* O_PATH of the root mount */
	int proc_fd; /* a trusted procfs (D3), set by rt_rootfs_mounts: the container's own, held
			since it was made; else a private one */
	int dev_fd;  /* the tmpfs that we mounted on /dev, out of others' reach; -1: no such */
	int pts_fd;  /* the devpts that we mounted on /dev/pts; -1: no such */
	int *late;   /* mounts that turn read-only when the tree is complete; owned */
	size_t nlate;
};

#define RT_ROOTFS_INIT                  \
	{                               \
		-1, -1, -1, -1, NULL, 0 \
	}

/* Before the clone, on the host: opens the root directory and the host-side sources of bind mounts,
 * since a new user namespace may not be allowed to reach them later, and refuses what could only
 * be done to the host's own mounts or sysctls. sources[i] is a clone of the source's mount,
 * attached to nothing, or -1 (mount i is no bind, or of something in the root itself); owned by the
 * caller, spec->nmounts long, and on failure all -1. Relative sources are the working directory's
 * (runc: the bundle's). given: a detached mount that is to be the root, which is then not opened;
 * -1: none. */
int rt_rootfs_open_sources(const struct rt_spec *spec, int given, int *ret_root, int *sources,
			   struct cps_err *err);

/* On the host still: id mappings of the sources that are to have some. joined_users: the user
 * namespace that the container joins, or -1. One namespace is made for each different mapping.
 * Where the source is looked for later (rt_bind_in_root), it stands in sources[i] until then. */
int rt_mounts_idmap(const struct rt_spec *spec, int joined_users, int *sources,
		    struct cps_err *err);

/* spec->propagation on "/", default MS_REC|MS_SLAVE. */
int rt_rootfs_propagation(const struct rt_spec *spec, struct cps_err *err);
/* Makes the root a mount of its own (open_tree clone + move_mount), so that pivot_root can take it.
 * is_mount: root_dir was given as a mount, and is attached as it is. */
int rt_rootfs_attach(struct rt_rootfs *r, const struct rt_spec *spec, int root_dir, bool is_mount,
		     struct cps_err *err);
/* All of spec->mounts in order; takes what it attaches out of sources. In a user namespace of its
 * own sysfs may be a bind of the host's. */
int rt_rootfs_mounts(struct rt_rootfs *r, const struct rt_spec *spec, const struct rt_cgroup *cg,
		     int *sources, struct rt_warn *warn, struct cps_err *err);
/* Default devices and symlinks (/dev/fd, stdin…, ptmx -> pts/ptmx, core) and spec->devices; binds
 * where mknod is not allowed. */
int rt_rootfs_devices(struct rt_rootfs *r, const struct rt_spec *spec, struct rt_warn *warn,
		      struct cps_err *err);
/* pivot_root(".", ".") by descriptor, and detach the old tree. Without a mount namespace of its
 * own: chroot. no_pivot: MS_MOVE + chroot (runc's --no-pivot). */
int rt_rootfs_pivot(struct rt_rootfs *r, const struct rt_spec *spec, bool no_pivot,
		    struct cps_err *err);
int rt_rootfs_sysctls(const struct rt_rootfs *r, const struct rt_spec *spec, struct cps_err *err);
int rt_rootfs_mask(const struct rt_rootfs *r, const struct rt_spec *spec, struct cps_err *err);
int rt_rootfs_readonly_paths(const struct rt_rootfs *r, const struct rt_spec *spec,
			     struct cps_err *err);
int rt_rootfs_readonly(const struct rt_rootfs *r, struct cps_err *err); /* root.readonly */
int rt_rootfs_unbindable(const struct rt_rootfs *r, struct cps_err *err);
void rt_rootfs_done(struct rt_rootfs *r);

/* console.c: a pty of the container's devpts (verified, D4); *ret_slave by TIOCGPTPEER (D5). bind:
 * also on /dev/console (the container's own terminal, not an exec's). Size 0: left alone. */
int rt_console_open(const struct rt_rootfs *r, unsigned rows, unsigned cols, bool bind,
		    int *ret_master, int *ret_slave, struct cps_err *err);
/* Makes slave the controlling terminal and fds 0-2. */
int rt_console_attach(int slave, struct cps_err *err);

/* In the pivoted tree, as the container's user: */
/* D9: entered by descriptor, and checked. make: if it is missing (a new container's). */
int rt_cwd_enter(const char *cwd, bool make, struct cps_err *err);
/* args[0] -> the file that execve will run: a path with a slash as it is, else through PATH of env
 * (default as runc's). Fails as callers match: `exec: "x": executable file not found in $PATH`,
 * `…: no such file or directory`, `…: permission denied`, `…: is a directory`. */
int rt_exec_find(const struct rt_process *p, char *ret_path, size_t size, struct cps_err *err);
/* "name", "uid", "uid:gid", "name:group" by the container's own /etc/passwd and /etc/group, read
 * bounded below root_fd (D15: an all-digit string is never a name). Fills uid, gid and the
 * supplementary groups (arena). root_fd is AT_FDCWD's "/" when pivoted. */
int rt_user_lookup(int root_fd, const char *text, struct cps_arena *a, struct rt_user *ret,
		   struct cps_err *err);
/* More supplementary groups, behind those that it has. */
int rt_user_add_groups(struct rt_user *user, const gid_t *more, size_t n, struct cps_arena *a,
		       struct cps_err *err);

#endif
