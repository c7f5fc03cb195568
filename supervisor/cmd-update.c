/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capsule update: other limits for containers, in the words of `image run`.
 */
#include <config.h>

#include <errno.h>
#include <stdio.h>

#include "adopt.h"
#include "command.h"
#include "file.h"
#include "own.h"
#include "run-options.h"
#include "run-plan.h"
#include "runtime-run.h"
#include "store.h"

/* The runtime does it: a shim knows of no limits. */
static int update_one(struct sup_ctx *ctx, const char *id, void *arg, struct cps_err *err)
{
	const struct cps_buf *document = arg; /* linux.resources */
	const char *const args[] = { "update", "--resources", "-", id, NULL };
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	cleanup_buf struct cps_buf warnings = CPS_BUF_INIT;
	cleanup_fd int rootfd = -1;
	cleanup_fd int in = -1;
	struct sup_container c;
	int rc = sup_container_open(ctx->root, id, &a, &rootfd, &c, err);

	if (rc < 0)
		return rc;
	if (!sup_has_process(&c))
		return cps_failx(err, ESRCH, "the container is %s", sup_status_name(c.status));
	in = cps_memfd_sealed("resources", document->data, document->len, err);
	if (in < 0)
		return in;
	rc = sup_runtime_run_io(ctx, args, in, -1, &warnings, err);
	if (rc == 0 && warnings.len)
		fprintf(stderr, "capsule: update %.64s: %s", id, warnings.data);
	return rc;
}

static bool is_any_given(const struct cps_opt *table)
{
	for (; table->name; table++)
		if (*(const char **)table->value)
			return true;
	return false;
}

static int run(struct sup_ctx *ctx, const struct sup_command *self, int argc, char **argv,
	       struct cps_err *err)
{
	cleanup_args struct sup_args args = { 0 };
	cleanup_buf struct cps_buf document = CPS_BUF_INIT;
	struct cps_opt table[SUP_LIMIT_OPTIONS + 1] = { 0 };
	struct sup_run limits = { 0 };
	struct cps_jsonw w;
	int rc;

	(void)sup_limit_rows(&limits, table);
	rc = sup_args_parse(self, table, argc, argv, 1, -1, &args, err);
	if (rc < 0 || args.done)
		return rc;
	if (!is_any_given(table))
		return cps_failx(err, EINVAL,
				 "update: no limit is given; see capsule update --help");
	cps_jsonw_init(&w, &document, false);
	rc = sup_spec_update(&limits, &w, err);
	if (rc == 0 && document.failed)
		rc = cps_fail(err, ENOMEM, "limits");
	if (rc < 0)
		return cps_wrap(err, rc, "update");
	return sup_args_each(ctx, &args, "update", update_one, &document, err);
}

const struct sup_command sup_cmd_update = {
	.name = "update",
	.usage = "[OPTION]... ID...",
	.summary = "Changes limits of containers that run",
	.order = CPS_OPT_ANYWHERE,
	.run = run,
};
