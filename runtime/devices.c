/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Devices: the default set of the runtime-spec and the configuration's own, made by mknod(2), or
 * bound from the host where that is not allowed (user namespaces).
 *
 * On a tmpfs that we mounted ourselves nobody else can interfere. Anywhere else the directory may
 * be shared with another container, so what was made is looked at through a descriptor before it
 * counts.
 */
#include <config.h>
#include "rootfs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "file.h"
#include "mount-fd.h"
#include "own.h"
#include "rootfs-priv.h"

#define NULL_MAJOR 1
#define NULL_MINOR 3

static const struct rt_device defaults[] = {
	{ 'c', "/dev/null", 1, 3, 0666, 0, 0 },	   { 'c', "/dev/zero", 1, 5, 0666, 0, 0 },
	{ 'c', "/dev/full", 1, 7, 0666, 0, 0 },	   { 'c', "/dev/random", 1, 8, 0666, 0, 0 },
	{ 'c', "/dev/urandom", 1, 9, 0666, 0, 0 }, { 'c', "/dev/tty", 5, 0, 0666, 0, 0 },
};

static const struct {
	const char *name, *target;
} links[] = {
	{ "fd", "/proc/self/fd" },	 { "stdin", "/proc/self/fd/0" },
	{ "stdout", "/proc/self/fd/1" }, { "stderr", "/proc/self/fd/2" },
	{ "ptmx", "pts/ptmx" },
};

static mode_t device_type(const struct rt_device *d)
{
	return d->type == 'b' ? S_IFBLK : d->type == 'p' ? S_IFIFO : S_IFCHR;
}

static bool is_device(const struct stat *st, const struct rt_device *d)
{
	return (st->st_mode & S_IFMT) == device_type(d) &&
	       (d->type == 'p' || st->st_rdev == makedev(d->major, d->minor));
}

/* The directory of a device's path, made if missing; *ret_name is the last component. *ret_owned:
 * to be closed. */
static int parent_open(const struct rt_rootfs *r, char *path, const char **ret_name, int *ret_owned,
		       struct cps_err *err)
{
	char *name = strrchr(path, '/') + 1;

	if (*name == '\0' || strcmp(name, "..") == 0)
		return cps_failx(err, EINVAL, "no name of a device");
	*ret_name = name;
	name[-1] = '\0';
	if (r->dev_fd >= 0 && strcmp(path, "/dev") == 0)
		return r->dev_fd;
	*ret_owned = cps_mkdir_in_root(r->root_fd, path[0] ? path : "/", 0755, err);
	return *ret_owned;
}

/* Mounts the host's device on a file of that name. */
static int device_bind(int parent, const char *name, const struct rt_device *d, struct cps_err *err)
{
	cleanup_fd int host = open(d->path, O_PATH | O_CLOEXEC); /* the host's tree is still ours */
	cleanup_fd int place = -1;
	cleanup_fd int tree = -1;
	struct stat st;
	int rc;

	if (host < 0)
		return cps_fail(err, errno, "open the host's device");
	if (fstat(host, &st) < 0 || !is_device(&st, d))
		return cps_failx(err, ENODEV, "the host's is not device %u:%u", d->major, d->minor);
	place = openat(parent, name, O_RDONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (place < 0 && errno == EEXIST)
		place = openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (place < 0)
		return cps_fail(err, errno, "make a file to bind the device on");
	tree = rt_mount_clone(host, false);
	rc = tree < 0 ? tree : rt_mount_attach(tree, place);
	return rc < 0 ? cps_fail(err, -rc, "bind the host's device") : 0;
}

/* What is there must be the device; owner and mode are set on what was looked at. */
static int device_verify(const struct rt_rootfs *r, int parent, const char *name,
			 const struct rt_device *d, struct cps_err *err)
{
	cleanup_fd int fd = -1;
	struct stat st;

	if (r->dev_fd >= 0 && d->uid == 0 && d->gid == 0 && strncmp(d->path, "/dev/", 5) == 0 &&
	    !strchr(d->path + 5, '/'))
		return 0; /* on our own tmpfs, made just now */
	fd = openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return cps_fail(err, errno, "open the new device");
	if (!is_device(&st, d))
		return cps_failx(err, EPERM, "is not what was made there");
	if ((st.st_uid != d->uid || st.st_gid != d->gid) &&
	    fchownat(fd, "", d->uid, d->gid, AT_EMPTY_PATH) < 0)
		return cps_fail(err, errno, "change the owner");
	return 0;
}

static int device_node(const struct rt_rootfs *r, int parent, const char *name,
		       const struct rt_device *d, struct cps_err *err)
{
	mode_t mode = device_type(d) | (d->mode & 0777);
	dev_t dev = d->type == 'p' ? 0 : makedev(d->major, d->minor);
	int rc = mknodat(parent, name, mode, dev);

	if (rc < 0 && errno == EEXIST) { /* of the image: never trusted to be what it looks like */
		struct stat st;

		if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && is_device(&st, d) &&
		    st.st_uid == d->uid && st.st_gid == d->gid && (st.st_mode & 0777) == d->mode)
			return 0;
		if (unlinkat(parent, name, 0) < 0 && errno != ENOENT)
			return cps_fail(err, errno, "replace what is there");
		rc = mknodat(parent, name, mode, dev);
	}
	if (rc < 0 && errno == EPERM)
		return device_bind(parent, name, d, err);
	if (rc < 0)
		return cps_fail(err, errno, "mknod");
	return device_verify(r, parent, name, d, err);
}

