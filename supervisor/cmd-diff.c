/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capsule diff: what a container has changed of its image.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "container-root.h"
#include "container.h"
#include "diff.h"
#include "json.h"
#include "list.h"
#include "name.h"
#include "own.h"

static int print_line(void *arg, enum sto_change change, const char *path, struct cps_err *err)
{
	struct cps_buf *b = arg;

	b->len = 0;
	cps_buf_printf(b, "%c ", (char)change);
	cps_buf_add_plain(b, path, strlen(path));
	if (b->failed)
		return cps_fail(err, ENOMEM, "print");
	puts(b->data);
	return 0;
}

static int add_json(void *arg, enum sto_change change, const char *path, struct cps_err *err)
{
	const char letter[2] = { (char)change, '\0' };
	struct cps_jsonw *w = arg;

	cps_jsonw_open(w, NULL, '{');
	cps_jsonw_str(w, "change", letter);
	cps_jsonw_str(w, "path", path);
	cps_jsonw_close(w, '}');
	return w->buf->failed ? cps_fail(err, ENOMEM, "print") : 0;
}

static int print(int upper, int image, enum sup_list_format format, struct cps_err *err)
{
	cleanup_buf struct cps_buf b = CPS_BUF_INIT;
	struct cps_jsonw w;
	int rc;

	if (format != SUP_LIST_JSON)
		return sto_diff(upper, image, print_line, &b, err);
	cps_jsonw_init(&w, &b, true);
	cps_jsonw_open(&w, NULL, '[');
	rc = sto_diff(upper, image, add_json, &w, err);
	cps_jsonw_close(&w, ']');
	if (rc == 0 && b.failed)
		rc = cps_fail(err, ENOMEM, "print");
	if (rc == 0)
		puts(b.data);
	return rc;
}

static int diff(const struct sup_ctx *ctx, const char *id, enum sup_list_format format,
		struct cps_err *err)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	cleanup_sto struct sto s = STO_INIT;
	cleanup_fd int dir = -1, upper = -1, image = -1;
	struct sto_record r;
	int rc = sto_open(ctx->data_root, false, &s, err);

	if (rc == 0)
		rc = dir = sto_container_open(&s, id, err);
	if (rc >= 0)
		rc = sto_record_read(dir, &a, &r, err);
	if (rc == -ENOENT)
		return cps_failx(err, ENOENT, "no container '%.64s' of an image", id);
	if (rc < 0)
		return rc;
	upper = openat(dir, STO_CONTAINER_UPPER, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (upper < 0)
		return cps_fail(err, errno, "its writable layer");
	image = sup_container_image_open(&s, dir, &r, err);
	return image < 0 ? image : print(upper, image, format, err);
}

static int run(struct sup_ctx *ctx, const struct sup_command *self, int argc, char **argv,
	       struct cps_err *err)
{
	cleanup_args struct sup_args args = { 0 };
	enum sup_list_format format;
	int rc = sup_list_args_parse(self, argc, argv, 1, 1, &args, &format, err);

	if (rc < 0 || args.done)
		return rc;
	rc = diff(ctx, sup_name_id(ctx, args.v[0]), format, err);
	return cps_wrap(err, rc, "diff");
}

const struct sup_command sup_cmd_diff = {
	.name = "diff",
	.usage = "[--format table|json] ID",
	.summary = "Tells which files a container has added, changed, deleted",
	.order = CPS_OPT_ANYWHERE,
	.run = run,
};
