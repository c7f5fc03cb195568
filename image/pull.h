/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Getting an image from a registry: manifest, config, layers, and then its name.
 */
#ifndef IMG_PULL_H
#define IMG_PULL_H

#include "data-root.h"
#include "manifest.h"
#include "progress.h"
#include "registry.h"

/* r->ref is what is got; it is called `name` then (short spelling). The caller holds the images'
 * lock (LOCK_SH). p: NULL, or what shows the bytes, fetched and unpacked. */
int img_pull(struct img_registry *r, const struct sto *s, const struct sto_platform *platform,
	     const char *name, struct img_progress *p, struct cps_err *err);

#endif
