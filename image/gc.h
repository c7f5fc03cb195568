/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What images and containers need of the store, and the removal of all else.
 */
#ifndef IMG_GC_H
#define IMG_GC_H

#include <stdbool.h>
#include <stdint.h>

#include "arena.h"
#include "data-root.h"
#include "err.h"

struct img_gc {
	unsigned blobs, layers, partial; /* removed */
	uint64_t bytes;			 /* of them, the layers' as they are counted */
};

/* Removes blobs and layers that no name leads to and no container needs, and what was left of
 * imports and names that were not written to their end. The caller holds the images' lock for
 * itself (LOCK_EX). Refuses while an image or a container's record cannot be read: what they need
 * is not known then. */
int img_gc(const struct sto *s, struct img_gc *ret, struct cps_err *err);

/* Which container needs the image of this id? *ret_container: its name, in the arena, or NULL. */
int img_user_of(const struct sto *s, const char *image_id, struct cps_arena *a,
		const char **ret_container, struct cps_err *err);

/* Names of a directory of the store, "." and ".." apart, in the arena; none if it is not there. */
int img_entries(const struct sto *s, const char *path, struct cps_arena *a, const char ***ret,
		size_t *ret_n, struct cps_err *err);

#endif
