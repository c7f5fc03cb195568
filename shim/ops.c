/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests of clients, see ops.h. One table of operations; those that change the container's state
 * go through the machine, which may refuse them.
 */
#include <config.h>
#include "ops.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "adopt.h"
#include "attach.h"
#include "clock.h"
#include "conn.h"
#include "debug.h"
#include "events.h"
#include "exec.h"
#include "exit-command.h"
#include "health.h"
#include "io.h"
#include "keep.h"
#include "own.h"
#include "proto.h"
#include "shim.h"

/* < 0: failed, to be answered with *err. Otherwise it is answered, or will be. */
typedef int op_run(struct shim_request *r, struct cps_err *err);

struct op {
	const char *name;
	op_run *run;
};

static void reply_buf(struct shim_request *r, const struct cps_buf *b)
{
	struct cps_err err;

	if (b->failed) {
		(void)cps_fail(&err, ENOMEM, "reply");
		shim_conn_error(r->conn, r->id, &err, NULL);
	} else {
		shim_conn_ok(r->conn, r->id, b->data, NULL, 0);
	}
}

/* The exec session that the request names; *ret NULL if it names none. */
static int exec_named(struct shim_request *r, struct shim_exec **ret, struct cps_err *err)
{
	const struct cps_json *node = cps_json_get(r->body, "exec");
	const char *id;
	int rc;

	*ret = NULL;
	if (!node)
		return 0;
	rc = cps_json_str(node, &id, err);
	if (rc < 0)
		return rc;
	*ret = shim_exec_find(r->shim, id);
	return *ret ? 0 : cps_failx(err, ENOENT, "no exec session '%.64s'", id);
}

static int op_hello(struct shim_request *r, struct cps_err *err)
{
	cleanup_buf struct cps_buf b = CPS_BUF_INIT;
	struct cps_jsonw w;
	int64_t protocol;
	int rc = cps_json_i64(cps_json_get(r->body, "protocol"), 1, INT32_MAX, &protocol, err);

	if (rc < 0)
		return rc;
	if (protocol != CPS_PROTOCOL)
		return cps_failx(err, EPROTONOSUPPORT, "this shim speaks protocol %d, not %d",
				 CPS_PROTOCOL, (int)protocol);
	r->conn->greeted = true;
	cps_jsonw_init(&w, &b, false);
	cps_jsonw_open(&w, NULL, '{');
	cps_jsonw_i64(&w, "protocol", CPS_PROTOCOL);
	cps_jsonw_str(&w, "version", PACKAGE_VERSION);
	cps_jsonw_str(&w, "id", r->shim->id);
	cps_jsonw_i64(&w, "pid", getpid());
	cps_jsonw_close(&w, '}');
	reply_buf(r, &b);
	return 0;
}

static int op_create(struct shim_request *r, struct cps_err *err)
{
	return shim_container_request(r->shim, SHIM_E_CREATE, r, err);
}

static int op_start(struct shim_request *r, struct cps_err *err)
{
	return shim_container_request(r->shim, SHIM_E_START, r, err);
}

static int op_kill(struct shim_request *r, struct cps_err *err)
{
	const struct cps_json *all_node = cps_json_get(r->body, "all");
	struct shim_exec *x;
	bool all = false;
	int rc = exec_named(r, &x, err);

	if (rc == 0 && all_node)
		rc = cps_json_bool(all_node, &all, err);
	if (rc < 0)
		return rc;
	if (x)
		return shim_exec_kill(x, r, err);
	return shim_container_request(r->shim, all ? SHIM_E_KILL_ALL : SHIM_E_KILL, r, err);
}

static int op_stop(struct shim_request *r, struct cps_err *err)
{
	return shim_container_request(r->shim, SHIM_E_STOP, r, err);
}

static int op_exec(struct shim_request *r, struct cps_err *err)
{
	return shim_container_request(r->shim, SHIM_E_EXEC, r, err);
}

static int op_delete(struct shim_request *r, struct cps_err *err)
{
	const struct cps_json *node = cps_json_get(r->body, "force");
	bool force = false;
	int rc = node ? cps_json_bool(node, &force, err) : 0;

	if (rc < 0)
		return rc;
	return shim_container_request(r->shim, force ? SHIM_E_DELETE_FORCE : SHIM_E_DELETE, r, err);
}

static int op_pause(struct shim_request *r, struct cps_err *err)
{
	return shim_container_request(r->shim, SHIM_E_PAUSE, r, err);
}

