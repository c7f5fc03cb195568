/* SPDX-License-Identifier: Apache-2.0 */
/*
 * restore: a container out of images, under the id and with the bundle that are given.
 */
#include <config.h>

#include "commands.h"

#include <signal.h>
#include <string.h>

#include "action.h"
#include "foreground.h"
#include "options.h"
#include "own.h"
#include "restore.h"

static int restore(struct criu_restore *r, const struct rt_create_options *c, int *ret_status,
		   struct cps_err *err)
{
	int rc = criu_images_open(&r->images, r->o->image_path, r->o->work_path, false,
				  r->ctx.arena, err);

	if (rc == 0)
		rc = rt_action_prepare(&r->ctx, err);
	if (rc < 0)
		return rc;
	if (!c->detach)
		rt_foreground_begin();
	rc = rt_steps_run(&criu_restore_table, &r->ctx, err);
	if (rc == 0 && !c->detach)
		rc = rt_action_wait(&r->ctx, false, ret_status, err);
	if (rc == 0)
		rt_command_warnings(&r->ctx);
	return rc;
}

static int run(const struct rt_globals *g, const char *id, struct rt_create_options *c,
	       struct criu_options *o, int *ret_status, struct cps_err *err)
{
	cleanup_arena struct cps_arena arena = CPS_ARENA_INIT;
	struct criu_restore r = {
		.o = o, .program = g->criu, .images = CRIU_IMAGES_INIT, .criu = CRIU_SWRK_INIT
	};
	int rc;

	(void)signal(SIGCHLD, SIG_DFL); /* a caller may ignore it */
	rc = rt_create_options_finish(c, id, &arena, err);
	if (rc < 0)
		return rc;
	c->req.at_once = true;
	c->req.keep_console = !c->detach;
	rt_ctx_init(&r.ctx, &c->req, &arena);
	r.ctx.own_warn.debug = g->debug;
	*ret_status = 0;
	rc = restore(&r, c, ret_status, err);
	criu_swrk_stop(&r.criu);
	criu_images_done(&r.images);
	rt_ctx_done(&r.ctx);
	return cps_wrap(err, rc, "restore %s", id);
}

static int cmd_restore(const struct rt_globals *g, int argc, char **argv, int *ret_status,
		       struct cps_err *err)
{
	cleanup_free char **args = NULL;
	struct rt_create_options c;
	struct criu_options o;
	const struct cps_opt own[] = {
		{ "bundle", 'b', CPS_OPT_STR, &c.bundle, "DIR", "the bundle (default: here)" },
		{ "console-socket", 0, CPS_OPT_STR, &c.req.console_socket, "PATH",
		  "socket that takes the terminal's master" },
		{ "pid-file", 0, CPS_OPT_STR, &c.pid_file, "FILE",
		  "write the first process's pid there" },
		{ "detach", 'd', CPS_OPT_FLAG, &c.detach, NULL, "do not wait for its end" },
		{ "no-pivot", 0, CPS_OPT_FLAG, &c.req.no_pivot, NULL,
		  NULL }, /* the root is CRIU's */
		{ "no-subreaper", 0, CPS_OPT_FLAG, &c.no_subreaper, NULL,
		  NULL }, /* we never are one */
		{ "lsm-profile", 0, CPS_OPT_STR, &o.lsm_profile, "TYPE:NAME",
		  "another profile than at the checkpoint (apparmor:NAME, selinux:LABEL)" },
		{ "lsm-mount-context", 0, CPS_OPT_STR, &o.lsm_mount_context, "CONTEXT",
		  "another SELinux context of mounts" },
		{ 0 },
	};
	struct cps_opt table[CRIU_OPTION_ROWS + sizeof(own) / sizeof(own[0])];
	int count;
	int rc;

	rt_create_options_init(&c, g);
	memcpy(table + criu_options_rows(&o, table), own, sizeof(own));
	rc = rt_command_parse(&criu_cmd_restore, table, argc, argv, 1, 1, &args, &count, err);
	if (rc == 0 && args)
		rc = run(g, args[0], &c, &o, ret_status, err);
	criu_options_done(&o);
	return rc;
}

const struct rt_command criu_cmd_restore = {
	"restore",
	"ID",
	"Make a container out of what `checkpoint` wrote down; it goes on running.",
	false,
	1,
	cmd_restore,
};
