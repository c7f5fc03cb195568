/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capsule wait: until containers (or a job) have ended; prints their exit codes, a line each.
 */
#include <config.h>

#include <errno.h>
#include <stdio.h>

#include "adopt.h"
#include "client.h"
#include "command.h"
#include "jobs.h"
#include "own.h"
#include "proto.h"

static void request_write(struct sup_request *r, const void *exec)
{
	if (exec)
		cps_jsonw_str(&r->w, "exec", exec);
}

/* It has ended and has no shim any more: what is on record. */
static int record_find(const struct sup_ctx *ctx, const struct sup_container *c, const char *exec,
		       struct cps_arena *a, const struct cps_json **ret_exit, struct cps_err *err)
{
	cleanup_fd int rootfd = -1;

	if (!exec) {
		*ret_exit = c->exit_json;
		return 0;
	}
	rootfd = sup_store_open(ctx->root, err);
	return rootfd < 0 ? rootfd : sup_job_exit(rootfd, c->id, exec, a, ret_exit, err);
}

static int wait_one(struct sup_ctx *ctx, const char *id, void *arg, struct cps_err *err)
{
	cleanup_client struct sup_client client = SUP_CLIENT_INIT;
	const struct cps_json *exit = NULL;
	struct sup_container c = { 0 };
	char what[80];
	const struct sup_question q = { what, CPS_OP_WAIT, request_write, arg, SUP_NO_TIMEOUT };
	int rc, code;

	ctx->exit_code = SUP_EXIT_FAILURE;
	(void)snprintf(what, sizeof(what), "wait %.64s", id);
	rc = sup_connect(ctx, id, &c, &client, err);
	if (rc == 0)
		rc = sup_ask(ctx, &q, &c, &client, &exit, err);
	if (rc < 0 && client.sock < 0 && c.id && c.status == SUP_STATUS_STOPPED)
		rc = record_find(ctx, &c, arg, &client.arena, &exit, err);
	if (rc < 0)
		return rc;
	code = sup_exit_object_code(exit);
	if (code < 0)
		puts("unknown");
	else
		printf("%d\n", code);
	(void)fflush(stdout); /* each as it comes */
	return code < 0 ? sup_exit_unknown(ctx, err) : 0;
}

static int run(struct sup_ctx *ctx, const struct sup_command *self, int argc, char **argv,
	       struct cps_err *err)
{
	cleanup_args struct sup_args args = { 0 };
	const char *exec = NULL;
	const struct cps_opt table[] = {
		{ "exec", 0, CPS_OPT_STR, &exec, "JOB", "for a job that `exec -d` started" },
		{ 0 },
	};
	int rc = sup_args_parse(self, table, argc, argv, 1, -1, &args, err);

	if (rc < 0 || args.done)
		return rc;
	if (exec && args.n != 1)
		return cps_failx(err, EINVAL, "wait: -exec goes with one container");
	return sup_args_each(ctx, &args, "wait", wait_one, (void *)exec, err);
}

const struct sup_command sup_cmd_wait = {
	.name = "wait",
	.usage = "[-exec JOB] ID...",
	.summary = "Waits until containers or a job have ended and prints their exit codes",
	.order = CPS_OPT_ANYWHERE,
	.run = run,
};
