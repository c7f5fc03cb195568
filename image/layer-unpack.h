/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a layer's blob to a layer that containers can have (store/layer.h).
 */
#ifndef IMG_LAYER_UNPACK_H
#define IMG_LAYER_UNPACK_H

#include "data-root.h"
#include "digest.h"
#include "err.h"
#include "progress.h"

/*
 * Unpacks the blob, plain tar or compressed, unless the layer is there. diff_id: what its config
 * says, verified (EBADMSG) before the layer is visible; NULL: whatever it is. ret_diff_id: NULL or
 * where it goes. progress: NULL, or gets the blob's bytes. The caller holds the images' lock
 * (LOCK_SH); several processes and threads may be at it, at the same layer too.
 */
int img_layer_unpack(const struct sto *s, const char *blob, const char *diff_id,
		     struct img_progress *progress, char ret_diff_id[STO_DIGEST_SIZE],
		     struct cps_err *err);

#endif
