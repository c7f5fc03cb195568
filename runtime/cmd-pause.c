/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pause, resume: stop a container's processes, let them go on.
 */
#include <config.h>

#include "command.h"

#include "container.h"
#include "own.h"

static int apply(const struct rt_command *self, const struct rt_globals *g, int argc, char **argv,
		 int (*change)(struct rt_container *c, struct cps_err *err), int *ret_status,
		 struct cps_err *err)
{
	cleanup_arena struct cps_arena arena = CPS_ARENA_INIT;
	cleanup_container struct rt_container c = RT_CONTAINER_INIT;
	cleanup_free char **args = NULL;
	const struct cps_opt table[] = { { 0 } };
	int count, rc;

	rc = rt_command_parse(self, table, argc, argv, 1, 1, &args, &count, err);
	if (rc < 0 || !args)
		return rc;
	rc = rt_container_open(g->root, args[0], &arena, &c, err);
	if (rc == 0)
		rc = change(&c, err);
	*ret_status = 0;
	return rc;
}

static int cmd_pause(const struct rt_globals *g, int argc, char **argv, int *ret_status,
		     struct cps_err *err)
{
	return apply(&rt_cmd_pause, g, argc, argv, rt_container_pause, ret_status, err);
}

static int cmd_resume(const struct rt_globals *g, int argc, char **argv, int *ret_status,
		      struct cps_err *err)
{
	return apply(&rt_cmd_resume, g, argc, argv, rt_container_resume, ret_status, err);
}

const struct rt_command rt_cmd_pause = {
	"pause", "ID", "Stop all processes of a container, where they are.", false, 1, cmd_pause,
};

const struct rt_command rt_cmd_resume = {
	"resume", "ID", "Let the processes of a paused container go on.", false, 1, cmd_resume,
};
