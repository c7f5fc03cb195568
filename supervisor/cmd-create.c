/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capsule create: the container exists, its command has not begun.
 */
#include <config.h>

#include "command.h"
#include "create.h"
#include "foreground.h"
#include "own.h"

static int run(struct sup_ctx *ctx, const struct sup_command *self, int argc, char **argv,
	       struct cps_err *err)
{
	cleanup_create struct sup_create create = { 0 };
	cleanup_client struct sup_client client = SUP_CLIENT_INIT;
	cleanup_shim struct sup_shim shim = SUP_SHIM_INIT;
	cleanup_fd int signal_fd = -1;
	cleanup_args struct sup_args args = { 0 };
	struct cps_opt table[SUP_CREATE_OPTIONS + 1] = { 0 };
	int rc;

	(void)sup_create_rows(&create, table);
	rc = sup_args_parse(self, table, argc, argv, 1, 1, &args, err);
	if (rc < 0 || args.done)
		return rc;
	signal_fd = sup_signals_block(err);
	if (signal_fd < 0)
		return signal_fd;
	/* with a stdin to attach to: whether `start` will be in the foreground is not known yet */
	rc = sup_create_container(ctx, &create, args.v[0], "fifo", signal_fd, &shim, &client, err);
	return cps_wrap(err, rc, "create %.64s", args.v[0]);
}

const struct sup_command sup_cmd_create = {
	.name = "create",
	.usage = "[-b DIR] [OPTION]... ID",
	.summary = "Makes a container; its command waits for `start`",
	.order = CPS_OPT_ANYWHERE,
	.run = run,
};
