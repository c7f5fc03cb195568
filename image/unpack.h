/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unpacking a layer's archive (OCI image-spec, layer.md) into a directory of our own, in the form
 * that overlayfs wants. The archive is hostile, the directory is nobody else's.
 *
 * A name is relative, without "..", and its directories are directories of this layer: what would
 * lead elsewhere is refused and ends the work, so that a digest stands for one tree or for none.
 */
#ifndef IMG_UNPACK_H
#define IMG_UNPACK_H

#include <limits.h>
#include <stdint.h>
#include <sys/stat.h>

#include "stream.h"
#include "arena.h"
#include "err.h"

#define IMG_ENTRIES_MAX 4000000U /* in one layer */

struct img_late_time;

struct img_unpack {
	int root; /* the directory; borrowed */
	struct archive *tar;
	struct cps_arena arena;
	struct img_late_time *late; /* directories, whose times are set when they are full */
	char dir[PATH_MAX];	    /* of the entry before, */
	int dir_fd;		    /* open; -1: none */
	uint64_t bytes;		    /* of files' content */
	unsigned entries;
};

/* tar: opened. *ret_bytes: of the files' content. */
int img_unpack(struct archive *tar, int root, uint64_t *ret_bytes, struct cps_err *err);

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

int img_owner(struct archive_entry *entry, uid_t *ret_uid, gid_t *ret_gid, struct cps_err *err);
void img_times(struct archive_entry *entry, struct timespec ret[2]);
/* Of a file or a directory that is open; a directory's times are for later. */
int img_meta(int fd, struct archive_entry *entry, struct cps_err *err);

#endif
