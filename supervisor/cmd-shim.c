/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capsule shim watch: what concerns the shims of all containers.
 */
#include <config.h>

#include <errno.h>
#include <string.h>

#include "command.h"
#include "watch.h"

static int run(struct sup_ctx *ctx, const struct sup_command *self, int argc, char **argv,
	       struct cps_err *err)
{
	cleanup_args struct sup_args args = { 0 };
	const struct cps_opt table[] = { { 0 } };
	int rc = sup_args_parse(self, table, argc, argv, 1, 1, &args, err);

	if (rc < 0 || args.done)
		return rc;
	if (strcmp(args.v[0], "watch") != 0)
		return cps_failx(err, EINVAL, "shim: no such verb: '%.60s'; there is: watch",
				 args.v[0]);
	return sup_watch_run(ctx, err);
}

const struct sup_command sup_cmd_shim = {
	.name = "shim",
	.usage = "watch",
	.summary = "watch: gives containers whose shim dies a new one at once, until it is ended",
	.order = CPS_OPT_ANYWHERE,
	.run = run,
};
