/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state: the OCI state object.
 */
#include <config.h>

#include "command.h"

#include <errno.h>
#include <stdio.h>

#include "container.h"
#include "own.h"

#define CREATION_MS 200 /* most are done in a tenth of it */

static int cmd_state(const struct rt_globals *g, int argc, char **argv, int *ret_status,
		     struct cps_err *err)
{
	cleanup_arena struct cps_arena arena = CPS_ARENA_INIT;
	cleanup_container struct rt_container c = RT_CONTAINER_INIT;
	cleanup_buf struct cps_buf buf = CPS_BUF_INIT;
	cleanup_free char **args = NULL;
	const struct cps_opt table[] = { { 0 } };
	struct cps_jsonw w;
	int count, rc;

	rc = rt_command_parse(&rt_cmd_state, table, argc, argv, 1, 1, &args, &count, err);
	if (rc < 0 || !args)
		return rc;
	rc = rt_container_open(g->root, args[0], &arena, &c, err);
	/* Who asks until there is an answer takes it for created, as with runc; but a hook of the
	 * creation that asks is not kept for long. */
	if (rc == 0)
		rc = rt_container_settle(&c, false, CREATION_MS, err);
	if (rc < 0)
		return rc;
	cps_jsonw_init(&w, &buf, true);
	rt_state_json(&c.state, c.status, c.state.pid, true, &w);
	if (buf.failed)
		return cps_fail(err, ENOMEM, "state");
	puts(buf.data);
	*ret_status = 0;
	return 0;
}

const struct rt_command rt_cmd_state = {
	"state", "ID", "Print a container's state as JSON.", false, 1, cmd_state,
};
