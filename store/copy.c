/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The walk: directories, hard links, and what is no regular file. Data and attributes of one file
 * are in copy-file.c.
 */
#include <config.h>
#include "copy.h"

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
#include "copy-file.h"
#include "own.h"

#define LINKS_MAX    1000000 /* files of several names whose first one is remembered */
#define REPLACES_MAX 16	     /* against somebody who makes the name again and again */
#define DIR_READ     (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

/* A file with several names: what it was in the source, and an O_PATH descriptor's worth of where
 * its first copy is: the name in the directory that it was made in. */
struct linked {
	dev_t dev;
	ino_t ino;
	struct stat made; /* to know the copy by */
	char *path;	  /* below the walk's to_root */
};

struct walk {
	const struct sto_copy *how;
	int to_root;
	char path[PATH_MAX]; /* of the directory at hand, below to_root; "" or "a/b/" */
	size_t path_len;
	unsigned depth;
	void *links; /* of tsearch(3) */
	size_t nlinks;
	struct cps_arena arena;
};

static int walk_entries(struct walk *w, int from_dir, int to_dir, struct cps_err *err);

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

static void skip(const struct walk *w, const char *name, const char *why)
{
	if (w->how->skipped)
		w->how->skipped(w->how->arg, name, why);
}

/* Remembers where the first copy is. Out of memory or room: later names become files of their
 * own. */
