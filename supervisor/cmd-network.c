/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capsule network: networks are made, deleted, listed and shown.
 */
#include <config.h>

#include "cmd-network.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "arena.h"
#include "endpoint.h"
#include "json.h"
#include "list.h"
#include "network.h"
#include "own.h"
#include "table.h"

static int create_run(struct sup_ctx *ctx, const struct sup_command *self, int argc, char **argv,
		      struct cps_err *err)
{
	cleanup_opt_list struct cps_opt_list subnets = { 0 }, gateways = { 0 }, labels = { 0 };
	cleanup_args struct sup_args args = { 0 };
	struct net n cleanup_net = NET_INIT;
	struct net_wish wish = { 0 };
	int64_t mtu = 0;
	const struct cps_opt table[] = {
		{ "driver", 0, CPS_OPT_STR, &wish.driver, "DRIVER",
		  "bridge (default), host or none" },
		{ "subnet", 0, CPS_OPT_LIST, &subnets, "ADDRESS/PREFIX",
		  "IPv4 or IPv6, repeatable; else one that is free" },
		{ "gateway", 0, CPS_OPT_LIST, &gateways, "ADDRESS",
		  "the bridge's own; else the first of the subnet" },
		{ "mtu", 0, CPS_OPT_NUM, &mtu, "BYTES", "of its interfaces (1500)" },
		{ "internal", 0, CPS_OPT_FLAG, &wish.internal, NULL, "no way out of it" },
		{ "label", 'l', CPS_OPT_LIST, &labels, "NAME=VALUE", "shown by `network show`" },
		{ 0 },
	};
	int rc = sup_args_parse(self, table, argc, argv, 1, 1, &args, err);

	if (rc < 0 || args.done)
		return rc;
	if (mtu > NET_MTU_MAX)
		return cps_failx(err, EINVAL, "network create: --mtu: at most %d", NET_MTU_MAX);
	wish.subnets = subnets.values;
	wish.nsubnets = subnets.count;
	wish.gateways = gateways.values;
	wish.ngateways = gateways.count;
	wish.labels = labels.values;
	wish.nlabels = labels.count;
	wish.mtu = (unsigned)mtu;
	rc = net_open(ctx->data_root, true, &n, err);
	if (rc == 0)
		rc = net_network_create(&n, args.v[0], &wish, err);
	if (rc == 0)
		puts(args.v[0]);
	return cps_wrap(err, rc, "network create %.64s", args.v[0]);
}

static const struct sup_command cmd_create = {
	.name = "network create",
	.usage = "[--subnet ADDRESS/PREFIX]... [OPTION]... NAME",
	.summary = "Makes a network",
	.order = CPS_OPT_ANYWHERE,
	.run = create_run,
};

static int delete_one(struct sup_ctx *ctx, const char *name, void *arg, struct cps_err *err)
{
	const char *driver = *(const char **)arg;
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	struct net n cleanup_net = NET_INIT;
	struct net_network network;
	int rc = net_open(ctx->data_root, false, &n, err);

	if (rc == -ENOENT)
		return cps_failx(err, ENOENT, "there is no network '%.64s'", name);
	if (rc == 0 && driver)
		rc = net_network_load(&n, name, &a, &network, err);
	if (rc == 0 && driver && strcmp(net_driver_name(network.driver), driver) != 0)
		rc = cps_failx(err, EINVAL, "its driver is %s", net_driver_name(network.driver));
	return rc < 0 ? rc : net_network_delete(&n, name, err);
}

static int delete_run(struct sup_ctx *ctx, const struct sup_command *self, int argc, char **argv,
		      struct cps_err *err)
{
	cleanup_args struct sup_args args = { 0 };
	const char *driver = NULL;
	const struct cps_opt table[] = {
		{ "driver", 0, CPS_OPT_STR, &driver, "DRIVER", "only if this is its driver" },
		{ 0 },
	};
	int rc = sup_args_parse(self, table, argc, argv, 1, -1, &args, err);

	if (rc < 0 || args.done)
		return rc;
	return sup_args_each(ctx, &args, "network delete", delete_one, &driver, err);
}

