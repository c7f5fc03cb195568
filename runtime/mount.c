/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mounts of the configuration, in its order. Each destination is resolved once, to a
 * descriptor; what is mounted is made detached where the kernel can do that, and attached to the
 * descriptor.
 */
#include <config.h>
#include "rootfs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "mount-fd.h"
#include "own.h"
#include "rootfs-priv.h"

#define PROC_ROOT_INO 1

/* One mount at work. */
struct work {
	struct rt_rootfs *r;
	const struct rt_spec *spec;
	const struct rt_cgroup *cg;
	const struct rt_mount *m;
	struct rt_warn *warn;
	struct rt_mount_opts o;
	char dest[PATH_MAX]; /* clean */
	int dest_fd;	     /* where it goes */
	struct stat dest_st;
	bool dest_made; /* it was missing */
	int mount_fd;	/* what was mounted; -1: not at hand (rt_cgroup_mount) */
};

/* The files of procfs that may be covered, as runc allows them to lxcfs and its like. */
static bool is_proc_file(const struct work *w)
{
	static const char *const allowed[] = {
		"cpuinfo",
		"diskstats",
		"meminfo",
		"stat",
		"swaps",
		"uptime",
		"loadavg",
		"slabinfo",
		"net/dev",
		"sys/kernel/ns_last_pid",
		"sys/crypto/fips_enabled",
	};
	struct stat st;

	if (strncmp(w->dest, "/proc/", 6) != 0 || w->r->proc_fd < 0)
		return false;
	for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++)
		if (strcmp(w->dest + 6, allowed[i]) == 0)
			return fstatat(w->r->proc_fd, allowed[i], &st, 0) == 0 &&
			       st.st_ino == w->dest_st.st_ino;
	return false;
}

/* Nothing covers procfs, or parts of it, but procfs and the files above: what reads and writes
 * there must find the kernel (CVE-2019-16884, CVE-2019-19921). source_fd: of a bind, else -1. */
static int proc_guard(const struct work *w, int source_fd, struct cps_err *err)
{
	bool by_name = strncmp(w->dest, "/proc", 5) == 0 && (!w->dest[5] || w->dest[5] == '/');

	if (!by_name && rt_fs_type(w->dest_fd) != PROC_SUPER_MAGIC)
		return 0;
	if (strcmp(w->dest, "/proc") == 0) {
		if (source_fd >= 0 ? rt_fs_type(source_fd) == PROC_SUPER_MAGIC
				   : w->m->type && strcmp(w->m->type, "proc") == 0)
			return 0;
		return cps_failx(err, EPERM, "only procfs can be mounted at /proc");
	}
	if (is_proc_file(w))
		return 0;
	return cps_failx(err, EPERM, "cannot be mounted because it is inside /proc");
}

static int dest_open(struct work *w, bool directory, bool plain, struct cps_err *err)
{
	w->dest_fd = rt_dest_open(w->r->root_fd, w->dest, directory, plain, &w->dest_made, err);
	if (w->dest_fd < 0)
		return w->dest_fd;
	if (fstat(w->dest_fd, &w->dest_st) < 0)
		return cps_fail(err, errno, "stat the mount point");
	if (S_ISDIR(w->dest_st.st_mode) != directory && !w->o.remount)
		return cps_failx(err, directory ? ENOTDIR : EISDIR,
				 "the mount point is %s directory", directory ? "not a" : "a");
	return 0;
}

static int change(int fd, const struct rt_mount_change *c, struct cps_err *err)
{
	int rc;

	if (c->set == 0 && c->clr == 0 && c->propagation == 0)
		return 0;
	rc = rt_mount_change(fd, c, -1);
	return rc < 0 ? cps_fail(err, -rc, "set the options of the mount") : 0;
}

/* A mount that turns read-only only when the tree is complete, since more is to be made in it. */
static bool is_late(const struct work *w, bool is_tmpfs)
{
	return ((w->o.attr_set | w->o.rattr_set) & MOUNT_ATTR_RDONLY) &&
	       (is_tmpfs || strcmp(w->dest, "/dev") == 0 || strcmp(w->dest, "/") == 0);
}