static int device_make(const struct rt_rootfs *r, const struct rt_spec *spec,
		       const struct rt_device *d, struct cps_err *err)
{
	cleanup_fd int owned = -1;
	char path[PATH_MAX];
	const char *name = NULL;
	int parent;
	int rc = rt_path_clean(d->path, path, err);

	if (rc < 0)
		return rc;
	parent = parent_open(r, path, &name, &owned, err);
	if (parent < 0)
		return parent;
	if (owned >= 0 && rt_fs_type(owned) == PROC_SUPER_MAGIC)
		return cps_failx(err, EPERM, "is inside procfs");
	if (rt_has_own_users(spec) && d->type != 'p')
		return device_bind(parent, name, d, err);
	return device_node(r, parent, name, d, err);
}

static bool is_listed(const struct rt_spec *spec, const char *path)
{
	for (size_t i = 0; i < spec->ndevices; i++)
		if (strcmp(spec->devices[i].path, path) == 0)
			return true;
	return false;
}

/* /dev is a bind: whoever configured that wants that one as it is. */
static bool is_dev_bound(const struct rt_spec *spec)
{
	bool bound = false;

	for (size_t i = 0; i < spec->nmounts; i++) {
		const struct rt_mount *m = &spec->mounts[i];
		struct rt_mount_opts o;
		struct cps_err ignored;
		char dest[PATH_MAX];

		if (strncmp(m->destination, "/dev", 4) != 0 ||
		    rt_path_clean(m->destination, dest, &ignored) < 0 ||
		    strcmp(dest, "/dev") != 0 || rt_mount_opts_parse(&m->options, &o, &ignored) < 0)
			continue;
		bound = rt_mount_is_bind(m, &o);
	}
	return bound;
}

/* Names that programs expect in /dev. One that the image has stays, but ptmx: that must be of the
 * container's own devpts. */
static int dev_links(const struct rt_rootfs *r, const struct rt_spec *spec, int dev,
		     struct cps_err *err)
{
	struct stat st;

	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		bool is_ptmx = links[i].target[0] == 'p';

		if (is_ptmx && is_listed(spec, "/dev/ptmx"))
			continue;
		if (symlinkat(links[i].target, dev, links[i].name) == 0)
			continue;
		if (is_ptmx && errno == EEXIST && unlinkat(dev, links[i].name, 0) == 0 &&
		    symlinkat(links[i].target, dev, links[i].name) == 0)
			continue;
		if (errno != EEXIST)
			return cps_fail(err, errno, "link /dev/%s", links[i].name);
	}
	if (r->proc_fd >= 0 && fstatat(r->proc_fd, "kcore", &st, 0) == 0 &&
	    symlinkat("/proc/kcore", dev, "core") < 0 && errno != EEXIST)
		return cps_fail(err, errno, "link /dev/core");
	return 0;
}

static int dev_fill(struct rt_rootfs *r, const struct rt_spec *spec, struct cps_err *err)
{
	cleanup_fd int dev = -1;
	int rc;

	for (size_t i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++) {
		if (is_listed(spec, defaults[i].path))
			continue;
		rc = device_make(r, spec, &defaults[i], err);
		if (rc < 0)
			return cps_wrap(err, rc, "%s", defaults[i].path);
	}
	for (size_t i = 0; i < spec->ndevices; i++) {
		rc = device_make(r, spec, &spec->devices[i], err);
		if (rc < 0)
			return cps_wrap(err, rc, "%s", spec->devices[i].path);
	}
	if (r->dev_fd >= 0)
		return dev_links(r, spec, r->dev_fd, err);
	dev = cps_mkdir_in_root(r->root_fd, "/dev", 0755, err);
	return dev < 0 ? dev : dev_links(r, spec, dev, err);
}

int rt_rootfs_devices(struct rt_rootfs *r, const struct rt_spec *spec, struct rt_warn *warn,
		      struct cps_err *err)
{
	mode_t umask_was;
	int rc;

	(void)warn;
	if (!rt_has_own_mounts(spec) || is_dev_bound(spec))
		return 0;
	umask_was = umask(0);
	rc = dev_fill(r, spec, err);
	(void)umask(umask_was);
	if (rc == 0 && spec->has_process && spec->process.terminal) {
		/* the place for the terminal, while the root can be written to */
		bool made;
		int fd = rt_dest_open(r->root_fd, "/dev/console", false, false, &made, err);

		if (fd < 0)
			return fd;
		cps_close(&fd);
	}
	return rc;
}

int rt_null_open(const struct rt_rootfs *r, struct cps_err *err)
{
	cleanup_fd int fd = -1;
	struct stat st;

	if (r->dev_fd >= 0)
		fd = openat(r->dev_fd, "null", O_PATH | O_NOFOLLOW | O_CLOEXEC);
	else
		fd = cps_open_in_root(r->root_fd, "/dev/null", O_PATH, 0);
	if (fd < 0)
		return cps_fail(err, r->dev_fd >= 0 ? errno : -fd, "open /dev/null");
	if (fstat(fd, &st) < 0 || !S_ISCHR(st.st_mode) ||
	    st.st_rdev != makedev(NULL_MAJOR, NULL_MINOR))
		return cps_failx(err, EPERM, "/dev/null is not the null device");
	return take_fd(&fd);
}
