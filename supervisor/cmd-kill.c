/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capsule kill: a signal to a container's first process, to all of them, or to a job.
 */
#include <config.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>

#include "client.h"
#include "command.h"
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

static int kill_container(struct sup_ctx *ctx, const char *id, int signal, bool all,
			  const char *exec, struct cps_err *err)
{
	cleanup_client struct sup_client client = SUP_CLIENT_INIT;
	cleanup_request struct sup_request r = { 0 };
	struct sup_container c = { 0 };
	int rc = sup_connect(ctx->root, id, &c, &client, err);

	if (rc == -ECONNREFUSED && !exec)
		return kill_by_runtime(ctx, id, signal, all, err);
	if (rc < 0)
		return rc;
	sup_request_open(&r, CPS_OP_KILL);
	cps_jsonw_i64(&r.w, "signal", signal);
	if (all)
		cps_jsonw_bool(&r.w, "all", true);
	if (exec)
		cps_jsonw_str(&r.w, "exec", exec);
	return sup_client_call(&client, &r, SUP_REPLY_MS, NULL, NULL, err);
}

static int run(struct sup_ctx *ctx, const struct sup_command *self, int argc, char **argv,
	       struct cps_err *err)
{
	cleanup_args struct sup_args args = { 0 };
	const char *exec = NULL;
	bool all = false;
	const struct cps_opt table[] = {
		{ "all", 'a', CPS_OPT_FLAG, &all, NULL,
		  "to every process of the container, by its cgroup" },
		{ "exec", 0, CPS_OPT_STR, &exec, "JOB", "to a job that `exec -d` started" },
		{ 0 },
	};
	int rc = sup_args_parse(self, table, argc, argv, 1, 2, &args, err);
	int signal = SIGTERM;

	if (rc < 0 || args.done)
		return rc;
	if (args.n == 2 && cps_signal_parse(args.v[1], &signal) < 0)
		return cps_failx(err, EINVAL, "kill %.64s: no such signal: '%.40s'", args.v[0],
				 args.v[1]);
	if (all && exec)
		return cps_failx(err, EINVAL, "kill %.64s: --all and -exec exclude each other",
				 args.v[0]);
	rc = kill_container(ctx, args.v[0], signal, all, exec, err);
	return cps_wrap(err, rc, "kill %.64s", args.v[0]);
}

const struct sup_command sup_cmd_kill = {
	.name = "kill",
	.usage = "[--all] [-exec JOB] ID [SIGNAL]",
	.summary = "Sends a signal (SIGTERM) to a container or a job",
	.order = CPS_OPT_ANYWHERE,
	.run = run,
};
