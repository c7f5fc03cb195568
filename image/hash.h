/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sha256 of a stream, by libcrypto, which uses the processor's own instructions for it.
 */
#ifndef IMG_HASH_H
#define IMG_HASH_H

#include <stdbool.h>
#include <stddef.h>

#include "digest.h"
#include "err.h"

struct evp_md_ctx_st;

struct img_hash {
	struct evp_md_ctx_st *ctx;
	bool failed; /* told at the end */
};

#define IMG_HASH_INIT       \
	{                   \
		NULL, false \
	}
#define cleanup_hash __attribute__((cleanup(img_hash_done)))

int img_hash_begin(struct img_hash *h, struct cps_err *err); /* again, too */
void img_hash_add(struct img_hash *h, const void *data, size_t len);
int img_hash_end(struct img_hash *h, char ret[STO_DIGEST_SIZE], struct cps_err *err);
void img_hash_done(struct img_hash *h);

/* Of bytes that are at hand. */
int img_hash_of(const void *data, size_t len, char ret[STO_DIGEST_SIZE], struct cps_err *err);

#endif
