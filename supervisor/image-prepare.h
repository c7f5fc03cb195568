/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All that a container of an image needs before its shim is started: the image found and read, its
 * directory, its root file system, its volumes, its record, its config.json. sup_data_release()
 * (delete.h) takes back what of it is on disk.
 */
#ifndef SUP_IMAGE_PREPARE_H
#define SUP_IMAGE_PREPARE_H

#include "arena.h"
#include "command.h"
#include "data-root.h"
#include "err.h"
#include "image-config.h"
#include "image.h"
#include "run-plan.h"

struct sup_prepared {
	struct cps_arena arena;
	struct sto store;
	const char *data_root; /* absolute */
	int images_lock;       /* shared, until the container's record names the image */
	int dir;	       /* of the container, with its lock */
	int rootfs;	       /* detached mount */
	struct sto_image image;
	const char *image_dir; /* absolute; the image is a directory, and `image` is empty */
	struct sto_image_config config;
	struct sup_plan plan;
};

#define SUP_PREPARED_INIT                                                                 \
	{                                                                                 \
		.arena = CPS_ARENA_INIT, .store = STO_INIT, .images_lock = -1, .dir = -1, \
		.rootfs = -1                                                              \
	}

/* Is it the path of a directory, or the name of an image that is there? */
bool sup_image_is_there(const struct sup_ctx *ctx, const char *text);

/* On failure nothing is left on disk. The directory is locked until ret->dir is closed. */
int sup_prepare(const struct sup_ctx *ctx, const struct sup_run *run, const char *id,
		struct sup_prepared *ret, struct cps_err *err);
void sup_prepared_done(struct sup_prepared *p);

#define cleanup_prepared __attribute__((cleanup(sup_prepared_done)))

#endif
