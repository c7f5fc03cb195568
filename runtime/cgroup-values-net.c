/* SPDX-License-Identifier: Apache-2.0 */
/*
 * linux.resources.network, which only v1 has words for, and rdma, which reads the same in both.
 */
#include <config.h>

#include "cgroup-values-list.h"

#include <inttypes.h>
#include <stdio.h>

void rt_cgroup_v1_network(struct rt_cgroup_list *l, const struct rt_resources *res)
{
	if (res->class_id.set)
		rt_cgroup_put(l, "network.classID", "net_cls.classid", "%" PRIu64, res->class_id.v);
	/* the file takes one interface at a time */
	for (size_t i = 0; i < res->npriorities; i++)
		rt_cgroup_put(l, "network.priorities", "net_prio.ifpriomap", "%s %" PRIu32,
			      res->priorities[i].name, res->priorities[i].priority);
}

int rt_cgroup_v2_network(const struct rt_resources *res, struct cps_err *err)
{
	if (res->class_id.set)
		return rt_cgroup_refuse(err, "network.classID", "cgroup v2 has no such value");
	if (res->npriorities > 0)
		return rt_cgroup_refuse(err, "network.priorities", "cgroup v2 has no such value");
	return 0;
}

void rt_cgroup_rdma(struct rt_cgroup_list *l, const struct rt_resources *res)
{
	for (size_t i = 0; i < res->nrdma; i++) {
		const struct rt_rdma *r = &res->rdma[i];
		char handles[40] = "", objects[40] = "";

		if (!r->handles.set && !r->objects.set)
			continue;
		if (r->handles.set)
			(void)snprintf(handles, sizeof(handles), " hca_handle=%" PRIu64,
				       r->handles.v);
		if (r->objects.set)
			(void)snprintf(objects, sizeof(objects), " hca_object=%" PRIu64,
				       r->objects.v);
		rt_cgroup_put(l, "rdma", "rdma.max", "%s%s%s", r->device, handles, objects);
	}
}
