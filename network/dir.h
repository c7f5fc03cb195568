/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Directories of ours: their names, and locks that nobody waits for endlessly.
 */
#ifndef NET_DIR_H
#define NET_DIR_H

#include <stddef.h>

#include "arena.h"
#include "err.h"

/* Sorted names of dirfd/path that end in suffix and are cps_is_name() without it, NULL-terminated;
 * max: how many are looked at. A directory that is not there has none. */
int net_names_in(int dirfd, const char *path, const char *suffix, size_t max, struct cps_arena *a,
		 const char ***ret_names, size_t *ret_n, struct cps_err *err);

/* Opens dirfd/name (0600) and takes its flock(2), exclusively. EBUSY after 10 s, -ENOENT where the
 * directory has gone. Returns the descriptor, which holds it. */
int net_lock(int dirfd, const char *name, struct cps_err *err);

#endif
