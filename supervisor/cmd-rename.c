/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capsule rename: gives a container a name besides its id, or another one, or none. The container
 * itself learns nothing of it; those on its networks find it by that name from then on.
 */
#include <config.h>

#include <errno.h>

#include "attach.h"
#include "command.h"
#include "name.h"
#include "own.h"
#include "store.h"

static int networks_tell(const struct sup_ctx *ctx, const char *id, const char *name,
			 struct cps_err *err)
{
	struct net n cleanup_net = NET_INIT;
	int rc = net_open(ctx->data_root, false, &n, err);

	if (rc == 0)
		rc = net_rename(&n, id, name, err);
	return rc == -ENOENT ? 0 : cps_wrap(err, rc, "its networks");
}

static int container_rename(const struct sup_ctx *ctx, const char *id, const char *name,
			    struct cps_err *err)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	cleanup_fd int rootfd = -1;
	struct sup_container c;
	int rc = sup_container_open(ctx->root, id, &a, &rootfd, &c, err);

	if (rc == 0)
		rc = sup_name_give(ctx, id, name, err);
	/* said again if it has the name already: a rename that was killed may have left that out */
	return rc < 0 ? rc : networks_tell(ctx, id, name, err);
}

static int run(struct sup_ctx *ctx, const struct sup_command *self, int argc, char **argv,
	       struct cps_err *err)
{
	cleanup_args struct sup_args args = { 0 };
	const struct cps_opt table[] = { { 0 } };
	int rc = sup_args_parse(self, table, argc, argv, 2, 2, &args, err);

	if (rc < 0 || args.done)
		return rc;
	return cps_wrap(err, container_rename(ctx, sup_name_id(ctx, args.v[0]), args.v[1], err),
			"rename %.64s", args.v[0]);
}

const struct sup_command sup_cmd_rename = {
	.name = "rename",
	.usage = "ID NAME",
	.summary = "Gives a container a name besides its id; its own id: none",
	.order = CPS_OPT_ANYWHERE,
	.run = run,
};