static void link_remember(struct walk *w, const struct stat *from, int to_dir, const char *name)
{
	struct linked *l;

	if (from->st_nlink < 2 || w->nlinks >= LINKS_MAX)
		return;
	l = cps_arena_alloc(&w->arena, sizeof(*l));
	if (!l || fstatat(to_dir, name, &l->made, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	l->dev = from->st_dev;
	l->ino = from->st_ino;
	l->path = cps_arena_printf(&w->arena, "%s%s", w->path, name);
	if (l->path && tsearch(l, &w->links, linked_compare))
		w->nlinks++;
}

/* A further name of a file that has been copied: 1. The way to the first copy is looked up again,
 * without symlinks, and what is there has to be what we made. */
static int link_again(const struct walk *w, const struct stat *from, int to_dir, const char *name)
{
	const struct linked key = { .dev = from->st_dev, .ino = from->st_ino };
	const struct linked *const *found =
		from->st_nlink < 2 ? NULL : tfind(&key, &w->links, linked_compare);
	cleanup_fd int first = -1;
	struct stat st;

	if (!found)
		return 0;
	first = sto_open_beneath(w->to_root, (*found)->path);
	if (first < 0 || fstat(first, &st) < 0 || st.st_dev != (*found)->made.st_dev ||
	    st.st_ino != (*found)->made.st_ino)
		return 0;
	for (int i = 0; i < REPLACES_MAX; i++) {
		if (linkat(first, "", to_dir, name, AT_EMPTY_PATH) == 0)
			return 1;
		if (errno != EEXIST || unlinkat(to_dir, name, 0) < 0)
			return 0;
	}
	return 0;
}

/* Makes name by `make`, in place of what is no directory there. */
static int place(const struct sto_node *node, int to_dir, const char *name,
		 int (*make)(const struct sto_node *node, int to_dir, const char *name))
{
	for (int i = 0; i < REPLACES_MAX; i++) {
		int rc = make(node, to_dir, name);

		if (rc != -EEXIST)
			return rc;
		if (unlinkat(to_dir, name, 0) < 0 && errno != ENOENT)
			return -errno;
	}
	return -EEXIST;
}

static int make_symlink(const struct sto_node *node, int to_dir, const char *name)
{
	return symlinkat(node->target, to_dir, name) < 0 ? -errno : 0;
}

static int make_special(const struct sto_node *node, int to_dir, const char *name)
{
	return mknodat(to_dir, name, node->st.st_mode & S_IFMT, node->st.st_rdev) < 0 ? -errno : 0;
}

static int make_file(const struct sto_node *node, int to_dir, const char *name)
{
	int fd = openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	(void)node;
	return fd < 0 ? -errno : fd;
}

static int copy_regular(struct walk *w, const struct sto_node *node, int to_dir, const char *name,
			struct cps_err *err)
{
	cleanup_fd int in = sto_node_open(node, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	cleanup_fd int out = -1;
	int rc;

	if (in < 0)
		return cps_fail(err, -in, "open '%s'", name);
	out = place(node, to_dir, name, make_file);
	if (out < 0)
		return cps_fail(err, -out, "create '%s'", name);
	rc = sto_copy_data(in, out, err);
	if (rc == 0)
		rc = sto_node_attributes(node, out, w->how, err);
	return cps_wrap(err, rc, "%s", name);
}

static int copy_directory(struct walk *w, const struct sto_node *node, int to_dir, const char *name,
			  struct cps_err *err)
{
	cleanup_fd int in = openat(node->fd, ".", DIR_READ);
	cleanup_fd int out = -1;
	size_t len = strlen(name);
	size_t before = w->path_len;
	int rc;

	if (in < 0)
		return cps_fail(err, errno, "open directory '%s'", name);
	if (w->depth >= STO_COPY_DEPTH || before + len + 2 > sizeof(w->path))
		return cps_failx(err, ELOOP, "'%s' is nested more than %d deep", name,
				 STO_COPY_DEPTH);
	if (mkdirat(to_dir, name, 0700) < 0 && errno != EEXIST)
		return cps_fail(err, errno, "make directory '%s'", name);
	out = openat(to_dir, name, DIR_READ);
	if (out < 0)
		return cps_fail(err, errno, "directory '%s'", name);
	memcpy(w->path + before, name, len);
	memcpy(w->path + before + len, "/", 2);
	w->path_len = before + len + 1;
	w->depth++;
	rc = walk_entries(w, in, out, err);
	w->depth--;
	w->path_len = before;
	w->path[before] = '\0';
	if (rc == 0)
		rc = sto_node_attributes(node, out, w->how, err);
	return cps_wrap(err, rc, "%s", name);
}

/* A symlink, a FIFO, a device. Nothing opens one as it is made, so it is opened by its name. */
static int copy_special(struct walk *w, struct sto_node *node, int to_dir, const char *name,
			struct cps_err *err)
{
	cleanup_fd int made = -1;
	struct stat st;
	int rc;

	if (S_ISLNK(node->st.st_mode)) {
		rc = sto_node_readlink(node);
		if (rc == 0)
			rc = place(node, to_dir, name, make_symlink);
	} else if (S_ISSOCK(node->st.st_mode)) {
		skip(w, name, "a socket");
		return 0;
	} else if (!S_ISFIFO(node->st.st_mode) && !w->how->archive) {
		skip(w, name, "a device");
		return 0;
	} else {
		rc = place(node, to_dir, name, make_special);
	}
	if (rc < 0)
		return cps_fail(err, -rc, "make '%s'", name);
	made = openat(to_dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (made < 0 || fstat(made, &st) < 0)
		return cps_fail(err, errno, "open '%s'", name);
	if ((st.st_mode & S_IFMT) != (node->st.st_mode & S_IFMT))
		return cps_failx(err, EBUSY, "'%s' is being exchanged by somebody", name);
	return cps_wrap(err, sto_node_attributes(node, made, w->how, err), "%s", name);
}

static int copy_one(struct walk *w, int from, int to_dir, const char *name, struct cps_err *err)
{
	struct sto_node node = { .fd = from };
	int rc;

	if (fstat(from, &node.st) < 0)
		return cps_fail(err, errno, "look at '%s'", name);
	if (S_ISDIR(node.st.st_mode))
		return copy_directory(w, &node, to_dir, name, err);
	if (link_again(w, &node.st, to_dir, name) > 0)
		return 0;
	rc = S_ISREG(node.st.st_mode) ? copy_regular(w, &node, to_dir, name, err)
				      : copy_special(w, &node, to_dir, name, err);
	if (rc == 0)
		link_remember(w, &node.st, to_dir, name);
	return rc;
}

static int walk_entries(struct walk *w, int from_dir, int to_dir, struct cps_err *err)
{
	cleanup_dir DIR *dir = NULL;
	const struct dirent *entry;
	int fd = openat(from_dir, ".", DIR_READ);

	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		int rc = cps_fail(err, errno, "read the directory");

		cps_close(&fd);
		return rc;
	}
	for (;;) {
		cleanup_fd int from = -1;
		int rc;

		errno = 0;
		entry = readdir(dir);
		if (!entry)
			return errno ? cps_fail(err, errno, "read the directory") : 0;
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		from = openat(fd, entry->d_name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		if (from < 0 && errno == ENOENT) /* went while we were on our way */
			continue;
		if (from < 0)
			return cps_fail(err, errno, "open '%s'", entry->d_name);
		rc = copy_one(w, from, to_dir, entry->d_name, err);
		if (rc < 0)
			return rc;
	}
}

static void walk_done(struct walk *w)
{
	tdestroy(w->links, linked_keep);
	cps_arena_done(&w->arena);
}

int sto_copy_entries(int from_dir, int to_dir, const struct sto_copy *how, struct cps_err *err)
{
	struct walk w = { .how = how, .to_root = to_dir };
	int rc = walk_entries(&w, from_dir, to_dir, err);

	walk_done(&w);
	return rc;
}

int sto_copy_object(int from, int to_dir, const char *name, const struct sto_copy *how,
		    struct cps_err *err)
{
	struct walk w = { .how = how, .to_root = to_dir };
	int rc = copy_one(&w, from, to_dir, name, err);

	walk_done(&w);
	return rc;
}

int sto_copy_attributes(int from, int to, const struct sto_copy *how, struct cps_err *err)
{
	struct sto_node node = { .fd = from };

	if (fstat(from, &node.st) < 0)
		return cps_fail(err, errno, "look at a directory");
	return sto_node_attributes(&node, to, how, err);
}
