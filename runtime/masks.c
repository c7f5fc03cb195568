/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths that the container must not see (maskedPaths: files become the null device, directories an
 * empty read-only tmpfs) or not change (readonlyPaths). In the pivoted tree.
 *
 * Directories share one tmpfs: a mount of it costs a fraction of a new one.
 */
#include <config.h>
#include "rootfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "mount-fd.h"
#include "own.h"
#include "rootfs-priv.h"

static const struct rt_mount_change readonly = { .set = MOUNT_ATTR_RDONLY };

struct masks {
	const struct rt_rootfs *r;
	int null_fd;
	int tmpfs; /* attached once; further ones are clones */
};

/* O_PATH: looking changes nothing. 1 and *ret_fd, 0 if there is no such path, or -errno. */
static int path_open(const struct rt_rootfs *r, const char *path, int *ret_fd, struct cps_err *err)
{
	int fd = cps_open_in_root(r->root_fd, path, O_PATH, 0);

	if (fd == -ENOENT || fd == -ENOTDIR)
		return 0;
	if (fd < 0)
		return cps_fail(err, -fd, "open");
	*ret_fd = fd;
	return 1;
}

static int mask_file(struct masks *k, int place, struct cps_err *err)
{
	cleanup_fd int tree = -1;
	int rc;

	if (k->null_fd < 0) {
		k->null_fd = rt_null_open(k->r, err);
		if (k->null_fd < 0)
			return k->null_fd;
	}
	tree = rt_mount_clone(k->null_fd, false);
	rc = tree < 0 ? tree : rt_mount_attach(tree, place);
	return rc < 0 ? cps_fail(err, -rc, "bind /dev/null") : 0;
}

static int mask_dir(struct masks *k, int place, struct cps_err *err)
{
	static const struct rt_mount_opts none = { .data = "" };
	cleanup_fd int tree = -1;
	int rc;

	if (k->tmpfs >= 0)
		tree = rt_mount_clone(k->tmpfs, false);
	else
		tree = rt_mount_new("tmpfs", "tmpfs", &none, MOUNT_ATTR_RDONLY, err);
	if (tree == -ENOSYS && k->tmpfs < 0)
		return rt_mount_legacy("tmpfs", "tmpfs", &none, MOUNT_ATTR_RDONLY, place,
				       k->r->proc_fd, err);
	if (tree < 0)
		return k->tmpfs < 0 ? tree : cps_fail(err, -tree, "clone the empty tmpfs");
	rc = rt_mount_attach(tree, place);
	if (rc < 0)
		return cps_fail(err, -rc, "mount an empty tmpfs");
	if (k->tmpfs < 0)
		k->tmpfs = take_fd(&tree);
	return 0;
}

static int mask_one(struct masks *k, const char *path, struct cps_err *err)
{
	cleanup_fd int place = -1;
	struct stat st;
	int rc = path_open(k->r, path, &place, err);

	if (rc <= 0)
		return rc;
	if (fstat(place, &st) < 0)
		return cps_fail(err, errno, "stat");
	return S_ISDIR(st.st_mode) ? mask_dir(k, place, err) : mask_file(k, place, err);
}

/* Callers add their list to the usual one: what is masked already is not masked again. */
static bool is_listed_before(const struct rt_strs *paths, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (strcmp(paths->v[k], paths->v[i]) == 0)
			return true;
	return false;
}

int rt_rootfs_mask(const struct rt_rootfs *r, const struct rt_spec *spec, struct cps_err *err)
{
	struct masks k = { r, -1, -1 };
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < spec->masked_paths.n; i++) {
		const char *path = spec->masked_paths.v[i];

		if (!is_listed_before(&spec->masked_paths, i))
			rc = cps_wrap(err, mask_one(&k, path, err), "mask %s", path);
	}
	cps_close(&k.null_fd);
	cps_close(&k.tmpfs);
	return rc;
}

static int readonly_one(const struct rt_rootfs *r, const char *path, struct cps_err *err)
{
	cleanup_fd int place = -1;
	cleanup_fd int tree = -1;
	int rc = path_open(r, path, &place, err);

	if (rc <= 0)
		return rc;
	tree = rt_mount_clone(place, true);
	rc = tree < 0 ? tree : rt_mount_attach(tree, place);
	if (rc == 0)
		rc = rt_mount_change(tree, &readonly, r->proc_fd);
	return rc < 0 ? cps_fail(err, -rc, "bind read-only") : 0;
}

int rt_rootfs_readonly_paths(const struct rt_rootfs *r, const struct rt_spec *spec,
			     struct cps_err *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < spec->readonly_paths.n; i++) {
		const char *path = spec->readonly_paths.v[i];

		rc = cps_wrap(err, readonly_one(r, path, err), "read-only %s", path);
	}
	return rc;
}
