/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What images are imported from: files by name, in a tar archive or in a directory. Both are
 * hostile. Members of an archive are found where they are, nothing is unpacked: a compressed
 * archive is decompressed once, into a file without a name.
 */
#ifndef IMG_SOURCE_H
#define IMG_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "data-root.h"
#include "err.h"
#include "image-write.h"

#define IMG_MEMBERS_MAX 100000U /* of an archive; an image has some hundred at the most */

struct img_member {
	struct img_member *next;
	const char *name; /* clean */
	const char *link; /* symlink's or hard link's target; NULL: a file */
	bool hard;
	uint64_t size;	  /* bytes */
	int64_t position; /* of its header */
};

struct img_source {
	struct cps_arena arena;
	int fd; /* of the archive, plain and seekable; or of the directory */
	bool is_dir;
	struct img_member *members; /* of an archive, the last one first: it counts */
};

#define IMG_SOURCE_INIT                     \
	{                                   \
		CPS_ARENA_INIT, -1, 0, NULL \
	}
#define cleanup_source __attribute__((cleanup(img_source_done)))

/* path "-": standard input. s: where a temporary file may be. */
int img_source_open(const struct sto *s, const char *path, struct img_source *ret,
		    struct cps_err *err);
void img_source_done(struct img_source *src);
bool img_source_has(struct img_source *src, const char *name);
/* A whole file of at most STO_JSON_MAX bytes, the caller's to free. */
int img_source_read(struct img_source *src, const char *name, char **ret_data, size_t *ret_len,
		    struct cps_err *err);

/* One file being read; only one at a time of a source. */
struct img_file {
	struct archive *tar; /* or */
	int fd;
	uint64_t size; /* bytes, as the header says */
};

#define IMG_FILE_INIT       \
	{                   \
		NULL, -1, 0 \
	}
#define cleanup_img_file __attribute__((cleanup(img_file_done)))

int img_file_open(struct img_source *src, const char *name, struct img_file *ret,
		  struct cps_err *err);
struct img_reader img_file_reader(struct img_file *f);
void img_file_done(struct img_file *f);

#endif
