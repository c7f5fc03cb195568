/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate: a listening socket in the state directory where a created container waits for `start`
 * (docs/protocol.md, link C). Whether it can be connected to is also how a created container is
 * told from a running one: execve closes it.
 */
#ifndef RT_START_H
#define RT_START_H

#include <stdbool.h>

#include "err.h"

int rt_gate_open(int dir, struct cps_err *err); /* the listening socket */
/* Init: waits until somebody says GO; returns the connection, on which a failure is told and whose
 * end means that execve happened. */
int rt_gate_wait(int gate, struct cps_err *err);

bool rt_gate_is_open(int dir); /* somebody waits there */
/* Opens it: 0 when execve has happened, or init's error. EBUSY: another one started it; ESRCH: the
 * gate is gone. */
int rt_gate_start(int dir, struct cps_err *err);

#endif
