/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making an image of layers that come without a manifest.
 */
#ifndef IMG_IMAGE_WRITE_H
#define IMG_IMAGE_WRITE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "blob-writer.h"
#include "data-root.h"
#include "digest.h"
#include "err.h"
#include "progress.h"

struct img_layer {
	char blob[STO_DIGEST_SIZE];
	char diff_id[STO_DIGEST_SIZE];
	uint64_t size; /* of the blob, bytes */
	const char *media_type;
};

/* Keeps the bytes as a blob, and unpacks it: as it came, or decompressed if it is xz, which no
 * media type stands for. size: bytes that will come, or IMG_SIZE_UNKNOWN; diff_id: NULL, or what
 * the layer must have (EBADMSG). A plain one of known size and diff_id that is there is not read
 * again. progress gets the bytes twice, read and unpacked. The caller holds the images' lock. */
int img_layer_add(const struct sto *s, const struct img_reader *from, uint64_t size,
		  const char *diff_id, struct img_progress *progress, struct img_layer *ret,
		  struct cps_err *err);

/* Keeps a config and writes an OCI manifest for it; ret_manifest: that one's digest. */
int img_image_write(const struct sto *s, const char *config, size_t config_len,
		    const struct img_layer *layers, unsigned n, char ret_manifest[STO_DIGEST_SIZE],
		    struct cps_err *err);

/* A new file without a name, in images/. */
int img_temp_file(const struct sto *s, struct cps_err *err);

/* A descriptor that can be read again from its beginning: fd itself, or a copy of what is read from
 * it, in a file without a name in images/. Owned by the caller. */
int img_seekable(const struct sto *s, int fd, struct cps_err *err);

#endif
