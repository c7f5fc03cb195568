/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The listener of a seccomp filter that notifies (SCMP_ACT_NOTIFY): from init, where the kernel
 * makes it, by way of the baton or the gate to the runtime, which hands it to the agent at
 * linux.seccomp.listenerPath.
 */
#ifndef RT_LISTENER_H
#define RT_LISTENER_H

#include <sys/types.h>

#include "err.h"
#include "seccomp.h"
#include "spec.h"
#include "state.h"

/* Init: loads the filter, and sends CPS_GATE_LISTENER with the listener on report. From the moment
 * when the filter is loaded the caller makes no system call: any of them may be one that waits for
 * the agent. */
int rt_listener_load(const struct rt_filter *f, int report, struct cps_err *err);

/* The runtime: sends the container process state and *fd, which it closes. */
int rt_listener_forward(const struct rt_seccomp *sc, const struct rt_state *s,
			enum rt_status status, pid_t pid, int *fd, struct cps_err *err);

#endif
