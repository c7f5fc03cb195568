/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container that exists: found by id, started, signalled, deleted.
 */
#ifndef RT_CONTAINER_H
#define RT_CONTAINER_H

#include <stdbool.h>

#include "arena.h"
#include "err.h"
#include "spec.h"
#include "state.h"
#include "warn.h"

struct rt_container {
	const char *root, *id; /* borrowed */
	struct cps_arena *arena;
	int dir; /* <root>/<id> */
	struct rt_state state;
	enum rt_status status; /* as it was when it was opened */
	int pidfd;	       /* of a living init, or -1 */
	bool hook_failed;      /* what failed in the start was a poststart hook */
};

#define RT_CONTAINER_INIT                            \
	{                                            \
		.root = NULL, .dir = -1, .pidfd = -1 \
	}

/* ENOENT: `container "x" does not exist`; EBADMSG: its state cannot be read. */
int rt_container_open(const char *root, const char *id, struct cps_arena *a,
		      struct rt_container *ret, struct cps_err *err);
void rt_container_done(struct rt_container *c);
/* If somebody is creating it: waits until he has done so or given up, for most_ms, and looks at it
 * again. kill: whoever has been made for it dies meanwhile, so that he gives up. */
int rt_container_settle(struct rt_container *c, bool kill, int most_ms, struct cps_err *err);
#define RT_SETTLE_MS 2000
/* config.json as it was at create. */
int rt_container_spec(const struct rt_container *c, const struct rt_spec **ret_spec,
		      struct cps_err *err);

/* Opens the gate; 0 when execve has happened and the poststart hooks have run. A container whose
 * poststart hooks fail is killed. */
int rt_container_start(struct rt_container *c, struct cps_err *err);
/* all: every process of its cgroup, also when its init is gone. */
int rt_container_kill(struct rt_container *c, int signal, bool all, struct cps_err *err);
/* Stops a running container's processes, lets a paused one's go on. ESRCH, EBUSY: it is neither. */
int rt_container_pause(struct rt_container *c, struct cps_err *err);
int rt_container_resume(struct rt_container *c, struct cps_err *err);
/* Kills what lives (force; a created container needs none), runs poststop hooks, and removes
 * cgroups and files. A state directory that holds other things is left. */
int rt_container_delete(struct rt_container *c, bool force, struct rt_warn *warn,
			struct cps_err *err);
/* delete --force by name: removes what can be found of a container that cannot be opened. An id
 * that does not exist is fine. */
int rt_container_delete_by_id(const char *root, const char *id, bool force, struct rt_warn *warn,
			      struct cps_err *err);

#define cleanup_container __attribute__((cleanup(rt_container_done)))

#endif
