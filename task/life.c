/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of tasks and execs: how they begin, end, and are told of. Events are in the order that
 * clients may rely on: a start before the exit, the exits of execs before the one of the container.
 */
#include <config.h>
#include "pod.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "events.pb-c.h"
#include "exec-run.h"
#include "file.h"
#include "json.h"
#include "mounts.h"
#include "options.h"
#include "own.h"
#include "proto.h"
#include "setup.h"

#define SETTLE_MS    2000 /* the longest that execs hold back the exit of their container */
#define NAME_MAX_LEN 76	  /* containerd's limit */

/* ---- ends ---- */

void task_wait_answer(struct task_process *p)
{
	Task__WaitReply reply = TASK__WAIT_REPLY__INIT;
	Wire__Timestamp at;
	struct task_waiter *w;

	task_time_set(&at, p->exited_at.tv_sec ? &p->exited_at : NULL);
	reply.exit_status = p->exit_status;
	reply.exited_at = &at;
	while ((w = LIST_FIRST(&p->waiters)) != NULL) {
		LIST_REMOVE(w, link);
		task_reply(w->call, &reply.base);
		free(w);
	}
}

void task_exit_tell(struct task_process *p)
{
	Events__TaskExit e = EVENTS__TASK_EXIT__INIT;
	Wire__Timestamp at;

	task_time_set(&at, &p->exited_at);
	e.container_id = p->task->id;
	e.id = p->exec_id[0] ? p->exec_id : p->task->id;
	e.pid = p->pid;
	e.exit_status = p->exit_status;
	e.exited_at = &at;
	task_publish(&p->task->pod->publisher, "/tasks/exit", "containerd.events.TaskExit",
		     &e.base);
	task_wait_answer(p);
}

static bool is_any_exec_running(const struct task *t)
{
	const struct task_process *p;

	TAILQ_FOREACH(p, &t->execs, link)
	{
		if (p->status == TASK__STATUS__RUNNING)
			return true;
	}
	return false;
}

void task_settle(struct task *t, bool now)
{
	if (t->init.status != TASK__STATUS__STOPPED || t->exit_told || t->init.starting)
		return;
	if (!now && is_any_exec_running(t)) {
		shim_timer(&t->settle_event, SETTLE_MS);
		return;
	}
	t->exit_told = true;
	(void)event_del(&t->settle_event);
	task_exit_tell(&t->init);
}

static void on_settle(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	task_settle(arg, true);
}

void task_exited(struct task_process *p, const struct cps_json *exit)
{
	struct task *t = p->task;
	struct cps_err ignored;
	const char *at = "";
	int64_t code = 255;

	(void)cps_json_i64(cps_json_get(exit, "code"), 0, 255, &code, &ignored);
	(void)cps_json_str(cps_json_get(exit, "at"), &at, &ignored);
	if (cps_time_parse(at, &p->exited_at) < 0)
		(void)clock_gettime(CLOCK_REALTIME, &p->exited_at);
	p->exit_status = (uint32_t)code;
	p->status = TASK__STATUS__STOPPED;
	if (p != &t->init) {
		task_exit_tell(p);
		task_settle(t, false);
		return;
	}
	/* Without a pid namespace of its own, who was started by it lives on. */
	if (!t->own_pids)
		event_active(&t->later_event, EV_TIMEOUT, 0);
	task_settle(t, false);
}

static void ignored_done(struct task_process *p, const struct cps_json *ok,
			 const struct cps_err *why, struct task_call *call)
{
	(void)p;
	(void)ok;
	(void)why;
	(void)call;
}

/* What has only waited so far; the others are answered with what was asked. */
static void calls_end(struct task_process *p)
{
	if (p->start_call && !p->starting)
		task_error(p->start_call, TASK_UNAVAILABLE, "the task is deleted");
	if (p->delete_call && !p->deleting)
		task_error(p->delete_call, TASK_UNAVAILABLE, "the task is deleted");
	p->start_call = NULL;
	p->delete_call = NULL;
}

static void task_free(struct task *t)
{
	struct task_process *p;

	LIST_REMOVE(t, link);
	while ((p = TAILQ_FIRST(&t->execs)) != NULL)
		task_exec_free(p);
	if (t->shim_up)
		shim_free(&t->shim);
	calls_end(&t->init);
	task_asked_free(t);
	task_wait_answer(&t->init);
	(void)event_del(&t->later_event);
	(void)event_del(&t->settle_event);
	(void)event_del(&t->init.again_event);
	task_streams_done(&t->init.io);
	if (t->mounted)
		task_mounts_detach(t->bundle);
	free(t->init.exec_id);
	free(t->criu);
	free(t->root);
	free(t->bundle);
	free(t->id);
	free(t);
}

