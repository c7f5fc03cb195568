/* SPDX-License-Identifier: Apache-2.0 */
/*
 * linux.intelRdt: the group of the resctrl file system (Intel RDT: shares of the processors' caches
 * and of the bandwidth to memory) that a container's processes are in, and the group by which they
 * are counted. A group is a directory, which the kernel fills with files.
 */
#ifndef RT_RDT_H
#define RT_RDT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "arena.h"
#include "err.h"
#include "json.h"
#include "spec.h"

struct rt_rdt {		     /* part of the container's state */
	const char *root;    /* where resctrl is mounted; NULL: the container has no group */
	const char *group;   /* of its processes */
	const char *monitor; /* made for it below that, or NULL */
	bool own;	     /* the group was made for it as well, and goes with it */
	bool made;	     /* the group was made now, be it that it is to stay */
};

/* Where resctrl is mounted, in the arena. ENODEV: nowhere. */
int rt_rdt_find(struct cps_arena *a, const char **ret_root, struct cps_err *err);
/* What a container of this id and configuration will have. Changes nothing, but looks at what is
 * there already. */
int rt_rdt_plan(const struct rt_intel_rdt *want, const char *root, const char *id,
		struct cps_arena *a, struct rt_rdt *ret, struct cps_err *err);
/* Makes it, and sets what is to be set. */
int rt_rdt_create(struct rt_rdt *rdt, const struct rt_intel_rdt *want, struct cps_err *err);
/* Processes that it adds later are in its groups by themselves. */
int rt_rdt_join(const struct rt_rdt *rdt, pid_t pid, struct cps_err *err);
/* Other shares for the group; either may be NULL. */
int rt_rdt_update(const struct rt_rdt *rdt, const char *l3_cache, const char *mem_bw,
		  struct cps_err *err);
/* Removes what was made for the container. */
int rt_rdt_remove(const struct rt_rdt *rdt, struct cps_err *err);
/* The same for a creation that has failed. */
void rt_rdt_undo(const struct rt_rdt *rdt);

/* Pure: does what a group has ("L3:0=ff;1=ff\nMB:0=100\n") say what one line asks for ("L3:0=0ff")?
 * The kernel writes numbers and their order its own way. */
bool rt_rdt_matches(const char *schemata, const char *line);
/* Is it one line of a schemata file, beginning with prefix? */
bool rt_rdt_is_schema(const char *line, const char *prefix);

void rt_rdt_format(const struct rt_rdt *rdt, struct cps_jsonw *w, const char *key);
int rt_rdt_load(struct rt_rdt *rdt, const struct cps_json *node, struct cps_err *err);

#endif
