/* SPDX-License-Identifier: Apache-2.0 */
/*
 * start: open the gate of a created container.
 */
#include <config.h>

#include "command.h"

#include "container.h"
#include "log.h"

/* The specification's life cycle: after a poststart hook that fails the container is destroyed, and
 * its poststop hooks are run. */
static int start(struct rt_container *c, struct cps_err *err)
{
	struct rt_warn warn = { 0 };
	struct cps_err later = { 0 };
	const char *text;
	uint32_t pos = 0;
	int rc = rt_container_settle(c, false, RT_SETTLE_MS, err);

	if (rc == 0)
		rc = rt_container_start(c, err);

	if (!c->hook_failed)
		return rc;
	if (rt_container_delete(c, true, &warn, &later) < 0)
		cps_log(CPS_LOG_WARN, "the container is left: %s", later.msg);
	while ((text = rt_warn_next(&warn, &pos)))
		cps_log(CPS_LOG_WARN, "%s", text);
	return rc;
}

static int cmd_start(const struct rt_globals *g, int argc, char **argv, int *ret_status,
		     struct cps_err *err)
{
	return rt_command_container(&rt_cmd_start, g, argc, argv, start, ret_status, err);
}

const struct rt_command rt_cmd_start = {
	"start", "ID", "Start the program of a created container.", false, 1, cmd_start,
};
