/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The content store: manifests, configs and layers' archives exactly as they came, each a file
 * named by its digest, images/blobs/sha256/<hex>. A file of that name is complete; what is on its
 * way there is in images/ingest/, where it is found again by the digest it is to have.
 *
 * Nothing here computes a digest: the callers that write have libcrypto (image/blob.h).
 */
#ifndef STO_BLOB_H
#define STO_BLOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "data-root.h"
#include "digest.h"
#include "err.h"

#define STO_JSON_MAX (4U << 20) /* bytes of a manifest or a config; registries' own bound */

/* Read-only descriptor; -ENOENT: not here. */
int sto_blob_open(const struct sto *s, const char *digest, struct cps_err *err);
/* Is it here, and of that size? A file cut off by a power failure is not what was committed. */
bool sto_blob_is_there(const struct sto *s, const char *digest, uint64_t size);
/* The whole of a small one (STO_JSON_MAX), NUL-terminated, the caller's to free. */
int sto_blob_read(const struct sto *s, const char *digest, char **ret_data, size_t *ret_len,
		  struct cps_err *err);

/* The caller holds the images' lock for itself (LOCK_EX), or knows that it made the blob just now.
 * What is not there is no error. */
int sto_blob_remove(const struct sto *s, const char *digest, struct cps_err *err);

struct sto_ingest {
	int dir;	 /* images/ingest */
	int fd;		 /* of the file, read and write, locked (flock) until done */
	uint64_t offset; /* bytes that an earlier attempt has left; the position is at 0 */
	char name[STO_HEX_SIZE];
};

#define STO_INGEST_INIT       \
	{                     \
		-1, -1, 0, "" \
	}
#define cleanup_ingest __attribute__((cleanup(sto_ingest_done)))

/* Begins or goes on with a blob. wait: for another process that is at the same one, or
 * -EWOULDBLOCK; whoever has begun another blob must not wait. digest NULL: it is not known yet,
 * nothing can be gone on with, and nothing of it is left unless committed. */
int sto_ingest_begin(const struct sto *s, const char *digest, bool wait, struct sto_ingest *ret,
		     struct cps_err *err);
/* The content is that of `digest`, says the caller: makes it a blob. */
int sto_ingest_commit(const struct sto *s, struct sto_ingest *in, const char *digest,
		      struct cps_err *err);
/* The content is wrong: nothing to go on with. */
void sto_ingest_drop(struct sto_ingest *in);
void sto_ingest_done(struct sto_ingest *in); /* what is not committed stays, for the next attempt */

#endif