static int op_resume(struct shim_request *r, struct cps_err *err)
{
	return shim_container_request(r->shim, SHIM_E_RESUME, r, err);
}

static int op_update(struct shim_request *r, struct cps_err *err)
{
	return shim_update(r->shim, r, err);
}

static int op_checkpoint(struct shim_request *r, struct cps_err *err)
{
	return shim_container_request(r->shim, SHIM_E_CHECKPOINT, r, err);
}

static int op_create_restored(struct shim_request *r, struct cps_err *err)
{
	r->restored = true;
	return shim_container_request(r->shim, SHIM_E_CREATE, r, err);
}

static int op_shutdown(struct shim_request *r, struct cps_err *err)
{
	return shim_container_request(r->shim, SHIM_E_SHUTDOWN, r, err);
}

static int op_adopt(struct shim_request *r, struct cps_err *err)
{
	if (!r->shim->adopt)
		return cps_failx(err, EALREADY, "adopt: container '%s' has its shim", r->shim->id);
	return shim_container_request(r->shim, SHIM_E_ADOPT, r, err);
}

static int op_restore(struct shim_request *r, struct cps_err *err)
{
	if (!r->shim->adopt)
		return cps_failx(err, EALREADY, "restore: container '%s' has its shim",
				 r->shim->id);
	return shim_adopt_restore(r->shim, r, err);
}

static int op_at_exit(struct shim_request *r, struct cps_err *err)
{
	int rc = shim_exit_command_set(r->shim, cps_json_get(r->body, "command"), err);

	if (rc == 0)
		shim_conn_ok(r->conn, r->id, "{}", NULL, 0);
	return rc;
}

static int op_subscribe(struct shim_request *r, struct cps_err *err)
{
	(void)err;
	r->conn->subscribed = true;
	shim_conn_ok(r->conn, r->id, "{}", NULL, 0);
	return 0;
}

static int op_keep(struct shim_request *r, struct cps_err *err)
{
	(void)err;
	shim_keep(r);
	return 0;
}

static int op_wait(struct shim_request *r, struct cps_err *err)
{
	cleanup_buf struct cps_buf b = CPS_BUF_INIT;
	struct shim *s = r->shim;
	struct shim_exec *x;
	int rc = exec_named(r, &x, err);

	if (rc < 0)
		return rc;
	if (x)
		return shim_exec_wait(x, r, err);
	if (s->machine.state == SHIM_IDLE)
		return cps_failx(err, ESRCH, "wait: there is no container");
	if (s->machine.state < SHIM_EXITED)
		return shim_waiter_add(&s->ct.exit_waiters, r->conn, r->id, err);
	if (!s->ct.has_exit)
		return cps_failx(err, ESRCH, "wait: the container has never been there");
	shim_exit_text(&s->ct.exit, &b);
	reply_buf(r, &b);
	return 0;
}

const char *shim_status_word(enum shim_state state)
{
	switch (state) {
	case SHIM_IDLE:
	case SHIM_ADOPTING:
	case SHIM_CREATING:
		return "creating";
	case SHIM_CREATED:
	case SHIM_STARTING:
		return "created";
	case SHIM_RUNNING:
	case SHIM_CHECKPOINTING:
		return "running";
	case SHIM_DRAINING:
	case SHIM_EXITED:
	case SHIM_DELETING:
	case SHIM_STATE_COUNT:
		break;
	}
	return "stopped";
}

static void time_write(struct cps_jsonw *w, const char *key, const struct timespec *t)
{
	char at[CPS_TIME_SIZE];

	if (t->tv_sec == 0) {
		cps_jsonw_null(w, key);
		return;
	}
	cps_time_format(t, true, at);
	cps_jsonw_str(w, key, at);
}

static unsigned jobs_count(const struct shim *s)
{
	const struct shim_exec *x;
	unsigned n = 0;

	TAILQ_FOREACH(x, &s->execs, link)
	{
		n += x->detach;
	}
	return n;
}

