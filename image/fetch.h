/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fetching blobs from a registry into the store, several at a time, each verified before it counts
 * and gone on with where an earlier attempt, or an earlier process, has left off.
 */
#ifndef IMG_FETCH_H
#define IMG_FETCH_H

#include "blob-writer.h"
#include "manifest.h"
#include "progress.h"
#include "registry.h"

/* What of n blobs is not in the store. there: NULL, or called for each one that is, at once or as
 * it comes; < 0 ends the work and is returned without a message. Of a failure the parts that came
 * stay, for the next attempt. p: NULL, or what shows the bytes. */
int img_blobs_fetch(struct img_registry *r, const struct sto *s, const struct sto_descriptor *blobs,
		    unsigned n, int (*there)(void *arg, unsigned i), void *arg,
		    struct img_progress *p, struct cps_err *err);

/* Fetches the manifest that r->ref names, or, of an index, that for the platform, and its config,
 * into the store. */
int img_manifest_fetch(struct img_registry *r, const struct sto *s,
		       const struct sto_platform *platform, char ret_digest[STO_DIGEST_SIZE],
		       struct cps_err *err);

#endif
