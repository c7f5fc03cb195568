/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See restore.h. What is around the processes (id, groups with their limits, mount points) is made
 * as for a new container, by the same steps; CRIU, which is put into the groups, then makes the
 * processes, as children of ours. From the images themselves this reads descriptors.json, and that
 * is all.
 */
#include <config.h>

#include "restore.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "hooks.h"
#include "log.h"
#include "mounts.h"
#include "own.h"
#include "proc.h"
#include "spawn.h"
#include "tables.h"

#define LOG_NAME "restore.log"
#define PLACE	 "criu-root" /* in the state directory, while this works */

static struct criu_restore *restore_of(struct rt_ctx *ctx)
{
	return (struct criu_restore *)(void *)ctx;
}

/* -- the images, the root ------------------------------------------------------------------- */

static int step_images(struct rt_ctx *ctx, struct cps_err *err)
{
	struct criu_restore *r = restore_of(ctx);
	int rc = criu_images_check(r->images.fd, "--image-path", err);

	return rc < 0 ? rc : criu_descriptors_read(r->images.fd, ctx->arena, r->stdio, err);
}

static int step_mount_points(struct rt_ctx *ctx, struct cps_err *err)
{
	return ctx->spec->ns[RT_NS_MOUNT].wanted ? criu_mount_points(ctx->spec, err) : 0;
}

static int step_place(struct rt_ctx *ctx, struct cps_err *err)
{
	return mkdirat(ctx->dir, PLACE, 0700) < 0 ? cps_fail(err, errno, "make '%s'", PLACE) : 0;
}

static void undo_place(struct rt_ctx *ctx)
{
	if (ctx->dir >= 0)
		(void)unlinkat(ctx->dir, PLACE, AT_REMOVEDIR);
}

/* In the host's mount namespace there is nothing to undo. */
static int step_own_mounts(struct rt_ctx *ctx, struct cps_err *err)
{
	struct criu_restore *r = restore_of(ctx);
	char place[PATH_MAX];
	int rc;

	if ((size_t)snprintf(place, sizeof(place), "%s/%s/%s", ctx->req->root, ctx->req->id,
			     PLACE) >= sizeof(place))
		return cps_fail(err, ENAMETOOLONG, "'%s'", ctx->req->root);
	rc = criu_own_mounts_make(&r->mounts, ctx->spec->root_path, ctx->spec->root_readonly, place,
				  ctx->req->bundle, err);
	return rc < 0 ? rc : criu_images_reopen(&r->images, err);
}

static void undo_own_mounts(struct rt_ctx *ctx)
{
	criu_own_mounts_done(&restore_of(ctx)->mounts);
}

/* -- CRIU ----------------------------------------------------------------------------------- */

/* Networks and pids to join are handed over. */
static int give_namespaces(struct criu_restore *r, struct criu_swrk_plan *plan, struct cps_err *err)
{
	for (int ns = 0; ns < RT_NS_COUNT; ns++) {
		const char *path = r->ctx.spec->ns[ns].path;

		r->given[ns] = -1;
		if (!path || !criu_external_name((enum rt_ns)ns) || r->ctx.ns[ns] >= 0)
			continue;
		r->ctx.ns[ns] = open(path, O_RDONLY | O_CLOEXEC);
		if (r->ctx.ns[ns] < 0)
			return cps_fail(err, errno, "namespace '%s'", path);
		r->given[ns] = CRIU_GIVEN_FIRST + (int)plan->ngiven;
		plan->given[plan->ngiven++] = r->ctx.ns[ns];
	}
	return 0;
}

/* It waits for what it is to do: so it can be put into the groups before. */
static int step_start(struct rt_ctx *ctx, struct cps_err *err)
{
	struct criu_restore *r = restore_of(ctx);
	const struct criu_needs needs = { .version = r->o->lsm_profile || r->o->lsm_mount_context
							     ? 31600
							     : 31500,
					  .lazy_pages = r->o->lazy_pages };
	struct criu_swrk_plan plan = { .program = r->program };
	int rc;

	rc = give_namespaces(r, &plan, err);
	if (rc == 0)
		rc = criu_swrk_start(&r->criu, &plan, err);
	if (rc == 0)
		rc = criu_swrk_check(&r->criu, &needs, ctx->arena, err);
	ctx->pid = r->criu.pid; /* for who puts it into a scope */
	return rc;
}

static void undo_start(struct rt_ctx *ctx)
{
	criu_swrk_stop(&restore_of(ctx)->criu);
}

