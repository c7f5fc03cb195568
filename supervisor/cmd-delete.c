/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capsule delete: a stopped container and all that belongs to it; with -f any, and the remains of
 * crashes.
 */
#include <config.h>

#include <stdio.h>

#include "command.h"
#include "delete.h"

static int delete_one(struct sup_ctx *ctx, const char *id, void *arg, struct cps_err *err)
{
	cleanup_buf struct cps_buf warnings = CPS_BUF_INIT;
	const bool force = *(const bool *)arg;
	int rc = sup_delete(ctx, id, force, &warnings, err);

	if (warnings.len)
		fprintf(stderr, "capsule: delete %s: %s", id, warnings.data);
	return rc;
}

static int run(struct sup_ctx *ctx, const struct sup_command *self, int argc, char **argv,
	       struct cps_err *err)
{
	cleanup_args struct sup_args args = { 0 };
	bool force = false;
	const struct cps_opt table[] = {
		{ "force", 'f', CPS_OPT_FLAG, &force, NULL,
		  "kill it first; also removes what a crash has left" },
		{ 0 },
	};
	int rc = sup_args_parse(self, table, argc, argv, 1, -1, &args, err);

	if (rc < 0 || args.done)
		return rc;
	return sup_args_each(ctx, &args, "delete", delete_one, &force, err);
}

const struct sup_command sup_cmd_delete = {
	.name = "delete",
	.alias = "rm",
	.usage = "[-f] ID...",
	.summary = "Deletes stopped containers; with -f running ones too",
	.order = CPS_OPT_ANYWHERE,
	.run = run,
};
