/* SPDX-License-Identifier: Apache-2.0 */
/*
 * start: open the gate of a created container.
 */
#include <config.h>

#include "command.h"

#include "container.h"
#include "own.h"

static int cmd_start(const struct rt_globals *g, int argc, char **argv, int *ret_status,
		     struct cps_err *err)
{
	cleanup_arena struct cps_arena arena = CPS_ARENA_INIT;
	cleanup_container struct rt_container c = RT_CONTAINER_INIT;
	cleanup_free char **args = NULL;
	const struct cps_opt table[] = { { 0 } };
	int count, rc;

	rc = rt_command_parse(&rt_cmd_start, table, argc, argv, 1, 1, &args, &count, err);
	if (rc < 0 || !args)
		return rc;
	rc = rt_container_open(g->root, args[0], &arena, &c, err);
	if (rc == 0)
		rc = rt_container_start(&c, err);
	*ret_status = 0;
	return rc;
}

const struct rt_command rt_cmd_start = {
	"start", "ID", "Start the program of a created container.", false, 1, cmd_start,
};
