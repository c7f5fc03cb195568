/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keepers: clients that hold copies of what would be lost if this process were killed, to hand them
 * to a successor. The exit status is in a pidfd that was open before the exit, what is in a FIFO
 * lasts as long as somebody has it open, and a terminal as long as its master.
 */
#ifndef SHIM_KEEP_H
#define SHIM_KEEP_H

struct shim;
struct shim_exec;
struct shim_request;

/* `keep`: the reply has the container's descriptors; an `exec-started` with those of each job that
 * runs follows at once. */
void shim_keep(struct shim_request *r);

/* The events `created` (x NULL) and `exec-started`. Who has subscribed gets the event, a keeper the
 * descriptors with it. */
void shim_keep_tell(struct shim *s, const struct shim_exec *x);

#endif
