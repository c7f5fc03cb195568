/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See service.h.
 */
#include <config.h>

#include "service.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "idmap.h"
#include "own.h"
#include "proto.h"

int rt_service_str(const struct rt_service *s, const char *key, const char **ret,
		   struct cps_err *err)
{
	const struct cps_json *node = cps_json_get(s->frame.body, key);

	if (!node)
		return cps_failx(err, EINVAL, "the request lacks '%s'", key);
	return cps_json_str(node, ret, err);
}

int rt_service_bool(const struct rt_service *s, const char *key, bool *ret, struct cps_err *err)
{
	const struct cps_json *node = cps_json_get(s->frame.body, key);

	return node ? cps_json_bool(node, ret, err) : 0;
}

void rt_service_stdio(struct rt_service *s)
{
	static const char *const names[] = { "stdin", "stdout", "stderr" };

	for (int i = 0; i < 3; i++)
		s->req.stdio[i] = cps_frame_take_fd(&s->frame, names[i]);
}

void rt_service_warning(void *arg, const char *text)
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
		(void)cps_frame_send(RT_SERVICE_LINK, CPS_FRAME_EVENT, 0, buf.data, buf.len, NULL,
				     0, 0, &ignored);
}

void rt_service_describe(const struct rt_ctx *ctx, struct rt_service *s)
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

/* What create and restore are told alike. */
int rt_service_new(struct rt_service *s, struct cps_err *err)
{
	int rc = rt_service_str(s, "bundle", &s->req.bundle, err);

	if (rc == 0 && cps_json_get(s->frame.body, "cgroup_parent"))
		rc = rt_service_str(s, "cgroup_parent", &s->req.cgroup_parent, err);
	if (rc == 0 && cps_json_get(s->frame.body, "systemd"))
		rc = rt_service_str(s, "systemd", &s->req.systemd, err);
	return rc < 0 ? rc : rt_service_bool(s, "adopt_dir", &s->req.adopt_dir, err);
}

static int serve_op(struct rt_service *s, const struct rt_service_op *ops, struct cps_err *err)
{
	const char *op = "";
	int rc;

	rc = rt_service_str(s, "op", &op, err);
	if (rc == 0)
		rc = rt_service_str(s, "root", &s->req.root, err);
	if (rc == 0)
		rc = rt_service_str(s, "id", &s->req.id, err);
	if (rc < 0)
		return rc;
	for (; ops->name; ops++)
		if (strcmp(op, ops->name) == 0)
			return ops->serve(s, err);
	return cps_failx(err, ENOSYS, "no such operation: '%s'", op);
}

static int run(struct rt_service *s, int from, const struct rt_service_op *ops, struct cps_err *err)
{
	struct cps_err why = { 0 };
	uint32_t id;
	int rc;

	s->req.link = RT_SERVICE_LINK;
	s->req.cgroup_parent = "/";
	s->req.stdio[0] = s->req.stdio[1] = s->req.stdio[2] = -1;
	if (fcntl(RT_SERVICE_LINK, F_SETFD, FD_CLOEXEC) < 0)
		return cps_fail(err, errno, "serve: descriptor %d", RT_SERVICE_LINK);
	if (fcntl(from, F_SETFD, FD_CLOEXEC) < 0)
		return cps_fail(err, errno, "serve: descriptor %d", from);
	rc = cps_frame_recv(from, 0, s->arena, &s->frame, err);
	if (rc == 0)
		return cps_failx(err, EPIPE, "serve: no request came");
	if (rc < 0)
		return cps_wrap(err, rc, "serve");
	id = s->frame.id;
	rc = serve_op(s, ops, &why);
	if (rc < 0)
		rc = cps_reply_error(RT_SERVICE_LINK, id, &why, s->step, 0, err);
	else
		rc = cps_reply_ok(RT_SERVICE_LINK, id, s->ok.len ? s->ok.data : "{}", NULL, 0, 0,
				  err);
	cps_frame_done(&s->frame);
	cps_buf_done(&s->ok);
	return rc;
}

int rt_service_command(const struct rt_command *self, const struct rt_globals *g, int argc,
		       char **argv, int from, const struct rt_service_op *ops, struct cps_err *err)
{
	cleanup_arena struct cps_arena arena = CPS_ARENA_INIT;
	cleanup_free char **args = NULL;
	const struct cps_opt table[] = { { 0 } };
	struct rt_service s = { .arena = &arena, .debug = g->debug };
	int count, rc;

	rc = rt_command_parse(self, table, argc, argv, 0, 0, &args, &count, err);
	return rc < 0 || !args ? rc : run(&s, from, ops, err);
}
