/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capsule network, about containers on networks: connect and disconnect, counters, what went wrong.
 */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "arena.h"
#include "attach.h"
#include "cmd-network.h"
#include "join.h"
#include "json.h"
#include "link.h"
#include "list.h"
#include "name.h"
#include "network.h"
#include "own.h"
#include "sweep.h"
#include "table.h"

static int networks_open(const struct sup_ctx *ctx, const char *name, struct net *ret,
			 struct cps_err *err)
{
	int rc = net_open(ctx->data_root, false, ret, err);

	return rc == -ENOENT ? cps_failx(err, ENOENT, "there is no network '%.64s'", name) : rc;
}

static int container_connect(struct sup_ctx *ctx, const char *id, const struct net_options *o,
			     struct cps_err *err)
{
	struct net_options named = *o;
	char name[SUP_NAME_SIZE];

	if (sup_name_of(ctx, id, name))
		named.name = name;
	return sup_join(ctx, id, &named, err);
}

static int connect_run(struct sup_ctx *ctx, const struct sup_command *self, int argc, char **argv,
		       struct cps_err *err)
{
	cleanup_opt_list struct cps_opt_list aliases = { 0 };
	cleanup_args struct sup_args args = { 0 };
	struct net_options o = { 0 };
	const struct cps_opt table[] = {
		{ "ip", 0, CPS_OPT_STR, &o.ip, "ADDRESS", "this IPv4 address" },
		{ "ip6", 0, CPS_OPT_STR, &o.ip6, "ADDRESS", "this IPv6 address" },
		{ "alias", 0, CPS_OPT_LIST, &aliases, "NAME", "a further name there, repeatable" },
		{ 0 },
	};
	int rc = sup_args_parse(self, table, argc, argv, 2, 2, &args, err);

	if (rc < 0 || args.done)
		return rc;
	o.network = args.v[0];
	o.aliases = aliases.values;
	o.naliases = aliases.count;
	rc = sup_id_check(args.v[1], err);
	if (rc == 0)
		rc = container_connect(ctx, sup_name_id(ctx, args.v[1]), &o, err);
	return cps_wrap(err, rc, "network connect %.64s", args.v[1]);
}

const struct sup_command sup_cmd_network_connect = {
	.name = "network connect",
	.usage = "[OPTION]... NETWORK ID",
	.summary = "Puts a container on one more network",
	.order = CPS_OPT_ANYWHERE,
	.run = connect_run,
};

static int disconnect_run(struct sup_ctx *ctx, const struct sup_command *self, int argc,
			  char **argv, struct cps_err *err)
{
	cleanup_args struct sup_args args = { 0 };
	struct net n cleanup_net = NET_INIT;
	const struct cps_opt table[] = { { 0 } };
	int rc = sup_args_parse(self, table, argc, argv, 2, 2, &args, err);

	if (rc < 0 || args.done)
		return rc;
	rc = sup_id_check(args.v[1], err);
	if (rc == 0)
		rc = networks_open(ctx, args.v[0], &n, err);
	if (rc == 0)
		rc = net_disconnect(&n, sup_name_id(ctx, args.v[1]), args.v[0], err);
	return cps_wrap(err, rc, "network disconnect %.64s", args.v[1]);
}

const struct sup_command sup_cmd_network_disconnect = {
	.name = "network disconnect",
	.usage = "NETWORK ID",
	.summary = "Takes a container off a network",
	.order = CPS_OPT_ANYWHERE,
	.run = disconnect_run,
};

static int release_one(struct sup_ctx *ctx, const char *id, void *arg, struct cps_err *err)
{
	struct net n cleanup_net = NET_INIT;
	int rc = sup_id_check(id, err);

	(void)arg;
	if (rc < 0)
		return rc;
	rc = net_open(ctx->data_root, false, &n, err);
	return rc == -ENOENT ? 0 : rc < 0 ? rc : net_detach(&n, id, err);
}

static int release_run(struct sup_ctx *ctx, const struct sup_command *self, int argc, char **argv,
		       struct cps_err *err)
{
	return sup_run_each(ctx, self, argc, argv, release_one, err);
}

