/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The images' lock for those who put something into the store.
 */
#ifndef IMG_MAKER_LOCK_H
#define IMG_MAKER_LOCK_H

#include "data-root.h"
#include "err.h"

/* sto_images_lock(LOCK_SH). A blob, a layer that is there under its digest is then one that may be
 * built on: what nothing leads to was made since the machine has started, and is no remains of a
 * power failure, which keeps names and loses content. */
int img_maker_lock(const struct sto *s, struct cps_err *err);

#endif
