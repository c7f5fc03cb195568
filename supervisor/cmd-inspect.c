/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capsule inspect: all that is known of containers, as JSON: what was decided when they were made,
 * how they fare, where they are on networks.
 */
#include <config.h>

#include <errno.h>
#include <stdio.h>

#include "adopt.h"
#include "attach.h"
#include "command.h"
#include "container-record.h"
#include "container.h"
#include "data-root.h"
#include "name.h"
#include "own.h"
#include "store.h"

static void mounts_write(struct cps_jsonw *w, const struct sto_record *r)
{
	cps_jsonw_open(w, "mounts", '[');
	for (size_t i = 0; i < r->nmounts; i++) {
		const struct sto_record_mount *m = &r->mounts[i];

		cps_jsonw_open(w, NULL, '{');
		cps_jsonw_str(w, "type", m->type);
		cps_jsonw_str(w, "name", m->name);
		cps_jsonw_str(w, "source", m->source);
		cps_jsonw_str(w, "destination", m->destination);
		cps_jsonw_bool(w, "readonly", m->readonly);
		cps_jsonw_bool(w, "anonymous", m->anonymous);
		cps_jsonw_close(w, '}');
	}
	cps_jsonw_close(w, ']');
}

static void record_write(struct cps_jsonw *w, const struct sto_record *r)
{
	cps_jsonw_str(w, "image", r->image);
	cps_jsonw_str(w, "image_id", r->image_id);
	cps_jsonw_nstrs(w, "layers", r->layers.v, r->layers.n);
	cps_jsonw_nstrs(w, "command", r->command.v, r->command.n);
	sto_pairs_write(w, "labels", &r->labels);
	mounts_write(w, r);
	cps_jsonw_str(w, "network", r->network);
	cps_jsonw_nstrs(w, "ports", r->ports.v, r->ports.n);
	cps_jsonw_nstrs(w, "exposed", r->exposed.v, r->exposed.n);
	sto_record_links_write(w, r);
	cps_jsonw_str(w, "hostname", r->hostname);
	cps_jsonw_str(w, "stop_signal", r->stop_signal);
	cps_jsonw_bool(w, "rm", r->rm);
	cps_jsonw_bool(w, "privileged", r->privileged);
	cps_jsonw_bool(w, "read_only", r->read_only);
}

static void state_write(struct cps_jsonw *w, const struct sup_container *c)
{
	bool alive = sup_has_process(c);
	const struct cps_json *log = cps_json_get(c->shim_json, "log");
	const struct cps_json *health = cps_json_get(c->shim_json, "health");

	cps_jsonw_str(w, "id", c->id);
	cps_jsonw_str(w, "status", sup_status_name(c->status));
	cps_jsonw_i64(w, "pid", alive ? c->init.pid : 0);
	cps_jsonw_str(w, "bundle", c->bundle);
	cps_jsonw_str(w, "created", c->created);
	if (c->exit_json)
		cps_jsonw_node(w, "exit", c->exit_json);
	else
		cps_jsonw_null(w, "exit");
	if (log)
		cps_jsonw_node(w, "log", log);
	if (health)
		cps_jsonw_node(w, "health", health);
}

/* Of a container of a bundle there is no record, of one without networks none either. */
static int data_write(const struct sup_ctx *ctx, const char *id, struct cps_arena *a,
		      struct cps_jsonw *w, struct cps_err *err)
{
	cleanup_sto struct sto s = STO_INIT;
	struct net n cleanup_net = NET_INIT;
	cleanup_fd int dir = -1;
	struct sto_record record;
	int rc = sto_open(ctx->data_root, false, &s, err);

	if (rc == 0)
		rc = dir = sto_container_open(&s, id, err);
	if (rc >= 0)
		rc = sto_record_read(dir, a, &record, err);
	if (rc == 0)
		record_write(w, &record);
	else if (rc != -ENOENT)
		return rc;
	rc = net_open(ctx->data_root, false, &n, err);
	if (rc == 0)
		rc = net_describe(&n, id, w, err);
	return rc == -ENOENT ? 0 : rc;
}

static int inspect_one(const struct sup_ctx *ctx, const char *id, struct cps_jsonw *w,
		       struct cps_err *err)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	cleanup_fd int rootfd = -1;
	char name[SUP_NAME_SIZE];
	struct sup_container c;
	int rc = sup_container_open(ctx->root, id, &a, &rootfd, &c, err);

	if (rc < 0)
		return rc;
	sup_revive(ctx, rootfd, &a, &c);
	cps_jsonw_open(w, NULL, '{');
	state_write(w, &c);
	cps_jsonw_str(w, "name", sup_name_of(ctx, id, name) ? name : NULL);
	rc = data_write(ctx, id, &a, w, err);
	cps_jsonw_close(w, '}');
	return rc;
}

static int run(struct sup_ctx *ctx, const struct sup_command *self, int argc, char **argv,
	       struct cps_err *err)
{
	cleanup_args struct sup_args args = { 0 };
	cleanup_buf struct cps_buf buf = CPS_BUF_INIT;
	const struct cps_opt table[] = { { 0 } };
	struct cps_jsonw w;
	int rc = sup_args_parse(self, table, argc, argv, 1, -1, &args, err);

	if (rc < 0 || args.done)
		return rc;
	cps_jsonw_init(&w, &buf, true);
	cps_jsonw_open(&w, NULL, '[');
	for (int i = 0; rc == 0 && i < args.n; i++)
		rc = cps_wrap(err, inspect_one(ctx, sup_name_id(ctx, args.v[i]), &w, err),
			      "inspect %.64s", args.v[i]);
	cps_jsonw_close(&w, ']');
	if (rc == 0 && buf.failed)
		rc = cps_fail(err, ENOMEM, "inspect");
	if (rc == 0)
		puts(buf.data);
	return rc;
}

const struct sup_command sup_cmd_inspect = {
	.name = "inspect",
	.usage = "ID...",
	.summary = "Prints all that is known of containers, as JSON",
	.order = CPS_OPT_ANYWHERE,
	.run = run,
};
