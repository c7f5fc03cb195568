/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The walk through a writable layer, beside the image's directory of the same name where it has
 * one.
 */
#include <config.h>
#include "diff.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "own.h"

#define DEPTH_MAX 240 /* four descriptors a level */
#define OPAQUE	  "trusted.overlay.opaque"
#define READ_DIR  (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

struct diff {
	sto_diff_fn *one;
	void *arg;
	char path[PATH_MAX];
	size_t len;
	unsigned depth;
};

static int directory(struct diff *d, int upper, int image, struct cps_err *err);

bool sto_is_whiteout(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == makedev(0, 0);
}

bool sto_is_opaque(int dir_fd)
{
	char value[2];

	return fgetxattr(dir_fd, OPAQUE, value, sizeof(value)) == 1 && value[0] == 'y';
}

/* What the image has of this name; false: nothing. */
static bool image_has(int image, const char *name, struct stat *ret)
{
	return image >= 0 && fstatat(image, name, ret, AT_SYMLINK_NOFOLLOW) == 0 &&
	       !sto_is_whiteout(ret);
}

static int path_push(struct diff *d, const char *name, struct cps_err *err)
{
	size_t len = strlen(name);

	if (d->len + len + 2 > sizeof(d->path))
		return cps_fail(err, ENAMETOOLONG, "'%.60s…'", d->path);
	d->path[d->len] = '/';
	memcpy(d->path + d->len + 1, name, len + 1);
	d->len += len + 1;
	return 0;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

struct names {
	char **v; /* owned, each too */
	size_t n, room;
};

static void names_done(struct names *names)
{
	for (size_t i = 0; i < names->n; i++)
		free(names->v[i]);
	free(names->v);
}

static int names_add(struct names *names, const char *name)
{
	if (names->n == names->room) {
		size_t more = names->room ? 2 * names->room : 64;
		char **moved = reallocarray(names->v, more, sizeof(*moved));

		if (!moved)
			return -ENOMEM;
		names->v = moved;
		names->room = more;
	}
	names->v[names->n] = strdup(name);
	return names->v[names->n++] ? 0 : -ENOMEM;
}

static int names_read(int dir_fd, struct names *ret)
{
	cleanup_dir DIR *dir = NULL;
	const struct dirent *entry;
	int fd = openat(dir_fd, ".", READ_DIR);
	int rc = 0;

	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		rc = -errno;
		cps_close(&fd);
		return rc;
	}
	while (rc == 0 && (entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			rc = names_add(ret, entry->d_name);
	return rc;
}

/* Of both, each once: what the image has in an opaque directory counts too. */
static int names_merge(int upper, int image, struct names *ret, struct cps_err *err)
{
	int rc = names_read(upper, ret);
	size_t kept = 0;

	if (rc == 0 && image >= 0)
		rc = names_read(image, ret);
	if (rc < 0)
		return cps_fail(err, -rc, "read a directory");
	if (ret->n > 1)
		qsort(ret->v, ret->n, sizeof(*ret->v), compare);
	for (size_t i = 0; i < ret->n; i++) {
		if (kept > 0 && strcmp(ret->v[kept - 1], ret->v[i]) == 0)
			free(ret->v[i]);
		else
			ret->v[kept++] = ret->v[i];
	}
	ret->n = kept;
	return 0;
}

static int subdirectory(struct diff *d, int upper, int image, const char *name,
			const struct stat *had, struct cps_err *err)
{
	cleanup_fd int below = openat(upper, name, READ_DIR);
	cleanup_fd int image_below = -1;

	if (below < 0)
		return errno == ENOENT || errno == ENOTDIR || errno == ELOOP
			       ? 0 /* exchanged since we looked */
			       : cps_fail(err, errno, "open '%s'", d->path);
	if (d->depth >= DEPTH_MAX)
		return cps_failx(err, ELOOP, "directories are nested more than %d deep", DEPTH_MAX);
	if (had && S_ISDIR(had->st_mode))
		image_below = openat(image, name, READ_DIR);
	return directory(d, below, image_below, err);
}

static int entry(struct diff *d, int upper, int image, bool opaque, const char *name,
		 struct cps_err *err)
{
	size_t before = d->len;
	struct stat st, had;
	bool has, there = fstatat(upper, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
	int rc;

	if (!there && !opaque)
		return 0;
	has = image_has(image, name, &had);
	rc = path_push(d, name, err);
	if (rc < 0)
		return rc;
	if (!there || sto_is_whiteout(&st)) {
		if (has)
			rc = d->one(d->arg, STO_CHANGE_DELETED, d->path, err);
	} else {
		rc = d->one(d->arg, has ? STO_CHANGE_CHANGED : STO_CHANGE_ADDED, d->path, err);
		if (rc >= 0 && S_ISDIR(st.st_mode))
			rc = subdirectory(d, upper, image, name, has ? &had : NULL, err);
	}
	d->len = before;
	d->path[before] = '\0';
	return rc;
}

static int directory(struct diff *d, int upper, int image, struct cps_err *err)
{
	const bool opaque = sto_is_opaque(upper);
	struct names names = { 0 };
	int rc = names_merge(upper, opaque ? image : -1, &names, err);

	d->depth++;
	for (size_t i = 0; i < names.n && rc >= 0; i++)
		rc = entry(d, upper, image, opaque, names.v[i], err);
	d->depth--;
	names_done(&names);
	return rc;
}

int sto_diff(int upper, int image, sto_diff_fn *one, void *arg, struct cps_err *err)
{
	struct diff d = { .one = one, .arg = arg };
	int rc = directory(&d, upper, image, err);

	return rc < 0 ? rc : 0;
}
