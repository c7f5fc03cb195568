/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What comes before the tables: reading the config, and refusing what no table could do.
 */
#include <config.h>

#include "action.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "file.h"
#include "foreground.h"
#include "opt.h"
#include "own.h"
#include "tables.h"

static int check_terminal(const struct rt_ctx *ctx, struct cps_err *err)
{
	const struct rt_request *req = ctx->req;

	if (ctx->process->terminal && !req->console_socket && req->link < 0 && !req->keep_console)
		return cps_failx(err, EINVAL,
				 "cannot allocate a terminal and detach without --console-socket");
	if (!ctx->process->terminal && req->console_socket)
		return cps_failx(err, EINVAL,
				 "--console-socket is given, but process.terminal is not set");
	return 0;
}

/* Who that is only init can say, in the container's files (step_user_lookup). */
static int set_user(struct rt_ctx *ctx, struct cps_err *err)
{
	struct rt_process *p = cps_arena_alloc(ctx->arena, sizeof(*p));

	if (!p)
		return cps_fail(err, ENOMEM, "user");
	*p = ctx->spec->process;
	p->user.name = ctx->req->user;
	ctx->process = p;
	return 0;
}

static int load_config(struct rt_ctx *ctx, struct cps_err *err)
{
	int rc;

	/* Relative paths of the config are the bundle's. */
	if (chdir(ctx->req->bundle) < 0)
		return cps_fail(err, errno, "bundle '%s'", ctx->req->bundle);
	rc = cps_file_read(AT_FDCWD, ctx->req->config ? ctx->req->config : RT_CONFIG_NAME,
			   RT_SPEC_MAX, &ctx->config, &ctx->config_len, err);
	if (rc < 0)
		return rc;
	rc = rt_spec_parse(ctx->arena, ctx->config, ctx->config_len, ctx->req->bundle, ctx->warn,
			   &ctx->spec, err);
	if (rc < 0)
		return rc;
	/* Of use to who wants what is around a process; only start and run need one. */
	if (!ctx->spec->has_process && ctx->req->at_once)
		return cps_failx(err, EINVAL, "config.json: process: is missing");
	ctx->process = &ctx->spec->process;
	return ctx->req->user ? set_user(ctx, err) : 0;
}

int rt_action_prepare(struct rt_ctx *ctx, struct cps_err *err)
{
	int rc;

	if (!cps_is_name(ctx->req->id))
		return cps_failx(err, EINVAL, "'%s' is no container id", ctx->req->id);
	rc = load_config(ctx, err);
	return rc < 0 ? rc : check_terminal(ctx, err);
}

int rt_action_create(struct rt_ctx *ctx, struct cps_err *err)
{
	int rc = rt_action_prepare(ctx, err);

	return rc < 0 ? rc : rt_steps_run(&rt_create_table, ctx, err);
}

int rt_action_wait(struct rt_ctx *ctx, bool keep, int *ret_status, struct cps_err *err)
{
	struct rt_container c = { .root = ctx->req->root,
				  .id = ctx->req->id,
				  .arena = ctx->arena,
				  .dir = -1,
				  .pidfd = -1,
				  .status = RT_STATUS_STOPPED };
	int rc;

	rc = rt_foreground_wait(ctx->pidfd, ctx->console, ret_status, err);
	if (rc < 0 || keep)
		return rc;
	c.dir = take_fd(&ctx->dir);
	c.state = ctx->state;
	rc = rt_container_delete(&c, true, ctx->warn, err);
	rt_container_done(&c);
	return rc;
}

int rt_action_exec(struct rt_ctx *ctx, struct rt_container *c, const struct rt_spec *spec,
		   const struct rt_process *process, struct cps_err *err)
{
	char path[48];
	int rc;

	if (c->status == RT_STATUS_STOPPED || c->status == RT_STATUS_CREATING)
		return cps_failx(err, ESRCH, "cannot exec in a container that is %s",
				 rt_status_names[c->status]);
	if (c->status == RT_STATUS_PAUSED && !ctx->req->ignore_paused)
		return cps_failx(err, EBUSY, "cannot exec in a paused container%s",
				 ctx->req->link < 0 ? " (use --ignore-paused to override)" : "");
	ctx->spec = spec;
	ctx->process = process;
	ctx->state = c->state;
	ctx->target = take_fd(&c->pidfd);
	rt_plan_exec(spec, &ctx->plan);
	if (rt_is_unprivileged())
		rt_plan_unprivileged(&ctx->plan);
	rc = check_terminal(ctx, err);
	if (rc < 0)
		return rc;
	if (!spec->ns[RT_NS_MOUNT].wanted) {
		(void)snprintf(path, sizeof(path), "/proc/%d/root", c->state.pid);
		ctx->root_dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (ctx->root_dir < 0)
			return cps_fail(err, errno, "open the container's root");
	}
	return rt_steps_run(&rt_exec_table, ctx, err);
}

void rt_action_warnings(const struct rt_ctx *ctx, void (*tell)(void *arg, const char *text),
			void *arg)
{
	const struct rt_warn *const from[] = { &ctx->own_warn,
					       ctx->shared ? &ctx->shared->warn : NULL };

	for (size_t i = 0; i < 2; i++) {
		uint32_t pos = 0;
		const char *text;

		while (from[i] && (text = rt_warn_next(from[i], &pos)))
			tell(arg, text);
		if (from[i] && from[i]->lost)
			tell(arg, "there were more warnings than fit");
	}
}
