/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening layers, giving them another owner's ids, and mounting the overlay over them.
 */
#include <config.h>
#include "overlay.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "container.h"
#include "layer.h"
#include "own.h"

#define NAMES_SIZE 256 /* of a string for fsconfig(2), with its NUL */
#define DIR_PATH   (O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

/* The kernel's own words, which it keeps for the one who configures a file system. */
static int kernel_fail(int fs_fd, int num, struct cps_err *err, const char *what)
{
	char text[200];
	ssize_t n = read(fs_fd, text, sizeof(text) - 1);

	if (n <= 2)
		return cps_fail(err, num, "overlay: %s", what);
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return cps_fail(err, num, "overlay: %s: %s", what, text + 2); /* "e " is the severity */
}

/* What is the same in every way of naming the directories, and the mount. */
static int make(int fs_fd, int *ret_mount_fd, struct cps_err *err)
{
	static const char *const options[][2] = {
		{ "source", "overlay" }, { "redirect_dir", "nofollow" },
		{ "metacopy", "off" },	 { "index", "off" },
		{ "xino", "off" },
	};
	int fd;

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (fsconfig(fs_fd, FSCONFIG_SET_STRING, options[i][0], options[i][1], 0) < 0)
			return kernel_fail(fs_fd, errno, err, options[i][0]);
	if (fsconfig(fs_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return kernel_fail(fs_fd, errno, err, "create");
	fd = fsmount(fs_fd, FSMOUNT_CLOEXEC, 0);
	if (fd < 0)
		return kernel_fail(fs_fd, errno, err, "fsmount");
	*ret_mount_fd = fd;
	return 0;
}

static int set_dir(int fs_fd, const char *key, int dir_fd, struct cps_err *err)
{
	return fsconfig(fs_fd, FSCONFIG_SET_FD, key, NULL, dir_fd) < 0
		       ? kernel_fail(fs_fd, errno, err, key)
		       : 0;
}

static int set_top(int fs_fd, int top, struct cps_err *err)
{
	cleanup_fd int upper = openat(top, STO_CONTAINER_UPPER, DIR_PATH);
	cleanup_fd int work = openat(top, STO_CONTAINER_WORK, DIR_PATH);
	int rc;

	if (upper < 0 || work < 0)
		return cps_fail(err, errno, "open the container's upper and work");
	rc = set_dir(fs_fd, "upperdir", upper, err);
	return rc < 0 ? rc : set_dir(fs_fd, "workdir", work, err);
}

/*
 * Before Linux 6.13 overlayfs takes names only, of at most 255 bytes for fsconfig(2). With
 * /proc/self/fd as the working directory they are the descriptors' numbers. One string may hold all
 * layers, some eighty; kernels from 6.7 on take a string for each.
 */
static int set_lower_names(int fs_fd, const struct sto_overlay *o, struct cps_err *err)
{
	char text[NAMES_SIZE];
	size_t len = 0;

	for (unsigned i = o->nlower; i-- > 0 && len < sizeof(text);)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%d%s", o->lower[i],
					i > 0 ? ":" : "");
	if (len < sizeof(text))
		return fsconfig(fs_fd, FSCONFIG_SET_STRING, "lowerdir", text, 0) < 0
			       ? kernel_fail(fs_fd, errno, err, "layers")
			       : 0;
	for (unsigned i = o->nlower; i-- > 0;) {
		(void)snprintf(text, sizeof(text), "%d", o->lower[i]);
		if (fsconfig(fs_fd, FSCONFIG_SET_STRING, "lowerdir+", text, 0) < 0)
			return cps_fail(err, errno,
					"overlay: %u layers are too many for this kernel",
					o->nlower);
	}
	return 0;
}

static int join_names(int fs_fd, const struct sto_overlay *o, int *ret_mount_fd,
		      struct cps_err *err)
{
	static const char *const dirs[][2] = { { "upperdir", STO_CONTAINER_UPPER },
					       { "workdir", STO_CONTAINER_WORK } };
	int rc = set_lower_names(fs_fd, o, err);

	for (size_t i = 0; i < 2 && rc == 0 && o->top >= 0; i++) {
		char text[32];

		(void)snprintf(text, sizeof(text), "%d/%s", o->top, dirs[i][1]);
		if (fsconfig(fs_fd, FSCONFIG_SET_STRING, dirs[i][0], text, 0) < 0)
			rc = kernel_fail(fs_fd, errno, err, dirs[i][0]);
	}
	return rc < 0 ? rc : make(fs_fd, ret_mount_fd, err);
}

int sto_overlay_join_old(const struct sto_overlay *o, int *ret_mount_fd, struct cps_err *err)
{
	cleanup_fd int fs_fd = fsopen("overlay", FSOPEN_CLOEXEC);
	cleanup_fd int here = -1;
	int rc;

	if (fs_fd < 0)
		return cps_fail(err, errno, "fsopen overlay");
	here = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (here < 0 || chdir("/proc/self/fd") < 0)
		return cps_fail(err, errno, "enter /proc/self/fd");
	rc = join_names(fs_fd, o, ret_mount_fd, err);
	if (fchdir(here) < 0 && rc == 0) {
		cps_close(ret_mount_fd);
		rc = cps_fail(err, errno, "return to the working directory");
	}
	return rc;
}

int sto_overlay_join(const struct sto_overlay *o, int *ret_mount_fd, struct cps_err *err)
{
	cleanup_fd int fs_fd = -1;
	int rc;

	if (o->nlower > STO_OVERLAY_LAYERS)
		return cps_failx(err, E2BIG, "overlay: %u layers, and %d is the kernel's bound",
				 o->nlower, STO_OVERLAY_LAYERS);
	fs_fd = fsopen("overlay", FSOPEN_CLOEXEC);
	if (fs_fd < 0)
		return cps_fail(err, errno, "fsopen overlay");
	/* the first one asks whether this kernel takes descriptors at all: topmost first */
	for (unsigned i = o->nlower; i-- > 0;) {
		if (fsconfig(fs_fd, FSCONFIG_SET_FD, "lowerdir+", NULL, o->lower[i]) == 0)
			continue;
		if (i == o->nlower - 1 && errno == EINVAL)
			return sto_overlay_join_old(o, ret_mount_fd, err);
		return kernel_fail(fs_fd, errno, err, "layer");
	}
	rc = o->top < 0 ? 0 : set_top(fs_fd, o->top, err);
	return rc < 0 ? rc : make(fs_fd, ret_mount_fd, err);
}

/* A detached view of the directory in which ids are those of the user namespace. */
static int idmapped(int dir_fd, int userns_fd, struct cps_err *err)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_IDMAP,
				   .userns_fd = (__u64)(unsigned)userns_fd };
	cleanup_fd int fd =
		open_tree(dir_fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);

	if (fd < 0)
		return cps_fail(err, errno, "open_tree");
	if (mount_setattr(fd, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0) {
		if (errno == EINVAL || errno == ENOSYS)
			return cps_failx(err, ENOTSUP,
					 "the file system of the data root, or this kernel, cannot "
					 "map user ids (idmapped mounts)");
		return cps_fail(err, errno, "map user ids");
	}
	return take_fd(&fd);
}

