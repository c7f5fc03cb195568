/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The container's root: opened on the host, made a mount of its own, and pivoted to.
 *
 * A descriptor that was opened before init got its mount namespace belongs to the host's mounts,
 * and the kernel clones mounts of one's own namespace only. Sources of binds are therefore cloned
 * on the host: such a clone belongs to no namespace until it is attached, in whichever it is. The
 * root is opened again by its path in the new namespace, and has to be what was opened on the host.
 */
#include <config.h>
#include "rootfs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "file.h"
#include "mount-fd.h"
#include "own.h"
#include "rootfs-priv.h"

#define PARENTS_MAX 4096 /* a path has no more components */

bool rt_has_own_mounts(const struct rt_spec *spec)
{
	return spec->ns[RT_NS_MOUNT].wanted && !spec->ns[RT_NS_MOUNT].path;
}

bool rt_has_own_users(const struct rt_spec *spec)
{
	return spec->ns[RT_NS_USER].wanted;
}

/* Without a mount namespace of its own the container has the tree as it is: whatever we mounted
 * would be mounted for others. */
static int check_no_mounts(const struct rt_spec *spec, struct cps_err *err)
{
	const char *what = NULL;

	if (spec->nmounts > 0)
		what = "mounts";
	else if (spec->root_readonly)
		what = "root.readonly";
	else if (spec->masked_paths.n > 0)
		what = "linux.maskedPaths";
	else if (spec->readonly_paths.n > 0)
		what = "linux.readonlyPaths";
	return what ? cps_failx(err, EINVAL, "%s: needs a new mount namespace", what) : 0;
}

static int source_open(const struct rt_spec *spec, const struct rt_mount *m, int *ret_fd,
		       struct cps_err *err)
{
	struct rt_mount_opts o;
	int rc = rt_mount_opts_parse(&m->options, &o, err);

	if (rc < 0 || o.remount || !rt_mount_is_bind(m, &o))
		return rc;
	if (!m->source || !m->source[0])
		return cps_failx(err, EINVAL, "a bind mount needs a source");
	if (rt_bind_in_root(spec, m))
		return 0;
	rc = open_tree(AT_FDCWD, m->source,
		       OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC |
			       (rt_mount_is_recursive(m, &o) ? (unsigned)AT_RECURSIVE : 0));
	if (rc < 0 && errno == EPERM) /* not ours to clone: init does, in its namespaces */
		rc = open(m->source, O_PATH | O_CLOEXEC);
	if (rc < 0)
		return cps_fail(err, errno, "bind '%s'", m->source);
	*ret_fd = rc;
	return 0;
}

/* Somebody else's root: it must be the root of a directory tree, and attached nowhere. What is
 * attached has a parent that ".." leads to, or is our own root; the kernel would refuse to move it,
 * but late, and without a word. */
