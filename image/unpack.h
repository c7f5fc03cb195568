/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unpacking a layer's archive (OCI image-spec, layer.md) into a directory of our own, in the form
 * that overlayfs wants; or any archive into a directory of a container, which may be at work there.
 * The archive is hostile, and so is the container.
 *
 * A name is relative, without "..", and its directories are directories below the root, not
 * symlinks, not mounted there: what would lead elsewhere is refused and ends the work, so that a
 * digest stands for one tree or for none. Every step goes by a descriptor of the directory and one
 * word that is not followed, and what is opened is what is changed.
 */
#ifndef IMG_UNPACK_H
#define IMG_UNPACK_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "stream.h"
#include "arena.h"
#include "err.h"

#define IMG_ENTRIES_MAX 4000000U /* in one layer */

struct img_late_time;

/* What is not a layer: a directory that is somebody's. What is there is not replaced by another
 * kind of thing, but files by files; the directory's own attributes stay; names of whiteouts are
 * names. */
struct img_tree {
	bool archive; /* owners, set-id bits and devices come along; else all is uid's and gid's */
	uid_t uid;    /* of the container's root, on the host: ids are counted from there, and */
	gid_t gid;    /* directories that no member describes are its */
};

struct img_unpack {
	int root;		     /* the directory; borrowed */
	const struct img_tree *tree; /* NULL: a layer */
	struct archive *tar;
	struct cps_arena arena;
	struct img_late_time *late; /* directories, whose times are set when they are full */
	char dir[PATH_MAX];	    /* of the entry before, */
	int dir_fd;		    /* open; -1: none */
	uint64_t bytes;		    /* of files' content */
	unsigned entries;
	bool has_acls; /* one of a layer's members so far */
};

/* tar: opened. tree: NULL for a layer. *ret_bytes: of the files' content. */
int img_unpack(struct archive *tar, int root, const struct img_tree *tree, uint64_t *ret_bytes,
	       struct cps_err *err);

/* -- unpack-path.c: names ---------------------------------------------------------------------- */

/* A member's name without ".", "//" and the "/" at the end; "" for the root itself. -EINVAL: it is
 * absolute, has "..", or is too long. */
int img_path_clean(const char *name, char buf[PATH_MAX], struct cps_err *err);
/* Opens (O_PATH) the directory that `path` is in, making what is missing; borrowed, until the next
 * call. *ret_base: the last word of it. */
int img_parent(struct img_unpack *u, const char *path, const char **ret_base, struct cps_err *err);
/* Makes a directory, or finds it; readable descriptor. Whatever else has the name makes way; a
 * whiteout leaves the mark that what is below it in other layers is gone. */
int img_directory(struct img_unpack *u, int parent, const char *name, mode_t mode,
		  struct cps_err *err);
/* What has this name goes. */
int img_make_way(struct img_unpack *u, int parent, const char *name, struct cps_err *err);
/* Marks a directory as hiding what other layers have in it. */
int img_opaque(int fd, struct cps_err *err);

/* -- unpack-meta.c: owner, mode, extended attributes, times -------------------------------------
 */

int img_owner(const struct img_unpack *u, struct archive_entry *entry, uid_t *ret_uid,
	      gid_t *ret_gid, struct cps_err *err);
mode_t img_mode(const struct img_unpack *u, struct archive_entry *entry);
void img_times(struct archive_entry *entry, struct timespec ret[2]);
/* Of a file or a directory that is open; a directory's times, and its default ACL, which it hands
 * down to what is made in it, are for later. */
int img_meta(const struct img_unpack *u, int fd, struct archive_entry *entry, struct cps_err *err);

#endif