static int keep_late(struct work *w, struct cps_err *err)
{
	int fd = fcntl(w->mount_fd, F_DUPFD_CLOEXEC, 3);

	if (fd < 0)
		return cps_fail(err, errno, "keep the mount");
	if (!w->r->late)
		w->r->late = calloc(w->spec->nmounts, sizeof(*w->r->late));
	if (!w->r->late) {
		cps_close(&fd);
		return cps_fail(err, ENOMEM, "keep the mount");
	}
	w->r->late[w->r->nlate++] = fd;
	return 0;
}

/* What the options say beyond what the mount was made with. */
static int propagation(const struct work *w, struct cps_err *err)
{
	for (unsigned i = 0; i < w->o.nprop; i++) {
		struct rt_mount_change c = {
			.propagation = w->o.prop[i] & ~(unsigned long)MS_REC,
			.recursive = w->o.prop[i] & MS_REC,
		};
		int rc = change(w->mount_fd, &c, err);

		if (rc < 0)
			return rc;
	}
	return 0;
}

/* --- binds --------------------------------------------------------------------------------------
 */

/* The clone is the host's: as if it had been made here, it follows the host's mounts (or does what
 * rootfsPropagation says) unless the options say otherwise. */
static int bind_propagation(const struct work *w, struct cps_err *err)
{
	unsigned long flags = w->spec->propagation ? w->spec->propagation : MS_SLAVE;
	struct rt_mount_change c = { .recursive = true };
	int rc;

	if (w->o.nprop > 0 && (w->o.prop[0] & MS_REC) && (w->o.prop[0] & (MS_PRIVATE | MS_SLAVE)))
		return propagation(w, err); /* the first of them settles it */
	c.propagation = flags & MS_SHARED ? MS_SHARED : flags & MS_SLAVE ? MS_SLAVE : MS_PRIVATE;
	rc = change(w->mount_fd, &c, err);
	return rc == 0 ? propagation(w, err) : rc;
}

static int mount_bind(struct work *w, int *source, struct cps_err *err)
{
	struct rt_mount_change rec = { .set = w->o.rattr_set,
				       .clr = w->o.rattr_clr,
				       .recursive = true };
	struct stat st;
	bool late;
	int rc;

	if (rt_bind_in_root(w->spec, w->m)) {
		rc = rt_bind_open_in_root(w->r->root_fd, w->spec, w->m, &w->o, source, err);
		if (rc < 0)
			return rc;
	}
	if (*source < 0)
		return cps_failx(err, EINVAL, "the source of the bind was not opened");
	if (w->o.data[0])
		rt_warn(w->warn, "mount %s: a bind takes no option '%s', ignoring", w->dest,
			w->o.data);
	if (fstat(*source, &st) < 0)
		return cps_fail(err, errno, "stat '%s'", w->m->source);
	rc = dest_open(w, S_ISDIR(st.st_mode), false, err);
	if (rc == 0)
		rc = proc_guard(w, *source, err);
	if (rc < 0)
		return rc;

	w->mount_fd = rt_bind_tree(w->spec, w->m, &w->o, source);
	rc = rt_mount_attach(w->mount_fd, w->dest_fd);
	if (rc < 0)
		return cps_fail(err, -rc, "bind '%s'", w->m->source);
	late = is_late(w, false);
	if (late)
		rc = keep_late(w, err);
	if (rc == 0)
		rc = bind_propagation(w, err);
	if (rc == 0)
		rc = rt_bind_flags(w->spec, &w->o, w->mount_fd, late, err);
	return rc == 0 ? change(w->mount_fd, &rec, err) : rc;
}

/* --- file systems -------------------------------------------------------------------------------
 */

static bool is_type(const struct work *w, const char *type)
{
	return strcmp(w->m->type, type) == 0;
}

/* A tmpfs on a directory of the image has the directory's mode, if the options give none; otherwise
 * its own default, 1777. */
