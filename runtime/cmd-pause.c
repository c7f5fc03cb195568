/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pause, resume: stop a container's processes, let them go on.
 */
#include <config.h>

#include "command.h"

#include "container.h"

static int cmd_pause(const struct rt_globals *g, int argc, char **argv, int *ret_status,
		     struct cps_err *err)
{
	return rt_command_container(&rt_cmd_pause, g, argc, argv, rt_container_pause, ret_status,
				    err);
}

static int cmd_resume(const struct rt_globals *g, int argc, char **argv, int *ret_status,
		      struct cps_err *err)
{
	return rt_command_container(&rt_cmd_resume, g, argc, argv, rt_container_resume, ret_status,
				    err);
}

const struct rt_command rt_cmd_pause = {
	"pause", "ID", "Stop all processes of a container, where they are.", false, 1, cmd_pause,
};

const struct rt_command rt_cmd_resume = {
	"resume", "ID", "Let the processes of a paused container go on.", false, 1, cmd_resume,
};
