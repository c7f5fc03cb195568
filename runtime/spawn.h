/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The only file that makes processes.
 */
#ifndef RT_SPAWN_H
#define RT_SPAWN_H

#include <sys/types.h>

#include "ctx.h"
#include "err.h"
#include "spec.h"

/* Opens the namespaces that the config joins by path into ctx->ns, and checks their types. */
int rt_spawn_open_namespaces(struct rt_ctx *ctx, struct cps_err *err);

/* Clones the container's first process as ctx->plan says. Returns 0 twice: in the runtime with
 * ctx->pid and ctx->pidfd, and in init with ctx->in_init. */
int rt_spawn_init(struct rt_ctx *ctx, struct cps_err *err);
/* Kills and reaps it; waits for it to be gone. */
void rt_spawn_undo(struct rt_ctx *ctx);

/* Init: joins what the plan leaves to it, and makes what must be made from there. */
int rt_spawn_join(const struct rt_ctx *ctx, struct cps_err *err);

/* A user namespace with these maps and nobody in it. Returns its descriptor. */
int rt_spawn_userns(const struct rt_id_maps *maps, struct cps_err *err);

/* Starts a hook with stdin_fd and stderr_fd as its stdio (stdout on /dev/null). */
int rt_spawn_hook(const struct rt_hook *h, int stdin_fd, int stderr_fd, pid_t *ret_pid,
		  int *ret_pidfd, struct cps_err *err);

#endif
