/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Binds: where their source comes from, and which of its flags they keep.
 */
#include <config.h>
#include "rootfs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "mount-fd.h"
#include "own.h"
#include "rootfs-priv.h"

bool rt_mount_is_bind(const struct rt_mount *m, const struct rt_mount_opts *o)
{
	return o->bind ||
	       (m->type && (strcmp(m->type, "bind") == 0 || strcmp(m->type, "rbind") == 0));
}

bool rt_mount_is_recursive(const struct rt_mount *m, const struct rt_mount_opts *o)
{
	return o->recursive || (!o->bind && m->type && strcmp(m->type, "rbind") == 0);
}

const char *rt_path_below(const char *root, const char *path)
{
	size_t len = strlen(root);

	while (len > 0 && root[len - 1] == '/')
		len--;
	if (len == 0 || strncmp(path, root, len) != 0)
		return NULL;
	if (!path[len])
		return "/";
	return path[len] == '/' ? path + len : NULL;
}

bool rt_bind_in_root(const struct rt_spec *spec, const struct rt_mount *m)
{
	return m->source && rt_path_below(spec->root_path, m->source);
}

int rt_bind_open_in_root(int root_fd, const struct rt_spec *spec, const struct rt_mount *m,
			 const struct rt_mount_opts *o, int *source, struct cps_err *err)
{
	const char *path = rt_path_below(spec->root_path, m->source);
	cleanup_fd int users = take_fd(source);
	cleanup_fd int here = cps_open_in_root(root_fd, path, O_PATH, 0);
	cleanup_fd int tree = -1;
	int rc = 0;

	if (here < 0)
		return cps_fail(err, -here, "bind '%s'", m->source);
	tree = rt_mount_clone(here, rt_mount_is_recursive(m, o));
	if (tree < 0)
		return cps_fail(err, -tree, "bind '%s'", m->source);
	if (users >= 0)
		rc = rt_mount_idmap(m, o, tree, users, err);
	if (rc == 0)
		*source = take_fd(&tree);
	return rc;
}

/*
 * In a user namespace the source is cloned from this mount namespace, if it can be reached here and
 * is what the host opened: then what the host's mounts forbid (read-only, nodev …) is locked, and
 * the container's root cannot allow it to itself. Else, and if it has been idmapped on the host,
 * the host's clone is what there is.
 */
int rt_bind_tree(const struct rt_spec *spec, const struct rt_mount *m,
		 const struct rt_mount_opts *o, int *source)
{
	cleanup_fd int here = -1;
	struct stat a, b;
	int tree;

	if (rt_has_own_users(spec) && !rt_mount_is_idmapped(m, o) && !rt_bind_in_root(spec, m)) {
		here = open(m->source, O_PATH | O_CLOEXEC);
		if (here >= 0 && fstat(here, &a) == 0 && fstat(*source, &b) == 0 &&
		    a.st_dev == b.st_dev && a.st_ino == b.st_ino) {
			tree = rt_mount_clone(here, rt_mount_is_recursive(m, o));
			if (tree >= 0) {
				cps_close(source);
				return tree;
			}
		}
	}
	return take_fd(source);
}

/*
 * A bind has the flags of its source, until one option names any: then it has those that are named,
 * as a new mount would. But how access times are kept stays, if no option chooses. In a user
 * namespace what the source's mount forbids may be locked; then it stays forbidden, and to ask for
 * it by name is an error.
 */
int rt_bind_flags(const struct rt_spec *spec, const struct rt_mount_opts *o, int mount_fd,
		  bool late, struct cps_err *err)
{
	const uint64_t atime = MOUNT_ATTR__ATIME | MOUNT_ATTR_NODIRATIME;
	const uint64_t flags = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
			       MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOSYMFOLLOW;
	struct rt_mount_change c = { .set = o->attr_set };
	int rc;

	if (o->attr_set == 0 && o->attr_clr == 0)
		return 0;
	if (late)
		c.set &= ~(uint64_t)MOUNT_ATTR_RDONLY;
	c.clr = flags & ~c.set;
	if (o->has_atime || (c.set & MOUNT_ATTR_NODIRATIME))
		c.clr |= atime & ~(c.set & MOUNT_ATTR_NODIRATIME);
	rc = rt_mount_change(mount_fd, &c, -1);
	if (rc == -EPERM && rt_has_own_users(spec)) {
		c.clr &= (o->attr_clr & flags) | atime | MOUNT_ATTR_NOSYMFOLLOW;
		rc = rt_mount_change(mount_fd, &c, -1);
	}
	return rc < 0 ? cps_fail(err, -rc, "set the options of the mount") : 0;
}