static int tmpfs_mode(struct work *w, struct cps_err *err)
{
	size_t used = strlen(w->o.data);
	const char *mode = strstr(w->o.data, "mode=");

	if (w->dest_made || (mode && (mode == w->o.data || mode[-1] == ',')))
		return 0;
	if (used + sizeof(",mode=07777") > sizeof(w->o.data))
		return cps_failx(err, E2BIG, "the options are too long");
	(void)snprintf(w->o.data + used, sizeof(w->o.data) - used, "%smode=%04o", used ? "," : "",
		       (unsigned)w->dest_st.st_mode & 07777);
	return 0;
}

/* A gid= that the user namespace has no number for (the tty group, 5) is dropped: the kernel
 * would refuse the whole mount. */
static void devpts_gid(struct work *w)
{
	char *at = strstr(w->o.data, "gid=");
	unsigned long gid;
	size_t len;
	char *end;

	if (!at || (at != w->o.data && at[-1] != ',') || !w->spec->ns[RT_NS_USER].wanted ||
	    w->spec->ns[RT_NS_USER].path)
		return;
	gid = strtoul(at + 4, &end, 10);
	for (size_t i = 0; i < w->spec->ngid_maps; i++)
		if (gid >= w->spec->gid_maps[i].container &&
		    gid - w->spec->gid_maps[i].container < w->spec->gid_maps[i].size)
			return;
	rt_note(w->warn, "mount %s: group %lu is not in the user namespace, ignoring", w->dest,
		gid);
	len = strcspn(at, ",");
	if (at[len] == ',')
		len++;
	else if (at != w->o.data)
		at--, len++;
	memmove(at, at + len, strlen(at + len) + 1);
}

/* sysfs belongs to the network namespace; where that is not ours, the host's is bound. With all
 * below it, since the kernel lets nobody see what a mount covers, and read-only. */
