/* SPDX-License-Identifier: Apache-2.0 */
/*
 * serve: link B (docs/protocol.md). One request of a shim on descriptor 3, events while it is
 * worked on, one reply.
 */
#include <config.h>

#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "action.h"
#include "container.h"
#include "file.h"
#include "frame.h"
#include "idmap.h"
#include "own.h"
#include "proto.h"
#include "tables.h"
#include "update.h"

#define LINK_FD 3

struct service {
	struct cps_arena *arena;
	struct cps_frame frame;
	struct rt_request req;
	struct cps_buf ok; /* the reply's object */
	const char *step;  /* row that failed, or NULL */
	bool debug;
};

static int get_str(const struct service *s, const char *key, const char **ret, struct cps_err *err)
{
	const struct cps_json *node = cps_json_get(s->frame.body, key);

	if (!node)
		return cps_failx(err, EINVAL, "the request lacks '%s'", key);
	return cps_json_str(node, ret, err);
}

/* Absent: *ret stays as it is. */
static int get_bool(const struct service *s, const char *key, bool *ret, struct cps_err *err)
{
	const struct cps_json *node = cps_json_get(s->frame.body, key);

	return node ? cps_json_bool(node, ret, err) : 0;
}

static void take_stdio(struct service *s)
{
	static const char *const names[] = { "stdin", "stdout", "stderr" };

	for (int i = 0; i < 3; i++)
		s->req.stdio[i] = cps_frame_take_fd(&s->frame, names[i]);
}

static void send_warning(void *arg, const char *text)
{
	cleanup_buf struct cps_buf buf = CPS_BUF_INIT;
	struct cps_err ignored; /* a shim that does not listen has nothing to be warned of */
	struct cps_jsonw w;

	(void)arg;
	cps_jsonw_init(&w, &buf, false);
	cps_jsonw_open(&w, NULL, '{');
	cps_jsonw_str(&w, "event", CPS_EVENT_WARNING);
	cps_jsonw_str(&w, "message", text);
	cps_jsonw_close(&w, '}');
	if (!buf.failed)
		(void)cps_frame_send(LINK_FD, CPS_FRAME_EVENT, 0, buf.data, buf.len, NULL, 0, 0,
				     &ignored);
}

static void describe(const struct rt_ctx *ctx, struct service *s)
{
	const struct rt_state *st = &ctx->state;
	char events[PATH_MAX];
	struct cps_jsonw w;

	cps_jsonw_init(&w, &s->ok, false);
	cps_jsonw_open(&w, NULL, '{');
	cps_jsonw_i64(&w, "pid", ctx->pid);
	cps_jsonw_u64(&w, "start_time", st->start_time);
	cps_jsonw_str(&w, "memory_events",
		      rt_cgroup_memory_events(&st->cgroup, events, sizeof(events)) ? events : NULL);
	rt_cgroup_paths(&st->cgroup, &w, "cgroups");
	cps_jsonw_bool(&w, "poststart", st->poststart);
	cps_jsonw_bool(&w, "terminal", st->terminal);
	if (s->req.user) {
		cps_jsonw_u64(&w, "uid",
			      rt_idmap_to_host(ctx->shared->uid, ctx->spec->uid_maps,
					       ctx->spec->nuid_maps));
		cps_jsonw_u64(&w, "gid",
			      rt_idmap_to_host(ctx->shared->gid, ctx->spec->gid_maps,
					       ctx->spec->ngid_maps));
	}
	cps_jsonw_close(&w, '}');
}

/* *ret stays as it is if it is not there. */
static int get_user(const struct service *s, const char **ret, struct cps_err *err)
{
	int rc;

	if (!cps_json_get(s->frame.body, "user"))
		return 0;
	rc = get_str(s, "user", ret, err);
	return rc == 0 && !(*ret)[0] ? cps_failx(err, EINVAL, "user: is empty") : rc;
}

