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

static bool is_mapped(uint32_t id, const struct rt_id_map *maps, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (id >= maps[i].container && id - maps[i].container < maps[i].size)
			return true;
	return false;
}

static bool is_new(const struct rt_spec *spec, enum rt_ns ns)
{
	return spec->ns[ns].wanted && !spec->ns[ns].path;
}

static bool is_joined(const struct rt_spec *spec, enum rt_ns ns)
{
	return spec->ns[ns].wanted && spec->ns[ns].path;
}

/* What the kernel would only say in riddles (EINVAL, EPERM) late, in words and early. */
static int check_user_namespace(const struct rt_spec *spec, struct cps_err *err)
{
	const struct rt_user *u = &spec->process.user;

	if (!is_new(spec, RT_NS_USER)) {
		if ((spec->nuid_maps || spec->ngid_maps) && !is_joined(spec, RT_NS_USER))
			return cps_failx(
				err, EINVAL,
				"config.json: linux.uidMappings: there are id mappings, but no "
				"user namespace in linux.namespaces");
		return 0;
	}
	if (!spec->nuid_maps || !spec->ngid_maps)
		return cps_failx(err, EINVAL,
				 "config.json: linux.%s: a new user namespace needs mappings",
				 spec->nuid_maps ? "gidMappings" : "uidMappings");
	if (is_joined(spec, RT_NS_MOUNT))
		return cps_failx(
			err, EINVAL,
			"config.json: linux.namespaces: a new user namespace has no power over a "
			"mount namespace joined by path");
	if (!is_mapped(0, spec->uid_maps, spec->nuid_maps))
		return cps_failx(err, EINVAL,
				 "config.json: linux.uidMappings: uid 0 is not mapped");
	if (!is_mapped(0, spec->gid_maps, spec->ngid_maps))
		return cps_failx(err, EINVAL,
				 "config.json: linux.gidMappings: gid 0 is not mapped");
	if (spec->has_process && !is_mapped(u->uid, spec->uid_maps, spec->nuid_maps))
		return cps_failx(
			err, EINVAL,
			"config.json: linux.uidMappings: process.user.uid %u is not mapped",
			u->uid);
	if (spec->has_process && !is_mapped(u->gid, spec->gid_maps, spec->ngid_maps))
		return cps_failx(
			err, EINVAL,
			"config.json: linux.gidMappings: process.user.gid %u is not mapped",
			u->gid);
	return 0;
}

int rt_plan_create(const struct rt_spec *spec, struct rt_plan *ret, struct cps_err *err)
{
	struct rt_plan p = { .topology = RT_DIRECT };
	bool joins_user = is_joined(spec, RT_NS_USER);
	int rc;

	rc = check_user_namespace(spec, err);
	if (rc < 0)
		return rc;
	if ((spec->hostname || spec->domainname) && !spec->ns[RT_NS_UTS].wanted)
		return cps_failx(
			err, EINVAL,
			"config.json: %s: not without a uts namespace in linux.namespaces: it "
			"would be the host's",
			spec->hostname ? "hostname" : "domainname");

	p.userns = spec->ns[RT_NS_USER].wanted;
	p.new_cgroupns = is_new(spec, RT_NS_CGROUP);
	if (joins_user && is_new(spec, RT_NS_PID))
		p.topology = RT_VIA_STAGE;

	for (int ns = 0; ns < RT_NS_COUNT; ns++) {
		if (ns == RT_NS_CGROUP && p.new_cgroupns)
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
