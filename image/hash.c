/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sha256 as text.
 */
#include <config.h>
#include "hash.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>

#define SHA256_BYTES 32

int img_hash_begin(struct img_hash *h, struct cps_err *err)
{
	if (!h->ctx)
		h->ctx = EVP_MD_CTX_new();
	h->failed = false;
	if (!h->ctx || EVP_DigestInit_ex(h->ctx, EVP_sha256(), NULL) != 1)
		return cps_failx(err, ENOTSUP, "libcrypto has no sha256");
	return 0;
}

void img_hash_add(struct img_hash *h, const void *data, size_t len)
{
	if (EVP_DigestUpdate(h->ctx, data, len) != 1)
		h->failed = true;
}

int img_hash_end(struct img_hash *h, char ret[STO_DIGEST_SIZE], struct cps_err *err)
{
	unsigned char sum[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	int at;

	if (h->failed || EVP_DigestFinal_ex(h->ctx, sum, &n) != 1 || n != SHA256_BYTES)
		return cps_failx(err, EIO, "libcrypto could not compute a sha256");
	at = snprintf(ret, STO_DIGEST_SIZE, "sha256:");
	for (unsigned i = 0; i < n; i++, at += 2)
		(void)snprintf(ret + at, (size_t)(STO_DIGEST_SIZE - at), "%02x", sum[i]);
	return 0;
}

void img_hash_done(struct img_hash *h)
{
	EVP_MD_CTX_free(h->ctx);
	h->ctx = NULL;
}

int img_hash_of(const void *data, size_t len, char ret[STO_DIGEST_SIZE], struct cps_err *err)
{
	cleanup_hash struct img_hash h = IMG_HASH_INIT;
	int rc = img_hash_begin(&h, err);

	if (rc < 0)
		return rc;
	img_hash_add(&h, data, len);
	return img_hash_end(&h, ret, err);
}
