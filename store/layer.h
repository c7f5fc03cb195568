/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unpacked layers, <data-root>/layers/<hex of the diff id>/fs: one layer's own files in the form
 * that overlayfs wants (whiteouts are character devices 0:0, opaque directories have the extended
 * attribute trusted.overlay.opaque). A directory of that name is complete: it came there by
 * rename(2). All images that have the layer share it, and nobody writes to it.
 */
#ifndef STO_LAYER_H
#define STO_LAYER_H

#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "data-root.h"

#define STO_LAYER_FS   "fs"
#define STO_LAYER_SIZE "size" /* a decimal number */

/* O_PATH descriptor of its fs directory; -ENOENT: not unpacked here. */
int sto_layer_open(const struct sto *s, const char *diff_id, struct cps_err *err);
bool sto_layer_is_there(const struct sto *s, const char *diff_id);
/* Bytes of its files, from the record beside fs, layers/<hex>/size; 0 if it is not there. */
uint64_t sto_layer_size(const struct sto *s, const char *diff_id);

#endif