static int serve_create(struct service *s, struct cps_err *err)
{
	struct rt_ctx ctx;
	int rc;

	rc = get_str(s, "bundle", &s->req.bundle, err);
	if (rc == 0 && cps_json_get(s->frame.body, "cgroup_parent"))
		rc = get_str(s, "cgroup_parent", &s->req.cgroup_parent, err);
	if (rc == 0 && cps_json_get(s->frame.body, "systemd"))
		rc = get_str(s, "systemd", &s->req.systemd, err);
	if (rc == 0)
		rc = get_bool(s, "adopt_dir", &s->req.adopt_dir, err);
	if (rc == 0)
		rc = get_bool(s, "no_pivot", &s->req.no_pivot, err);
	if (rc == 0)
		rc = get_bool(s, "no_new_keyring", &s->req.no_new_keyring, err);
	if (rc == 0)
		rc = get_user(s, &s->req.user, err);
	if (rc < 0)
		return rc;
	take_stdio(s);
	rt_ctx_init(&ctx, &s->req, s->arena);
	ctx.root_dir = cps_frame_take_fd(&s->frame, "rootfs");
	ctx.root_is_mount = ctx.root_dir >= 0;
	ctx.own_warn.debug = s->debug;
	rc = rt_action_create(&ctx, err);
	s->step = ctx.failed_step;
	if (rc == 0) {
		rt_action_warnings(&ctx, send_warning, s);
		describe(&ctx, s);
	}
	rt_ctx_done(&ctx);
	return rc;
}

static int serve_start(struct service *s, struct cps_err *err)
{
	cleanup_container struct rt_container c = RT_CONTAINER_INIT;
	int rc;

	rc = rt_container_open(s->req.root, s->req.id, s->arena, &c, err);
	if (rc < 0)
		return rc;
	/* Shared: whoever adopts the container, if our shim dies, waits until hooks have run. */
	(void)flock(c.dir, LOCK_SH | LOCK_NB);
	return rt_container_start(&c, err);
}

/* The process to run: what came, or the container's own with what came laid over it. */
static int read_process(struct service *s, const struct rt_spec *spec,
			const struct rt_process **ret_process, struct cps_err *err)
{
	cleanup_fd int fd = cps_frame_take_fd(&s->frame, "process");
	cleanup_free char *text = NULL;
	const struct rt_process *parsed = NULL;
	struct rt_process *p;
	bool replace = false;
	size_t len;
	int rc;

	if (fd < 0)
		return cps_failx(err, EINVAL, "the request lacks the descriptor 'process'");
	(void)lseek(fd, 0, SEEK_SET); /* wherever its writer stopped; a pipe has no place */
	rc = get_bool(s, "replace", &replace, err);
	if (rc == 0)
		rc = cps_fd_read(fd, "process", RT_SPEC_MAX, &text, &len, err);
	if (rc == 0)
		rc = rt_process_parse(s->arena, text, len, replace ? NULL : &spec->process, NULL,
				      &parsed, err);
	if (rc != 0)
		return rc;
	p = cps_arena_alloc(s->arena, sizeof(*p));
	if (!p)
		return cps_fail(err, ENOMEM, "process");
	*p = *parsed;
	*ret_process = p;
	return get_bool(s, "terminal", &p->terminal, err);
}

static int serve_exec(struct service *s, struct cps_err *err)
{
	cleanup_container struct rt_container c = RT_CONTAINER_INIT;
	const struct rt_process *process = NULL;
	const struct rt_spec *spec = NULL;
	struct rt_ctx ctx;
	int rc;

	rc = rt_container_open(s->req.root, s->req.id, s->arena, &c, err);
	if (rc == 0)
		rc = rt_container_spec(&c, &spec, err);
	if (rc == 0)
		rc = read_process(s, spec, &process, err);
	if (rc < 0)
		return rc;
	take_stdio(s);
	s->req.at_once = true;
	rt_ctx_init(&ctx, &s->req, s->arena);
	rc = rt_action_exec(&ctx, &c, spec, process, err);
	s->step = ctx.failed_step;
	if (rc == 0) {
		rt_action_warnings(&ctx, send_warning, s);
		cps_buf_printf(&s->ok, "{\"pid\":%d}", ctx.pid);
	}
	rt_ctx_done(&ctx);
	return rc;
}

static int serve_kill(struct service *s, struct cps_err *err)
{
	cleanup_container struct rt_container c = RT_CONTAINER_INIT;
	const struct cps_json *node = cps_json_get(s->frame.body, "signal");
	bool all = false;
	int64_t signal;
	int rc;

	if (!node)
		return cps_failx(err, EINVAL, "the request lacks 'signal'");
	rc = cps_json_i64(node, 0, 64, &signal, err);
	if (rc == 0)
		rc = get_bool(s, "all", &all, err);
	if (rc == 0)
		rc = rt_container_open(s->req.root, s->req.id, s->arena, &c, err);
	return rc < 0 ? rc : rt_container_kill(&c, (int)signal, all, err);
}

