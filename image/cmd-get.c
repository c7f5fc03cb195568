/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capsule image get: all about an image, as JSON.
 */
#include <config.h>

#include "command.h"

#include <errno.h>
#include <stdio.h>

#include "image.h"
#include "json.h"
#include "own.h"

static int print_image(const struct sto_image *image, struct cps_arena *a, struct cps_err *err)
{
	cleanup_buf struct cps_buf buf = CPS_BUF_INIT;
	const struct cps_json *config = NULL;
	struct cps_jsonw w;
	int rc = cps_json_parse(a, image->config, image->config_len, &config, err);

	if (rc < 0)
		return rc;
	cps_jsonw_init(&w, &buf, true);
	cps_jsonw_open(&w, NULL, '{');
	cps_jsonw_str(&w, "name", image->name);
	cps_jsonw_str(&w, "id", image->id);
	cps_jsonw_str(&w, "manifest", image->manifest);
	cps_jsonw_str(&w, "created", image->created);
	cps_jsonw_u64(&w, "size", image->size_bytes);
	cps_jsonw_open(&w, "layers", '[');
	for (unsigned i = 0; i < image->nlayers; i++) {
		const struct sto_descriptor *d = &image->content.layers[i];

		cps_jsonw_open(&w, NULL, '{');
		cps_jsonw_str(&w, "diff_id", image->layers[i]);
		cps_jsonw_str(&w, "digest", d->digest);
		cps_jsonw_str(&w, "mediaType", d->media_type);
		cps_jsonw_u64(&w, "size", d->size);
		cps_jsonw_close(&w, '}');
	}
	cps_jsonw_close(&w, ']');
	cps_jsonw_node(&w, "config", config);
	cps_jsonw_close(&w, '}');
	if (buf.failed)
		return cps_fail(err, ENOMEM, "write");
	puts(buf.data);
	return 0;
}

static int run(struct img_ctx *ctx, const struct img_command *self, int argc, char **argv,
	       struct cps_err *err)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	cleanup_args struct img_args args = { 0 };
	cleanup_sto struct sto s = STO_INIT;
	struct sto_image image = { 0 };
	const struct cps_opt table[] = { { 0 } };
	int rc = img_args_parse(ctx, self, table, argc, argv, 1, 1, &args, err);

	if (rc < 0 || args.done)
		return rc;
	rc = sto_open(ctx->data_root, true, &s, err);
	if (rc == 0)
		rc = sto_image_find(&s, args.v[0], &a, &image, err);
	if (rc == 0)
		rc = print_image(&image, &a, err);
	return cps_wrap(err, rc, "get");
}

const struct img_command img_cmd_get = {
	.name = "get",
	.usage = "IMAGE",
	.summary = "Prints all about an image as JSON",
	.run = run,
};
