/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing blobs (store/blob.h), their digest computed on the way and verified before they count.
 */
#ifndef IMG_BLOB_WRITER_H
#define IMG_BLOB_WRITER_H

#include <stdint.h>
#include <sys/types.h>

#include "blob.h"
#include "hash.h"
#include "progress.h"

/* Where a layer's bytes come from: like read(2), but -errno and err. */
struct img_reader {
	ssize_t (*read)(void *data, void *buf, size_t size, struct cps_err *err);
	void *data;
};

/* A reader of a descriptor; fd is borrowed. */
struct img_reader img_reader_of_fd(const int *fd);

#define IMG_SIZE_UNKNOWN UINT64_MAX

struct img_blob {
	const struct sto *store; /* borrowed */
	struct sto_ingest in;
	struct img_hash hash;
	char digest[STO_DIGEST_SIZE]; /* wanted; "" if any will do */
	uint64_t size;		      /* wanted, bytes; or IMG_SIZE_UNKNOWN */
	uint64_t written;	      /* so far, with what an earlier attempt had left */
};

#define IMG_BLOB_INIT                                          \
	{                                                      \
		NULL, STO_INGEST_INIT, IMG_HASH_INIT, "", 0, 0 \
	}
#define cleanup_blob __attribute__((cleanup(img_blob_done)))

/* 1: the blob is in the store, nothing is to be written. 0: write from `written` on, which is what
 * an earlier attempt has left; digest NULL: not known, size perhaps neither. wait: for
 * another process that is at the same blob, or -EWOULDBLOCK. */
int img_blob_begin(const struct sto *s, const char *digest, uint64_t size, bool wait,
		   struct img_blob *ret, struct cps_err *err);
/* E2BIG: more than the size that was said; what was written is thrown away. */
int img_blob_write(struct img_blob *b, const void *data, size_t len, struct cps_err *err);
/* All that the reader has, from the blob's beginning: what is written already is read past. */
int img_blob_fill(struct img_blob *b, const struct img_reader *from, struct img_progress *progress,
		  struct cps_err *err);
/* From the beginning after all. */
int img_blob_restart(struct img_blob *b, struct cps_err *err);
/* Verifies size and digest (EBADMSG, and what was written is thrown away) and makes it a blob.
 * ret_digest: NULL or where it goes. */
int img_blob_commit(struct img_blob *b, char ret_digest[STO_DIGEST_SIZE], struct cps_err *err);
/* Not committed: stays for another attempt if its digest is known. */
void img_blob_done(struct img_blob *b);

/* A small one, whole. digest NULL or what it must have (EBADMSG). */
int img_blob_put(const struct sto *s, const void *data, size_t len, const char *digest,
		 char ret_digest[STO_DIGEST_SIZE], struct cps_err *err);

#endif
