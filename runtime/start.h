/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate: a listening socket in the state directory where a created container waits for `start`
 * (docs/protocol.md, link C). Whether it can be connected to is also how a created container is
 * told from a running one: execve closes it.
 */
#ifndef RT_START_H
#define RT_START_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "err.h"

int rt_gate_open(int dir, struct cps_err *err); /* the listening socket */
/* Init: waits until somebody says GO; returns the connection, on which a failure is told and whose
 * end means that execve happened. */
int rt_gate_wait(int gate, struct cps_err *err);

bool rt_gate_is_open(int dir); /* somebody waits there */
/* Opens it: 0 when execve has happened, or init's error. pid, start_time: init's. EBUSY: another
 * one started it; ESRCH: the gate is gone; EIO: init died instead of executing its program, and
 * nobody has reaped it yet (if somebody has, that is who knows how it ended). */
/* listener: called with arg when init has a seccomp filter that notifies, with the descriptor to
 * take out of *fd; what it returns, if negative, is the result. */
int rt_gate_start(int dir, pid_t pid, uint64_t start_time,
		  int (*listener)(void *arg, int *fd, struct cps_err *err), void *arg,
		  struct cps_err *err);

#endif
