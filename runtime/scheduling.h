/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When and where a process runs, as the config says (sched_setattr(2), ioprio_set(2),
 * sched_setaffinity(2), set_mempolicy(2), personality(2)). All of it lasts across execve, and is
 * inherited.
 */
#ifndef RT_SCHEDULING_H
#define RT_SCHEDULING_H

#include <sys/types.h>

#include "err.h"
#include "spec.h"
#include "warn.h"

/* Of another process: the runtime has the host's CAP_SYS_NICE, which a container may lack. */
int rt_scheduler_set(pid_t pid, const struct rt_scheduler *s, struct cps_err *err);
int rt_io_priority_set(pid_t pid, const struct rt_io_priority *io, struct cps_err *err);

/* Of the caller. which: "initial" or "final", for the error. */
int rt_affinity_set(const struct rt_bits *cpus, const char *which, struct cps_err *err);
/* All CPUs that the caller's cgroup has, whichever the runtime was started on. */
void rt_affinity_reset(struct rt_warn *warn);
int rt_memory_policy_set(const struct rt_memory_policy *p, struct cps_err *err);
int rt_personality_set(uint64_t domain, struct cps_err *err);

#endif
