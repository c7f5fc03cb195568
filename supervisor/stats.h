/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What containers use, as one run of `capsule-runtime events --stats` and the counters of their
 * interfaces tell.
 */
#ifndef SUP_STATS_H
#define SUP_STATS_H

#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "command.h"
#include "err.h"

struct sup_usage {
	const char *id;
	int64_t at_ns; /* CLOCK_MONOTONIC, when it was asked for */
	uint64_t cpu_ns;
	uint64_t memory, memory_limit; /* bytes; the limit is the machine's memory at the most */
	uint64_t pids;
	uint64_t net_rx, net_tx, block_read, block_written; /* bytes */
};

/* Of those of ids that have a process; everything is in the arena. */
int sup_stats_read(const struct sup_ctx *ctx, const char *const *ids, size_t n, struct cps_arena *a,
		   struct sup_usage **ret, size_t *ret_n, struct cps_err *err);

/* A line of the runtime's; -EINVAL: it is none. Pure. */
int sup_stats_parse(struct cps_arena *a, const char *line, size_t len, struct sup_usage *ret,
		    struct cps_err *err);

#endif
