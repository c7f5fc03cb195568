/* SPDX-License-Identifier: Apache-2.0 */
/*
 * start: open the gate of a created container.
 */
#include <config.h>

#include "command.h"

#include "container.h"

static int cmd_start(const struct rt_globals *g, int argc, char **argv, int *ret_status,
		     struct cps_err *err)
{
	return rt_command_container(&rt_cmd_start, g, argc, argv, rt_container_start, ret_status,
				    err);
}

const struct rt_command rt_cmd_start = {
	"start", "ID", "Start the program of a created container.", false, 1, cmd_start,
};