static const struct sup_command cmd_delete = {
	.name = "network delete",
	.alias = "rm",
	.usage = "[--driver DRIVER] NAME...",
	.summary = "Deletes networks that no container is on",
	.order = CPS_OPT_ANYWHERE,
	.run = delete_run,
};

/* "10.0.0.0/24,fd00::/64" */
static const char *subnets_text(struct cps_arena *a, const struct net_network *network)
{
	const char *all = "-";
	char text[NET_SUBNET_SIZE];

	for (unsigned i = 0; i < network->nsubnets && all; i++) {
		net_subnet_format(&network->subnets[i], text);
		all = cps_arena_printf(a, "%s%s%s", i ? all : "", i ? "," : "", text);
	}
	return all;
}

static void members_write(const struct net *n, const char *name, struct cps_jsonw *w)
{
	cleanup_arena struct cps_arena names = CPS_ARENA_INIT;
	struct net_dir d cleanup_net_dir = NET_DIR_INIT;
	struct cps_err ignored;
	const char **ids = NULL;
	size_t count = 0;

	cps_jsonw_open(w, "containers", '{');
	if (net_dir_open(n, name, false, &d, &ignored) == 0)
		(void)net_endpoint_list(&d, &names, &ids, &count, &ignored);
	for (size_t i = 0; i < count; i++) {
		cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
		struct net_endpoint e;

		/* those that have ended are only waiting to be deleted */
		if (net_endpoint_load(&d, ids[i], &a, &e, &ignored) < 0 ||
		    !net_endpoint_is_alive(&e))
			continue;
		cps_jsonw_open(w, e.id, '{');
		net_endpoint_write(&e, w);
		cps_jsonw_close(w, '}');
	}
	cps_jsonw_close(w, '}');
}

static void table_row(struct cps_table *t, struct cps_arena *a, const struct net_network *network)
{
	cps_table_add(t, network->name);
	cps_table_add(t, net_driver_name(network->driver));
	cps_table_add(t, subnets_text(a, network));
	cps_table_add(t, network->bridge[0] ? network->bridge : "-");
	cps_table_add(t, network->created);
}

static int names_print(const struct net *n, struct cps_err *err)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	const char **names;
	size_t count;
	int rc = net_network_list(n, &a, &names, &count, err);

	for (size_t i = 0; rc == 0 && i < count; i++)
		puts(names[i]);
	return rc;
}

/* All networks, into the table or the JSON array. */
static int all_write(const struct net *n, bool json, struct cps_table *t, struct cps_jsonw *w,
		     struct cps_err *err)
{
	cleanup_arena struct cps_arena names_arena = CPS_ARENA_INIT;
	const char **names;
	size_t count;
	int rc = net_network_list(n, &names_arena, &names, &count, err);

	for (size_t i = 0; i < count && rc == 0; i++) {
		cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
		struct net_network network;

		rc = net_network_load(n, names[i], &a, &network, err);
		/* one that was deleted meanwhile is no longer on the list */
		if (rc == -ENOENT) {
			rc = 0;
			continue;
		}
		if (rc == 0 && json) {
			cps_jsonw_open(w, NULL, '{');
			net_network_write(&network, w);
			cps_jsonw_close(w, '}');
		} else if (rc == 0) {
			table_row(t, &a, &network);
		}
	}
	return rc;
}

static int list_print(struct sup_ctx *ctx, bool json, struct cps_err *err)
{
	static const char *const heading[] = { "NAME", "DRIVER", "SUBNETS", "INTERFACE",
					       "CREATED" };
	const unsigned columns = sizeof(heading) / sizeof(heading[0]);
	cleanup_buf struct cps_buf buf = CPS_BUF_INIT;
	struct net n cleanup_net = NET_INIT;
	struct cps_table t;
	struct cps_jsonw w;
	int rc = net_open(ctx->data_root, false, &n, err);

	cps_table_init(&t, columns);
	for (unsigned i = 0; i < columns; i++)
		cps_table_add(&t, heading[i]);
	cps_jsonw_init(&w, &buf, true);
	cps_jsonw_open(&w, NULL, '[');
	rc = rc == -ENOENT ? 0 : rc < 0 ? rc : all_write(&n, json, &t, &w, err);
	cps_jsonw_close(&w, ']');
	if (rc == 0 && buf.failed)
		rc = cps_fail(err, ENOMEM, "list networks");
	if (rc == 0 && json)
		puts(buf.data);
	else if (rc == 0)
		cps_table_print(&t, stdout);
	cps_table_done(&t);
	return rc;
}