static void on_later(evutil_socket_t fd, short what, void *arg)
{
	struct task *t = arg;
	struct cps_err ignored;

	(void)fd;
	(void)what;
	if (t->failed && !t->gone) {
		/* Its shim goes, with the directory; task_over() follows, be it later. */
		if (!t->conn || task_ask(&t->init, "{\"op\":\"shutdown\"}", NULL, 0, ignored_done,
					 NULL, &ignored) < 0)
			t->gone = true;
	}
	if (t->gone)
		task_free(t);
	else if (t->init.status == TASK__STATUS__STOPPED)
		(void)task_ask(&t->init, "{\"op\":\"kill\",\"signal\":9,\"all\":true}", NULL, 0,
			       ignored_done, NULL, &ignored);
}

/* The shim's life is over, and we are within it. */
void task_over(struct shim *s)
{
	struct task *t = s->process;

	t->gone = true;
	event_active(&t->later_event, EV_TIMEOUT, 0);
}

void task_events_init(struct task *t)
{
	(void)event_assign(&t->later_event, t->pod->base, -1, 0, on_later, t);
	(void)event_assign(&t->settle_event, t->pod->base, -1, 0, on_settle, t);
}

/* ---- what takes several goes ---- */

bool task_process_waits(struct task_process *p, int rc)
{
	if (rc == -EAGAIN && ++p->open_tries < TASK_OPEN_TRIES)
		shim_timer(&p->again_event, TASK_OPEN_RETRY_MS);
	else if (rc != -EINPROGRESS)
		return false;
	return true;
}

static void start_go(struct task_process *p);

static void on_again(evutil_socket_t fd, short what, void *arg)
{
	struct task_process *p = arg;

	(void)fd;
	if (p->delete_call)
		task_delete_go(p, what & EV_TIMEOUT);
	else if (p->start_call && !p->starting && p == &p->task->init)
		task_create_go(p->task);
	else if (p->start_call && !p->starting)
		start_go(p);
}

/* Of its logger; we are within it. */
static void on_streams_changed(void *owner)
{
	struct task_process *p = owner;

	event_active(&p->again_event, EV_READ, 0);
}

void task_process_init(struct task_process *p, struct task *t)
{
	p->task = t;
	LIST_INIT(&p->waiters);
	task_streams_none(&p->io);
	(void)event_assign(&p->again_event, t->pod->base, -1, 0, on_again, p);
}

int task_process_streams(struct task_process *p, const char *id, const char *in, const char *out,
			 const char *err_path, bool terminal, struct cps_err *err)
{
	const struct task_streams_host host = {
		.loggers = &p->task->pod->loggers,
		.id = id,
		.uid = p->task->io_uid,
		.gid = p->task->io_gid,
		.changed = on_streams_changed,
		.owner = p,
	};

	return task_streams_init(&p->io, &host, in, out, err_path, terminal, err);
}

/* ---- start ---- */

static void start_answer(struct task_process *p, struct task_call *call)
{
	Task__PidReply reply = TASK__PID_REPLY__INIT;

	reply.pid = p->pid;
	task_reply(call, &reply.base);
}

static void started(struct task_process *p, const struct cps_json *ok, const struct cps_err *why,
		    struct task_call *call)
{
	Events__TaskStart e = EVENTS__TASK_START__INIT;
	struct task *t = p->task;

	(void)ok;
	p->starting = false;
	p->start_call = NULL;
	if (why) {
		task_error(call, TASK_UNKNOWN, "OCI runtime start failed: %s", why->msg);
	} else {
		if (p->status == TASK__STATUS__CREATED)
			p->status = TASK__STATUS__RUNNING;
		e.container_id = t->id;
		e.pid = p->pid;
		task_publish(&t->pod->publisher, "/tasks/start", "containerd.events.TaskStart",
			     &e.base);
		start_answer(p, call);
	}
	task_settle(t, false);
}

static void exec_started(struct task_process *p, const struct cps_json *ok,
			 const struct cps_err *why, struct task_call *call)
{
	Events__TaskExecStarted e = EVENTS__TASK_EXEC_STARTED__INIT;
	struct cps_err ignored;
	const char *session = "";
	int64_t pid = 0;

	p->starting = false;
	p->start_call = NULL;
	if (why) {
		/* It stays as it was; whoever waits for it learns that there was nothing. */
		task_streams_release(&p->io);
		task_error(call, TASK_UNKNOWN, "OCI runtime exec failed: %s", why->msg);
		task_wait_answer(p);
		return;
	}
	(void)cps_json_i64(cps_json_get(ok, "pid"), 1, INT32_MAX, &pid, &ignored);
	(void)cps_json_str(cps_json_get(ok, "exec"), &session, &ignored);
	(void)snprintf(p->session, sizeof(p->session), "%s", session);
	p->pid = (uint32_t)pid;
	p->status = TASK__STATUS__RUNNING;
	e.container_id = p->task->id;
	e.exec_id = p->exec_id;
	e.pid = p->pid;
	task_publish(&p->task->pod->publisher, "/tasks/exec-started",
		     "containerd.events.TaskExecStarted", &e.base);
	start_answer(p, call);
}

