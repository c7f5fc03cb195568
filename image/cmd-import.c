/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capsule image import: images from an archive or a directory.
 */
#include <config.h>

#include "command.h"

#include <stdio.h>

#include "image.h"
#include "import.h"
#include "maker-lock.h"
#include "own.h"

static void print_name(const char *name)
{
	puts(name);
}

static int import(const struct img_ctx *ctx, const char *name, const char *path,
		  struct cps_err *err)
{
	cleanup_source struct img_source source = IMG_SOURCE_INIT;
	cleanup_progress struct img_progress progress = { 0 };
	cleanup_sto struct sto s = STO_INIT;
	cleanup_fd int lock = -1;
	struct img_import im = { &s, &source, &progress, name, print_name };
	int rc = sto_open(ctx->data_root, true, &s, err);

	if (rc < 0)
		return rc;
	lock = img_maker_lock(&s, err);
	if (lock < 0)
		return lock;
	img_progress_begin(&progress, name ? name : "import", 0);
	rc = img_source_open(&s, path, &source, err);
	if (rc == 0)
		rc = img_import(&im, err);
	return cps_wrap(err, rc, "%s", path);
}

static int run(struct img_ctx *ctx, const struct img_command *self, int argc, char **argv,
	       struct cps_err *err)
{
	cleanup_args struct img_args args = { 0 };
	char name[STO_NAME_SIZE];
	const struct cps_opt table[] = { { 0 } };
	int rc = img_args_parse(ctx, self, table, argc, argv, 1, 2, &args, err);

	if (rc < 0 || args.done)
		return rc;
	if (args.n == 2)
		rc = sto_name_normalise(args.v[0], name, err);
	if (rc == 0)
		rc = import(ctx, args.n == 2 ? name : NULL, args.v[args.n - 1], err);
	return cps_wrap(err, rc, "import");
}

const struct img_command img_cmd_import = {
	.name = "import",
	.usage = "[NAME] ARCHIVE|DIR|-",
	.summary = "Imports images: docker save's archives, OCI layouts",
	.run = run,
};
