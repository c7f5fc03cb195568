/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capsule start: a created container's command begins; in the foreground unless detached.
 */
#include <config.h>

#include <errno.h>
#include <stdio.h>

#include "adopt.h"
#include "client.h"
#include "command.h"
#include "foreground.h"
#include "name.h"
#include "own.h"
#include "start.h"

static int run(struct sup_ctx *ctx, const struct sup_command *self, int argc, char **argv,
	       struct cps_err *err)
{
	cleanup_client struct sup_client client = SUP_CLIENT_INIT;
	cleanup_args struct sup_args args = { 0 };
	cleanup_fd int signal_fd = -1;
	struct sup_container c;
	bool detach = false;
	const struct cps_opt table[] = {
		{ "detach", 'd', CPS_OPT_FLAG, &detach, NULL,
		  "return at once; output goes to the log alone" },
		{ 0 },
	};
	char what[80];
	int rc, code = 0;

	rc = sup_args_parse(self, table, argc, argv, 1, 1, &args, err);
	if (rc < 0 || args.done)
		return rc;
	(void)snprintf(what, sizeof(what), "start %.64s", args.v[0]);
	rc = sup_connect(ctx, sup_name_id(ctx, args.v[0]), &c, &client, err);
	/* before we attach to a container of somebody else's: our end would be its end of input */
	if (rc == 0 && c.status != SUP_STATUS_CREATED)
		rc = cps_failx(err, EBUSY, "the container is %s, not created",
			       sup_status_name(c.status));
	if (rc == 0 && !detach)
		rc = signal_fd = sup_signals_block(err);
	if (rc >= 0)
		rc = detach ? sup_start_detached(ctx, what, &client, true, err)
			    : sup_start_foreground(ctx, what, &client, signal_fd, true, &code, err);
	if (rc == 0 && code < 0)
		rc = sup_exit_unknown(ctx, err);
	if (rc < 0) /* 1: the user has detached, which is no failure */
		return cps_wrap(err, rc, "start %.64s", args.v[0]);
	return code;
}

const struct sup_command sup_cmd_start = {
	.name = "start",
	.usage = "[-d] ID",
	.summary = "Starts a created container, in the foreground unless -d is given",
	.order = CPS_OPT_ANYWHERE,
	.run = run,
};
