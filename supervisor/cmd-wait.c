/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capsule wait: until containers (or a job) have ended; prints their exit codes, a line each.
 */
#include <config.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>

#include "client.h"
#include "command.h"
#include "own.h"
#include "proc.h"
#include "proto.h"

/* The shim is dead, so nobody knows more than the files. */
static int wait_by_files(const struct sup_container *c, int *ret_code, struct cps_err *err)
{
	cleanup_fd int pidfd = -1;
	struct pollfd p = { .events = POLLIN };

	if (c->exit_json) {
		*ret_code = sup_exit_object_code(c->exit_json);
		if (*ret_code >= 0)
			return 0;
	} else if (c->init.pid) {
		pidfd = cps_pidfd_open_verified(c->init.pid, c->init.start_time);
		p.fd = pidfd;
		if (pidfd >= 0)
			(void)poll(&p, 1, -1);
	}
	return cps_failx(err, ECHILD, "its shim has died, so its exit status is not known");
}

static int wait_one(struct sup_ctx *ctx, const char *id, void *arg, struct cps_err *err)
{
	cleanup_client struct sup_client client = SUP_CLIENT_INIT;
	cleanup_request struct sup_request r = { 0 };
	const struct cps_json *exit = NULL;
	const char *exec = arg;
	struct sup_container c;
	int rc = sup_connect(ctx->root, id, &c, &client, err);
	int code = -1;

	if (rc == -ECONNREFUSED && !exec) {
		rc = wait_by_files(&c, &code, err);
	} else if (rc == 0) {
		sup_request_open(&r, CPS_OP_WAIT);
		if (exec)
			cps_jsonw_str(&r.w, "exec", exec);
		rc = sup_client_call(&client, &r, SUP_NO_TIMEOUT, NULL, &exit, err);
		code = rc == 0 ? sup_exit_object_code(exit) : -1;
		if (rc == 0 && code < 0)
			rc = cps_failx(err, ECHILD, "its exit status is not known");
	}
	if (rc == 0) {
		printf("%d\n", code);
		(void)fflush(stdout); /* each as it comes */
	}
	return rc;
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
