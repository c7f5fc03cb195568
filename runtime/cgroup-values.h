/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Resource values of the OCI config as the files of cgroup v1 and v2 want them. Pure: what comes
 * out is a list of writes, which cgroup.c carries out.
 */
#ifndef RT_CGROUP_VALUES_H
#define RT_CGROUP_VALUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "err.h"
#include "spec.h"
#include "warn.h"

struct rt_cgroup_write {
	const char *field;	/* of linux.resources, for errors: "memory.limit" */
	const char *controller; /* "memory" */
	const char *file;	/* "memory.max" */
	const char *text;
	/* Neighbours of one group (not 0) bound each other in the kernel: a limit may not exceed
	 * limit+swap, a burst not the quota. Which has to come first depends on the values before:
	 * one that is refused (EINVAL) is tried again after its neighbours. */
	unsigned group;
	bool or_next; /* no such file: the next write is the same value for another kernel. There is
		       * one: the next write is skipped */
	bool optional; /* no such file or controller: the value is what the kernel does anyway */
};

struct rt_cgroup_writes {
	size_t n;
	struct rt_cgroup_write *v; /* in the arena */
};

/* Values that the layout has no word for are refused by name (EOPNOTSUPP), impossible ones too
 * (EINVAL). Zero means "leave it" for all but pids.limit and hugepageLimits. */
int rt_cgroup_values_v1(struct cps_arena *a, const struct rt_resources *res,
			struct rt_cgroup_writes *ret, struct rt_warn *warn, struct cps_err *err);
/* cpu_max: what the file holds now ("max 100000"), kept where the config gives only a period. */
int rt_cgroup_values_v2(struct cps_arena *a, const struct rt_resources *res, const char *cpu_max,
			struct rt_cgroup_writes *ret, struct rt_warn *warn, struct cps_err *err);

/* 2..262144 -> 1..10000, with the default 1024 at the default 100: a parabola in the logarithm, the
 * formula that runc >= 1.3.3 and crun >= 1.23 agreed on (older ones: linear, 1024 -> 39). */
uint64_t rt_cgroup_weight_from_shares(uint64_t shares);
/* 10..1000 -> 1..10000, linear as in runc. */
uint64_t rt_cgroup_io_weight(uint64_t blkio_weight);
/* memory + swap -> swap alone. swap -1: -1. EINVAL: no limit given, or swap below it. */
int rt_cgroup_swap_alone(const struct rt_i64 *limit, int64_t swap, int64_t *ret);

#endif
