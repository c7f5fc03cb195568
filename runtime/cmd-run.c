/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run: create, start and, in the foreground, wait and delete. Nobody else can start the container
 * in between, so there is no gate: init goes on to execve without waiting.
 */
#include <config.h>

#include "command.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>

#include "action.h"
#include "foreground.h"
#include "hooks.h"
#include "own.h"
#include "tables.h"

static int run_poststart(struct rt_ctx *ctx, struct cps_err *err)
{
	int rc = rt_hooks_run(&ctx->spec->hooks, RT_HOOK_POSTSTART, &ctx->state, RT_STATUS_RUNNING,
			      ctx->pid, err);

	if (rc < 0) {
		ctx->failed_step = "hooks-poststart";
		rt_steps_undo(&rt_create_table, ctx);
	}
	return rc;
}

static int run(struct rt_ctx *ctx, const struct rt_create_options *o, int *ret_status,
	       struct cps_err *err)
{
	int rc;

	if (!o->detach)
		rt_foreground_begin();
	rc = rt_action_create(ctx, err);
	if (rc < 0)
		return rc;
	(void)flock(ctx->dir, LOCK_UN); /* created, and started as well */
	rc = run_poststart(ctx, err);
	rt_net_devices_done(&ctx->net_devices); /* the namespace's end is the container's */
	if (rc == 0 && !o->detach)
		rc = rt_action_wait(ctx, o->keep, ret_status, err);
	if (rc == 0)
		rt_command_warnings(ctx);
	return rc;
}

static int cmd_run(const struct rt_globals *g, int argc, char **argv, int *ret_status,
		   struct cps_err *err)
{
	cleanup_arena struct cps_arena arena = CPS_ARENA_INIT;
	cleanup_free char **args = NULL;
	struct rt_create_options o;
	const struct cps_opt own[] = {
		{ "detach", 'd', CPS_OPT_FLAG, &o.detach, NULL, "do not wait for its end" },
		{ "keep", 0, CPS_OPT_FLAG, &o.keep, NULL, "do not delete it at its end" },
		{ "no-subreaper", 0, CPS_OPT_FLAG, &o.no_subreaper, NULL,
		  NULL }, /* we never are one */
		{ 0 },
	};
	struct cps_opt table[RT_CREATE_OPTIONS + sizeof(own) / sizeof(own[0])];
	struct rt_ctx ctx;
	int count, rc;

	rt_create_options_init(&o, g);
	memcpy(table + rt_create_options_rows(&o, table), own, sizeof(own));
	rc = rt_command_parse(&rt_cmd_run, table, argc, argv, 1, 1, &args, &count, err);
	if (rc < 0 || !args)
		return rc;
	rc = rt_create_options_finish(&o, args[0], &arena, err);
	if (rc < 0)
		return rc;
	o.req.at_once = true;
	o.req.keep_console = !o.detach;
	rt_ctx_init(&ctx, &o.req, &arena);
	ctx.own_warn.debug = g->debug;
	*ret_status = 0;
	rc = run(&ctx, &o, ret_status, err);
	rt_ctx_done(&ctx);
	return rc;
}

const struct rt_command rt_cmd_run = {
	"run", "ID", "Create and start a container; in the foreground, wait and delete it.",
	true,  1,    cmd_run,
};
