/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Resource limits of the container's process.
 */
#ifndef RT_RLIMITS_H
#define RT_RLIMITS_H

#include <sys/types.h>

#include "err.h"
#include "spec.h"
#include "warn.h"

/* The runtime, with the host's CAP_SYS_RESOURCE: hard limits that are above what pid has. Init in a
 * user namespace could not raise them. Soft limits stay: init has work to do yet. */
int rt_rlimits_raise(pid_t pid, const struct rt_process *p, struct cps_err *err);
/* Init, as the last thing before it changes user. A limit that is above what can be given here (the
 * runtime lacks CAP_SYS_RESOURCE, or fs.nr_open is lower) is a warning: the highest possible is
 * set. */
int rt_rlimits_set(const struct rt_process *p, struct rt_warn *warn, struct cps_err *err);

#endif
