/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Getting at a container's root.
 */
#include <config.h>
#include "container-root.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "container.h"
#include "file.h"
#include "idrange.h"
#include "layer.h"
#include "overlay.h"
#include "own.h"
#include "proc.h"
#include "store.h"

#define CONFIG_MAX (4u << 20)
#define MAP_MAX	   4096
#define DIR_PATH   (O_PATH | O_DIRECTORY | O_CLOEXEC)

void sup_container_root_done(struct sup_container_root *root)
{
	cps_close(&root->fd);
	cps_close(&root->lock);
}

/* The host's id for the container's 0, from the first line of a map; 0 if that says nothing. */
static unsigned first_id(pid_t pid, const char *file)
{
	cleanup_free char *text = NULL;
	struct cps_err ignored;
	unsigned inside, outside;
	char path[64];
	size_t len;

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	if (cps_file_read(AT_FDCWD, path, MAP_MAX, &text, &len, &ignored) < 0 ||
	    sscanf(text, "%u %u", &inside, &outside) != 2) /* NOLINT: the kernel's own digits */
		return 0;
	return inside == 0 ? outside : 0;
}

static int running_open(const struct sup_container *c, struct sup_container_root *ret,
			struct cps_err *err)
{
	cleanup_fd int pidfd = cps_pidfd_open_verified(c->init.pid, c->init.start_time);
	cleanup_fd int fd = -1;
	unsigned uid, gid;
	char path[64];

	if (pidfd < 0)
		return cps_fail(err, -pidfd, "its init (pid %d)", (int)c->init.pid);
	(void)snprintf(path, sizeof(path), "/proc/%d/root", (int)c->init.pid);
	fd = open(path, DIR_PATH);
	if (fd < 0)
		return cps_fail(err, errno, "open '%s'", path);
	uid = first_id(c->init.pid, "uid_map");
	gid = first_id(c->init.pid, "gid_map");
	/* alive still: so it was this process whose root we have opened */
	if (cps_pidfd_signal(pidfd, 0) < 0)
		return cps_failx(err, ESRCH, "it has just ended");
	ret->fd = take_fd(&fd);
	ret->uid = uid;
	ret->gid = gid;
	return 0;
}

/* root.path of a container that came from a bundle. */
static int bundle_open(const struct sup_container *c, struct sup_container_root *ret,
		       struct cps_err *err)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	cleanup_fd int dir = open(c->bundle, DIR_PATH);
	const struct cps_json *config, *node;
	const char *path = NULL;
	int fd, rc;

	if (dir < 0)
		return cps_fail(err, errno, "bundle '%s'", c->bundle);
	rc = cps_json_load(&a, dir, "config.json", CONFIG_MAX, &config, err);
	node = rc == 0 ? cps_json_get(cps_json_get(config, "root"), "path") : NULL;
	if (rc == 0)
		rc = node ? cps_json_str(node, &path, err)
			  : cps_failx(err, EINVAL, "root.path is missing");
	if (rc < 0 || !path)
		return cps_wrap(err, rc, "bundle '%s'", c->bundle);
	fd = openat(dir, path, DIR_PATH);
	if (fd < 0)
		return cps_fail(err, errno, "root file system '%s'", path);
	ret->fd = fd;
	return 0;
}

/* The overlay as the container had it. */
static int overlay_mount(const struct sto *s, const char *id, int dir, const struct sto_record *r,
			 struct sup_container_root *ret, int *ret_mount, struct cps_err *err)
{
	cleanup_fd int userns = -1;
	struct cps_err none;
	uint32_t first = 0;

	if (sto_idrange_find(s, id, &first, &none) == 0) {
		userns = sto_userns_make(0, first, err);
		if (userns < 0)
			return userns;
		ret->uid = ret->gid = first;
	}
	return r->image_id ? sto_overlay_mount(s, dir, r->layers.v, (unsigned)r->layers.n, userns,
					       ret_mount, err)
			   : sto_overlay_mount_dir(dir, r->image, userns, ret_mount, err);
}

/* One of its volumes, where the container has it. A place that the container has taken away since,
 * or a source that is gone, is no reason to refuse all the rest. */