/* What it makes is born where it is. */
static int step_join(struct rt_ctx *ctx, struct cps_err *err)
{
	const struct rt_cgroup *cg = &ctx->state.cgroup;
	cleanup_fd int dir = -1;
	char text[16];
	int rc = 0;

	if (cg->layout == RT_CGROUP_V1)
		rc = rt_cgroup_move(cg, ctx->pid, err);
	if (rc < 0)
		return rc;
	dir = rt_cgroup_open(cg); /* the cgroup2 directory, which a hybrid layout has as well */
	if (dir == -ENOTSUP)
		return 0;
	if (dir < 0)
		return cps_fail(err, -dir, "open the container's cgroup");
	(void)snprintf(text, sizeof(text), "%d", ctx->pid);
	rc = cps_file_put(dir, "cgroup.procs", text, err);
	return cps_wrap(err, rc, "join cgroup");
}

static void put_groups(const struct rt_cgroup *cg, struct criu_message *m)
{
	for (unsigned i = 0; i < cg->ndirs; i++)
		criu_message_cgroup_root(m, cg->dirs[i].controllers, cg->dirs[i].path);
}

static void put_namespaces(const struct criu_restore *r, struct criu_message *m)
{
	static const char *const kinds[RT_NS_COUNT] = {
		[RT_NS_USER] = "user", [RT_NS_MOUNT] = "mnt", [RT_NS_UTS] = "uts",
		[RT_NS_IPC] = "ipc",   [RT_NS_TIME] = "time",
	};

	for (int ns = 0; ns < RT_NS_COUNT; ns++) {
		const char *path = r->ctx.spec->ns[ns].path;

		if (r->given[ns] >= 0)
			criu_message_inherit(m, criu_external_name((enum rt_ns)ns), r->given[ns]);
		else if (path && kinds[ns])
			criu_message_join(m, kinds[ns], path);
	}
}

static int put_together(struct criu_restore *r, struct criu_message *m, struct cps_err *err)
{
	const struct rt_ctx *ctx = &r->ctx;
	Criu__Options *to = &m->options;
	int rc;

	criu_message_init(m, CRIU__KIND__RESTORE, ctx->arena);
	criu_request_begin(m, &r->images, LOG_NAME, ctx->spec);
	rc = criu_options_apply(r->o, m, err);
	if (rc == 0)
		rc = criu_mounts_restore(m, ctx->spec, &ctx->state.cgroup, err);
	if (rc < 0)
		return rc;
	to->has_evasive_devices = to->evasive_devices = true;
	to->has_restore_as_sibling = to->restore_as_sibling = true;
	to->root = cps_arena_printf(ctx->arena, "%s/%s/%s", ctx->req->root, ctx->req->id, PLACE);
	to->lsm_profile = (char *)(uintptr_t)r->o->lsm_profile;
	to->lsm_mount_context = (char *)(uintptr_t)r->o->lsm_mount_context;
	for (int i = 0; i < CRIU_STDIO; i++)
		if (r->stdio[i])
			criu_message_inherit(m, r->stdio[i], i);
	put_groups(&ctx->state.cgroup, m);
	put_namespaces(r, m);
	return to->root ? 0 : cps_fail(err, ENOMEM, "root");
}

static int run_hooks(struct criu_restore *r, pid_t pid, struct cps_err *err)
{
	const struct rt_ctx *ctx = &r->ctx;
	int rc;

	if (!want_hooks_create_runtime(ctx))
		return 0;
	rc = criu_own_mounts_host(&r->mounts, err);
	if (rc == 0)
		rc = rt_hooks_run(&ctx->spec->hooks, RT_HOOK_PRESTART, &ctx->state,
				  RT_STATUS_CREATING, pid, err);
	if (rc == 0)
		rc = rt_hooks_run(&ctx->spec->hooks, RT_HOOK_CREATE_RUNTIME, &ctx->state,
				  RT_STATUS_CREATING, pid, err);
	r->hooks_failed = rc < 0;
	return rc < 0 ? rc : criu_own_mounts_own(&r->mounts, err);
}

static int told(void *arg, const struct criu_answer *what, int *fd, struct cps_err *err)
{
	struct criu_restore *r = arg;

	cps_log(CPS_LOG_DEBUG, "criu: %s", what->script);
	if (strcmp(what->script, "setup-namespaces") == 0)
		return run_hooks(r, what->pid, err);
	if (strcmp(what->script, "orphan-pts-master") == 0) {
		if (*fd < 0)
			return cps_failx(err, EPROTO, "CRIU sends no terminal");
		cps_close(&r->ctx.console);
		r->ctx.console = take_fd(fd);
	}
	return 0;
}

