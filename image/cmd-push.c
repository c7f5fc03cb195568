/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capsule image push: an image to a registry.
 */
#include <config.h>

#include "command.h"

#include <stdio.h>
#include <string.h>
#include <sys/file.h>

#include "image.h"
#include "own.h"
#include "push.h"

/* Another repository of the registry, which will have most of it: where the image came from. */
static const char *neighbour(struct cps_arena *a, const struct sto_image *image,
			     const struct sto_ref *to)
{
	struct sto_ref from;
	struct cps_err ignored;

	if (!image->name || sto_ref_parse(image->name, &from, &ignored) < 0 ||
	    strcmp(from.domain, to->domain) != 0 || strcmp(from.path, to->path) == 0)
		return NULL;
	return cps_arena_strdup(a, from.path);
}

static int push(const struct img_ctx *ctx, const struct img_registry_options *o, const char *name,
		const char *to, struct cps_err *err)
{
	cleanup_registry struct img_registry r = IMG_REGISTRY_INIT;
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	cleanup_progress struct img_progress p = { 0 };
	cleanup_sto struct sto s = STO_INIT;
	cleanup_fd int lock = -1;
	struct sto_image image;
	struct sto_ref ref;
	int rc;

	rc = sto_ref_parse(to, &ref, err);
	if (rc < 0)
		return rc;
	lock = sto_images_open(ctx->data_root, false, LOCK_SH, &s, err);
	if (lock < 0)
		return lock;
	rc = sto_image_find(&s, name, &a, &image, err);
	if (rc < 0)
		return rc;
	rc = img_registry_open(&ref, o, neighbour(&a, &image, &ref), &r, err);
	img_progress_begin(&p, name, 0);
	if (rc == 0)
		rc = img_push(&r, &s, &image, &p, err);
	img_progress_end(&p);
	if (rc == 0)
		puts(image.manifest);
	return rc;
}

static int run(struct img_ctx *ctx, const struct img_command *self, int argc, char **argv,
	       struct cps_err *err)
{
	cleanup_args struct img_args args = { 0 };
	struct img_registry_options o = { .verify = true, .push = true };
	const struct cps_opt table[] = {
		{ "tls-verify", 0, CPS_OPT_FLAG, &o.verify, NULL,
		  "check certificates (default); false: also plain http" },
		{ "creds", 0, CPS_OPT_STR, &o.creds, "USER:PASS",
		  "who we are (default: what docker or podman login has kept)" },
		{ 0 },
	};
	const char *to;
	int rc = img_args_parse(ctx, self, table, argc, argv, 1, 2, &args, err);

	if (rc < 0 || args.done)
		return rc;
	to = args.n == 2 ? args.v[1] : args.v[0];
	rc = push(ctx, &o, args.v[0], to, err);
	return cps_wrap(err, rc, "push '%s'", to);
}

const struct img_command img_cmd_push = {
	.name = "push",
	.usage = "[OPTION]... NAME [REFERENCE]",
	.summary = "Sends an image to a registry",
	.run = run,
};
