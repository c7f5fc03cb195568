/* SPDX-License-Identifier: Apache-2.0 */
/*
 * debug: what developers ask. `debug steps` prints the two tables; docs/create-sequence.md is made
 * from it.
 */
#include <config.h>

#include "command.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "own.h"
#include "tables.h"

static int cmd_debug(const struct rt_globals *g, int argc, char **argv, int *ret_status,
		     struct cps_err *err)
{
	cleanup_free char **args = NULL;
	const struct cps_opt table[] = { { 0 } };
	int count, rc;

	(void)g;
	rc = rt_command_parse(&rt_cmd_debug, table, argc, argv, 1, 1, &args, &count, err);
	if (rc < 0 || !args)
		return rc;
	if (strcmp(args[0], "steps") != 0)
		return cps_failx(err, EINVAL, "debug: there is only `debug steps`");
	printf("## create\n\n");
	rt_steps_print(&rt_create_table, stdout);
	printf("\n## exec\n\n");
	rt_steps_print(&rt_exec_table, stdout);
	*ret_status = 0;
	return 0;
}

const struct rt_command rt_cmd_debug = {
	"debug", "steps", "Print the steps of create and exec.", false, 1, cmd_debug,
};
