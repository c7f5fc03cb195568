/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The names in a topic's directory.
 */
#ifndef STO_NAMES_H
#define STO_NAMES_H

#include <stddef.h>

#include "arena.h"
#include "data-root.h"
#include "err.h"

/* Sorted names of the topic's entries that are names (D18), which leaves out what is temporary. A
 * topic that is not there has none, nor has a data root that is not (STO_INIT). Strings and array
 * in the arena. */
int sto_names(const struct sto *s, const char *topic, struct cps_arena *a, const char ***ret_names,
	      size_t *ret_n, struct cps_err *err);

#endif
