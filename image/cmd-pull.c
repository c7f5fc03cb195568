/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capsule image pull: an image from a registry.
 */
#include <config.h>

#include "command.h"

#include <stdio.h>

#include "image.h"
#include "maker-lock.h"
#include "own.h"
#include "pull.h"

struct wish {
	struct img_registry_options registry;
	struct sto_platform platform;
	struct sto_ref ref;
	char name[STO_NAME_SIZE];
};

static int pull(const struct img_ctx *ctx, const struct wish *w, struct cps_err *err)
{
	cleanup_registry struct img_registry r = IMG_REGISTRY_INIT;
	cleanup_progress struct img_progress p = { 0 };
	cleanup_sto struct sto s = STO_INIT;
	cleanup_fd int lock = -1;
	int rc = sto_open(ctx->data_root, true, &s, err);

	if (rc == 0)
		rc = img_registry_open(&w->ref, &w->registry, NULL, &r, err);
	if (rc < 0)
		return rc;
	lock = img_maker_lock(&s, err);
	if (lock < 0)
		return lock;
	img_progress_begin(&p, w->name, 0);
	rc = img_pull(&r, &s, &w->platform, w->name, &p, err);
	img_progress_end(&p);
	if (rc == 0)
		puts(w->name);
	return rc;
}

static int run(struct img_ctx *ctx, const struct img_command *self, int argc, char **argv,
	       struct cps_err *err)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	cleanup_args struct img_args args = { 0 };
	struct wish w = { .registry = { .verify = true } };
	const char *platform = NULL;
	const struct cps_opt table[] = {
		{ "tls-verify", 0, CPS_OPT_FLAG, &w.registry.verify, NULL,
		  "check certificates (default); false: also plain http" },
		{ "creds", 0, CPS_OPT_STR, &w.registry.creds, "USER:PASS",
		  "who we are (default: what docker or podman login has kept)" },
		{ "platform", 0, CPS_OPT_STR, &platform, "OS/ARCH[/VARIANT]",
		  "whose image of several (default: this machine's)" },
		{ 0 },
	};
	int rc = img_args_parse(ctx, self, table, argc, argv, 1, 1, &args, err);

	if (rc < 0 || args.done)
		return rc;
	sto_platform_host(&w.platform);
	if (platform)
		rc = sto_platform_parse(&a, platform, &w.platform, err);
	if (rc == 0)
		rc = sto_ref_parse(args.v[0], &w.ref, err);
	if (rc < 0)
		return cps_wrap(err, rc, "pull");
	sto_ref_name(&w.ref, w.name);
	rc = pull(ctx, &w, err);
	return cps_wrap(err, rc, "pull '%s'", w.name);
}

const struct img_command img_cmd_pull = {
	.name = "pull",
	.usage = "[OPTION]... NAME",
	.summary = "Gets an image from a registry",
	.run = run,
};
