/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A directory of images: where a checkpoint is. It may come from anywhere, and CRIU follows what it
 * finds there, so it is looked through before CRIU sees it.
 */
#ifndef CRIU_IMAGES_H
#define CRIU_IMAGES_H

#include <stdbool.h>
#include <stddef.h>

#include "arena.h"
#include "buf.h"
#include "err.h"

#define CRIU_DESCRIPTORS "descriptors.json"
#define CRIU_STDIO	 3

struct criu_images {
	const char *path, *work_path; /* absolute */
	int fd, work_fd;	      /* directories; the images' again where no other is given */
};

#define CRIU_IMAGES_INIT           \
	{                          \
		NULL, NULL, -1, -1 \
	}

/* make: the directories, if they are missing (0700). */
int criu_images_open(struct criu_images *im, const char *path, const char *work_path, bool make,
		     struct cps_arena *a, struct cps_err *err);
/* The same directories by the mounts of another namespace, which we have entered. */
int criu_images_reopen(struct criu_images *im, struct cps_err *err);
void criu_images_done(struct criu_images *im);

/* Nothing but files (and sockets, which nobody can open), and one symlink: `parent`, to a directory
 * beside this one, or deeper, of which the same holds. name is for errors. ELOOP, EINVAL. */
int criu_images_check(int dir, const char *name, struct cps_err *err);
/* --parent-path: relative, a directory that is there. */
int criu_images_check_parent(const struct criu_images *im, const char *parent, struct cps_err *err);

/* What the first process's stdio was: ["pipe:[17]","/dev/null",…], as runc writes it, and beyond
 * runc "file[1f:2a3]" for what is not in the container. Those two kinds are told, what is neither
 * is NULL. */
int criu_descriptors_read(int dir, struct cps_arena *a, const char *ret[CRIU_STDIO],
			  struct cps_err *err);
int criu_descriptors_write(int dir, const char *const text[CRIU_STDIO], struct cps_err *err);
/* Of a running container's first process; what is closed is "". In the arena. */
int criu_descriptors_of(int pid, struct cps_arena *a, const char *ret[CRIU_STDIO],
			struct cps_err *err);

/* What CRIU's log says went wrong, in its order, as much as fits: "mnt: …; …". "": nothing, or it
 * cannot be read. */
void criu_log_error(int work_fd, const char *name, char *ret, size_t size);

#endif
