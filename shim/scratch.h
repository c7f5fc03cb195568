/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two large buffers of the shim: what a stream said, and what a log makes of it. Mapped once,
 * when there is no container yet that could be lost for lack of memory; pages cost something only
 * from their first use until the next quiet second.
 */
#ifndef SHIM_SCRATCH_H
#define SHIM_SCRATCH_H

#include <stddef.h>

#include "err.h"

#define SHIM_SCRATCH_CHUNK 65536  /* read at once from one stream */
#define SHIM_SCRATCH_BATCH 262144 /* written at once to one log */

struct shim_scratch {
	char *chunk;
	char *batch;
};

int shim_scratch_init(struct shim_scratch *s, struct cps_err *err);
void shim_scratch_done(struct shim_scratch *s);
/* Gives the pages back. Their content is lost. */
void shim_scratch_trim(struct shim_scratch *s);

#endif
