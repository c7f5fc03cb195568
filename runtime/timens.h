/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A time namespace with offsets (linux.timeOffsets). The kernel takes them until the first process
 * is in the namespace, and a clone is in it at once; so init makes the namespace for children that
 * it does not have, the runtime writes the offsets, and init enters.
 */
#ifndef RT_TIMENS_H
#define RT_TIMENS_H

#include <sys/types.h>

#include "err.h"
#include "spec.h"

int rt_timens_make(struct cps_err *err);  /* init: unshare(2) */
int rt_timens_enter(struct cps_err *err); /* init: setns(2) */
/* The runtime: init's /proc/PID/timens_offsets is not writable for init, which is undumpable. */
int rt_timens_write(pid_t pid, const struct rt_spec *spec, struct cps_err *err);

#endif
