/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Creating a container and adding a process to one, as both the command line and link B ask for it.
 */
#ifndef RT_ACTION_H
#define RT_ACTION_H

#include "container.h"
#include "ctx.h"
#include "err.h"

/* What comes before creating: reads ctx->req->bundle's config, and refuses what cannot be. */
int rt_action_prepare(struct rt_ctx *ctx, struct cps_err *err);
/* ctx was initialised with the request. On success it holds pid, pidfd, console (if kept), state
 * and warnings. With req->at_once execve has happened. */
int rt_action_create(struct rt_ctx *ctx, struct cps_err *err);

/* In the foreground: until the container that was made, and started, ends; then it is deleted, but
 * for keep. *ret_status: as rt_foreground_wait has it. */
int rt_action_wait(struct rt_ctx *ctx, bool keep, int *ret_status, struct cps_err *err);

/* c is open, spec its config, process what to run. ctx->pid etc. as above. */
int rt_action_exec(struct rt_ctx *ctx, struct rt_container *c, const struct rt_spec *spec,
		   const struct rt_process *process, struct cps_err *err);

/* Tells the user of warnings, once all went well. */
void rt_action_warnings(const struct rt_ctx *ctx, void (*tell)(void *arg, const char *text),
			void *arg);

#endif