/* The first process is a child of ours, so nobody can have reaped it. */
static int step_restore(struct rt_ctx *ctx, struct cps_err *err)
{
	struct criu_restore *r = restore_of(ctx);
	struct criu_answer answer = { 0 };
	struct criu_message m;
	int rc = put_together(r, &m, err);

	if (rc == 0)
		rc = criu_swrk_call(&r->criu, &m, told, r, &answer, err);
	if (rc == 0 && !answer.success)
		rc = criu_refused(&answer, CRIU__KIND__RESTORE, &r->images, LOG_NAME, err);
	criu_swrk_stop(&r->criu);
	criu_own_mounts_done(&r->mounts);
	ctx->pid = 0;
	if (rc < 0)
		return rc;
	ctx->pid = answer.pid;
	ctx->pidfd = cps_pidfd_open(ctx->pid);
	return ctx->pidfd < 0 ? cps_fail(err, -ctx->pidfd, "process %d", ctx->pid) : 0;
}

/* All of them: without a pid namespace the first one takes nobody with it. A hook that fails is as
 * good as one at create: poststop hooks are run. */
static void undo_restore(struct rt_ctx *ctx)
{
	struct criu_restore *r = restore_of(ctx);
	struct cps_err ignored;

	if (ctx->state.cgroup.ndirs > 0)
		(void)rt_cgroup_kill(&ctx->state.cgroup, SIGKILL, &ignored);
	rt_spawn_undo(ctx);
	if (!r->hooks_failed)
		return;
	ctx->failed_step = "hooks-create-runtime";
	undo_by_hooks(ctx);
}

/* -- the table ------------------------------------------------------------------------------ */

static int step_unlock(struct rt_ctx *ctx, struct cps_err *err)
{
	undo_place(ctx);
	return step_created(ctx, err);
}

/* clang-format off */
static const struct rt_step restore_steps[] = {
	{ RT_HOST, "images",            NULL,            step_images,            NULL           },
	{ RT_HOST, "cgroup-paths",      NULL,            step_cgroup_paths,      NULL           },
	{ RT_HOST, "state-dir",         NULL,            step_state_dir,         undo_state_dir },
	{ RT_HOST, "record-intent",     NULL,            step_record_intent,     NULL           },
	{ RT_HOST, "mount-points",      NULL,            step_mount_points,      NULL           },
	{ RT_HOST, "place",             NULL,            step_place,             undo_place     },
	{ RT_HOST, "own-mounts",        NULL,            step_own_mounts,        undo_own_mounts },
	{ RT_HOST, "cgroup",            want_own_cgroup, step_cgroup,            undo_cgroup    },
	{ RT_HOST, "cgroup-limits",     want_own_cgroup, step_cgroup_limits,     NULL           },
	{ RT_HOST, "cgroup-devices",    want_own_cgroup, step_cgroup_devices,    NULL           },
	{ RT_HOST, "start-criu",        NULL,            step_start,             undo_start     },
	{ RT_HOST, "cgroup-join",       want_own_cgroup, step_join,              NULL           },
	{ RT_HOST, "scope",             want_scope,      step_scope,             undo_scope     },
	{ RT_HOST, "scope-limits",      want_scope,      step_cgroup_limits,     NULL           },
	{ RT_HOST, "scope-devices",     want_scope,      step_cgroup_devices,    NULL           },
	{ RT_HOST, "restore",           NULL,            step_restore,           undo_restore   },
	{ RT_HOST, "announce",          want_announce,   step_announce,          NULL           },
	{ RT_HOST, "save-config",       NULL,            step_save_config,       NULL           },
	{ RT_HOST, "record-process",    NULL,            step_record_process,    NULL           },
	{ RT_HOST, "pid-file",          want_pid_file,   step_pid_file,          undo_pid_file  },
	{ RT_HOST, "console-hand-over", want_terminal,   step_console_hand_over, NULL           },
	{ RT_HOST, "restored",          NULL,            step_unlock,            NULL           },
};
/* clang-format on */

const struct rt_table criu_restore_table = { "restore", restore_steps,
					     sizeof(restore_steps) / sizeof(restore_steps[0]) };