static int sysfs_bind(struct work *w, struct cps_err *err)
{
	const uint64_t strict = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
	struct rt_mount_change c = { .set = MOUNT_ATTR_RDONLY | (w->o.attr_set & strict),
				     .recursive = true };
	cleanup_fd int host = open("/sys", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int rc;

	if (host < 0)
		return cps_fail(err, errno, "open the host's /sys");
	w->mount_fd = rt_mount_clone(host, true);
	if (w->mount_fd < 0)
		return cps_fail(err, -w->mount_fd, "bind the host's /sys");
	rc = rt_mount_attach(w->mount_fd, w->dest_fd);
	if (rc == 0)
		rc = rt_mount_change(w->mount_fd, &c, -1);
	if (rc == -EOPNOTSUPP) {
		c.recursive = false;
		rc = rt_mount_change(w->mount_fd, &c, -1);
	}
	return rc < 0 ? cps_fail(err, -rc, "bind the host's /sys") : 0;
}

/* mount(2) leaves no descriptor of what it mounted. It is found by its name again, and taken only
 * if it is the root of a mount that was not there before. */
static int legacy_reopen(struct work *w, struct cps_err *err)
{
	struct statx st;

	w->mount_fd = cps_open_in_root(w->r->root_fd, w->dest, O_PATH, 0);
	if (w->mount_fd < 0)
		return cps_fail(err, -w->mount_fd, "open the new mount");
	if (statx(w->mount_fd, "", AT_EMPTY_PATH, STATX_INO, &st) < 0)
		return cps_fail(err, errno, "stat the new mount");
	if (!(st.stx_attributes & STATX_ATTR_MOUNT_ROOT))
		return cps_failx(err, ESTALE, "the mount point was moved away");
	return 0;
}

static int fs_mount(struct work *w, uint64_t attr, struct cps_err *err)
{
	struct rt_mount_change rec = { .set = w->o.rattr_set,
				       .clr = w->o.rattr_clr,
				       .recursive = true };
	int rc;

	w->mount_fd = rt_mount_new(w->m->type, w->m->source, &w->o, attr, err);
	if (w->mount_fd == -EPERM && is_type(w, "sysfs") && rt_has_own_users(w->spec))
		return sysfs_bind(w, err);
	if (w->mount_fd == -ENOSYS) {
		rc = rt_mount_legacy(w->m->type, w->m->source, &w->o, attr, w->dest_fd, -1, err);
		if (rc == 0)
			rc = legacy_reopen(w, err);
	} else if (w->mount_fd < 0) {
		return w->mount_fd;
	} else {
		rc = rt_mount_attach(w->mount_fd, w->dest_fd);
		if (rc < 0)
			rc = cps_fail(err, -rc, "mount %s", w->m->type);
	}
	return rc == 0 ? change(w->mount_fd, &rec, err) : rc;
}

/* What was mounted over the root is the root now: what comes goes there. What was mounted before is
 * covered, and nothing to trust any more but procfs, which is the kernel wherever it is. */
static int become_root(struct work *w, struct cps_err *err)
{
	int fd = fcntl(w->mount_fd, F_DUPFD_CLOEXEC, 3);

	if (fd < 0)
		return cps_fail(err, errno, "keep the new root");
	cps_close(&w->r->root_fd);
	w->r->root_fd = fd;
	cps_close(&w->r->dev_fd);
	cps_close(&w->r->pts_fd);
	return 0;
}

/* Descriptors of what we mounted ourselves are what later steps trust. */
static void keep(struct work *w)
{
	int *where = NULL;

	if (is_type(w, "tmpfs") && strcmp(w->dest, "/dev") == 0)
		where = &w->r->dev_fd;
	else if (is_type(w, "devpts") && strcmp(w->dest, "/dev/pts") == 0)
		where = &w->r->pts_fd;
	else if (is_type(w, "proc") && strcmp(w->dest, "/proc") == 0 &&
		 !strstr(w->o.data, "subset"))
		where = &w->r->proc_fd;
	if (!where)
		return;
	cps_close(where);
	*where = take_fd(&w->mount_fd);
}

/* linux.mountLabel is for what has files of its own; these have the policy's labels. */
static const char *context_of(const struct work *w)
{
	static const char *const unlabelled[] = { "proc", "sysfs", "mqueue", "cgroup", "cgroup2" };

	for (size_t i = 0; i < sizeof(unlabelled) / sizeof(unlabelled[0]); i++)
		if (is_type(w, unlabelled[i]))
			return NULL;
	return w->spec->mount_label;
}

static int mount_fs(struct work *w, struct cps_err *err)
{
	bool is_tmpfs = is_type(w, "tmpfs");
	uint64_t attr = w->o.attr_set;
	int rc = dest_open(w, true, is_type(w, "proc") || is_type(w, "sysfs"), err);

	if (rc == 0)
		rc = proc_guard(w, -1, err);
	if (rc == 0 && is_tmpfs)
		rc = tmpfs_mode(w, err);
	if (rc < 0)
		return rc;
	w->o.context = context_of(w);
	if (is_type(w, "devpts"))
		devpts_gid(w);
	if (is_type(w, "cgroup") && w->cg)
		return rt_cgroup_mount(w->cg, w->dest_fd, w->spec->ns[RT_NS_CGROUP].wanted,
				       attr | w->o.rattr_set, err);

	if (is_late(w, is_tmpfs)) {
		attr &= ~(uint64_t)MOUNT_ATTR_RDONLY;
		w->o.rattr_set &= ~(uint64_t)MOUNT_ATTR_RDONLY;
		rc = fs_mount(w, attr, err);
		if (rc == 0)
			rc = keep_late(w, err);
	} else {
		rc = fs_mount(w, attr, err);
	}
	if (rc == 0 && is_tmpfs && w->o.copy_up)
		rc = rt_copy_up(w->dest_fd, w->mount_fd, w->warn, err);
	if (rc == 0)
		rc = propagation(w, err);
	if (rc == 0)
		keep(w);
	return rc;
}

/* --- remounts -----------------------------------------------------------------------------------
 */

static int mount_again(struct work *w, struct cps_err *err)
{
	struct rt_mount_change c = { .set = w->o.attr_set, .clr = w->o.attr_clr };
	struct rt_mount_change rec = { .set = w->o.rattr_set,
				       .clr = w->o.rattr_clr,
				       .recursive = true };
	int rc = dest_open(w, true, false, err);

	if (rc == 0 && strcmp(w->dest, "/") == 0) {
		cps_close(&w->dest_fd); /* the root is its own mount; nothing lies over it */
		w->dest_fd = fcntl(w->r->root_fd, F_DUPFD_CLOEXEC, 3);
	}
	if (rc < 0)
		return rc;
	if (w->o.data[0] || w->o.sb_flags) {
		struct rt_mount_opts o = w->o;

		o.sb_flags |= MS_REMOUNT;
		rc = rt_mount_legacy(w->m->type ? w->m->type : "none", NULL, &o, o.attr_set,
				     w->dest_fd, -1, err);
		if (rc < 0)
			return rc;
	}
	w->mount_fd = fcntl(w->dest_fd, F_DUPFD_CLOEXEC, 3);
	rc = change(w->dest_fd, &rec, err);
	if (rc == 0)
		rc = change(w->dest_fd, &c, err);
	return rc == 0 ? propagation(w, err) : rc;
}

/* --- all of them --------------------------------------------------------------------------------
 */

/* Older callers write destinations as the host would see them, below the root's path (as runc). */
static void strip_root(struct work *w)
{
	const char *rest = rt_path_below(w->spec->root_path, w->dest);

	if (rest)
		memmove(w->dest, rest, strlen(rest) + 1);
}

static int mount_one(struct work *w, int *source, struct cps_err *err)
{
	int rc = rt_mount_opts_parse(&w->m->options, &w->o, err);

	if (rc == 0)
		rc = rt_path_clean(w->m->destination, w->dest, err);
	if (rc < 0)
		return rc;
	strip_root(w);
	if (w->o.remount)
		return mount_again(w, err);
	if (strcmp(w->dest, "/dev") == 0) /* what was there is about to be covered */
		cps_close(&w->r->dev_fd);
	if (rt_mount_is_bind(w->m, &w->o))
		rc = mount_bind(w, source, err);
	else if (w->m->type && w->m->type[0])
		rc = mount_fs(w, err);
	else
		rc = cps_failx(err, EINVAL, "neither a type nor 'bind' among the options");
	if (rc == 0 && strcmp(w->dest, "/") == 0)
		rc = become_root(w, err);
	return rc;
}

/* No procfs of ours in the tree: a private one, attached to nothing, or if a user namespace may not
 * have that, the host's, which is still in its place. */
static int proc_private(struct rt_rootfs *r, struct cps_err *err)
{
	const struct rt_mount_opts none = { .data = "" };
	struct cps_err ignored;
	struct stat st;
	int fd = rt_mount_new("proc", "proc", &none, 0, &ignored);

	if (fd < 0) {
		fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			return cps_fail(err, errno, "open '/proc'");
		if (rt_fs_type(fd) != PROC_SUPER_MAGIC || fstat(fd, &st) < 0 ||
		    st.st_ino != PROC_ROOT_INO) {
			cps_close(&fd);
			return cps_failx(err, EPERM, "'/proc' is not procfs");
		}
	}
	r->proc_fd = fd;
	return 0;
}

int rt_rootfs_mounts(struct rt_rootfs *r, const struct rt_spec *spec, const struct rt_cgroup *cg,
		     int *sources, struct rt_warn *warn, struct cps_err *err)
{
	/* A page of options and one of path: not cleared for each mount. */
	struct work w;

	w.r = r;
	w.spec = spec;
	w.cg = cg;
	w.warn = warn;
	for (size_t i = 0; i < spec->nmounts; i++) {
		int rc;

		w.m = &spec->mounts[i];
		w.dest_fd = w.mount_fd = -1;
		rc = mount_one(&w, &sources[i], err);
		cps_close(&w.dest_fd);
		cps_close(&w.mount_fd);
		if (rc < 0)
			return cps_wrap(err, rc, "%s", w.m->destination);
	}
	return r->proc_fd < 0 ? proc_private(r, err) : 0;
}
