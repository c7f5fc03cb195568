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
struct event_base;

/* A base as the shim wants it; NULL: no memory. */
struct event_base *shim_loop_make(void);
/* Puts the shim on a base that others have, too, and takes it off again. */
void shim_loop_join(struct shim *s, struct event_base *base);
void shim_loop_leave(struct shim *s);

/* Makes the base and the events; signals of `mask` must be blocked. */
int shim_loop_init(struct shim *s, const sigset_t *mask, struct cps_err *err);
/* Makes the socket in the state directory; clients are taken from now on. */
int shim_loop_listen(struct shim *s, struct cps_err *err);
void shim_loop_run(struct shim *s);
/* There is nothing left to do for this shim. */
void shim_over(struct shim *s);
void shim_loop_done(struct shim *s);

#endif
