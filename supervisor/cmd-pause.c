/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capsule pause, resume: containers stand still, and go on.
 */
#include <config.h>

#include <errno.h>
#include <stdio.h>

#include "adopt.h"
#include "client.h"
#include "command.h"
#include "proto.h"
#include "runtime-run.h"

/* A shim of an older version does not know the word, and one that is missing cannot be asked: the
 * runtime needs none for it. */
static bool is_for_runtime(const struct sup_client *client, const struct sup_container *c, int rc)
{
	return rc == -ENOSYS || (client->sock < 0 && c->id && !c->shim_alive && !c->other_boot &&
				 sup_has_process(c));
}

/* Should a shim die over it, it is asked again, and may find it done. */
static int ask(struct sup_ctx *ctx, const char *op, const char *id, struct cps_err *err)
{
	cleanup_client struct sup_client client = SUP_CLIENT_INIT;
	const char *const args[] = { op, id, NULL };
	struct sup_container c = { 0 };
	char what[80];
	const struct sup_question q = { what, op, NULL, NULL, SUP_REPLY_MS };
	int rc;

	(void)snprintf(what, sizeof(what), "%s %.64s", op, id);
	rc = sup_connect(ctx, id, &c, &client, err);
	if (rc == 0)
		rc = sup_ask(ctx, &q, &c, &client, NULL, err);
	return rc < 0 && is_for_runtime(&client, &c, rc) ? sup_runtime_run(ctx, args, NULL, err)
							 : rc;
}

static int pause_one(struct sup_ctx *ctx, const char *id, void *arg, struct cps_err *err)
{
	(void)arg;
	return ask(ctx, CPS_OP_PAUSE, id, err);
}

static int resume_one(struct sup_ctx *ctx, const char *id, void *arg, struct cps_err *err)
{
	(void)arg;
	return ask(ctx, CPS_OP_RESUME, id, err);
}

static int run(struct sup_ctx *ctx, const struct sup_command *self, int argc, char **argv,
	       struct cps_err *err)
{
	return sup_run_each(ctx, self, argc, argv, self == &sup_cmd_pause ? pause_one : resume_one,
			    err);
}

const struct sup_command sup_cmd_pause = {
	.name = "pause",
	.usage = "ID...",
	.summary = "Stops all processes of containers where they are",
	.order = CPS_OPT_ANYWHERE,
	.run = run,
};

const struct sup_command sup_cmd_resume = {
	.name = "resume",
	.alias = "unpause",
	.usage = "ID...",
	.summary = "Lets the processes of paused containers go on",
	.order = CPS_OPT_ANYWHERE,
	.run = run,
};
