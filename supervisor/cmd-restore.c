/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capsule restore: a container out of what `checkpoint` has written down, with a shim of its own.
 */
#include <config.h>

#include <string.h>

#include "command.h"
#include "create.h"
#include "criu.h"
#include "foreground.h"
#include "own.h"

/* What comes out of the images has its network with it, unless that was left out. */
static const char *network_of(const struct sup_create *create, const struct sup_criu *o)
{
	for (unsigned i = 0; i < o->empty_ns.count; i++)
		if (strcmp(o->empty_ns.values[i], "network") == 0)
			return create->network;
	return create->network ? create->network : "none";
}

static int run(struct sup_ctx *ctx, const struct sup_command *self, int argc, char **argv,
	       struct cps_err *err)
{
	cleanup_create struct sup_create create = { 0 };
	cleanup_criu struct sup_criu o = { 0 };
	cleanup_client struct sup_client client = SUP_CLIENT_INIT;
	cleanup_shim struct sup_shim shim = SUP_SHIM_INIT;
	cleanup_args struct sup_args args = { 0 };
	cleanup_fd int signal_fd = -1;
	struct cps_opt table[SUP_CREATE_OPTIONS + SUP_RESTORE_OPTIONS + 1] = { 0 };
	unsigned n = sup_create_rows(&create, table);
	int rc;

	create.restore = (struct sup_create_restore){ &o, table + n, 0 };
	create.restore.n = sup_restore_rows(&o, table + n);
	rc = sup_args_parse(self, table, argc, argv, 1, 1, &args, err);
	if (rc < 0 || args.done)
		return rc;
	create.network = network_of(&create, &o);
	signal_fd = sup_signals_block(err);
	if (signal_fd < 0)
		return signal_fd;
	rc = sup_create_container(ctx, &create, args.v[0], "fifo", signal_fd, &shim, &client, err);
	return cps_wrap(err, rc, "restore %.64s", args.v[0]);
}

const struct sup_command sup_cmd_restore = {
	.name = "restore",
	.usage = "[-b DIR] [OPTION]... ID",
	.summary = "Makes a container out of what `checkpoint` wrote down; it goes on running",
	.order = CPS_OPT_ANYWHERE,
	.run = run,
};
