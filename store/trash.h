/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The trash: a directory is given up by one rename(2) to here, so that nobody ever sees half of it,
 * and then removed, which may take its time. What a crash leaves here is nothing's any more.
 */
#ifndef STO_TRASH_H
#define STO_TRASH_H

#include "data-root.h"
#include "err.h"

/* Gives up topic/name (STO_CONTAINERS, …) and removes it. What is not there is no error. If only
 * the removal fails, which err then says, the name is free all the same. */
int sto_trash_put(const struct sto *s, const char *topic, const char *name, struct cps_err *err);

/* Removes what is left in the trash. Goes on after an error, and tells the first one. */
int sto_trash_sweep(const struct sto *s, unsigned *ret_removed, struct cps_err *err);

#endif
