/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A mount namespace of our own, while CRIU works. It wants the container's root to be a mount whose
 * parent is in sight, and mounts things itself where it works; nobody else is to see that, and
 * should we be killed it is gone with us.
 */
#ifndef CRIU_OWN_MOUNTS_H
#define CRIU_OWN_MOUNTS_H

#include <stdbool.h>

#include "err.h"

struct criu_own_mounts {
	int host, own;	 /* namespaces, or -1 */
	const char *cwd; /* where relative paths begin, in both */
};

#define CRIU_OWN_MOUNTS_INIT \
	{                    \
		-1, -1, NULL \
	}

/* Enters a new one, in which the tree at root is mounted on place, read-only if it is to be: CRIU
 * leaves the root as it finds it. What was opened before is not of the new one. */
int criu_own_mounts_make(struct criu_own_mounts *m, const char *root, bool readonly,
			 const char *place, const char *cwd, struct cps_err *err);
/* Back to the host's, and into our own again: hooks are the host's. */
int criu_own_mounts_host(const struct criu_own_mounts *m, struct cps_err *err);
int criu_own_mounts_own(const struct criu_own_mounts *m, struct cps_err *err);
/* Back to the host's for good; once is enough, but does no harm. */
void criu_own_mounts_done(struct criu_own_mounts *m);

#endif
