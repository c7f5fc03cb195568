/* SPDX-License-Identifier: Apache-2.0 */
/*
 * delete: remove what is left of a container.
 */
#include <config.h>

#include "command.h"

#include "container.h"
#include "log.h"
#include "own.h"

static int cmd_delete(const struct rt_globals *g, int argc, char **argv, int *ret_status,
		      struct cps_err *err)
{
	cleanup_free char **args = NULL;
	struct rt_warn warn = { .debug = g->debug };
	bool force = false;
	const struct cps_opt table[] = {
		{ "force", 'f', CPS_OPT_FLAG, &force, NULL,
		  "kill it if it lives; no error if there is none" },
		{ 0 },
	};
	const char *text;
	uint32_t pos = 0;
	int count, rc;

	rc = rt_command_parse(&rt_cmd_delete, table, argc, argv, 1, 1, &args, &count, err);
	if (rc < 0 || !args)
		return rc;
	rc = rt_container_delete_by_id(g->root, args[0], force, &warn, err);
	while (rc == 0 && (text = rt_warn_next(&warn, &pos)))
		cps_log(CPS_LOG_WARN, "%s", text);
	*ret_status = 0;
	return rc;
}

const struct rt_command rt_cmd_delete = {
	"delete", "ID", "Delete a container that has stopped, or (--force) any.",
	false,	  1,	cmd_delete,
};
