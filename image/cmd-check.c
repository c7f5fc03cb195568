/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capsule image check: is what the store has what it should be? Every blob is read.
 */
#include <config.h>

#include "command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>

#include "blob.h"
#include "file.h"
#include "gc.h"
#include "hash.h"
#include "image.h"
#include "layer.h"
#include "own.h"
#include "stream.h"

#define BLOBS STO_IMAGES "/blobs/sha256"

struct check {
	struct sto store;
	unsigned blobs, images, problems;
};

static void problem(struct check *c, const char *what, const char *text)
{
	img_print_line(stdout, what, text);
	c->problems++;
}

static int hash_file(int fd, char ret[STO_DIGEST_SIZE], struct cps_err *err)
{
	cleanup_hash struct img_hash hash = IMG_HASH_INIT;
	cleanup_free char *data = malloc(IMG_BLOCK);
	ssize_t n;
	int rc = img_hash_begin(&hash, err);

	if (rc < 0)
		return rc;
	if (!data)
		return cps_fail(err, ENOMEM, "read");
	while ((n = cps_read_full(fd, data, IMG_BLOCK)) > 0)
		img_hash_add(&hash, data, (size_t)n);
	if (n < 0)
		return cps_fail(err, (int)-n, "read");
	return img_hash_end(&hash, ret, err);
}

static void check_blob(struct check *c, const char *digest)
{
	char found[STO_DIGEST_SIZE];
	struct cps_err err = { 0 };
	cleanup_fd int fd = sto_blob_open(&c->store, digest, &err);
	int rc = fd < 0 ? fd : hash_file(fd, found, &err);

	if (rc == -ENOENT)
		return; /* deleted meanwhile */
	c->blobs++;
	if (rc < 0)
		problem(c, digest, err.msg);
	else if (strcmp(found, digest) != 0)
		problem(c, digest, "its content has another digest");
}

static int check_blobs(struct check *c, struct cps_err *err)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	const char **names = NULL;
	size_t n = 0;
	int rc = img_entries(&c->store, BLOBS, &a, &names, &n, err);

	for (size_t i = 0; rc == 0 && i < n; i++) {
		const char *digest = cps_arena_printf(&a, "sha256:%s", names[i]);

		if (digest && sto_is_digest(digest))
			check_blob(c, digest);
		else
			problem(c, names[i], "it is no blob's name");
	}
	return rc;
}

static void check_image(struct check *c, const char *name)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	struct sto_image image = { 0 };
	struct cps_err err;
	int rc = sto_image_load(&c->store, name, &a, &image, &err);

	c->images++;
	if (rc < 0) {
		problem(c, name, err.msg);
		return;
	}
	for (unsigned i = 0; i < image.nlayers; i++) {
		const struct sto_descriptor *d = &image.content.layers[i];

		if (!sto_blob_is_there(&c->store, d->digest, d->size)) {
			printf("%s: its blob %s is missing or cut off\n", name, d->digest);
			c->problems++;
		}
		if (!sto_layer_is_there(&c->store, image.layers[i])) {
			printf("%s: its layer %s is missing\n", name, image.layers[i]);
			c->problems++;
		}
	}
}

static int check_images(struct check *c, struct cps_err *err)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	const char *const *names = NULL;
	size_t n = 0;
	int rc = sto_image_names(&c->store, &a, &names, &n, err);

	for (size_t i = 0; rc == 0 && i < n; i++)
		check_image(c, names[i]);
	return rc;
}

static int run(struct img_ctx *ctx, const struct img_command *self, int argc, char **argv,
	       struct cps_err *err)
{
	cleanup_args struct img_args args = { 0 };
	struct check c = { .store = STO_INIT };
	cleanup_fd int lock = -1;
	const struct cps_opt table[] = { { 0 } };
	int rc = img_args_parse(ctx, self, table, argc, argv, 0, 0, &args, err);

	if (rc < 0 || args.done)
		return rc;
	rc = sto_open(ctx->data_root, false, &c.store, err);
	if (rc == 0) {
		lock = sto_images_lock(&c.store, LOCK_SH, err);
		rc = lock < 0 ? lock : check_blobs(&c, err);
		if (rc == 0)
			rc = check_images(&c, err);
	} else if (rc == -ENOENT) {
		rc = 0; /* nothing is kept yet */
	}
	sto_done(&c.store);
	if (rc < 0)
		return cps_wrap(err, rc, "check");
	printf("%u images, %u blobs, %u problems\n", c.images, c.blobs, c.problems);
	return c.problems ? 1 : 0;
}

const struct img_command img_cmd_check = {
	.name = "check",
	.usage = "",
	.summary = "Verifies all images; the exit status is 1 if something is wrong",
	.run = run,
};
