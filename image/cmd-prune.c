/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capsule image prune: removes what nothing leads to, remains of imports that were cut short
 * included.
 */
#include <config.h>

#include "command.h"

#include <errno.h>
#include <stdio.h>
#include <sys/file.h>

#include "gc.h"
#include "image.h"
#include "own.h"

/* Names of images that no container is made of. */
static int unused_unname(const struct sto *s, struct cps_err *err)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	const char *const *names = NULL;
	size_t n = 0;
	int rc = sto_image_names(s, &a, &names, &n, err);

	for (size_t i = 0; rc == 0 && i < n; i++) {
		struct sto_image image = { 0 };
		const char *user = NULL;

		rc = sto_image_load(s, names[i], &a, &image, err);
		if (rc == 0)
			rc = img_user_of(s, image.id, &a, &user, err);
		if (rc == 0 && !user) {
			rc = sto_image_unname(s, names[i], err);
			if (rc == 0)
				puts(names[i]);
		}
	}
	return rc;
}

static int run(struct img_ctx *ctx, const struct img_command *self, int argc, char **argv,
	       struct cps_err *err)
{
	cleanup_args struct img_args args = { 0 };
	cleanup_sto struct sto s = STO_INIT;
	cleanup_fd int lock = -1;
	struct img_gc gc = { 0 };
	bool all = false;
	const struct cps_opt table[] = {
		{ "all", 'a', CPS_OPT_FLAG, &all, NULL,
		  "also images that no container is made of" },
		{ 0 },
	};
	int rc = img_args_parse(ctx, self, table, argc, argv, 0, 0, &args, err);

	if (rc < 0 || args.done)
		return rc;
	lock = sto_images_open(ctx->data_root, true, LOCK_EX, &s, err);
	if (lock < 0)
		return lock;
	if (all)
		rc = unused_unname(&s, err);
	if (rc == 0)
		rc = img_gc(&s, &gc, err);
	if (rc < 0)
		return cps_wrap(err, rc, "prune");
	printf("removed: %u layers, %u blobs, %u remains; %llu bytes\n", gc.layers, gc.blobs,
	       gc.partial, (unsigned long long)gc.bytes);
	return 0;
}

const struct img_command img_cmd_prune = {
	.name = "prune",
	.usage = "[-a]",
	.summary = "Removes layers and blobs that nothing needs",
	.run = run,
};
