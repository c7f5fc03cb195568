/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sending an image to a registry: what is there already is not sent, what another repository of the
 * same registry has is mounted from there, and the manifest goes last, with the bytes that it has.
 */
#ifndef IMG_PUSH_H
#define IMG_PUSH_H

#include "image.h"
#include "progress.h"
#include "registry.h"

/* r->ref is where it goes. p: NULL or what shows the bytes. */
int img_push(struct img_registry *r, const struct sto *s, const struct sto_image *image,
	     struct img_progress *p, struct cps_err *err);

#endif
