/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a container's first process comes to be: which namespaces the clone makes, which are joined,
 * by whom and in which order, and whether one clone is enough. Pure: decided from the config alone,
 * before anything exists, so that the two sides of the clone agree and a test can read it.
 *
 * The kernel's rules behind it:
 *  - a namespace belongs to the user namespace of its maker, and joining one needs CAP_SYS_ADMIN
 *    in the user namespace it belongs to;
 *  - setns(2) to a pid namespace changes only the namespace of children to come;
 *  - a joined user namespace cannot be left again, a new one has no power over what is outside;
 *  - the offsets of a new time namespace can be set until its first process is in it;
 *  - a new cgroup namespace is rooted at its maker's cgroup, so it must be made by init, once it
 *    is in its cgroup.
 */
#ifndef RT_PLAN_H
#define RT_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "spec.h"

enum rt_topology {
	RT_DIRECT,    /* the runtime clones init */
	RT_VIA_STAGE, /* a short-lived child joins a user namespace, and clones init with
			 CLONE_PARENT: a new pid namespace must belong to that user namespace */
};

struct rt_plan {
	enum rt_topology topology;
	uint64_t clone_flags;	/* CLONE_NEW* of the clone that makes init */
	uint64_t unshare_flags; /* CLONE_NEW* that init makes itself after joining; never the
				   cgroup's */
	bool new_cgroupns;
	/* Sets of 1 << enum rt_ns. */
	unsigned lent;	 /* joined by the runtime around the clone, and left again after it */
	unsigned joined; /* joined by init (or the stage), the user namespace first */
	bool userns;	 /* init lives in another user namespace than ours, new or joined */
};

extern const char *const rt_ns_names[RT_NS_COUNT];	/* as in the config: "network" */
extern const char *const rt_ns_proc_names[RT_NS_COUNT]; /* as in /proc/PID/ns: "net" */
extern const int rt_ns_flags[RT_NS_COUNT];		/* CLONE_NEW* */

int rt_plan_create(const struct rt_spec *spec, struct rt_plan *ret, struct cps_err *err);
/* For exec: every namespace of the container's is joined, through its init's pidfd. */
void rt_plan_exec(const struct rt_spec *spec, struct rt_plan *ret);
/* The same for who has no power over any namespace but through the user namespace that is joined:
 * then that comes first, and what the runtime would have lent itself to is joined by a stage. */
void rt_plan_unprivileged(struct rt_plan *p);

#endif
