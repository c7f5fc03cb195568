/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The `start` request, alone or between attaching and waiting.
 */
#include <config.h>

#include "start.h"

#include <errno.h>
#include <fcntl.h>

#include "adopt.h"
#include "foreground.h"
#include "own.h"
#include "proto.h"

/* fg: passes signals on while its hooks run. */
static int start_call(struct sup_client *client, struct sup_foreground *fg, struct cps_err *err)
{
	cleanup_request struct sup_request r = { 0 };
	uint32_t id = 0;
	int rc;

	sup_request_open(&r, CPS_OP_START);
	rc = sup_client_send(client, &r, &id, err);
	if (rc < 0)
		return rc;
	client->interrupt = fg->signal_fd;
	while ((rc = sup_client_reply(client, id, SUP_NO_TIMEOUT, NULL, NULL, err)) == -EINTR)
		sup_foreground_signals(fg);
	client->interrupt = -1;
	return rc;
}

/* The shim may die before, while, or after it starts the container; the gate tells the next one.
 * If there is none any more, because the container is over, client->sock is -1, and *ret_code is
 * its exit code where one was asked for. */
static int start(struct sup_ctx *ctx, struct sup_foreground *fg, int *ret_code, struct cps_err *err)
{
	struct sup_container c = { 0 };
	int rc;

	for (;;) {
		rc = start_call(fg->client, fg, err);
		if (!sup_client_is_gone(fg->client, rc))
			break;
		if (fg->flow) {
			rc = sup_foreground_again(fg, fg->in >= 0, rc, ret_code, err);
		} else {
			rc = sup_reconnect(ctx, fg->what, rc, &fg->patience, &c, fg->client, err);
			fg->status = c.status;
			if (rc < 0 && c.id && c.status == SUP_STATUS_STOPPED)
				return 0;
		}
		if (rc < 0 || fg->status != SUP_STATUS_CREATED)
			return rc;
	}
	if (rc < 0)
		ctx->exit_code = sup_client_exit_code(fg->client, err);
	return rc;
}

/* Attaches an input that has ended already: the end of the last attached one is the container's. */
static int stdin_end(struct sup_client *client, struct cps_err *err)
{
	cleanup_request struct sup_request r = { 0 };
	cleanup_fd int in = -1;
	int pair[2];

	if (pipe2(pair, O_CLOEXEC) < 0)
		return cps_fail(err, errno, "make a pipe");
	in = pair[0];
	(void)close(pair[1]);
	sup_request_open(&r, CPS_OP_ATTACH);
	cps_jsonw_str(&r.w, "flow", "drop");
	sup_request_fd(&r, "stdin", in);
	return cps_wrap(err, sup_client_call(client, &r, SUP_HELLO_MS, NULL, NULL, err),
			"end its stdin");
}

int sup_start_detached(struct sup_ctx *ctx, const char *what, struct sup_client *client,
		       bool close_stdin, struct cps_err *err)
{
	cleanup_foreground struct sup_foreground fg = SUP_FOREGROUND_INIT;
	struct cps_err ignored;
	int rc, code;

	fg.ctx = ctx;
	fg.what = what;
	fg.client = client;
	rc = start(ctx, &fg, &code, err);
	if (rc == 0 && close_stdin && client->sock >= 0)
		(void)stdin_end(client, &ignored); /* it fails if the container is over already */
	return rc;
}

int sup_start_foreground(struct sup_ctx *ctx, const char *what, struct sup_client *client,
			 int signal_fd, bool with_stdin, int *ret_code, struct cps_err *err)
{
	cleanup_foreground struct sup_foreground fg = SUP_FOREGROUND_INIT;
	int rc;

	fg.ctx = ctx;
	fg.what = what;
	fg.client = client;
	fg.may_detach = true;
	fg.signal_fd = signal_fd;
	/* attached before it starts, so that nothing of it is missed */
	rc = sup_foreground_attach(&fg, with_stdin, "wait", err);
	if (rc == 0)
		rc = start(ctx, &fg, ret_code, err);
	if (rc == 0 && client->sock >= 0)
		rc = sup_foreground_run(&fg, ret_code, err);
	return rc;
}