static int op_state(struct shim_request *r, struct cps_err *err)
{
	cleanup_buf struct cps_buf b = CPS_BUF_INIT;
	struct shim *s = r->shim;
	struct shim_container *ct = &s->ct;
	enum shim_state state = (enum shim_state)s->machine.state;
	struct cps_jsonw w;

	(void)err;
	cps_jsonw_init(&w, &b, false);
	cps_jsonw_open(&w, NULL, '{');
	cps_jsonw_str(&w, "id", s->id);
	cps_jsonw_str(&w, "status",
		      state == SHIM_RUNNING && shim_is_paused(s) ? "paused"
								 : shim_status_word(state));
	cps_jsonw_str(&w, "machine", shim_machine_state_name(&s->machine));
	cps_jsonw_i64(&w, "pid", state < SHIM_DRAINING ? ct->init.pid : 0);
	cps_jsonw_str(&w, "bundle", ct->bundle);
	time_write(&w, "created_at", &ct->created_at);
	time_write(&w, "started_at", &ct->started_at);
	cps_jsonw_open(&w, "shim", '{');
	cps_jsonw_i64(&w, "pid", getpid());
	cps_jsonw_str(&w, "version", PACKAGE_VERSION);
	cps_jsonw_i64(&w, "protocol", CPS_PROTOCOL);
	cps_jsonw_u64(&w, "clients", s->nconns);
	time_write(&w, "started_at", &s->started_at);
	cps_jsonw_close(&w, '}');
	shim_log_config_format(&ct->log, &w, "log");
	cps_jsonw_u64(&w, "log_dropped", ct->io.log ? shim_log_dropped(ct->io.log) : 0);
	if (state >= SHIM_EXITED && ct->has_exit)
		shim_exit_format(&ct->exit, &w, "exit");
	else
		cps_jsonw_null(&w, "exit");
	cps_jsonw_bool(&w, "terminal", ct->terminal);
	cps_jsonw_u64(&w, "jobs", jobs_count(s));
	if (ct->cgroups)
		cps_jsonw_raw(&w, "cgroups", ct->cgroups);
	else
		cps_jsonw_null(&w, "cgroups");
	cps_jsonw_u64(&w, "oom_kills", shim_oom_count(&ct->oom));
	shim_health_format(ct->health, &w);
	cps_jsonw_close(&w, '}');
	reply_buf(r, &b);
	return 0;
}

static int op_jobs(struct shim_request *r, struct cps_err *err)
{
	cleanup_buf struct cps_buf b = CPS_BUF_INIT;
	struct shim_exec *x;
	struct cps_jsonw w;

	(void)err;
	cps_jsonw_init(&w, &b, false);
	cps_jsonw_open(&w, NULL, '{');
	cps_jsonw_open(&w, "jobs", '[');
	/* Newest first, so that what a frame cannot hold is the oldest. */
	TAILQ_FOREACH_REVERSE(x, &r->shim->execs, shim_execs, link)
	{
		if (b.len > CPS_FRAME_JSON_MAX - 8192)
			break;
		if (x->detach)
			shim_exec_format(x, &w);
	}
	cps_jsonw_close(&w, ']');
	cps_jsonw_close(&w, '}');
	reply_buf(r, &b);
	return 0;
}

static int op_resize(struct shim_request *r, struct cps_err *err)
{
	struct shim_exec *x = NULL;
	struct shim_io *io;
	int64_t rows = 0;
	int64_t cols = 0;
	int rc = exec_named(r, &x, err);

	if (rc == 0)
		rc = cps_json_i64(cps_json_get(r->body, "rows"), 1, UINT16_MAX, &rows, err);
	if (rc == 0)
		rc = cps_json_i64(cps_json_get(r->body, "cols"), 1, UINT16_MAX, &cols, err);
	if (rc < 0)
		return rc;
	io = x ? shim_exec_io(x) : &r->shim->ct.io;
	if (!io || (r->shim->machine.state == SHIM_IDLE))
		return cps_failx(err, ESRCH, "resize: there is no terminal");
	rc = shim_io_resize(io, (uint16_t)rows, (uint16_t)cols, err);
	if (rc == 0)
		shim_conn_ok(r->conn, r->id, "{}", NULL, 0);
	return rc;
}

static int flow_parse(struct shim_request *r, bool *ret_wait, struct cps_err *err)
{
	const struct cps_json *node = cps_json_get(r->body, "flow");
	const char *flow = "drop";
	int rc = node ? cps_json_str(node, &flow, err) : 0;

	if (rc < 0)
		return rc;
	*ret_wait = strcmp(flow, "wait") == 0;
	if (!*ret_wait && strcmp(flow, "drop") != 0)
		return cps_json_fail(node, EINVAL, err, "expected \"drop\" or \"wait\"");
	return 0;
}

