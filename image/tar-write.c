/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The walk. Data and attributes of one entry are in tar-entry.c.
 */
#include <config.h>
#include "tar-write.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arena.h"
#include "buf.h"
#include "command.h"
#include "diff.h"
#include "own.h"
#include "tar-entry.h"

#define DEPTH_MAX 240 /* three descriptors a level */
#define LINKS_MAX 1000000
#define WHITEOUT  ".wh."
#define OPAQUE	  ".wh..wh..opq"
#define READ_DIR  (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

struct linked {
	dev_t dev;
	ino_t ino;
	const char *path;
};

struct writer {
	struct img_tar_out out;
	const struct img_tar *tar;
	uint64_t mount; /* id of the tree's own */
	char path[PATH_MAX];
	size_t len;
	unsigned depth;
	struct cps_arena arena;
	void *links; /* of tsearch(3) */
	size_t nlinks;
};

static int directory(struct writer *w, int dir_fd, struct cps_err *err);

static int linked_compare(const void *a, const void *b)
{
	const struct linked *x = a, *y = b;

	if (x->dev != y->dev)
		return x->dev < y->dev ? -1 : 1;
	return x->ino < y->ino ? -1 : x->ino > y->ino;
}

static void linked_keep(void *node)
{
	(void)node; /* the arena's */
}

/* The name under which the file has been written already; NULL: it has not, and is remembered. */
static const char *linked_find(struct writer *w, const struct stat *st)
{
	const struct linked key = { .dev = st->st_dev, .ino = st->st_ino };
	struct linked *const *found;
	struct linked *l;

	if (st->st_nlink < 2 || S_ISDIR(st->st_mode))
		return NULL;
	found = tfind(&key, &w->links, linked_compare);
	if (found)
		return (*found)->path;
	l = w->nlinks < LINKS_MAX ? cps_arena_alloc(&w->arena, sizeof(*l)) : NULL;
	if (!l)
		return NULL;
	*l = key;
	l->path = cps_arena_strdup(&w->arena, w->path);
	if (l->path && tsearch(l, &w->links, linked_compare))
		w->nlinks++;
	return NULL;
}

/* An empty file that says something by its name, beside what is at hand. */
static int marker(struct writer *w, size_t dir_len, const char *prefix, const char *name,
		  struct cps_err *err)
{
	const struct stat st = { .st_mode = S_IFREG };
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%.*s%s%s", (int)dir_len, w->path, prefix, name);

	if (n < 0 || (size_t)n >= sizeof(path))
		return cps_fail(err, ENAMETOOLONG, "'%.60s…'", w->path);
	return img_tar_entry(&w->out, path, NULL, -1, &st, err);
}

static int subdirectory(struct writer *w, int fd, const struct stat *st, bool foreign,
			struct cps_err *err)
{
	cleanup_fd int below = foreign ? -1 : openat(fd, ".", READ_DIR);
	int rc;

	if (!foreign && below < 0)
		return cps_fail(err, errno, "open '%s'", w->path);
	w->path[w->len++] = '/'; /* there is room: path_push */
	w->path[w->len] = '\0';
	rc = img_tar_entry(&w->out, w->path, NULL, foreign ? -1 : below, st, err);
	if (rc == 0 && !foreign && w->tar->is_layer && sto_is_opaque(below))
		rc = marker(w, w->len, "", OPAQUE, err);
	if (rc < 0 || foreign)
		return rc;
	if (w->depth >= DEPTH_MAX)
		return cps_failx(err, ELOOP, "directories are nested more than %d deep", DEPTH_MAX);
	return directory(w, below, err);
}

static int path_push(struct writer *w, const char *name, struct cps_err *err)
{
	size_t len = strlen(name);

	if (w->len + len + 2 > sizeof(w->path))
		return cps_fail(err, ENAMETOOLONG, "'%.60s…'", w->path);
	memcpy(w->path + w->len, name, len + 1);
	w->len += len;
	return 0;
}

/* Names are the container's. */
static void left_out(const char *name, const char *why)
{
	cleanup_buf struct cps_buf line = CPS_BUF_INIT;

	cps_buf_printf(&line, "'%s' is left out: %s", name, why);
	img_print_line(stderr, "capsule", line.failed ? why : line.data);
}

static int one(struct writer *w, int fd, const char *name, size_t dir_len, struct cps_err *err)
{
	struct stat st;
	uint64_t mount = 0;
	bool foreign;

	if (fstat(fd, &st) < 0)
		return cps_fail(err, errno, "look at '%s'", w->path);
	if (w->tar->is_layer && sto_is_whiteout(&st))
		return marker(w, dir_len, WHITEOUT, name, err);
	if (S_ISSOCK(st.st_mode))
		return 0;
	if (w->tar->is_layer && strncmp(name, WHITEOUT, sizeof(WHITEOUT) - 1) == 0) {
		left_out(name, "in a layer its name deletes a file");
		return 0;
	}
	foreign = img_mount_id(fd, &mount) == 0 && mount != w->mount;
	if (foreign && w->tar->tell_mounts)
		left_out(w->path, "it is mounted there");
	if (foreign && S_ISDIR(st.st_mode)) /* what it covers is not to be seen */
		st = (struct stat){ .st_mode = S_IFDIR | 0755 };
	else if (foreign)
		st = (struct stat){ .st_mode = S_IFREG | 0644 };
	if (S_ISDIR(st.st_mode))
		return subdirectory(w, fd, &st, foreign, err);
	return img_tar_entry(&w->out, w->path, foreign ? NULL : linked_find(w, &st),
			     foreign ? -1 : fd, &st, err);
}

static int skip_dots(const struct dirent *entry)
{
	return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

/* In the order of names, so that the same tree gives the same archive. */
static int directory(struct writer *w, int dir_fd, struct cps_err *err)
{
	struct dirent **entries = NULL;
	size_t before = w->len;
	int n = scandirat(dir_fd, ".", &entries, skip_dots, alphasort);
	int rc = n < 0 ? cps_fail(err, errno, "read '%s'", w->path) : 0;

	w->depth++;
	for (int i = 0; i < n; i++) {
		const char *name = entries[i]->d_name;
		cleanup_fd int fd =
			rc < 0 ? -1 : openat(dir_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

		if (rc == 0 && fd < 0 && errno != ENOENT) /* gone since is no error */
			rc = cps_fail(err, errno, "open '%s'", name);
		if (rc == 0 && fd >= 0)
			rc = path_push(w, name, err);
		if (rc == 0 && fd >= 0)
			rc = one(w, fd, name, before, err);
		w->len = before;
		w->path[before] = '\0';
		free(entries[i]);
	}
	w->depth--;
	free(entries);
	return rc;
}

static int top(struct writer *w, int fd, const char *name, struct cps_err *err)
{
	int rc = path_push(w, name, err);

	return rc < 0 ? rc : one(w, fd, name, 0, err);
}

int img_tar_write(const struct img_tar *t, struct cps_err *err)
{
	struct writer w = { .tar = t };
	int rc = img_mount_id(t->root, &w.mount);

	if (rc < 0)
		return cps_fail(err, -rc, "look at the root");
	rc = img_tar_out_open(&w.out, t, err);
	if (rc == 0)
		rc = t->top ? top(&w, t->root, t->top, err) : directory(&w, t->root, err);
	rc = img_tar_out_close(&w.out, rc, err);
	tdestroy(w.links, linked_keep);
	cps_arena_done(&w.arena);
	return rc;
}