const struct sup_command sup_cmd_network_release = {
	.name = "network release",
	.usage = "ID...",
	.summary = "Takes containers that have ended off their networks, as their shims do",
	.order = CPS_OPT_ANYWHERE,
	.run = release_run,
};

static int repair_run(struct sup_ctx *ctx, const struct sup_command *self, int argc, char **argv,
		      struct cps_err *err)
{
	cleanup_args struct sup_args args = { 0 };
	struct net n cleanup_net = NET_INIT;
	const struct cps_opt table[] = { { 0 } };
	int rc = sup_args_parse(self, table, argc, argv, 0, 0, &args, err);

	if (rc < 0 || args.done)
		return rc;
	rc = net_open(ctx->data_root, false, &n, err);
	if (rc == -ENOENT)
		return 0;
	if (rc == 0)
		rc = net_repair(&n, err);
	return cps_wrap(err, rc, "network repair");
}

const struct sup_command sup_cmd_network_repair = {
	.name = "network repair",
	.usage = "",
	.summary = "Makes again what somebody has removed: bridges, their ports, packet rules",
	.order = CPS_OPT_ANYWHERE,
	.run = repair_run,
};

/* Deletes the networks that nobody is on, but the default one. */
static int prune_unused(const struct net *n, struct cps_err *err)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	const char **names;
	size_t count;
	int rc = net_network_list(n, &a, &names, &count, err);

	for (size_t i = 0; rc == 0 && i < count; i++) {
		if (strcmp(names[i], NET_DEFAULT) == 0)
			continue;
		rc = net_network_delete(n, names[i], err);
		if (rc == 0)
			puts(names[i]);
		if (rc == -EBUSY || rc == -ENOENT)
			rc = 0;
	}
	return rc;
}

static int prune_run(struct sup_ctx *ctx, const struct sup_command *self, int argc, char **argv,
		     struct cps_err *err)
{
	cleanup_args struct sup_args args = { 0 };
	cleanup_buf struct cps_buf found = CPS_BUF_INIT;
	struct net n cleanup_net = NET_INIT;
	const struct cps_opt table[] = { { 0 } };
	unsigned count = 0;
	int rc = sup_args_parse(self, table, argc, argv, 0, 0, &args, err);

	if (rc < 0 || args.done)
		return rc;
	rc = net_open(ctx->data_root, false, &n, err);
	if (rc == -ENOENT)
		return 0;
	if (rc == 0)
		rc = net_sweep(&n, &found, &count, err);
	if (rc == 0)
		rc = prune_unused(&n, err);
	if (found.len)
		fprintf(stderr, "%s", found.data);
	return cps_wrap(err, rc, "network prune");
}

const struct sup_command sup_cmd_network_prune = {
	.name = "network prune",
	.usage = "",
	.summary = "Deletes networks that no container is on, and what crashes have left",
	.order = CPS_OPT_ANYWHERE,
	.run = prune_run,
};

struct stats {
	bool json;
	struct cps_table table;
	struct cps_jsonw w;
	struct net_nl nl;
	char *const *ids; /* NULL-terminated; none: all */
};

static bool is_asked_for(const struct stats *s, const char *id)
{
	for (char *const *at = s->ids; *at; at++)
		if (strcmp(*at, id) == 0)
			return true;
	return !s->ids[0];
}

/* What comes in at our end of the pair, went out of the container. */
static void stats_row(struct stats *s, const char *network, const struct net_endpoint *e,
		      const struct rtnl_link_stats64 *ours)
{
	const struct {
		const char *name;
		uint64_t value;
	} counters[] = {
		{ "rx_bytes", ours->tx_bytes },	  { "rx_packets", ours->tx_packets },
		{ "rx_errors", ours->tx_errors }, { "rx_dropped", ours->tx_dropped },
		{ "tx_bytes", ours->rx_bytes },	  { "tx_packets", ours->rx_packets },
		{ "tx_errors", ours->rx_errors }, { "tx_dropped", ours->rx_dropped },
	};

	if (s->json) {
		cps_jsonw_open(&s->w, NULL, '{');
		cps_jsonw_str(&s->w, "id", e->id);
		cps_jsonw_str(&s->w, "network", network);
		cps_jsonw_str(&s->w, "interface", e->interface);
	} else {
		cps_table_add(&s->table, e->id);
		cps_table_add(&s->table, network);
		cps_table_add(&s->table, e->interface);
	}
	for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++)
		if (s->json)
			cps_jsonw_u64(&s->w, counters[i].name, counters[i].value);
		else
			cps_table_addf(&s->table, "%" PRIu64, counters[i].value);
	if (s->json)
		cps_jsonw_close(&s->w, '}');
}

