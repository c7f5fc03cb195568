/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libarchive, as far as we let it: tar, and compressed streams of gzip, zstd and xz by libraries
 * that are linked in. Where libarchive was built without one it would run a program of that name
 * instead, which is why each filter is asked for and checked.
 */
#ifndef IMG_STREAM_H
#define IMG_STREAM_H

#include <archive.h>
#include <archive_entry.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "err.h"
#include "progress.h"

#define IMG_BLOCK (256U << 10) /* bytes read at once */

static inline void img_archive_free(struct archive **a)
{
	if (*a)
		(void)archive_read_free(*a);
	*a = NULL;
}

#define cleanup_archive __attribute__((cleanup(img_archive_free)))

/* An error of libarchive's, as ours. */
int img_archive_fail(struct archive *a, struct cps_err *err);

/* Does a file that begins so look compressed, in a way that we know? */
bool img_is_compressed(const void *data, size_t len);

/* Bytes of a file, decompressed if they are compressed. */
struct img_stream {
	struct archive *a;	       /* NULL: the file is not compressed */
	int fd;			       /* borrowed */
	struct img_progress *progress; /* NULL, or who counts bytes of the file */
	const char *filter;	       /* "gzip", "zstd", "xz", or NULL */
	char *block;		       /* what libarchive reads into */
};

#define IMG_STREAM_INIT                    \
	{                                  \
		NULL, -1, NULL, NULL, NULL \
	}
#define cleanup_stream __attribute__((cleanup(img_stream_done)))

/* fd: at the beginning of the file, and seekable. One layer of compression is taken off; what is
 * compressed in another way is not recognised. ret must stay where it is. */
int img_stream_open(int fd, struct img_progress *progress, struct img_stream *ret,
		    struct cps_err *err);
ssize_t img_stream_read(struct img_stream *s, void *data, size_t size, struct cps_err *err);
void img_stream_done(struct img_stream *s);

/* A reader of tar, and of nothing else, not opened yet. */
struct archive *img_tar_new(struct cps_err *err);
/* The same, of a descriptor that need not be seekable, compressed or not; borrowed. */
struct archive *img_tar_open_fd(int fd, struct cps_err *err);

#endif
