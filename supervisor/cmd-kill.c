/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capsule kill: a signal to a container's first process, to all of them, or to a job.
 */
#include <config.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>

#include "adopt.h"
#include "client.h"
#include "command.h"
#include "name.h"
#include "proc.h"
#include "proto.h"
#include "runtime-run.h"

/* The runtime needs no shim for it. */
static int kill_by_runtime(struct sup_ctx *ctx, const char *id, int signal, bool all,
			   struct cps_err *err)
{
	char number[16];
	const char *args[] = { "kill", all ? "--all" : id, all ? id : number, all ? number : NULL,
			       NULL };

	(void)snprintf(number, sizeof(number), "%d", signal);
	return sup_runtime_run(ctx, args, NULL, err);
}

struct kill {
	int signal;
	bool all;
	const char *exec;
};

static void request_write(struct sup_request *r, const void *arg)
{
	const struct kill *k = arg;

	cps_jsonw_i64(&r->w, "signal", k->signal);
	if (k->all)
		cps_jsonw_bool(&r->w, "all", true);
	if (k->exec)
		cps_jsonw_str(&r->w, "exec", k->exec);
}

/* Does it take no shim? Not while one lives that has not answered, and not where there is nothing
 * to kill. */
static bool is_for_runtime(const struct kill *k, const struct sup_container *c)
{
	if (!c->id || c->shim_alive || c->other_boot || k->exec)
		return false;
	return k->all || c->status != SUP_STATUS_STOPPED;
}

static int kill_container(struct sup_ctx *ctx, const char *id, const struct kill *k,
			  struct cps_err *err)
{
	cleanup_client struct sup_client client = SUP_CLIENT_INIT;
	struct sup_container c = { 0 };
	char what[80];
	/* should a shim die over it, the signal is sent again: twice is better than never */
	const struct sup_question q = { what, CPS_OP_KILL, request_write, k, SUP_REPLY_MS };
	int rc;

	(void)snprintf(what, sizeof(what), "kill %.64s", id);
	rc = sup_connect(ctx, id, &c, &client, err);
	if (rc == 0)
		rc = sup_ask(ctx, &q, &c, &client, NULL, err);
	if (rc < 0 && client.sock < 0 && is_for_runtime(k, &c))
		return kill_by_runtime(ctx, id, k->signal, k->all, err);
	return rc;
}

static int run(struct sup_ctx *ctx, const struct sup_command *self, int argc, char **argv,
	       struct cps_err *err)
{
	cleanup_args struct sup_args args = { 0 };
	struct kill k = { .signal = SIGTERM };
	const struct cps_opt table[] = {
		{ "all", 'a', CPS_OPT_FLAG, &k.all, NULL,
		  "to every process of the container, by its cgroup" },
		{ "exec", 0, CPS_OPT_STR, &k.exec, "JOB", "to a job that `exec -d` started" },
		{ 0 },
	};
	int rc = sup_args_parse(self, table, argc, argv, 1, 2, &args, err);

	if (rc < 0 || args.done)
		return rc;
	if (args.n == 2 && cps_signal_parse(args.v[1], &k.signal) < 0)
		return cps_failx(err, EINVAL, "kill %.64s: no such signal: '%.40s'", args.v[0],
				 args.v[1]);
	if (k.all && k.exec)
		return cps_failx(err, EINVAL, "kill %.64s: --all and -exec exclude each other",
				 args.v[0]);
	rc = kill_container(ctx, sup_name_id(ctx, args.v[0]), &k, err);
	return cps_wrap(err, rc, "kill %.64s", args.v[0]);
}

const struct sup_command sup_cmd_kill = {
	.name = "kill",
	.usage = "[--all] [-exec JOB] ID [SIGNAL]",
	.summary = "Sends a signal (SIGTERM) to a container or a job",
	.order = CPS_OPT_ANYWHERE,
	.run = run,
};