static int stats_network(struct stats *s, const struct net *n, const char *name,
			 struct cps_err *err)
{
	cleanup_arena struct cps_arena names = CPS_ARENA_INIT;
	struct net_dir d cleanup_net_dir = NET_DIR_INIT;
	const char **ids;
	size_t count = 0;
	int rc = net_dir_open(n, name, false, &d, err);

	if (rc == 0)
		rc = net_endpoint_list(&d, &names, &ids, &count, err);
	for (size_t i = 0; rc == 0 && i < count; i++) {
		cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
		struct net_endpoint e;
		struct net_link l;
		struct cps_err ignored;

		/* what goes meanwhile has no counters any more */
		if (is_asked_for(s, ids[i]) &&
		    net_endpoint_load(&d, ids[i], &a, &e, &ignored) == 0 &&
		    net_link_get(&s->nl, e.host_interface, &l, &ignored) == 0)
			stats_row(s, name, &e, &l.stats);
	}
	return rc == -ENOENT ? 0 : rc;
}

static int stats_print(const struct sup_ctx *ctx, bool json, char *const *ids, struct cps_err *err)
{
	static const char *const heading[] = { "ID",	     "NETWORK",	  "INTERFACE", "RX BYTES",
					       "RX PACKETS", "RX ERRORS", "RX DROPS",  "TX BYTES",
					       "TX PACKETS", "TX ERRORS", "TX DROPS" };
	const unsigned columns = sizeof(heading) / sizeof(heading[0]);
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	cleanup_buf struct cps_buf buf = CPS_BUF_INIT;
	struct net n cleanup_net = NET_INIT;
	struct stats s = { .json = json, .ids = ids, .nl = NET_NL_INIT };
	const char **names = NULL;
	size_t count = 0;
	int rc = net_open(ctx->data_root, false, &n, err);

	if (rc == 0)
		rc = net_network_list(&n, &a, &names, &count, err);
	rc = rc == -ENOENT ? 0 : rc;
	cps_table_init(&s.table, columns);
	for (unsigned i = 0; i < columns; i++)
		cps_table_add(&s.table, heading[i]);
	cps_jsonw_init(&s.w, &buf, true);
	cps_jsonw_open(&s.w, NULL, '[');
	if (rc == 0 && count)
		rc = net_nl_open(&s.nl, err);
	for (size_t i = 0; rc == 0 && i < count; i++)
		rc = stats_network(&s, &n, names[i], err);
	cps_jsonw_close(&s.w, ']');
	if (rc == 0 && buf.failed)
		rc = cps_fail(err, ENOMEM, "counters");
	if (rc == 0 && json)
		puts(buf.data);
	else if (rc == 0)
		cps_table_print(&s.table, stdout);
	cps_table_done(&s.table);
	net_nl_done(&s.nl);
	return rc;
}

static int stats_run(struct sup_ctx *ctx, const struct sup_command *self, int argc, char **argv,
		     struct cps_err *err)
{
	cleanup_args struct sup_args args = { 0 };
	enum sup_list_format format;
	int rc = sup_list_args_parse(self, argc, argv, 0, -1, &args, &format, err);

	if (rc < 0 || args.done)
		return rc;
	sup_args_ids(ctx, &args);
	rc = stats_print(ctx, format == SUP_LIST_JSON, args.v, err);
	return cps_wrap(err, rc, "network stats");
}

const struct sup_command sup_cmd_network_stats = {
	.name = "network stats",
	.usage = "[--format table|json] [ID]...",
	.summary = "Counters of containers, on each network",
	.order = CPS_OPT_ANYWHERE,
	.run = stats_run,
};
