/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who keeps a container: shim.lock in its state directory, locked by flock(2) for as long as its
 * shim lives. The kernel lets it go with the process, however that ends.
 */
#ifndef SHIM_CLAIM_H
#define SHIM_CLAIM_H

#include "err.h"

#define SHIM_LOCK "shim.lock"

struct shim;

/* In a directory that was just made. */
int shim_claim_new(struct shim *s, struct cps_err *err);
/* In the directory of a shim that has died. -EALREADY: it has not, or another one was quicker;
 * -ENOENT: there never was one, or the directory has just been removed. */
int shim_claim_dead(struct shim *s, struct cps_err *err);

#endif
