/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capsule checkpoint: a running container is written down in files, and ends, or goes on.
 */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "adopt.h"
#include "client.h"
#include "command.h"
#include "container.h"
#include "criu.h"
#include "data-root.h"
#include "name.h"
#include "own.h"
#include "proto.h"

static void request_write(struct sup_request *r, const void *arg)
{
	const struct cps_json *body = arg;

	for (const struct cps_json *n = body->first; n; n = n->next) {
		char *text = cps_json_text(n);

		if (text)
			cps_jsonw_raw(&r->w, n->key, text);
		else
			r->buf.failed = true;
		free(text);
	}
}

/* Jobs that run are not the container's own processes: CRIU does not see them. */
static void warn_of_jobs(struct sup_client *client, const char *id)
{
	cleanup_request struct sup_request r = { 0 };
	const struct cps_json *ok = NULL, *jobs;
	struct cps_err ignored;
	unsigned running = 0;

	sup_request_open(&r, CPS_OP_JOBS);
	if (sup_client_call(client, &r, SUP_HELLO_MS, NULL, &ok, &ignored) < 0)
		return;
	jobs = cps_json_get(ok, "jobs");
	for (const struct cps_json *j = jobs ? jobs->first : NULL; j; j = j->next) {
		const struct cps_json *exit = cps_json_get(j, "exit");

		running += !exit || exit->type == CPS_JSON_NULL;
	}
	if (running > 0)
		fprintf(stderr, "capsule: checkpoint %s: its jobs that run (%u) are not in it\n",
			id, running);
}

/* What it has written is in a mount that `restore` could not make. */
static int image_check(const struct sup_ctx *ctx, const char *id, struct cps_err *err)
{
	cleanup_sto struct sto s = STO_INIT;
	cleanup_fd int dir = -1;
	struct cps_err ignored;

	if (sto_open(ctx->data_root, false, &s, &ignored) == 0)
		dir = sto_container_open(&s, id, &ignored);
	return dir >= 0 ? cps_failx(err, ENOTSUP, "containers of images cannot be restored") : 0;
}

/* What its end was, by its shim, or by its files if it needs none any more. */
static bool is_checkpointed(const struct sup_ctx *ctx, const char *id, struct sup_client *client)
{
	cleanup_request struct sup_request r = { 0 };
	const struct cps_json *exit = NULL;
	struct sup_container c = { 0 };
	struct cps_err ignored;
	cleanup_fd int rootfd = -1;
	bool is = false;

	sup_request_open(&r, CPS_OP_WAIT);
	if (client->sock >= 0)
		(void)sup_client_call(client, &r, SUP_HELLO_MS, NULL, &exit, &ignored);
	else if (sup_container_open(ctx->root, id, ctx->arena, &rootfd, &c, &ignored) == 0)
		exit = c.exit_json;
	if (cps_json_get(exit, "checkpointed"))
		(void)cps_json_bool(cps_json_get(exit, "checkpointed"), &is, &ignored);
	return is;
}

static int checkpoint(struct sup_ctx *ctx, const char *id, const struct cps_json *members,
		      struct cps_err *err)
{
	cleanup_client struct sup_client client = SUP_CLIENT_INIT;
	struct sup_container c = { 0 };
	pid_t shim;
	char what[80];
	const struct sup_question q = { what, CPS_OP_CHECKPOINT, request_write, members,
					SUP_NO_TIMEOUT };
	int rc;

	(void)snprintf(what, sizeof(what), "checkpoint %.64s", id);
	rc = image_check(ctx, id, err);
	if (rc == 0)
		rc = sup_connect(ctx, id, &c, &client, err);
	if (rc == 0)
		warn_of_jobs(&client, id);
	shim = client.shim_pid;
	if (rc == 0)
		rc = sup_ask(ctx, &q, &c, &client, NULL, err);
	if (rc == -ESRCH && (client.sock < 0 || client.shim_pid != shim) &&
	    is_checkpointed(ctx, id, &client))
		rc = 0; /* its shim has died over it, and the next one has found that it was done */
	return rc;
}

static int run(struct sup_ctx *ctx, const struct sup_command *self, int argc, char **argv,
	       struct cps_err *err)
{
	cleanup_criu struct sup_criu o = { 0 };
	cleanup_args struct sup_args args = { 0 };
	cleanup_buf struct cps_buf b = CPS_BUF_INIT;
	struct cps_opt table[SUP_CHECKPOINT_OPTIONS + 1] = { 0 };
	unsigned n = sup_checkpoint_rows(&o, table);
	const struct cps_json *members = NULL;
	struct cps_jsonw w;
	int rc = sup_args_parse(self, table, argc, argv, 1, 1, &args, err);

	if (rc < 0 || args.done)
		return rc;
	cps_jsonw_init(&w, &b, false);
	cps_jsonw_open(&w, NULL, '{');
	rc = sup_criu_write(&o, table, n, &w, err);
	cps_jsonw_close(&w, '}');
	if (rc == 0 && b.failed)
		rc = cps_fail(err, ENOMEM, "options");
	if (rc == 0)
		rc = cps_json_parse(ctx->arena, b.data, b.len, &members, err);
	if (rc == 0)
		rc = checkpoint(ctx, sup_name_id(ctx, args.v[0]), members, err);
	return cps_wrap(err, rc, "checkpoint %.64s", args.v[0]);
}

const struct sup_command sup_cmd_checkpoint = {
	.name = "checkpoint",
	.usage = "[OPTION]... ID",
	.summary = "Writes a running container down in files, by CRIU; then it ends",
	.order = CPS_OPT_ANYWHERE,
	.run = run,
};
