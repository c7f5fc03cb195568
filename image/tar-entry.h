/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One entry of an archive that is written: header, attributes, data. Internal to tar-write.c.
 */
#ifndef IMG_TAR_ENTRY_H
#define IMG_TAR_ENTRY_H

#include <sys/stat.h>

#include "tar-write.h"

struct archive;
struct archive_entry;

struct img_tar_out {
	struct archive *a;
	struct archive_entry *entry;
	const struct img_tar *tar;
	char *block; /* of data */
};

int img_tar_out_open(struct img_tar_out *out, const struct img_tar *t, struct cps_err *err);
/* rc: how it went so far, which is returned if that is an error. */
int img_tar_out_close(struct img_tar_out *out, int rc, struct cps_err *err);

/* fd: O_PATH or better of what it is, -1: a thing of no content; link: the name under which it is
 * in the archive already, or NULL. */
int img_tar_entry(struct img_tar_out *out, const char *path, const char *link, int fd,
		  const struct stat *st, struct cps_err *err);

/* Which mount is this on? 0 or -errno. Device numbers do not tell: in an overlay files have those
 * of their layers. */
int img_mount_id(int fd, uint64_t *ret);

#endif
