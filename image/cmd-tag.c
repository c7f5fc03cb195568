/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capsule image tag: one more name for an image. A name that another image had is taken from it.
 */
#include <config.h>

#include "command.h"

#include <sys/file.h>

#include "image.h"
#include "own.h"

static int run(struct img_ctx *ctx, const struct img_command *self, int argc, char **argv,
	       struct cps_err *err)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	cleanup_args struct img_args args = { 0 };
	cleanup_sto struct sto s = STO_INIT;
	cleanup_fd int lock = -1;
	struct sto_image image;
	char name[STO_NAME_SIZE];
	const struct cps_opt table[] = { { 0 } };
	int rc = img_args_parse(ctx, self, table, argc, argv, 2, 2, &args, err);

	if (rc < 0 || args.done)
		return rc;
	rc = sto_name_normalise(args.v[1], name, err);
	if (rc == 0) {
		lock = sto_images_open(ctx->data_root, true, LOCK_SH, &s, err);
		rc = lock;
	}
	if (rc < 0)
		return cps_wrap(err, rc, "tag");
	rc = sto_image_find(&s, args.v[0], &a, &image, err);
	if (rc == 0)
		rc = sto_image_name(&s, name, image.manifest, err);
	return cps_wrap(err, rc, "tag");
}

const struct img_command img_cmd_tag = {
	.name = "tag",
	.usage = "IMAGE NAME",
	.summary = "Gives an image one more name",
	.run = run,
};
