/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Importing images: OCI image layouts (image-layout.md), as directory or archive, and what `docker
 * save` writes. Nothing has a name before all of it is there and was verified.
 */
#ifndef IMG_IMPORT_H
#define IMG_IMPORT_H

#include "manifest.h"
#include "progress.h"
#include "source.h"

struct img_import {
	const struct sto *store; /* locked by the caller, LOCK_SH */
	struct img_source *source;
	struct img_progress *progress;
	const char *name; /* what to call the one image that is in there; NULL: as it says */
	/* called for every name that was given to an image */
	void (*named)(const char *name);
};

int img_import(struct img_import *im, struct cps_err *err);
int img_import_layout(struct img_import *im, struct cps_err *err); /* import.c */
int img_import_docker(struct img_import *im, struct cps_err *err); /* import-docker.c */

#endif
