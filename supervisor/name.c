/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of containers: two symlinks each.
 */
#include <config.h>

#include "name.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "adopt.h"
#include "arena.h"
#include "opt.h"
#include "own.h"
#include "proto.h"
#include "store.h"

#define NAME_LINK     "name"
#define NAME_LINK_NEW ".name.new"

/* The name or id that dirfd/path leads to; false: it is no symlink, or not one of ours. */
static bool link_read(int dirfd, const char *path, char ret[SUP_NAME_SIZE])
{
	ssize_t n = readlinkat(dirfd, path, ret, SUP_NAME_SIZE);

	ret[n > 0 && n < SUP_NAME_SIZE ? n : 0] = '\0';
	return cps_is_name(ret);
}

/* The name that container `id` says it has. */
static bool name_read(int dirfd, const char *root, const char *id, char ret[SUP_NAME_SIZE])
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s%s%s/" NAME_LINK, root, *root ? "/" : "", id);
	return link_read(dirfd, path, ret);
}

const char *sup_name_id(const struct sup_ctx *ctx, const char *text)
{
	char path[PATH_MAX], id[SUP_NAME_SIZE], name[SUP_NAME_SIZE];
	const char *copy;

	if (!cps_is_name(text))
		return text;
	(void)snprintf(path, sizeof(path), "%s/%s", ctx->root, text);
	if (!link_read(AT_FDCWD, path, id) || !name_read(AT_FDCWD, ctx->root, id, name) ||
	    strcmp(name, text) != 0)
		return text;
	copy = cps_arena_strdup(ctx->arena, id);
	return copy ? copy : text;
}

bool sup_name_of(const struct sup_ctx *ctx, const char *id, char ret[SUP_NAME_SIZE])
{
	return name_read(AT_FDCWD, ctx->root, id, ret);
}

/* Descriptor, with the lock. */
static int root_lock(const char *root, struct cps_err *err)
{
	cleanup_fd int fd = sup_store_open(root, err);

	if (fd < 0)
		return fd;
	while (flock(fd, LOCK_EX) < 0)
		if (errno != EINTR)
			return cps_fail(err, errno, "lock '%s'", root);
	return take_fd(&fd);
}

/* Is <root>/name a link that no container answers? */
static bool is_leftover(int rootfd, const char *name)
{
	char id[SUP_NAME_SIZE], back[SUP_NAME_SIZE];

	return link_read(rootfd, name, id) &&
	       (!name_read(rootfd, "", id, back) || strcmp(back, name) != 0);
}

static int name_take(int rootfd, const char *id, const char *name, struct cps_err *err)
{
	char owner[SUP_NAME_SIZE];

	for (int tries = 0; symlinkat(id, rootfd, name) < 0; tries++) {
		if (errno != EEXIST || tries > 1)
			return cps_fail(err, errno, "name '%s'", name);
		if (!link_read(rootfd, name, owner))
			return cps_failx(err, EEXIST, "'%s' is a container's id", name);
		if (strcmp(owner, id) == 0)
			return 0; /* it has it, or was about to */
		if (!is_leftover(rootfd, name))
			return cps_failx(err, EEXIST, "'%s' is the name of container %s", name,
					 owner);
		(void)unlinkat(rootfd, name, 0);
	}
	return 0;
}

/* The step that counts: what the container says of itself. */
static int name_write(int rootfd, const char *id, const char *name, struct cps_err *err)
{
	cleanup_fd int dir = openat(rootfd, id, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (dir < 0)
		return errno == ENOENT ? cps_failx(err, ENOENT, "no such container: '%s'", id)
				       : cps_fail(err, errno, "open the state of '%s'", id);
	if (!name)
		return unlinkat(dir, NAME_LINK, 0) < 0 && errno != ENOENT
			       ? cps_fail(err, errno, "remove its name")
			       : 0;
	if (unlinkat(dir, NAME_LINK_NEW, 0) < 0 && errno != ENOENT)
		return cps_fail(err, errno, "remove '%s'", NAME_LINK_NEW);
	if (symlinkat(name, dir, NAME_LINK_NEW) < 0 ||
	    renameat(dir, NAME_LINK_NEW, dir, NAME_LINK) < 0)
		return cps_fail(err, errno, "write its name");
	return 0;
}

/* Words that other files in the root directory have. */
static int name_check(const struct sup_ctx *ctx, const char *name, struct cps_err *err)
{
	static const char *const files[] = { CPS_EVLOG_FILE, CPS_EVLOG_FILE ".1", SUP_WATCH_LOCK };
	size_t len = strlen(ctx->root);
	int rc = sup_id_check(name, err);

	for (size_t i = 0; rc == 0 && i < sizeof(files) / sizeof(files[0]); i++)
		if (strcmp(name, files[i]) == 0)
			rc = cps_failx(err, EINVAL, "'%s' is a file of capsule's own", name);
	if (rc == 0 && strncmp(ctx->data_root, ctx->root, len) == 0 && ctx->data_root[len] == '/' &&
	    strcmp(ctx->data_root + len + 1, name) == 0)
		rc = cps_failx(err, EINVAL, "'%s' is the data root", name);
	return rc;
}

int sup_name_give(const struct sup_ctx *ctx, const char *id, const char *name, struct cps_err *err)
{
	bool none = strcmp(name, id) == 0;
	cleanup_fd int rootfd = -1;
	char old[SUP_NAME_SIZE];
	int rc = name_check(ctx, name, err);

	if (rc == 0)
		rc = rootfd = root_lock(ctx->root, err);
	if (rc == -ENOENT)
		return cps_failx(err, ENOENT, "no such container: '%s'", id);
	if (rc < 0)
		return rc;
	(void)name_read(rootfd, "", id, old);
	if (!none)
		rc = name_take(rootfd, id, name, err);
	if (rc >= 0)
		rc = name_write(rootfd, id, none ? NULL : name, err);
	if (rc < 0 && !none && is_leftover(rootfd, name))
		(void)unlinkat(rootfd, name, 0);
	if (rc == 0 && old[0] && is_leftover(rootfd, old))
		(void)unlinkat(rootfd, old, 0);
	return rc;
}

void sup_name_release(const char *root, const char *name)
{
	struct cps_err ignored;
	cleanup_fd int rootfd = root_lock(root, &ignored);

	if (rootfd >= 0 && is_leftover(rootfd, name))
		(void)unlinkat(rootfd, name, 0);
}

int sup_name_sweep(const char *root, unsigned *ret_n, struct cps_err *err)
{
	cleanup_fd int rootfd = root_lock(root, err);
	cleanup_dir DIR *d = NULL;
	const struct dirent *e;
	unsigned n = 0;
	int fd;

	if (rootfd < 0)
		return rootfd == -ENOENT ? 0 : rootfd;
	fd = openat(rootfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	d = fd < 0 ? NULL : fdopendir(fd);
	if (!d) {
		cps_close(&fd);
		return cps_fail(err, errno, "read '%s'", root);
	}
	while ((e = readdir(d)))
		if (cps_is_name(e->d_name) && is_leftover(rootfd, e->d_name) &&
		    unlinkat(rootfd, e->d_name, 0) == 0)
			n++;
	*ret_n = n;
	return 0;
}
