/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capsule image delete: takes names away, and what nothing leads to then.
 */
#include <config.h>

#include "command.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>

#include "gc.h"
#include "image.h"
#include "own.h"

/* How many names does the image have? */
static int names_count(const struct sto *s, const char *id, struct cps_arena *a, unsigned *ret,
		       struct cps_err *err)
{
	const char *const *names = NULL;
	size_t n = 0;
	int rc = sto_image_names(s, a, &names, &n, err);

	*ret = 0;
	for (size_t i = 0; rc == 0 && i < n; i++) {
		struct sto_image image = { 0 };
		struct cps_err ignored;

		if (sto_image_load(s, names[i], a, &image, &ignored) == 0 &&
		    strcmp(image.id, id) == 0)
			++*ret;
	}
	return rc;
}

static int unused_check(const struct sto *s, const struct sto_image *image, struct cps_arena *a,
			struct cps_err *err)
{
	const char *user = NULL;
	int rc = img_user_of(s, image->id, a, &user, err);

	if (rc == 0 && user)
		rc = cps_failx(err, EBUSY,
			       "container '%s' is made of it; -f deletes it all the same", user);
	return rc;
}

/* Its last name goes, and it stays. */
static void in_use_tell(const struct sto *s, const struct sto_image *image, struct cps_arena *a)
{
	const char *user = NULL;
	struct cps_err ignored;

	if (img_user_of(s, image->id, a, &user, &ignored) == 0 && user)
		fprintf(stderr,
			"capsule: %s: container '%s' is made of it: its layers and blobs stay "
			"until "
			"that is deleted, and go with `image prune`\n",
			image->name, user);
}

/* Every name of the image of this id. */
static int unname_all(const struct sto *s, const char *id, struct cps_arena *a, struct cps_err *err)
{
	const char *const *names = NULL;
	size_t n = 0;
	int rc = sto_image_names(s, a, &names, &n, err);

	for (size_t i = 0; rc == 0 && i < n; i++) {
		struct sto_image image = { 0 };
		struct cps_err ignored;

		if (sto_image_load(s, names[i], a, &image, &ignored) == 0 &&
		    strcmp(image.id, id) == 0) {
			rc = sto_image_unname(s, names[i], err);
			if (rc == 0)
				puts(names[i]);
		}
	}
	return rc;
}

static int delete_one(const struct sto *s, const char *text, bool force, struct cps_err *err)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	struct sto_image image = { 0 };
	char name[STO_NAME_SIZE];
	struct cps_err ignored;
	unsigned names = 0;
	bool by_name;
	int rc = sto_image_find(s, text, &a, &image, err);

	by_name = sto_name_normalise(text, name, &ignored) == 0 &&
		  (rc < 0 || strcmp(image.name, name) == 0);
	if (rc < 0 && (rc == -ENOENT || !force || !by_name))
		return rc; /* one that is damaged goes if it must */
	if (rc == 0)
		rc = names_count(s, image.id, &a, &names, err);
	if (rc == 0 && !force && (names == 1 || !by_name))
		rc = unused_check(s, &image, &a, err);
	if (rc == 0 && !by_name && names > 1 && !force)
		rc = cps_failx(err, EBUSY, "it has %u names; -f takes all of them", names);
	if (image.id && rc < 0)
		return rc;
	if (image.id && force && (names == 1 || !by_name))
		in_use_tell(s, &image, &a);
	if (!by_name && image.id)
		return unname_all(s, image.id, &a, err);
	rc = sto_image_unname(s, name, err);
	if (rc == 0)
		puts(name);
	return rc;
}

static int run(struct img_ctx *ctx, const struct img_command *self, int argc, char **argv,
	       struct cps_err *err)
{
	cleanup_args struct img_args args = { 0 };
	cleanup_sto struct sto s = STO_INIT;
	cleanup_fd int lock = -1;
	struct img_gc gc = { 0 };
	bool force = false;
	const struct cps_opt table[] = {
		{ "force", 'f', CPS_OPT_FLAG, &force, NULL,
		  "also one that is damaged, has more names, or that a container is made of" },
		{ 0 },
	};
	int rc = img_args_parse(ctx, self, table, argc, argv, 1, -1, &args, err);

	if (rc < 0 || args.done)
		return rc;
	lock = sto_images_open(ctx->data_root, true, LOCK_EX, &s, err);
	if (lock < 0)
		return lock;
	for (int i = 0; rc == 0 && i < args.n; i++)
		rc = cps_wrap(err, delete_one(&s, args.v[i], force, err), "delete '%.80s'",
			      args.v[i]);
	if (rc == 0)
		rc = cps_wrap(err, img_gc(&s, &gc, err), "delete: what nothing needs any more");
	return rc;
}

const struct img_command img_cmd_delete = {
	.name = "delete",
	.usage = "[-f] IMAGE...",
	.summary = "Deletes images",
	.run = run,
};
