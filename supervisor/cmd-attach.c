/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capsule attach: one more pair of eyes, and hands, on a container that runs already. Our signals
 * are our own: they end the attachment, not the container.
 */
#include <config.h>

#include <errno.h>
#include <stdio.h>

#include "adopt.h"
#include "client.h"
#include "command.h"
#include "foreground.h"
#include "name.h"
#include "own.h"

static int attach(struct sup_ctx *ctx, const char *id, const char *exec, bool with_stdin,
		  int *ret_code, struct cps_err *err)
{
	cleanup_client struct sup_client client = SUP_CLIENT_INIT;
	cleanup_foreground struct sup_foreground fg = SUP_FOREGROUND_INIT;
	cleanup_fd int signal_fd = -1;
	struct sup_container c;
	char what[80];
	int rc = sup_connect(ctx, id, &c, &client, err);

	if (rc < 0)
		return rc;
	if (!exec && c.status == SUP_STATUS_STOPPED)
		return cps_failx(err, EBUSY, "the container is stopped");
	(void)snprintf(what, sizeof(what), "attach %.64s", id);
	fg.ctx = ctx;
	fg.what = what;
	fg.client = &client;
	fg.exec = exec;
	fg.may_detach = true;
	fg.only_watching = true;
	fg.signal_fd = signal_fd = sup_signals_block(err);
	if (signal_fd < 0)
		return signal_fd;
	rc = sup_foreground_attach(&fg, with_stdin, "drop", err);
	if (rc == 0)
		rc = sup_foreground_run(&fg, ret_code, err);
	return rc == 0 && *ret_code < 0 ? sup_exit_unknown(ctx, err) : rc;
}

static int run(struct sup_ctx *ctx, const struct sup_command *self, int argc, char **argv,
	       struct cps_err *err)
{
	cleanup_args struct sup_args args = { 0 };
	const char *exec = NULL;
	bool no_stdin = false;
	int rc, code = 0;
	const struct cps_opt table[] = {
		{ "no-stdin", 0, CPS_OPT_FLAG, &no_stdin, NULL,
		  "watch only: its standard input is left alone" },
		{ "exec", 0, CPS_OPT_STR, &exec, "JOB", "to a job that `exec -d` started" },
		{ 0 },
	};

	rc = sup_args_parse(self, table, argc, argv, 1, 1, &args, err);
	if (rc < 0 || args.done)
		return rc;
	rc = attach(ctx, sup_name_id(ctx, args.v[0]), exec, !no_stdin, &code, err);
	return rc < 0 ? cps_wrap(err, rc, "attach %.64s", args.v[0]) : code;
}

const struct sup_command sup_cmd_attach = {
	.name = "attach",
	.usage = "[--no-stdin] [-exec JOB] ID",
	.summary = "Connects this terminal to a running container; ctrl-p ctrl-q leaves it",
	.order = CPS_OPT_ANYWHERE,
	.run = run,
};
