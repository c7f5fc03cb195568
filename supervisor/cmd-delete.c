/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capsule delete: a stopped container and all that belongs to it; with -f any, and the remains of
 * crashes.
 */
#include <config.h>

#include <errno.h>
#include <stdio.h>

#include "client.h"
#include "command.h"
#include "delete.h"

static int delete_remains(struct sup_ctx *ctx, const struct sup_container *c, bool force,
			  struct cps_err *err)
{
	cleanup_buf struct cps_buf warnings = CPS_BUF_INIT;
	int rc = sup_delete_remains(ctx, c, force, &warnings, err);

	if (warnings.len)
		fprintf(stderr, "capsule: delete %s: %s", c->id, warnings.data);
	return rc;
}

static int delete_one(struct sup_ctx *ctx, const char *id, void *arg, struct cps_err *err)
{
	cleanup_client struct sup_client client = SUP_CLIENT_INIT;
	struct sup_container c = { 0 };
	const bool force = *(const bool *)arg;
	int rc = sup_connect(ctx->root, id, &c, &client, err);

	if (rc == 0)
		return sup_delete_by_shim(&client, force, err);
	if (rc == -ENOENT && !c.id)
		return force ? 0 : rc; /* as `rm -f`: what is not there needs no deleting */
	if (!c.id || (c.shim_alive && !force))
		return rc;
	return delete_remains(ctx, &c, force, err);
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
