/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event loop: signals, the listening socket, idling.
 */
#ifndef SHIM_LOOP_H
#define SHIM_LOOP_H

#include <signal.h>

#include "err.h"

#define SHIM_SOCKET "shim.sock"

struct shim;

/* Makes the base and the events; signals of `mask` must be blocked. */
int shim_loop_init(struct shim *s, const sigset_t *mask, struct cps_err *err);
/* Makes the socket in the state directory; clients are taken from now on. */
int shim_loop_listen(struct shim *s, struct cps_err *err);
void shim_loop_run(struct shim *s);
void shim_loop_done(struct shim *s);

#endif
