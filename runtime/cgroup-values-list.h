/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The list of writes under construction; cgroup-values*.c only.
 */
#ifndef RT_CGROUP_VALUES_LIST_H
#define RT_CGROUP_VALUES_LIST_H

#include "cgroup-values.h"

struct rt_cgroup_list {
	struct cps_arena *arena;
	struct rt_cgroup_writes w;
	size_t room; /* known before: the list does not grow */
	bool failed; /* out of memory or room */
};

/* Appends a write; never NULL, so that members can be set on the spot. */
struct rt_cgroup_write *rt_cgroup_put(struct rt_cgroup_list *l, const char *field, const char *file,
				      const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* "linux.resources.FIELD: WHY", EOPNOTSUPP */
int rt_cgroup_refuse(struct cps_err *err, const char *field, const char *why);

static inline bool rt_cgroup_is_given(const struct rt_u64 *v)
{
	return v->set && v->v != 0;
}

/* cgroup-values-net.c */
void rt_cgroup_v1_network(struct rt_cgroup_list *l, const struct rt_resources *res);
int rt_cgroup_v2_network(const struct rt_resources *res, struct cps_err *err);
void rt_cgroup_rdma(struct rt_cgroup_list *l, const struct rt_resources *res); /* both layouts */

/* cgroup-values-blkio.c */
int rt_cgroup_v1_blkio(struct rt_cgroup_list *l, const struct rt_resources *res,
		       struct cps_err *err);
int rt_cgroup_v2_blkio(struct rt_cgroup_list *l, const struct rt_resources *res,
		       struct cps_err *err);

#endif