static int volume_mount(int root, const struct sto_record_mount *m, struct cps_err *err)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };
	cleanup_fd int place = -1, tree = -1;

	if (!m->source || strcmp(m->type, "tmpfs") == 0)
		return 0;
	place = cps_open_in_root(root, m->destination, O_PATH, 0);
	tree = open_tree(AT_FDCWD, m->source, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
	if (place < 0 || tree < 0)
		return 0;
	if (m->readonly &&
	    mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof(attr)) < 0)
		return cps_fail(err, errno, "make '%s' read-only", m->destination);
	if (move_mount(tree, "", place, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return cps_fail(err, errno, "mount '%s'", m->destination);
	return 0;
}

/* We are in a mount namespace of our own, where the container's empty rootfs/ is the place for it:
 * volumes can be mounted in it on every kernel. */
static int stopped_mount(const struct sto *s, const char *id, int dir, const struct sto_record *r,
			 struct sup_container_root *ret, struct cps_err *err)
{
	cleanup_fd int tree = -1, root = -1;
	int rc = overlay_mount(s, id, dir, r, ret, &tree, err);

	if (rc < 0)
		return rc;
	if (move_mount(tree, "", dir, STO_CONTAINER_ROOTFS, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return cps_fail(err, errno, "mount its root file system");
	root = openat(dir, STO_CONTAINER_ROOTFS, DIR_PATH | O_NOFOLLOW);
	if (root < 0)
		return cps_fail(err, errno, "open its root file system");
	for (size_t i = 0; i < r->nmounts && rc == 0; i++)
		rc = volume_mount(root, &r->mounts[i], err);
	if (rc == 0)
		ret->fd = take_fd(&root);
	return rc;
}

static int stopped_open(const struct sup_ctx *ctx, const char *id, struct sup_container_root *ret,
			struct cps_err *err)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	cleanup_sto struct sto s = STO_INIT;
	struct sto_record r;
	int rc;

	/* before anything is opened: descriptors belong to the namespace they were opened in */
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return cps_fail(err, errno, "a mount namespace to look at it in");
	rc = sto_open(ctx->data_root, false, &s, err);
	if (rc == 0)
		rc = ret->lock = sto_container_claim(&s, id, err);
	if (rc >= 0)
		rc = sto_record_read(ret->lock, &a, &r, err);
	return rc < 0 ? rc : stopped_mount(&s, id, ret->lock, &r, ret, err);
}

/* Do we keep a directory of it? A bundle's container has one as soon as it is in a network, but no
 * record. */
static bool is_of_image(const struct sup_ctx *ctx, const char *id)
{
	char path[NAME_MAX + 32];
	cleanup_sto struct sto s = STO_INIT;
	struct cps_err ignored;

	(void)snprintf(path, sizeof(path), STO_CONTAINERS "/%.64s/" STO_RECORD_FILE, id);
	return sto_open(ctx->data_root, false, &s, &ignored) == 0 &&
	       faccessat(s.fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

int sup_container_root_open(const struct sup_ctx *ctx, const char *id,
			    struct sup_container_root *ret, struct cps_err *err)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	struct sup_container_root root = SUP_CONTAINER_ROOT_INIT;
	cleanup_fd int rootfd = -1;
	struct sup_container c = { 0 };
	int rc = sup_container_open(ctx->root, id, &a, &rootfd, &c, err);

	if (rc < 0 && rc != -ENOENT)
		return rc;
	if (rc == 0 && sup_has_process(&c))
		rc = running_open(&c, &root, err);
	else if (is_of_image(ctx, id))
		rc = stopped_open(ctx, id, &root, err);
	else if (rc == 0 && c.bundle)
		rc = bundle_open(&c, &root, err);
	else if (rc == 0)
		rc = cps_failx(err, ENOENT, "nothing is known of its root file system");
	if (rc < 0) {
		sup_container_root_done(&root);
		return rc == -ENOENT ? rc : cps_wrap(err, rc, "container '%s'", id);
	}
	*ret = root;
	return 0;
}

int sup_container_image_open(const struct sto *s, int dir, const struct sto_record *r,
			     struct cps_err *err)
{
	int fd;

	if (r->image_id)
		return sto_overlay_lower(s, dir, r->layers.v, (unsigned)r->layers.n, err);
	fd = open(r->image, DIR_PATH);
	return fd < 0 ? cps_fail(err, errno, "image directory '%s'", r->image) : fd;
}
