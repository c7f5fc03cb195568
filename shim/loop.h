/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event loop: signals, the listening socket, idling.
 */
#ifndef SHIM_LOOP_H
#define SHIM_LOOP_H

#include <signal.h>

#include "err.h"

struct shim;

/* Makes the base and the events; signals of `mask` must be blocked. */
int shim_loop_init(struct shim *s, const sigset_t *mask, struct cps_err *err);
void shim_loop_run(struct shim *s);
void shim_loop_done(struct shim *s);

#endif
