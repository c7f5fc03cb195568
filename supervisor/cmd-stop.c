/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capsule stop: the stop signal, and SIGKILL for all of the container if it does not end in time.
 */
#include <config.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>

#include "adopt.h"
#include "client.h"
#include "clock.h"
#include "command.h"
#include "own.h"
#include "proc.h"
#include "proto.h"
#include "runtime-run.h"

#define DEFAULT_TIMEOUT_MS 10000

struct stop {
	bool given; /* a timeout */
	int64_t timeout_ms;
};

/* As the shim would, by the runtime. */
static int stop_by_runtime(struct sup_ctx *ctx, const struct sup_container *c, int timeout_ms,
			   struct cps_err *err)
{
	const char *const ask[] = { "kill", c->id, "TERM", NULL };
	const char *const thaw[] = { "resume", c->id, NULL };
	const char *const end[] = { "kill", "--all", c->id, "KILL", NULL };
	cleanup_fd int pidfd = cps_pidfd_open_verified(c->init.pid, c->init.start_time);
	struct pollfd p = { .fd = pidfd, .events = POLLIN };
	int rc;

	if (pidfd < 0)
		return 0; /* it has stopped */
	rc = sup_runtime_run(ctx, ask, NULL, err);
	if (rc == 0 && c->status == SUP_STATUS_PAUSED)
		(void)sup_runtime_run(ctx, thaw, NULL, err); /* what is left does KILL */
	if (rc < 0 || poll(&p, 1, timeout_ms) == 1)
		return rc;
	rc = sup_runtime_run(ctx, end, NULL, err);
	if (rc == 0 && poll(&p, 1, SUP_REPLY_MS) != 1)
		return cps_failx(err, ETIMEDOUT, "it does not die");
	return rc;
}

static int64_t timeout_of(const struct stop *s, const struct sup_container *c)
{
	int64_t ms = DEFAULT_TIMEOUT_MS;
	struct cps_err ignored;

	if (s->given)
		return s->timeout_ms;
	(void)cps_json_i64(cps_json_get(c->shim_json, "stop_timeout_ms"), 0, INT32_MAX, &ms,
			   &ignored);
	return ms;
}

/* A stop that its shim has begun goes on under the next one, which knows when its time is up: then
 * only the end is waited for, and no second signal is sent. */
static bool is_begun(const struct sup_container *c)
{
	return cps_json_get(c->shim_json, "stop_at_ms") != NULL;
}

static int stop_ask(struct sup_ctx *ctx, const char *what, const struct stop *s,
		    struct sup_container *c, struct sup_client *client, struct cps_err *err)
{
	struct sup_patience patience = { 0 };
	int64_t timeout_ms = timeout_of(s, c);
	bool begun = false;
	int rc;

	do {
		cleanup_request struct sup_request r = { 0 };

		sup_request_open(&r, begun ? CPS_OP_WAIT : CPS_OP_STOP);
		if (s->given && !begun)
			cps_jsonw_i64(&r.w, "timeout_ms", s->timeout_ms);
		rc = sup_client_call(client, &r,
				     timeout_ms > INT32_MAX - SUP_REPLY_MS
					     ? SUP_NO_TIMEOUT
					     : (int)timeout_ms + SUP_REPLY_MS,
				     NULL, NULL, err);
		if (!sup_client_is_gone(client, rc))
			return rc;
		rc = sup_reconnect(ctx, what, rc, &patience, c, client, err);
		begun = is_begun(c);
	} while (rc == 0);
	return rc;
}

static int stop_one(struct sup_ctx *ctx, const char *id, void *arg, struct cps_err *err)
{
	cleanup_client struct sup_client client = SUP_CLIENT_INIT;
	const struct stop *s = arg;
	struct sup_container c = { 0 };
	char what[80];
	int rc;

	(void)snprintf(what, sizeof(what), "stop %.64s", id);
	rc = sup_connect(ctx, id, &c, &client, err);
	if (rc == 0)
		rc = stop_ask(ctx, what, s, &c, &client, err);
	if (rc == 0 || client.sock >= 0 || !c.id || c.shim_alive)
		return rc;
	if (c.status == SUP_STATUS_STOPPED)
		return 0;
	return stop_by_runtime(ctx, &c, (int)timeout_of(s, &c), err);
}

static int run(struct sup_ctx *ctx, const struct sup_command *self, int argc, char **argv,
	       struct cps_err *err)
{
	cleanup_args struct sup_args args = { 0 };
	const char *timeout = NULL;
	struct stop s = { 0 };
	const struct cps_opt table[] = {
		{ "time", 't', CPS_OPT_STR, &timeout, "SECONDS",
		  "how long to wait before SIGKILL (the container's --stop-timeout, else 10)" },
		{ 0 },
	};
	int rc = sup_args_parse(self, table, argc, argv, 1, -1, &args, err);

	if (rc < 0 || args.done)
		return rc;
	s.given = timeout != NULL;
	if (s.given && (cps_duration_parse(timeout, &s.timeout_ms) < 0 || s.timeout_ms > INT32_MAX))
		return cps_failx(err, EINVAL, "stop: -t: '%.40s' is no time", timeout);
	return sup_args_each(ctx, &args, "stop", stop_one, &s, err);
}

const struct sup_command sup_cmd_stop = {
	.name = "stop",
	.usage = "[-t SECONDS] ID...",
	.summary = "Asks containers to end, and kills those that do not",
	.order = CPS_OPT_ANYWHERE,
	.run = run,
};
