/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capsule port: what a container publishes.
 */
#include <config.h>

#include <errno.h>
#include <stdio.h>

#include "attach.h"
#include "command.h"
#include "name.h"
#include "own.h"
#include "store.h"

static void print(const struct net_endpoint *e)
{
	char text[128];

	for (unsigned i = 0; i < e->nports; i++) {
		net_port_format(&e->ports[i], text, sizeof(text));
		puts(text);
	}
}

static int ports_print(const struct sup_ctx *ctx, const char *id, struct cps_err *err)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	struct net n cleanup_net = NET_INIT;
	cleanup_fd int rootfd = -1;
	const char **names = NULL;
	struct sup_container c;
	size_t count = 0;
	int rc = sup_container_open(ctx->root, id, &a, &rootfd, &c, err);

	if (rc < 0)
		return rc;
	rc = net_open(ctx->data_root, false, &n, err);
	if (rc == 0)
		rc = net_network_list(&n, &a, &names, &count, err);
	for (size_t i = 0; rc == 0 && i < count; i++) {
		struct net_dir d cleanup_net_dir = NET_DIR_INIT;
		struct net_endpoint e;

		rc = net_dir_open(&n, names[i], false, &d, err);
		if (rc == 0)
			rc = net_endpoint_load(&d, id, &a, &e, err);
		if (rc == 0 && net_endpoint_is_alive(&e))
			print(&e);
		if (rc == -ENOENT) /* not on this one, or that has just gone */
			rc = 0;
	}
	return rc == -ENOENT ? 0 : rc;
}

static int run(struct sup_ctx *ctx, const struct sup_command *self, int argc, char **argv,
	       struct cps_err *err)
{
	cleanup_args struct sup_args args = { 0 };
	const struct cps_opt table[] = { { 0 } };
	int rc = sup_args_parse(self, table, argc, argv, 1, 1, &args, err);

	if (rc < 0 || args.done)
		return rc;
	return cps_wrap(err, ports_print(ctx, sup_name_id(ctx, args.v[0]), err), "port %.64s",
			args.v[0]);
}

const struct sup_command sup_cmd_port = {
	.name = "port",
	.usage = "ID",
	.summary = "Lists the ports that a container publishes",
	.order = CPS_OPT_ANYWHERE,
	.run = run,
};
