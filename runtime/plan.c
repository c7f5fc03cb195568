/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See plan.h. Nothing here touches the system.
 */
#include <config.h>

#include "plan.h"

#include <errno.h>
#include <sched.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

const char *const rt_ns_names[RT_NS_COUNT] = {
	[RT_NS_USER] = "user",	   [RT_NS_MOUNT] = "mount", [RT_NS_PID] = "pid",
	[RT_NS_NET] = "network",   [RT_NS_UTS] = "uts",	    [RT_NS_IPC] = "ipc",
	[RT_NS_CGROUP] = "cgroup", [RT_NS_TIME] = "time",
};

const char *const rt_ns_proc_names[RT_NS_COUNT] = {
	[RT_NS_USER] = "user",	   [RT_NS_MOUNT] = "mnt", [RT_NS_PID] = "pid",
	[RT_NS_NET] = "net",	   [RT_NS_UTS] = "uts",	  [RT_NS_IPC] = "ipc",
	[RT_NS_CGROUP] = "cgroup", [RT_NS_TIME] = "time",
};

const int rt_ns_flags[RT_NS_COUNT] = {
	[RT_NS_USER] = CLONE_NEWUSER,	  [RT_NS_MOUNT] = CLONE_NEWNS,	[RT_NS_PID] = CLONE_NEWPID,
	[RT_NS_NET] = CLONE_NEWNET,	  [RT_NS_UTS] = CLONE_NEWUTS,	[RT_NS_IPC] = CLONE_NEWIPC,
	[RT_NS_CGROUP] = CLONE_NEWCGROUP, [RT_NS_TIME] = CLONE_NEWTIME,
};

static bool is_new(const struct rt_spec *spec, enum rt_ns ns)
{
	return spec->ns[ns].wanted && !spec->ns[ns].path;
}

static bool is_joined(const struct rt_spec *spec, enum rt_ns ns)
{
	return spec->ns[ns].wanted && spec->ns[ns].path;
}

int rt_plan_create(const struct rt_spec *spec, struct rt_plan *ret, struct cps_err *err)
{
	struct rt_plan p = { .topology = RT_DIRECT };
	bool joins_user = is_joined(spec, RT_NS_USER);

	/* The kernel would say EPERM, late. What else must be right is the config's own business
	 * (spec-linux.c). */
	if (is_new(spec, RT_NS_USER) && is_joined(spec, RT_NS_MOUNT))
		return cps_failx(
			err, EINVAL,
			"config.json: linux.namespaces: a new user namespace has no power over a "
			"mount namespace joined by path");

	p.userns = spec->ns[RT_NS_USER].wanted;
	p.new_cgroupns = is_new(spec, RT_NS_CGROUP);
	if (joins_user && is_new(spec, RT_NS_PID))
		p.topology = RT_VIA_STAGE;

	for (int ns = 0; ns < RT_NS_COUNT; ns++) {
		if (ns == RT_NS_CGROUP && p.new_cgroupns)
			continue;
		/* Whoever is born in a time namespace has frozen its offsets. */
		if (ns == RT_NS_TIME && spec->has_time_offsets)
			continue;
		if (is_new(spec, ns)) {
			/* What init makes before it is in the joined user namespace would belong to
			 * ours. The stage is there already when it clones. */
			if (joins_user && p.topology == RT_DIRECT)
				p.unshare_flags |= (uint64_t)rt_ns_flags[ns];
			else
				p.clone_flags |= (uint64_t)rt_ns_flags[ns];
		} else if (is_joined(spec, ns)) {
			/* A new user namespace is born without power over older ones: only the
			 * runtime can join these, and init inherits them. Joining a pid namespace
			 * is for children anyway. */
			if (ns == RT_NS_PID || is_new(spec, RT_NS_USER))
				p.lent |= 1u << ns;
			else
				p.joined |= 1u << ns;
		}
	}
	*ret = p;
	return 0;
}

void rt_plan_exec(const struct rt_spec *spec, struct rt_plan *ret)
{
	struct rt_plan p = { .topology = RT_DIRECT };

	p.userns = spec->ns[RT_NS_USER].wanted;
	for (int ns = 0; ns < RT_NS_COUNT; ns++) {
		if (!spec->ns[ns].wanted)
			continue;
		if (ns == RT_NS_PID)
			p.lent |= 1u << ns;
		else
			p.joined |= 1u << ns;
	}
	*ret = p;
}

void rt_plan_unprivileged(struct rt_plan *p)
{
	if (!(p->joined & (1u << RT_NS_USER)) || !p->lent)
		return;
	p->joined |= p->lent;
	p->lent = 0;
	p->topology = RT_VIA_STAGE;
}
