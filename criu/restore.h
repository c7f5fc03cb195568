/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Restoring is a table too (runtime/steps.h), all of whose rows are the runtime's.
 */
#ifndef CRIU_RESTORE_H
#define CRIU_RESTORE_H

#include <stdbool.h>

#include "ctx.h"
#include "images.h"
#include "options.h"
#include "own-mounts.h"
#include "steps.h"
#include "swrk.h"

struct criu_restore {
	struct rt_ctx ctx; /* the first member: steps are given this */
	struct criu_options *o;
	const char *program; /* --criu, or NULL */
	struct criu_images images;
	const char *stdio[CRIU_STDIO];
	struct criu_own_mounts mounts;
	struct criu_swrk criu;
	int given[RT_NS_COUNT]; /* number that a namespace's descriptor has in CRIU, or -1 */
	bool hooks_failed;
};

extern const struct rt_table criu_restore_table;

#endif