static int given_check(const struct rt_spec *spec, int given, struct cps_err *err)
{
	cleanup_fd int up = -1;
	struct statx here, above, ours;

	if (!rt_has_own_mounts(spec))
		return cps_failx(err, EINVAL,
				 "a root file system that comes as a descriptor needs a new mount "
				 "namespace");
	if (statx(given, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_MNT_ID, &here) < 0)
		return cps_fail(err, errno, "root file system by descriptor");
	if (!(here.stx_mask & STATX_MNT_ID))
		return cps_failx(err, EOPNOTSUPP,
				 "root file system by descriptor: it takes Linux 5.8 to check it");
	if (!S_ISDIR(here.stx_mode))
		return cps_failx(err, ENOTDIR,
				 "root file system by descriptor: it is no directory");
	up = openat(given, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (up < 0 || statx(up, "", AT_EMPTY_PATH, STATX_MNT_ID, &above) < 0 ||
	    statx(AT_FDCWD, "/", 0, STATX_MNT_ID, &ours) < 0)
		return cps_fail(err, errno, "root file system by descriptor");
	if (!(here.stx_attributes & STATX_ATTR_MOUNT_ROOT) || above.stx_mnt_id != here.stx_mnt_id ||
	    ours.stx_mnt_id == here.stx_mnt_id)
		return cps_failx(err, EINVAL,
				 "root file system by descriptor: it is no detached mount");
	return 0;
}

static int root_open(const struct rt_spec *spec, struct cps_err *err)
{
	bool as_mount = rt_has_own_mounts(spec) && rt_has_own_users(spec);
	int fd = -1;

	/* What a new user namespace may not be able to reach by its path comes as a mount; if we
	 * may not clone any, we are who has to reach it anyway. */
	if (as_mount)
		fd = open_tree(AT_FDCWD, spec->root_path,
			       OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (unsigned)AT_RECURSIVE);
	if (!as_mount || (fd < 0 && errno == EPERM))
		fd = open(spec->root_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? cps_fail(err, errno, "root file system '%s'", spec->root_path) : fd;
}

int rt_rootfs_open_sources(const struct rt_spec *spec, int given, int *ret_root, int *sources,
			   struct cps_err *err)
{
	cleanup_fd int root = -1;
	int rc;

	for (size_t i = 0; i < spec->nmounts; i++)
		sources[i] = -1;
	rc = rt_sysctl_check(spec, err);
	if (rc == 0 && !rt_has_own_mounts(spec))
		rc = check_no_mounts(spec, err);
	if (rc == 0 && given >= 0)
		rc = given_check(spec, given, err);
	if (rc < 0)
		return rc;
	if (given < 0) {
		root = root_open(spec, err);
		if (root < 0)
			return root;
	}

	for (size_t i = 0; rc == 0 && i < spec->nmounts; i++) {
		rc = source_open(spec, &spec->mounts[i], &sources[i], err);
		rc = cps_wrap(err, rc, "%s", spec->mounts[i].destination);
	}
	for (size_t i = 0; rc < 0 && i < spec->nmounts; i++)
		cps_close(&sources[i]);
	if (rc < 0)
		return rc;
	*ret_root = given >= 0 ? given : take_fd(&root);
	return 0;
}

int rt_rootfs_propagation(const struct rt_spec *spec, struct cps_err *err)
{
	unsigned long flags = spec->propagation ? spec->propagation : MS_REC | MS_SLAVE;

	/* What cannot be bound cannot be cloned either: the new root is made unbindable when
	 * nothing more is to be bound in it (rt_rootfs_unbindable). */
	if (flags & MS_UNBINDABLE)
		flags = MS_PRIVATE | (flags & MS_REC);
	if (mount(NULL, "/", NULL, flags, NULL) < 0)
		return cps_fail(err, errno, "propagation of '/'");
	return 0;
}

/* Whether any mount here may still pass on to the host what is done to it. A propagation that is
 * not recursive is that of "/" alone. */
static bool is_shared(const struct rt_spec *spec)
{
	return spec->propagation &&
	       (!(spec->propagation & MS_REC) || (spec->propagation & MS_SHARED));
}

/* What is mounted in the tree must not be mounted in the host's, and pivot_root(2) wants no shared
 * mount where the new root is. */
static int parent_private(int root, struct cps_err *err)
{
	cleanup_fd int at = fcntl(root, F_DUPFD_CLOEXEC, 3);
	struct rt_mount_change c = { .propagation = MS_PRIVATE };
	struct statx st;
	int rc;

	for (int i = 0; at >= 0 && i < PARENTS_MAX; i++) {
		int up;

		if (statx(at, "", AT_EMPTY_PATH, 0, &st) < 0)
			break;
		if (st.stx_attributes & STATX_ATTR_MOUNT_ROOT) {
			rc = rt_mount_change(at, &c, -1);
			return rc < 0 ? cps_fail(err, -rc, "make the root's mount private") : 0;
		}
		up = openat(at, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
		cps_close(&at);
		at = up;
	}
	return cps_fail(err, errno, "find the root's mount");
}

/* The host's root directory, found again in this mount namespace. -EACCES, without an error: not to
 * be reached from a user namespace. */
static int root_reopen(const struct rt_spec *spec, int root_dir, struct cps_err *err)
{
	cleanup_fd int fd = open(spec->root_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct stat then, now;

	if (fd < 0 && errno == EACCES)
		return -EACCES;
	if (fd < 0)
		return cps_fail(err, errno, "root file system '%s'", spec->root_path);
	if (fstat(root_dir, &then) < 0 || fstat(fd, &now) < 0)
		return cps_fail(err, errno, "stat '%s'", spec->root_path);
	if (then.st_dev != now.st_dev || then.st_ino != now.st_ino)
		return cps_failx(err, ESTALE, "root file system '%s' has changed meanwhile",
				 spec->root_path);
	return take_fd(&fd);
}

/* The mount that was given: where config.json says, for hooks look there, if there is such a place;
 * otherwise any does. */
static int given_attach(const struct rt_spec *spec, int tree, struct cps_err *err)
{
	cleanup_fd int place = open(spec->root_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int rc = 0;

	if (place < 0)
		place = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (place < 0)
		return cps_fail(err, errno, "open '/'");
	if (is_shared(spec))
		rc = parent_private(place, err);
	if (rc < 0)
		return rc;
	rc = rt_mount_attach(tree, place);
	return rc < 0 ? cps_fail(err, -rc, "mount the root file system that was given") : 0;
}

int rt_rootfs_attach(struct rt_rootfs *r, const struct rt_spec *spec, int root_dir, bool is_mount,
		     struct cps_err *err)
{
	cleanup_fd int place = -1;
	cleanup_fd int tree = -1;
	int rc;

	(void)umask(0022); /* the caller's is not for what is made in the tree */
	if (!rt_has_own_mounts(spec)) {
		r->root_fd = fcntl(root_dir, F_DUPFD_CLOEXEC, 3);
		return r->root_fd < 0 ? cps_fail(err, errno, "root file system") : 0;
	}
	if (is_mount) {
		r->root_fd = fcntl(root_dir, F_DUPFD_CLOEXEC, 3);
		return r->root_fd < 0 ? cps_fail(err, errno, "root file system")
				      : given_attach(spec, r->root_fd, err);
	}
	place = root_reopen(spec, root_dir, err);
	if (place >= 0) {
		if (is_shared(spec)) {
			rc = parent_private(place, err);
			if (rc < 0)
				return rc;
		}
		tree = rt_mount_clone(place, true);
	} else if (place == -EACCES && rt_has_own_users(spec)) {
		/* Any place does, for the next root covers it all; "/" needs no permission. */
		place = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
		tree = fcntl(root_dir, F_DUPFD_CLOEXEC, 3);
	} else {
		return place == -EACCES
			       ? cps_fail(err, EACCES, "root file system '%s'", spec->root_path)
			       : place;
	}
	if (tree < 0)
		return cps_fail(err, tree == -1 ? errno : -tree, "clone the root file system '%s'",
				spec->root_path);
	rc = rt_mount_attach(tree, place);
	if (rc < 0)
		return cps_fail(err, -rc, "mount the root file system '%s'", spec->root_path);
	r->root_fd = take_fd(&tree);
	return 0;
}

/* Mounts that were writable while the mount points in them were made. */
static int late_readonly(struct rt_rootfs *r, struct cps_err *err)
{
	struct rt_mount_change c = { .set = MOUNT_ATTR_RDONLY };

	for (size_t i = 0; i < r->nlate; i++) {
		int rc = rt_mount_change(r->late[i], &c, r->proc_fd);

		if (rc < 0)
			return cps_fail(err, -rc, "read-only mount");
		cps_close(&r->late[i]);
	}
	r->nlate = 0;
	return 0;
}

static int pivot(const struct rt_spec *spec, struct cps_err *err)
{
	cleanup_fd int old = -1;

	/* Where mounts are shared with the host, detaching the old tree would detach the host's. */
	if (is_shared(spec)) {
		old = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (old < 0)
			return cps_fail(err, errno, "open '/'");
	}
	if (syscall(SYS_pivot_root, ".", ".") < 0)
		return cps_fail(err, errno, "pivot_root");
	if (old >= 0 && (fchdir(old) < 0 || mount(NULL, ".", NULL, MS_SLAVE | MS_REC, NULL) < 0))
		return cps_fail(err, errno, "part the old root from the host's");
	/* The old root is now mounted over the new one. */
	if (umount2(".", MNT_DETACH) < 0)
		return cps_fail(err, errno, "detach the old root");
	return 0;
}

/* For roots that cannot be pivoted from (the initial ramfs). What is below "/" stays mounted under
 * the new root: at least no file system that gives power over the host. */
static int move_root(struct cps_err *err)
{
	static const char *const powerful[] = { "/proc", "/sys" };

	/* First parted from the host's, or it would be those that go. */
	if (mount(NULL, "/", NULL, MS_SLAVE, NULL) < 0)
		return cps_fail(err, errno, "part '/' from the host's");
	for (size_t i = 0; i < sizeof(powerful) / sizeof(powerful[0]); i++) {
		/* There may be several, one over the other; a single one that is left in full would
		 * let user namespaces in the container mount their own, without our masks. */
		while (mount(NULL, powerful[i], NULL, MS_SLAVE | MS_REC, NULL) == 0) {
			if (umount2(powerful[i], MNT_DETACH) == 0)
				continue;
			/* locked, in a user namespace */
			if (mount("tmpfs", powerful[i], "tmpfs", MS_RDONLY, "size=0") < 0)
				return cps_fail(err, errno, "hide the host's '%s'", powerful[i]);
			break;
		}
	}
	if (mount(".", "/", NULL, MS_MOVE, NULL) < 0)
		return cps_fail(err, errno, "move the root");
	return chroot(".") < 0 ? cps_fail(err, errno, "chroot") : 0;
}

int rt_rootfs_pivot(struct rt_rootfs *r, const struct rt_spec *spec, bool no_pivot,
		    struct cps_err *err)
{
	bool own = rt_has_own_mounts(spec);
	int rc = 0;

	if (fchdir(r->root_fd) < 0)
		return cps_fail(err, errno, "change to the root file system");
	if (own)
		rc = no_pivot ? move_root(err) : pivot(spec, err);
	else if (chroot(".") < 0)
		rc = cps_fail(err, errno, "chroot");
	if (rc < 0)
		return rc;
	if (chdir("/") < 0)
		return cps_fail(err, errno, "change to '/'");

	if (own && spec->propagation && !(spec->propagation & (MS_PRIVATE | MS_UNBINDABLE))) {
		struct rt_mount_change c = {
			.propagation = spec->propagation & ~(unsigned long)MS_REC,
			.recursive = spec->propagation & MS_REC,
		};

		rc = rt_mount_change(r->root_fd, &c, r->proc_fd);
		if (rc < 0)
			return cps_fail(err, -rc, "propagation of the root");
	}
	return late_readonly(r, err);
}

int rt_rootfs_readonly(const struct rt_rootfs *r, struct cps_err *err)
{
	struct rt_mount_change c = { .set = MOUNT_ATTR_RDONLY };
	int rc = rt_mount_change(r->root_fd, &c, r->proc_fd);

	return rc < 0 ? cps_fail(err, -rc, "make the root read-only") : 0;
}

int rt_rootfs_unbindable(const struct rt_rootfs *r, struct cps_err *err)
{
	struct rt_mount_change c = { .propagation = MS_UNBINDABLE, .recursive = true };
	int rc = rt_mount_change(r->root_fd, &c, r->proc_fd);

	return rc < 0 ? cps_fail(err, -rc, "make the root unbindable") : 0;
}

void rt_rootfs_done(struct rt_rootfs *r)
{
	cps_close(&r->root_fd);
	cps_close(&r->proc_fd);
	cps_close(&r->dev_fd);
	cps_close(&r->pts_fd);
	for (size_t i = 0; i < r->nlate; i++)
		cps_close(&r->late[i]);
	free(r->late);
	r->late = NULL;
	r->nlate = 0;
}
