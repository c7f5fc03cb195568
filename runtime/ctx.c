/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A context's beginning and end.
 */
#include <config.h>

#include "ctx.h"

#include <string.h>
#include <sys/mman.h>

#include "own.h"

void rt_ctx_init(struct rt_ctx *ctx, const struct rt_request *req, struct cps_arena *arena)
{
	static const struct rt_rootfs no_rootfs = RT_ROOTFS_INIT;
	static const struct rt_net_devices no_net_devices = RT_NET_DEVICES_INIT;

	memset(ctx, 0, sizeof(*ctx));
	ctx->req = req;
	ctx->arena = arena;
	ctx->rootfs = no_rootfs;
	ctx->net_devices = no_net_devices;
	ctx->dir = ctx->pidfd = ctx->console = ctx->root_dir = ctx->target = ctx->gate = -1;
	ctx->baton[0] = ctx->baton[1] = ctx->report = -1;
	for (int ns = 0; ns < RT_NS_COUNT; ns++)
		ctx->ns[ns] = -1;
	ctx->warn = &ctx->own_warn;
}

void rt_ctx_done(struct rt_ctx *ctx)
{
	int *const fds[] = { &ctx->dir,	   &ctx->pidfd, &ctx->console,	&ctx->root_dir,
			     &ctx->target, &ctx->gate,	&ctx->baton[0], &ctx->baton[1] };

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		cps_close(fds[i]);
	for (int ns = 0; ns < RT_NS_COUNT; ns++)
		cps_close(&ctx->ns[ns]);
	for (size_t i = 0; ctx->sources && i < ctx->spec->nmounts; i++)
		cps_close(&ctx->sources[i]);
	cps_free_at(&ctx->config);
	rt_filter_done(&ctx->filter);
	rt_rootfs_done(&ctx->rootfs);
	rt_net_devices_done(&ctx->net_devices);
	if (ctx->shared)
		(void)munmap(ctx->shared, sizeof(*ctx->shared));
}