static int serve_pause(struct service *s, struct cps_err *err)
{
	cleanup_container struct rt_container c = RT_CONTAINER_INIT;
	int rc = rt_container_open(s->req.root, s->req.id, s->arena, &c, err);

	return rc < 0 ? rc : rt_container_pause(&c, err);
}

static int serve_resume(struct service *s, struct cps_err *err)
{
	cleanup_container struct rt_container c = RT_CONTAINER_INIT;
	int rc = rt_container_open(s->req.root, s->req.id, s->arena, &c, err);

	return rc < 0 ? rc : rt_container_resume(&c, err);
}

static int serve_update(struct service *s, struct cps_err *err)
{
	cleanup_container struct rt_container c = RT_CONTAINER_INIT;
	const struct cps_json *resources = cps_json_get(s->frame.body, "resources");
	struct rt_warn warn = { .debug = s->debug };
	const char *text;
	uint32_t pos = 0;
	int rc;

	if (!resources)
		return cps_failx(err, EINVAL, "the request lacks 'resources'");
	rc = rt_container_open(s->req.root, s->req.id, s->arena, &c, err);
	if (rc == 0)
		rc = rt_container_update(&c, resources, &warn, err);
	while ((text = rt_warn_next(&warn, &pos)))
		send_warning(s, text);
	return rc;
}

static int serve_delete(struct service *s, struct cps_err *err)
{
	struct rt_warn warn = { .debug = s->debug };
	bool force = false;
	const char *text;
	uint32_t pos = 0;
	int rc;

	rc = get_bool(s, "force", &force, err);
	if (rc == 0)
		rc = rt_container_delete_by_id(s->req.root, s->req.id, force, &warn, err);
	while (rc == 0 && (text = rt_warn_next(&warn, &pos)))
		send_warning(s, text);
	return rc;
}

static int serve_op(struct service *s, struct cps_err *err)
{
	static const struct {
		const char *name;
		int (*serve)(struct service *s, struct cps_err *err);
	} ops[] = {
		{ CPS_OP_CREATE, serve_create }, { CPS_OP_START, serve_start },
		{ CPS_OP_EXEC, serve_exec },	 { CPS_OP_KILL, serve_kill },
		{ CPS_OP_DELETE, serve_delete }, { CPS_OP_PAUSE, serve_pause },
		{ CPS_OP_RESUME, serve_resume }, { CPS_OP_UPDATE, serve_update },
	};
	const char *op;
	int rc;

	rc = get_str(s, "op", &op, err);
	if (rc == 0)
		rc = get_str(s, "root", &s->req.root, err);
	if (rc == 0)
		rc = get_str(s, "id", &s->req.id, err);
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
		if (strcmp(op, ops[i].name) == 0)
			return ops[i].serve(s, err);
	return cps_failx(err, ENOSYS, "no such operation: '%s'", op);
}

static int cmd_serve(const struct rt_globals *g, int argc, char **argv, int *ret_status,
		     struct cps_err *err)
{
	cleanup_arena struct cps_arena arena = CPS_ARENA_INIT;
	cleanup_free char **args = NULL;
	const struct cps_opt table[] = { { 0 } };
	struct service s = { .arena = &arena, .debug = g->debug };
	struct cps_err why = { 0 };
	uint32_t id;
	int count, rc;

	rc = rt_command_parse(&rt_cmd_serve, table, argc, argv, 0, 0, &args, &count, err);
	if (rc < 0 || !args)
		return rc;
	s.req.link = LINK_FD;
	s.req.cgroup_parent = "/";
	s.req.stdio[0] = s.req.stdio[1] = s.req.stdio[2] = -1;
	if (fcntl(LINK_FD, F_SETFD, FD_CLOEXEC) < 0)
		return cps_fail(err, errno, "serve: descriptor %d", LINK_FD);
	rc = cps_frame_recv(LINK_FD, 0, &arena, &s.frame, err);
	if (rc == 0)
		return cps_failx(err, EPIPE, "serve: no request came");
	if (rc < 0)
		return cps_wrap(err, rc, "serve");
	id = s.frame.id;
	rc = serve_op(&s, &why);
	if (rc < 0)
		rc = cps_reply_error(LINK_FD, id, &why, s.step, 0, err);
	else
		rc = cps_reply_ok(LINK_FD, id, s.ok.len ? s.ok.data : "{}", NULL, 0, 0, err);
	cps_frame_done(&s.frame);
	cps_buf_done(&s.ok);
	*ret_status = 0;
	return rc;
}

const struct rt_command rt_cmd_serve = {
	"serve", "", "Serve one request of a shim on descriptor 3.", true, 1, cmd_serve,
};
