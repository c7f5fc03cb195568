/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Descriptors that a watch has kept of a dead shim, on their way to its successor.
 */
#ifndef SHIM_RESTORE_H
#define SHIM_RESTORE_H

#include <stdbool.h>
#include <sys/queue.h>

#include "adopt.h"
#include "err.h"

struct shim_request;
struct shim_restored;
SLIST_HEAD(shim_restored_list, shim_restored);

struct shim_restore {
	struct shim_restored_list list;
	unsigned count;
};

void shim_restore_init(struct shim_restore *r);
void shim_restore_done(struct shim_restore *r);
/* A request's descriptors; answered here. -EBUSY: too many. */
int shim_restore_add(struct shim_restore *list, struct shim_request *r, struct cps_err *err);
/* Takes out what was given for a job, or (NULL) the container. */
struct shim_kept shim_restore_take(struct shim_restore *list, const char *exec);

#endif
