/* SPDX-License-Identifier: Apache-2.0 */
/*
 * create: everything but the start of the container's program.
 */
#include <config.h>

#include "command.h"

#include "action.h"
#include "own.h"

static int cmd_create(const struct rt_globals *g, int argc, char **argv, int *ret_status,
		      struct cps_err *err)
{
	cleanup_arena struct cps_arena arena = CPS_ARENA_INIT;
	cleanup_free char **args = NULL;
	struct rt_create_options o;
	struct cps_opt table[RT_CREATE_OPTIONS + 1] = { 0 };
	struct rt_ctx ctx;
	int count, rc;

	rt_create_options_init(&o, g);
	(void)rt_create_options_rows(&o, table);
	rc = rt_command_parse(&rt_cmd_create, table, argc, argv, 1, 1, &args, &count, err);
	if (rc < 0 || !args)
		return rc;
	rc = rt_create_options_finish(&o, args[0], &arena, err);
	if (rc < 0)
		return rc;
	rt_ctx_init(&ctx, &o.req, &arena);
	ctx.own_warn.debug = g->debug;
	rc = rt_action_create(&ctx, err);
	if (rc == 0)
		rt_command_warnings(&ctx);
	rt_ctx_done(&ctx);
	*ret_status = 0;
	return rc;
}

const struct rt_command rt_cmd_create = {
	"create", "ID", "Create a container; its program waits for `start`.", true, 1, cmd_create,
};
