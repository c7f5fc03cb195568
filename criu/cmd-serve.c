/* SPDX-License-Identifier: Apache-2.0 */
/*
 * serve: what a shim asks of capsule-runtime and takes CRIU (runtime/service.h). The runtime has
 * received the request, and passes it on in a socket.
 */
#include <config.h>

#include "commands.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "action.h"
#include "file.h"
#include "own.h"
#include "proto.h"
#include "restore.h"
#include "service.h"

/* -- options by name, as the command line has them ------------------------------------------ */

static int take_list(const struct cps_json *node, struct cps_opt_list *list, struct cps_err *err)
{
	int rc = cps_json_want(node, CPS_JSON_ARRAY, err);

	if (rc < 0)
		return rc;
	list->values = calloc(node->count + 1, sizeof(*list->values));
	if (!list->values)
		return cps_fail(err, ENOMEM, "options");
	for (const struct cps_json *n = node->first; n && rc == 0; n = n->next)
		rc = cps_json_str(n, &list->values[list->count++], err);
	return rc;
}

static int take_option(const struct cps_opt *row, const struct cps_json *node, struct cps_err *err)
{
	if (row->kind == CPS_OPT_FLAG)
		return cps_json_bool(node, row->value, err);
	if (row->kind == CPS_OPT_LIST)
		return take_list(node, row->value, err);
	return cps_json_str(node, row->value, err);
}

static int take_options(const struct rt_service *s, const struct cps_opt *rows, struct cps_err *err)
{
	const struct cps_json *options = cps_json_get(s->frame.body, "options");
	int rc = options ? cps_json_want(options, CPS_JSON_OBJECT, err)
			 : cps_failx(err, EINVAL, "the request lacks 'options'");

	for (const struct cps_json *n = rc == 0 ? options->first : NULL; n && rc == 0;
	     n = n->next) {
		const struct cps_opt *row = rows;

		while (row->name && strcmp(row->name, n->key) != 0)
			row++;
		rc = row->name ? take_option(row, n, err)
			       : cps_failx(err, EINVAL, "options: no such option: '%.64s'", n->key);
	}
	return rc;
}

/* Paths in it begin at /, as a shim is nowhere else. */
static int take_common(const struct rt_service *s, const struct criu_options *o,
		       const char **ret_program, struct cps_err *err)
{
	if (!o->image_path || o->image_path[0] != '/')
		return cps_failx(err, EINVAL, "options: 'image-path' must be absolute");
	return cps_json_get(s->frame.body, "criu") ? rt_service_str(s, "criu", ret_program, err)
						   : 0;
}

/* -- the operations ------------------------------------------------------------------------- */

static int serve_checkpoint(struct rt_service *s, struct cps_err *err)
{
	struct cps_opt rows[CRIU_CHECKPOINT_ROWS + 1] = { 0 };
	const char *program = NULL;
	struct criu_options o;
	int rc;

	(void)criu_checkpoint_rows(&o, rows);
	rc = take_options(s, rows, err);
	if (rc == 0)
		rc = take_common(s, &o, &program, err);
	if (rc == 0)
		rc = criu_checkpoint(s->req.root, s->req.id, program, true, &o, err);
	criu_options_done(&o);
	return rc;
}

/* CRIU gives the processes what it has itself, under the numbers that it has it. */
static int take_stdio(struct rt_service *s, struct cps_err *err)
{
	rt_service_stdio(s);
	for (int i = 0; i < CRIU_STDIO; i++) {
		if (s->req.stdio[i] >= 0 && dup2(s->req.stdio[i], i) < 0)
			return cps_fail(err, errno, "stdio");
		cps_close(&s->req.stdio[i]);
	}
	return 0;
}

static int restore(struct rt_service *s, struct criu_restore *r, struct cps_err *err)
{
	int rc = criu_images_open(&r->images, r->o->image_path, r->o->work_path, false,
				  r->ctx.arena, err);

	if (rc == 0)
		rc = rt_action_prepare(&r->ctx, err);
	if (rc == 0)
		rc = rt_steps_run(&criu_restore_table, &r->ctx, err);
	s->step = r->ctx.failed_step;
	if (rc == 0) {
		rt_action_warnings(&r->ctx, rt_service_warning, s);
		rt_service_describe(&r->ctx, s);
	}
	return rc;
}

static int serve_restore(struct rt_service *s, struct cps_err *err)
{
	struct cps_opt rows[CRIU_OPTION_ROWS + 3] = { 0 };
	struct criu_options o;
	struct criu_restore r = { .o = &o, .images = CRIU_IMAGES_INIT, .criu = CRIU_SWRK_INIT };
	unsigned n = criu_options_rows(&o, rows);
	int rc;

	rows[n++] = (struct cps_opt){ "lsm-profile", 0, CPS_OPT_STR, &o.lsm_profile, NULL, NULL };
	rows[n] = (struct cps_opt){ "lsm-mount-context",  0,	CPS_OPT_STR,
				    &o.lsm_mount_context, NULL, NULL };
	rc = take_options(s, rows, err);
	if (rc == 0)
		rc = take_common(s, &o, &r.program, err);
	if (rc == 0)
		rc = rt_service_new(s, err);
	if (rc == 0)
		rc = take_stdio(s, err);
	if (rc == 0) {
		s->req.at_once = true;
		rt_ctx_init(&r.ctx, &s->req, s->arena);
		r.ctx.own_warn.debug = s->debug;
		rc = restore(s, &r, err);
		criu_swrk_stop(&r.criu);
		criu_images_done(&r.images);
		rt_ctx_done(&r.ctx);
	}
	criu_options_done(&o);
	return rc;
}

static int cmd_serve(const struct rt_globals *g, int argc, char **argv, int *ret_status,
		     struct cps_err *err)
{
	static const struct rt_service_op ops[] = {
		{ CPS_OP_CHECKPOINT, serve_checkpoint },
		{ CPS_OP_RESTORE, serve_restore },
		{ 0 },
	};

	*ret_status = 0;
	return rt_service_command(&criu_cmd_serve, g, argc, argv, RT_SERVICE_REQUEST, ops, err);
}

const struct rt_command criu_cmd_serve = {
	"serve", "", "Serve one request of a shim, which capsule-runtime hands over.",
	false,	 1,  cmd_serve,
};
