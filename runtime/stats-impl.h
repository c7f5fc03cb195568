/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files stats*.c share among themselves; nobody else includes this.
 */
#ifndef RT_STATS_IMPL_H
#define RT_STATS_IMPL_H

#include <stdint.h>

#include "arena.h"
#include "cgroup-impl.h"
#include "json.h"

struct rt_stats {
	const struct rt_cgroup *cg;
	struct cps_arena *arena; /* what is read lives in it */
	struct cps_jsonw *w;
};

/* A control file's text; "" if there is none. */
const char *rt_stats_text(const struct rt_stats *s, const char *controller, const char *file);
/* A number; "max" is UINT64_MAX, no file 0. */
uint64_t rt_stats_number(const struct rt_stats *s, const char *controller, const char *file);
/* The number behind "key " at the beginning of a line; 0: there is none. */
uint64_t rt_stats_find(const char *text, const char *key);

/* A member that is left out if it is 0. */
void rt_stats_some(struct cps_jsonw *w, const char *key, uint64_t value);
/* "throttling":{…} with times multiplied by unit, to be nanoseconds. */
void rt_stats_throttling(struct cps_jsonw *w, const char *cpu_stat, const char *time_key,
			 uint64_t unit);
struct rt_stats_memory {
	uint64_t limit, usage, max, failcnt;
};
void rt_stats_memory_entry(struct cps_jsonw *w, const char *key, const struct rt_stats_memory *m);
/* "raw":{…}, a text of "key number" lines sorted by key. */
void rt_stats_raw(const struct rt_stats *s, const char *text);
/* An entry of a list of blkio; op may be NULL. */
void rt_stats_blkio(struct cps_jsonw *w, const char *device, const char *op, uint64_t value);

/* "pids":{…}, the same on both. */
void rt_stats_pids(const struct rt_stats *s);

/* "cpu" to "blkio". */
void rt_stats_v1(const struct rt_stats *s);
void rt_stats_v2(const struct rt_stats *s);

#endif
