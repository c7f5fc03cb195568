/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tree as a tar archive (pax), written while a container may be changing it. No symlink is
 * followed and nothing but regular files is opened for reading; what is mounted in the tree is
 * left out, but for the place where it is. Hard links, holes, devices, `user.` attributes and
 * capabilities are kept; sockets are not.
 */
#ifndef IMG_TAR_WRITE_H
#define IMG_TAR_WRITE_H

#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "progress.h"

struct img_tar {
	int root;	    /* directory; with `top`, whatever is to be written: O_PATH is enough */
	const char *top;    /* its name in the archive, NULL: what is in it is written, not it */
	int out;	    /* where the archive goes */
	bool is_layer;	    /* a writable layer: whiteouts and opaque directories in OCI's form */
	uint32_t ids_first; /* ids from here on, 65,536 of them, are written from 0 on; 0: none */
	bool tell_mounts;   /* say on stderr what is left out because it is mounted there */
	struct img_progress *progress; /* NULL, or gets the bytes of files */
};

/* Writes all of it. A file of a layer that would read as a whiteout (".wh.…") is left out and told
 * of. */
int img_tar_write(const struct img_tar *t, struct cps_err *err);

#endif
