/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files behind rootfs.h say to each other.
 */
#ifndef RT_ROOTFS_PRIV_H
#define RT_ROOTFS_PRIV_H

#include <stdbool.h>

#include "mount-opts.h"
#include "rootfs.h"

bool rt_has_own_mounts(const struct rt_spec *spec); /* a new mount namespace */
bool rt_has_own_users(const struct rt_spec *spec);  /* a user namespace, new or joined */

bool rt_mount_is_bind(const struct rt_mount *m, const struct rt_mount_opts *o);
bool rt_mount_is_recursive(const struct rt_mount *m, const struct rt_mount_opts *o);

/* What path is below root, by its spelling: "/…", or NULL. A root of "/" has nothing below it. */
const char *rt_path_below(const char *root, const char *path);
/* Whether the source lies in the container's own tree: then an earlier mount may be what brings it,
 * and it is looked for when its turn comes, not on the host. */
bool rt_bind_in_root(const struct rt_spec *spec, const struct rt_mount *m);
/* Such a source, cloned. *source: in, the user namespace whose mapping it is to have, or -1. */
int rt_bind_open_in_root(int root_fd, const struct rt_spec *spec, const struct rt_mount *m,
			 const struct rt_mount_opts *o, int *source, struct cps_err *err);
/* The detached mount to attach; *source is taken or closed. */
int rt_bind_tree(const struct rt_spec *spec, const struct rt_mount *m,
		 const struct rt_mount_opts *o, int *source);
/* late: read-only comes later. */
int rt_bind_flags(const struct rt_spec *spec, const struct rt_mount_opts *o, int mount_fd,
		  bool late, struct cps_err *err);

/* users: a user namespace that has the mapping. */
int rt_mount_idmap(const struct rt_mount *m, const struct rt_mount_opts *o, int source, int users,
		   struct cps_err *err);
bool rt_mount_is_idmapped(const struct rt_mount *m, const struct rt_mount_opts *o);

/* Fills a new tmpfs, mounted already, from the directory that it covers. */
int rt_copy_up(int covered, int mount_fd, struct rt_warn *warn, struct cps_err *err);

/* On the host, before the clone: no sysctl but of namespaces that are the container's own. */
int rt_sysctl_check(const struct rt_spec *spec, struct cps_err *err);

/* The null device of the tree, verified (D4). */
int rt_null_open(const struct rt_rootfs *r, struct cps_err *err);

#endif