static int exec_ask(struct task_process *p, int fds[3], struct cps_err *err)
{
	cleanup_buf struct cps_buf b = CPS_BUF_INIT;
	int all[4] = { cps_memfd_sealed("process", p->spec, strlen(p->spec), err), fds[0], fds[1],
		       fds[2] };
	unsigned nfds = 1;
	unsigned named = 0;
	struct cps_jsonw w;

	cps_jsonw_init(&w, &b, false);
	cps_jsonw_open(&w, NULL, '{');
	cps_jsonw_str(&w, "op", CPS_OP_EXEC);
	cps_jsonw_bool(&w, "replace", true);
	cps_jsonw_bool(&w, "terminal", p->io.terminal);
	cps_jsonw_bool(&w, "detach", p->io.terminal);
	cps_jsonw_raw(&w, "log", "{\"driver\":\"none\"}");
	cps_jsonw_open(&w, "fds", '[');
	cps_jsonw_str(&w, NULL, "process");
	task_fds_name(&w, all + 1, &named);
	nfds += named;
	cps_jsonw_close(&w, ']');
	cps_jsonw_close(&w, '}');
	if (all[0] < 0 || b.failed) {
		for (unsigned i = 0; i < nfds; i++)
			cps_close(&all[i]);
		return all[0] < 0 && !b.failed ? -err->num : cps_fail(err, ENOMEM, "exec");
	}
	p->starting = true;
	return task_ask(p, b.data, all, nfds, exec_started, p->start_call, err);
}

static void start_go(struct task_process *p)
{
	struct task_call *call = p->start_call;
	struct cps_err err;
	int fds[3];
	int rc;

	if (p == &p->task->init) {
		p->starting = true;
		rc = task_ask(p, "{\"op\":\"start\"}", NULL, 0, started, call, &err);
	} else {
		rc = task_streams_open(&p->io, fds, &err);
		if (task_process_waits(p, rc))
			return;
		if (rc == 0)
			rc = exec_ask(p, fds, &err);
	}
	if (rc < 0) {
		p->start_call = NULL;
		p->starting = false;
		task_error(call, TASK_UNKNOWN, "%s", err.msg);
	}
}

void task_start(struct task_process *p, struct task_call *call)
{
	if (p->start_call || p->status != TASK__STATUS__CREATED) {
		task_error(call, TASK_FAILED_PRECONDITION,
			   "process is not created, or has started");
		return;
	}
	p->start_call = call;
	start_go(p);
}

/* ---- execs ---- */

struct task_process *task_session_find(struct task *t, const char *session)
{
	struct task_process *p;

	TAILQ_FOREACH(p, &t->execs, link)
	{
		if (strcmp(p->session, session) == 0)
			return p;
	}
	return NULL;
}

void task_exec_free(struct task_process *p)
{
	struct shim_exec *x = p->session[0] ? shim_exec_find(&p->task->shim, p->session) : NULL;

	if (x && x->machine.state == SHIM_EXEC_EXITED)
		shim_exec_free(x, true);
	(void)event_del(&p->again_event);
	calls_end(p);
	task_wait_answer(p);
	task_streams_done(&p->io);
	TAILQ_REMOVE(&p->task->execs, p, link);
	free(p->exec_id);
	free(p->spec);
	free(p);
}

void task_exec_add(struct task *t, struct task_call *call, const Task__ExecRequest *r)
{
	static const char type[] = "types.containerd.io/opencontainers/runtime-spec/1/Process";
	Events__TaskExecAdded e = EVENTS__TASK_EXEC_ADDED__INIT;
	struct task_process *p;
	struct cps_err err;

	if (!task_any_is(r->spec, type) || !r->exec_id[0] || strlen(r->exec_id) > NAME_MAX_LEN) {
		task_error(call, TASK_INVALID_ARGUMENT, "exec: bad id or process");
		return;
	}
	p = calloc(1, sizeof(*p));
	if (!p) {
		task_error(call, TASK_RESOURCE_EXHAUSTED, "exec: out of memory");
		return;
	}
	task_process_init(p, t);
	p->status = TASK__STATUS__CREATED;
	TAILQ_INSERT_TAIL(&t->execs, p, link);
	p->exec_id = strdup(r->exec_id);
	if (!p->exec_id ||
	    task_process_streams(p, p->exec_id, r->stdin, r->stdout, r->stderr, r->terminal, &err) <
		    0 ||
	    task_process_spec(r, &p->spec, &err) < 0) {
		task_error(call, p->exec_id ? task_code_of(err.num) : TASK_RESOURCE_EXHAUSTED, "%s",
			   p->exec_id ? err.msg : "exec: out of memory");
		task_exec_free(p);
		return;
	}
	e.container_id = t->id;
	e.exec_id = p->exec_id;
	task_publish(&t->pod->publisher, "/tasks/exec-added", "containerd.events.TaskExecAdded",
		     &e.base);
	task_reply_empty(call);
}
