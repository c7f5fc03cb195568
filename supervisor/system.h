/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Housekeeping over all that is kept: what `capsule system` does.
 */
#ifndef SUP_SYSTEM_H
#define SUP_SYSTEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "command.h"
#include "err.h"

int sup_system_df(const struct sup_ctx *ctx, bool json, struct cps_err *err);

struct sup_prune {
	bool all;     /* images that no container was made of; with volumes: those with names */
	bool volumes; /* unused volumes */
};

/* Removes what crashes have left, and what was asked for; prints a line for each. Goes on after a
 * failure, which is told at the end. */
int sup_system_prune(const struct sup_ctx *ctx, const struct sup_prune *what, struct cps_err *err);

/* Looks whether all that is kept is whole, and nothing left over of networks; prints a line for
 * each thing that is not so. 1: something is not; 0: all is well. */
int sup_system_check(const struct sup_ctx *ctx, struct cps_err *err);

/* "12.3MB" */
void sup_size_format(uint64_t bytes, char *buf, size_t size);

#endif
