/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ids of the containers below a --root.
 */
#ifndef RT_NAMES_H
#define RT_NAMES_H

#include <stddef.h>

#include "err.h"

struct rt_names {
	size_t n;
	char **v; /* owned, as its strings are; sorted */
};

/* All that could be containers: a directory without a state is among them. No --root: none. */
int rt_names_read(const char *root, struct rt_names *names, struct cps_err *err);
void rt_names_done(struct rt_names *names);

#define cleanup_names __attribute__((cleanup(rt_names_done)))

#endif