/* Until it has been mounted once the container's "/" is what the topmost layer has there. */
static int adopt_root(const struct sto_overlay *o, struct cps_err *err)
{
	struct stat st;

	if (faccessat(o->top, STO_CONTAINER_WORK "/work", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	if (fstat(o->lower[o->nlower - 1], &st) < 0 ||
	    fchownat(o->top, STO_CONTAINER_UPPER, st.st_uid, st.st_gid, AT_SYMLINK_NOFOLLOW) < 0 ||
	    fchmodat(o->top, STO_CONTAINER_UPPER, st.st_mode & 07777, 0) < 0)
		return cps_fail(err, errno, "prepare the container's upper");
	return 0;
}

/*
 * The lower layers only: the overlay makes its own files in work/ as this process, whose ids a
 * mapping would not have. So upper/ has ids as they are on the host.
 */
static int join_idmapped(const struct sto_overlay *o, int userns_fd, int *ret_mount_fd,
			 struct cps_err *err)
{
	int mapped[STO_OVERLAY_LAYERS] = { -1 };
	struct sto_overlay m = { .lower = mapped, .top = o->top };
	int rc = 0;

	while (rc >= 0 && m.nlower < o->nlower) {
		rc = cps_wrap(err, idmapped(o->lower[m.nlower], userns_fd, err), "layer");
		if (rc >= 0)
			mapped[m.nlower++] = rc;
	}
	if (rc >= 0)
		rc = adopt_root(&m, err);
	if (rc >= 0) {
		rc = sto_overlay_join(&m, ret_mount_fd, err);
		if (rc == -EINVAL)
			rc = cps_wrap(err, rc, "mapped user ids (Linux 6.15 has them)");
	}
	for (unsigned i = 0; i < m.nlower; i++)
		cps_close(&mapped[i]);
	return rc;
}

static int join(const struct sto_overlay *o, int userns_fd, int *ret_mount_fd, struct cps_err *err)
{
	int rc;

	if (userns_fd >= 0)
		return join_idmapped(o, userns_fd, ret_mount_fd, err);
	rc = adopt_root(o, err);
	return rc < 0 ? rc : sto_overlay_join(o, ret_mount_fd, err);
}

static void layers_close(int *lower, unsigned n)
{
	while (n > 0)
		cps_close(&lower[--n]);
}

/* Overlayfs stacks the roots of all layers, whatever they say. */
static bool is_opaque(int layer)
{
	cleanup_fd int fd = openat(layer, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char value = 0;

	return fd >= 0 && fgetxattr(fd, "trusted.overlay.opaque", &value, 1) == 1 && value == 'y';
}

/* Descriptors of the layers, or of the one that stands for none: a directory that is always
 * empty. lower has room for STO_OVERLAY_LAYERS. On failure too, o says what is to be closed. */
static int layers_open(const struct sto *s, int container_dir, const char *const *layers,
		       unsigned n, int *lower, struct sto_overlay *o, struct cps_err *err)
{
	if (n > STO_OVERLAY_LAYERS)
		return cps_failx(err, E2BIG, "an image of %u layers; %d is the kernel's bound", n,
				 STO_OVERLAY_LAYERS);
	if (n == 0) {
		lower[0] = openat(container_dir, STO_CONTAINER_ROOTFS, DIR_PATH);
		if (lower[0] < 0)
			return cps_fail(err, errno, "open the container's rootfs");
		o->nlower = 1;
	}
	for (unsigned i = 0; i < n; i++) {
		int fd = sto_layer_open(s, layers[i], err);

		if (fd < 0)
			return fd;
		if (is_opaque(fd)) {
			layers_close(lower, o->nlower);
			o->nlower = 0;
		}
		lower[o->nlower++] = fd;
	}
	return 0;
}

int sto_overlay_mount(const struct sto *s, int container_dir, const char *const *layers, unsigned n,
		      int userns_fd, int *ret_mount_fd, struct cps_err *err)
{
	int lower[STO_OVERLAY_LAYERS] = { -1 };
	struct sto_overlay o = { .lower = lower, .top = container_dir };
	int rc = layers_open(s, container_dir, layers, n, lower, &o, err);

	if (rc == 0)
		rc = join(&o, userns_fd, ret_mount_fd, err);
	layers_close(lower, o.nlower);
	return rc;
}

int sto_overlay_lower(const struct sto *s, int container_dir, const char *const *layers, unsigned n,
		      struct cps_err *err)
{
	int lower[STO_OVERLAY_LAYERS] = { -1 };
	struct sto_overlay o = { .lower = lower, .top = -1 };
	int fd = -1, rc = layers_open(s, container_dir, layers, n, lower, &o, err);

	if (rc == 0 && o.nlower == 1) /* overlayfs wants two */
		return lower[0];
	if (rc == 0)
		rc = sto_overlay_join(&o, &fd, err);
	layers_close(lower, o.nlower);
	return rc < 0 ? rc : fd;
}

int sto_overlay_mount_dir(int container_dir, const char *dir, int userns_fd, int *ret_mount_fd,
			  struct cps_err *err)
{
	cleanup_fd int lower = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	const struct sto_overlay o = { .lower = &lower, .nlower = 1, .top = container_dir };

	if (lower < 0)
		return cps_fail(err, errno, "image directory '%s'", dir);
	return cps_wrap(err, join(&o, userns_fd, ret_mount_fd, err), "image directory '%s'", dir);
}
