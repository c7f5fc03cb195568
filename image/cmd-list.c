/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capsule image list: the names there are, with the columns of the older tool, where ID is what an
 * image is called.
 */
#include <config.h>

#include "command.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "image.h"
#include "json.h"
#include "own.h"
#include "table.h"

#define SHORT_ID 12

enum form { FORM_TABLE, FORM_JSON, FORM_NAMES };

struct listing {
	enum form form;
	struct cps_table table;
	struct cps_buf buf;
	struct cps_jsonw w;
};

static void format_size(uint64_t bytes, char *buf, size_t size)
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB" };
	double value = (double)bytes;
	unsigned i = 0;

	for (; value >= 1000 && i + 1 < sizeof(units) / sizeof(units[0]); i++)
		value /= 1000;
	(void)snprintf(buf, size, i ? "%.1f%s" : "%.0f%s", value, units[i]);
}

static void add(struct listing *l, const struct sto_image *image)
{
	char size[24];

	switch (l->form) {
	case FORM_NAMES:
		puts(image->name);
		break;
	case FORM_TABLE:
		format_size(image->size_bytes, size, sizeof(size));
		cps_table_add(&l->table, image->name);
		cps_table_addf(&l->table, "%.*s", SHORT_ID,
			       sto_digest_hex(image->layers[image->nlayers - 1]));
		cps_table_add(&l->table, image->created);
		cps_table_add(&l->table, size);
		break;
	case FORM_JSON:
		cps_jsonw_open(&l->w, NULL, '{');
		cps_jsonw_str(&l->w, "name", image->name);
		cps_jsonw_str(&l->w, "id", image->id);
		cps_jsonw_str(&l->w, "manifest", image->manifest);
		cps_jsonw_nstrs(&l->w, "layers", image->layers, image->nlayers);
		cps_jsonw_str(&l->w, "created", image->created);
		cps_jsonw_u64(&l->w, "size", image->size_bytes);
		cps_jsonw_close(&l->w, '}');
		break;
	}
}

static void listing_open(struct listing *l)
{
	static const char *const heading[] = { "ID", "LAYER_ID", "CREATED", "SIZE" };
	const unsigned columns = sizeof(heading) / sizeof(heading[0]);

	cps_table_init(&l->table, columns);
	for (unsigned i = 0; i < columns; i++)
		cps_table_add(&l->table, heading[i]);
	cps_jsonw_init(&l->w, &l->buf, true);
	cps_jsonw_open(&l->w, NULL, '[');
}

static int listing_close(struct listing *l, struct cps_err *err)
{
	bool failed;

	cps_jsonw_close(&l->w, ']');
	failed = l->buf.failed;
	if (l->form == FORM_TABLE)
		cps_table_print(&l->table, stdout);
	else if (l->form == FORM_JSON && !failed)
		puts(l->buf.data);
	cps_table_done(&l->table);
	cps_buf_done(&l->buf);
	return failed ? cps_fail(err, ENOMEM, "list images") : 0;
}

static int list(const struct img_ctx *ctx, enum form form, struct cps_err *err)
{
	cleanup_arena struct cps_arena names_arena = CPS_ARENA_INIT;
	cleanup_sto struct sto s = STO_INIT;
	struct listing l = { .form = form };
	const char *const *names = NULL;
	size_t n = 0;
	int rc = sto_open(ctx->data_root, false, &s, err);

	if (rc == 0)
		rc = sto_image_names(&s, &names_arena, &names, &n, err);
	if (rc < 0 && rc != -ENOENT)
		return rc;
	listing_open(&l);
	for (size_t i = 0; i < n; i++) {
		cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
		struct sto_image image;
		struct cps_err why;

		rc = sto_image_load(&s, names[i], &a, &image, &why);
		if (rc == 0)
			add(&l, &image);
		else if (rc != -ENOENT) /* deleted meanwhile */
			img_print_line(stderr, "capsule: list", why.msg);
	}
	return listing_close(&l, err);
}

static int run(struct img_ctx *ctx, const struct img_command *self, int argc, char **argv,
	       struct cps_err *err)
{
	cleanup_args struct img_args args = { 0 };
	const char *format = "table";
	enum form form = FORM_TABLE;
	bool quiet = false;
	const struct cps_opt table[] = {
		{ "quiet", 'q', CPS_OPT_FLAG, &quiet, NULL, "names only" },
		{ "format", 0, CPS_OPT_STR, &format, "FORMAT", "table (default) or json" },
		{ 0 },
	};
	int rc = img_args_parse(ctx, self, table, argc, argv, 0, 0, &args, err);

	if (rc < 0 || args.done)
		return rc;
	if (strcmp(format, "json") == 0)
		form = FORM_JSON;
	else if (strcmp(format, "table") != 0)
		return cps_failx(err, EINVAL, "list: --format: '%.40s' is neither table nor json",
				 format);
	return list(ctx, quiet ? FORM_NAMES : form, err);
}

const struct img_command img_cmd_list = {
	.name = "list",
	.usage = "[-q] [--format table|json]",
	.summary = "Lists images",
	.run = run,
};