static int list_run(struct sup_ctx *ctx, const struct sup_command *self, int argc, char **argv,
		    struct cps_err *err)
{
	cleanup_args struct sup_args args = { 0 };
	struct net n cleanup_net = NET_INIT;
	enum sup_list_format format;
	const char *text = NULL;
	bool quiet = false;
	const struct cps_opt table[] = {
		{ "quiet", 'q', CPS_OPT_FLAG, &quiet, NULL, "names only" },
		{ "format", 0, CPS_OPT_STR, &text, "FORMAT", "table (default) or json" },
		{ 0 },
	};
	int rc = sup_args_parse(self, table, argc, argv, 0, 0, &args, err);

	if (rc < 0 || args.done)
		return rc;
	rc = sup_list_format_parse(text, &format, err);
	if (rc == 0 && !quiet)
		rc = list_print(ctx, format == SUP_LIST_JSON, err);
	else if (rc == 0 && (rc = net_open(ctx->data_root, false, &n, err)) == 0)
		rc = names_print(&n, err);
	/* there is nothing kept, so no network either */
	return rc == -ENOENT ? 0 : cps_wrap(err, rc, "network list");
}

static const struct sup_command cmd_list = {
	.name = "network list",
	.alias = "ls",
	.usage = "[-q] [--format table|json]",
	.summary = "Lists networks",
	.order = CPS_OPT_ANYWHERE,
	.run = list_run,
};

static int show_one(struct sup_ctx *ctx, const char *name, void *arg, struct cps_err *err)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	cleanup_buf struct cps_buf buf = CPS_BUF_INIT;
	struct net n cleanup_net = NET_INIT;
	struct net_network network;
	struct cps_jsonw w;
	int rc = net_open(ctx->data_root, false, &n, err);

	(void)arg; /* no options */
	if (rc == -ENOENT)
		return cps_failx(err, ENOENT, "there is no network '%.64s'", name);
	if (rc == 0)
		rc = net_network_load(&n, name, &a, &network, err);
	if (rc < 0)
		return rc;
	cps_jsonw_init(&w, &buf, true);
	cps_jsonw_open(&w, NULL, '{');
	net_network_write(&network, &w);
	members_write(&n, name, &w);
	cps_jsonw_close(&w, '}');
	if (buf.failed)
		return cps_fail(err, ENOMEM, "%s", name);
	puts(buf.data);
	return 0;
}

static int show_run(struct sup_ctx *ctx, const struct sup_command *self, int argc, char **argv,
		    struct cps_err *err)
{
	return sup_run_each(ctx, self, argc, argv, show_one, err);
}

static const struct sup_command cmd_show = {
	.name = "network show",
	.alias = "inspect",
	.usage = "NAME...",
	.summary = "Prints a network and the containers on it as JSON",
	.order = CPS_OPT_ANYWHERE,
	.run = show_run,
};

static int run(struct sup_ctx *ctx, const struct sup_command *self, int argc, char **argv,
	       struct cps_err *err)
{
	static const struct sup_command *const commands[] = {
		&cmd_create,
		&cmd_delete,
		&cmd_list,
		&cmd_show,
		&sup_cmd_network_connect,
		&sup_cmd_network_disconnect,
		&sup_cmd_network_release,
		&sup_cmd_network_stats,
		&sup_cmd_network_repair,
		&sup_cmd_network_prune,
	};

	return sup_group_run(ctx, self, commands, sizeof(commands) / sizeof(commands[0]), argc,
			     argv, err);
}

const struct sup_command sup_cmd_network = {
	.name = "network",
	.usage = "COMMAND [ARGUMENT]...",
	.summary = "Networks of containers",
	.order = CPS_OPT_FIRST_ONLY,
	.run = run,
};