static int op_attach(struct shim_request *r, struct cps_err *err)
{
	struct shim_exec *x;
	struct shim_io *io;
	bool wait = false;
	int fds[3];
	int rc = exec_named(r, &x, err);

	if (rc == 0)
		rc = flow_parse(r, &wait, err);
	if (rc < 0)
		return rc;
	io = x ? shim_exec_io(x) : &r->shim->ct.io;
	if (!io || !io->started)
		return cps_failx(err, ESRCH, "attach: the %s is %s", x ? "exec" : "container",
				 shim_machine_state_name(x ? &x->machine : &r->shim->machine));
	fds[0] = cps_frame_take_fd(r->frame, "stdin");
	fds[1] = cps_frame_take_fd(r->frame, "stdout");
	fds[2] = cps_frame_take_fd(r->frame, "stderr");
	rc = shim_attach_open(io, r->conn, wait, fds, err);
	if (rc == 0)
		shim_conn_ok(r->conn, r->id,
			     io->terminal ? "{\"terminal\":true}" : "{\"terminal\":false}", NULL,
			     0);
	return rc;
}

static int op_debug(struct shim_request *r, struct cps_err *err)
{
	cleanup_buf struct cps_buf b = CPS_BUF_INIT;
	struct cps_jsonw w;

	(void)err;
	cps_jsonw_init(&w, &b, false);
	shim_debug_format(r->shim, &w);
	reply_buf(r, &b);
	return 0;
}

static const struct op ops[] = {
	{ CPS_OP_HELLO, op_hello },
	{ CPS_OP_CREATE, op_create },
	{ CPS_OP_START, op_start },
	{ CPS_OP_STATE, op_state },
	{ CPS_OP_KILL, op_kill },
	{ CPS_OP_STOP, op_stop },
	{ CPS_OP_EXEC, op_exec },
	{ CPS_OP_JOBS, op_jobs },
	{ CPS_OP_RESIZE, op_resize },
	{ CPS_OP_ATTACH, op_attach },
	{ CPS_OP_WAIT, op_wait },
	{ CPS_OP_SUBSCRIBE, op_subscribe },
	{ CPS_OP_DELETE, op_delete },
	{ CPS_OP_SHUTDOWN, op_shutdown },
	{ CPS_OP_DEBUG, op_debug },
	{ CPS_OP_KEEP, op_keep },
	{ CPS_OP_ADOPT, op_adopt },
	{ CPS_OP_RESTORE, op_restore },
	{ CPS_OP_AT_EXIT, op_at_exit },
	{ CPS_OP_PAUSE, op_pause },
	{ CPS_OP_RESUME, op_resume },
	{ CPS_OP_UPDATE, op_update },
	{ CPS_OP_CHECKPOINT, op_checkpoint },
	{ CPS_OP_CREATE_RESTORED, op_create_restored },
};

/* What makes sense while it is not known yet what there is. */
static bool is_for_adopting(const struct op *op)
{
	return op->run == op_hello || op->run == op_restore || op->run == op_adopt ||
	       op->run == op_subscribe || op->run == op_debug;
}

static int op_find(struct shim_request *r, const struct op **ret, struct cps_err *err)
{
	const char *name;
	int rc = cps_json_str(cps_json_get(r->body, "op"), &name, err);

	if (rc < 0)
		return rc;
	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		if (strcmp(ops[i].name, name) != 0)
			continue;
		if (!r->conn->greeted && ops[i].run != op_hello)
			return cps_failx(err, EPROTO, "%s: say hello first", name);
		if (r->shim->adopt && !is_for_adopting(&ops[i]))
			return cps_failx(err, EBUSY, "%s: the container is being adopted", name);
		*ret = &ops[i];
		return 0;
	}
	return cps_failx(err, ENOSYS, "no such operation: '%.64s'", name);
}

void shim_ops_handle(struct shim_conn *c, struct cps_frame *f)
{
	struct shim_request r = {
		.shim = c->shim,
		.conn = c,
		.id = f->id,
		.body = f->body,
		.frame = f,
	};
	const struct op *op = NULL;
	struct cps_err err;
	int rc;

	c->shim->trace.requests++;
	rc = op_find(&r, &op, &err);

	if (rc == 0)
		rc = op->run(&r, &err);
	if (rc < 0)
		shim_conn_error(c, f->id, &err, NULL);
	else
		shim_events_asked(&r, op->name);
}
