/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the shim itself must know of a bundle's config.json: is there a terminal, and which user of
 * the host owns the FIFOs. All else is the runtime's business.
 */
#ifndef SHIM_BUNDLE_H
#define SHIM_BUNDLE_H

#include <stdbool.h>
#include <sys/types.h>

#include "err.h"

struct shim_bundle {
	bool terminal;
	uid_t uid; /* of the container's process, as the host sees it */
	gid_t gid;
};

int shim_bundle_load(const char *bundle, struct shim_bundle *ret, struct cps_err *err);

#endif
