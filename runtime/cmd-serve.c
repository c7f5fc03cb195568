/* SPDX-License-Identifier: Apache-2.0 */
/*
 * serve: the operations of link B (service.h), on descriptor 3.
 */
#include <config.h>

#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <unistd.h>

#include "action.h"
#include "container.h"
#include "file.h"
#include "own.h"
#include "program.h"
#include "proto.h"
#include "service.h"
#include "tables.h"
#include "update.h"

#define CRIU_PROGRAM "capsule-criu"

/* *ret stays as it is if it is not there. */
static int get_user(const struct rt_service *s, const char **ret, struct cps_err *err)
{
	int rc;

	if (!cps_json_get(s->frame.body, "user"))
		return 0;
	rc = rt_service_str(s, "user", ret, err);
	return rc == 0 && !(*ret)[0] ? cps_failx(err, EINVAL, "user: is empty") : rc;
}

static int serve_create(struct rt_service *s, struct cps_err *err)
{
	struct rt_ctx ctx;
	int rc = rt_service_new(s, err);

	if (rc == 0)
		rc = rt_service_bool(s, "no_pivot", &s->req.no_pivot, err);
	if (rc == 0)
		rc = rt_service_bool(s, "no_new_keyring", &s->req.no_new_keyring, err);
	if (rc == 0)
		rc = get_user(s, &s->req.user, err);
	if (rc < 0)
		return rc;
	rt_service_stdio(s);
	rt_ctx_init(&ctx, &s->req, s->arena);
	ctx.root_dir = cps_frame_take_fd(&s->frame, "rootfs");
	ctx.root_is_mount = ctx.root_dir >= 0;
	ctx.own_warn.debug = s->debug;
	rc = rt_action_create(&ctx, err);
	s->step = ctx.failed_step;
	if (rc == 0) {
		rt_action_warnings(&ctx, rt_service_warning, s);
		rt_service_describe(&ctx, s);
	}
	rt_ctx_done(&ctx);
	return rc;
}

static int serve_start(struct rt_service *s, struct cps_err *err)
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
static int read_process(struct rt_service *s, const struct rt_spec *spec,
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
	rc = rt_service_bool(s, "replace", &replace, err);
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
	return rt_service_bool(s, "terminal", &p->terminal, err);
}

static int serve_exec(struct rt_service *s, struct cps_err *err)
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
	rt_service_stdio(s);
	s->req.at_once = true;
	rt_ctx_init(&ctx, &s->req, s->arena);
	rc = rt_action_exec(&ctx, &c, spec, process, err);
	s->step = ctx.failed_step;
	if (rc == 0) {
		rt_action_warnings(&ctx, rt_service_warning, s);
		cps_buf_printf(&s->ok, "{\"pid\":%d}", ctx.pid);
	}
	rt_ctx_done(&ctx);
	return rc;
}

static int serve_kill(struct rt_service *s, struct cps_err *err)
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
		rc = rt_service_bool(s, "all", &all, err);
	if (rc == 0)
		rc = rt_container_open(s->req.root, s->req.id, s->arena, &c, err);
	return rc < 0 ? rc : rt_container_kill(&c, (int)signal, all, err);
}

static int serve_pause(struct rt_service *s, struct cps_err *err)
{
	cleanup_container struct rt_container c = RT_CONTAINER_INIT;
	int rc = rt_container_open(s->req.root, s->req.id, s->arena, &c, err);

	return rc < 0 ? rc : rt_container_pause(&c, err);
}

static int serve_resume(struct rt_service *s, struct cps_err *err)
{
	cleanup_container struct rt_container c = RT_CONTAINER_INIT;
	int rc = rt_container_open(s->req.root, s->req.id, s->arena, &c, err);

	return rc < 0 ? rc : rt_container_resume(&c, err);
}

static int serve_update(struct rt_service *s, struct cps_err *err)
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
		rt_service_warning(s, text);
	return rc;
}

static int serve_delete(struct rt_service *s, struct cps_err *err)
{
	struct rt_warn warn = { .debug = s->debug };
	bool force = false;
	const char *text;
	uint32_t pos = 0;
	int rc;

	rc = rt_service_bool(s, "force", &force, err);
	if (rc == 0)
		rc = rt_container_delete_by_id(s->req.root, s->req.id, force, &warn, err);
	while (rc == 0 && (text = rt_warn_next(&warn, &pos)))
		rt_service_warning(s, text);
	return rc;
}

/* What takes CRIU is another program's work. It gets our link, and the request as it came in a
 * socket of its own. No return. */
static int hand_over(struct rt_service *s, struct cps_err *err)
{
	char name[] = CRIU_PROGRAM, verb[] = "serve";
	char *argv[] = { name, verb, NULL };
	cleanup_free char *text = cps_json_text(s->frame.body);
	const char *program = NULL;
	int pair[2];
	int rc;

	if (!text)
		return cps_fail(err, ENOMEM, CRIU_PROGRAM);
	rc = cps_json_get(s->frame.body, "program")
		     ? rt_service_str(s, "program", &program, err)
		     : rt_program_find(CRIU_PROGRAM, CRIU_PROGRAM, s->arena, &program, err);
	if (rc < 0)
		return rc;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return cps_fail(err, errno, "hand over to '%s'", program);
	rc = cps_frame_send(pair[0], CPS_FRAME_REQUEST, s->frame.id, text, strlen(text),
			    s->frame.fds, s->frame.nfds, 0, err);
	if (rc < 0)
		return cps_wrap(err, rc, "hand over to '%s'", program);
	/* What we have of the container's stdio is in the socket by now; that goes with us. */
	if (dup3(pair[1], RT_SERVICE_REQUEST, 0) < 0 && pair[1] != RT_SERVICE_REQUEST)
		return cps_fail(err, errno, "hand over to '%s'", program);
	if (fcntl(RT_SERVICE_REQUEST, F_SETFD, 0) < 0 || fcntl(RT_SERVICE_LINK, F_SETFD, 0) < 0)
		return cps_fail(err, errno, "hand over to '%s'", program);
	(void)execv(program, argv);
	return cps_fail(err, errno, "execute '%s'", program);
}

static int cmd_serve(const struct rt_globals *g, int argc, char **argv, int *ret_status,
		     struct cps_err *err)
{
	static const struct rt_service_op ops[] = {
		{ CPS_OP_CREATE, serve_create },
		{ CPS_OP_START, serve_start },
		{ CPS_OP_EXEC, serve_exec },
		{ CPS_OP_KILL, serve_kill },
		{ CPS_OP_DELETE, serve_delete },
		{ CPS_OP_PAUSE, serve_pause },
		{ CPS_OP_RESUME, serve_resume },
		{ CPS_OP_UPDATE, serve_update },
		{ CPS_OP_CHECKPOINT, hand_over },
		{ CPS_OP_RESTORE, hand_over },
		{ 0 },
	};

	*ret_status = 0;
	return rt_service_command(&rt_cmd_serve, g, argc, argv, RT_SERVICE_LINK, ops, err);
}

const struct rt_command rt_cmd_serve = {
	"serve", "", "Serve one request of a shim on descriptor 3.", true, 1, cmd_serve,
};
