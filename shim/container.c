/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The container's machine at work: dispatching, and the actions of a life between create and exit.
 * container-create.c has its beginning, container-end.c its end.
 */
#include <config.h>
#include "container.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "events.h"
#include "exec.h"
#include "file.h"
#include "gate.h"
#include "health.h"
#include "ops.h"
#include "own.h"
#include "proto.h"
#include "record.h"
#include "runtime-link.h"
#include "shim.h"

#define RETRY_MS 100

_Static_assert(SHIM_EVENT_COUNT <= 64, "a bit for each event in shim_container.again");

static shim_action *const actions[SHIM_A_COUNT] = {
	[SHIM_A_CREATE_BEGIN] = shim_act_create_begin,
	[SHIM_A_CREATE_DONE] = shim_act_create_done,
	[SHIM_A_CREATE_FAILED] = shim_act_create_failed,
	[SHIM_A_CREATE_ABORT] = shim_act_create_abort,
	[SHIM_A_EXIT_HOLD] = shim_act_exit_hold,
	[SHIM_A_START_BEGIN] = shim_act_start_begin,
	[SHIM_A_START_DONE] = shim_act_start_done,
	[SHIM_A_START_FAILED] = shim_act_start_failed,
	[SHIM_A_SIGNAL] = shim_act_signal,
	[SHIM_A_SIGNAL_ALL] = shim_act_signal_all,
	[SHIM_A_STOP_BEGIN] = shim_act_stop_begin,
	[SHIM_A_STOP_NOW] = shim_act_stop_now,
	[SHIM_A_STOP_WAIT] = shim_act_stop_wait,
	[SHIM_A_STOP_KILL] = shim_act_stop_kill,
	[SHIM_A_STOP_NOTHING] = shim_act_stop_nothing,
	[SHIM_A_EXEC_BEGIN] = shim_act_exec_begin,
	[SHIM_A_EXIT_NOTE] = shim_act_exit_note,
	[SHIM_A_EXIT_REPORT] = shim_act_exit_report,
	[SHIM_A_DELETE_BEGIN] = shim_act_delete_begin,
	[SHIM_A_DELETE_LATER] = shim_act_delete_later,
	[SHIM_A_DELETE_KILL] = shim_act_delete_kill,
	[SHIM_A_DELETE_DONE] = shim_act_delete_done,
	[SHIM_A_DELETE_FAILED] = shim_act_delete_failed,
	[SHIM_A_QUIT] = shim_act_quit,
	[SHIM_A_ADOPT_BEGIN] = shim_act_adopt_begin,
	[SHIM_A_ADOPT_DONE] = shim_act_adopt_done,
	[SHIM_A_ADOPT_FAILED] = shim_act_adopt_failed,
	[SHIM_A_PAUSE] = shim_act_pause,
	[SHIM_A_RESUME] = shim_act_resume,
	[SHIM_A_RESTORE_DONE] = shim_act_restore_done,
	[SHIM_A_CHECKPOINT_BEGIN] = shim_act_checkpoint_begin,
	[SHIM_A_CHECKPOINT_DONE] = shim_act_checkpoint_done,
};

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
	struct shim *s = arg;
	uint64_t again = s->ct.again;

	(void)fd;
	(void)what;
	s->ct.again = 0;
	for (unsigned e = 0; e < SHIM_EVENT_COUNT; e++) {
		if (again & (UINT64_C(1) << e))
			shim_news(s, (enum shim_event)e);
	}
}

static void on_stop_timeout(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	shim_news(arg, SHIM_E_STOP_TIMEOUT);
}

static void on_drain_timeout(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	shim_news(arg, SHIM_E_DRAIN_TIMEOUT);
}

static void on_stdio_closed(void *owner)
{
	shim_news(owner, SHIM_E_STDIO_CLOSED);
}

void shim_container_init(struct shim *s)
{
	struct shim_container *ct = &s->ct;

	memset(ct, 0, sizeof(*ct));
	s->machine = (struct shim_machine){
		.table = &shim_container_table,
		.state = SHIM_IDLE,
		.actions = actions,
		.owner = s,
		.trace = &s->trace,
	};
	ct->gate.fd = -1;
	ct->init.pidfd = -1;
	ct->exit_child.pidfd = -1;
	shim_oom_init(&ct->oom);
	shim_io_init(&ct->io, s, on_stdio_closed, s);
	(void)event_assign(&ct->stop_event, s->base, -1, 0, on_stop_timeout, s);
	(void)event_assign(&ct->drain_event, s->base, -1, 0, on_drain_timeout, s);
	(void)event_assign(&ct->retry_event, s->base, -1, 0, on_retry, s);
}

/* Forgets the container; who waits must have been answered. */
void shim_container_done(struct shim *s)
{
	struct shim_container *ct = &s->ct;

	shim_link_abandon(ct->link);
	shim_health_free(ct->health);
	shim_gate_close(s);
	shim_io_done(&ct->io);
	shim_child_remove(&ct->init);
	shim_child_remove(&ct->exit_child);
	shim_oom_done(&ct->oom);
	(void)event_del(&ct->stop_event);
	(void)event_del(&ct->drain_event);
	(void)event_del(&ct->retry_event);
	shim_log_config_done(&ct->log);
	free(ct->bundle);
	free(ct->cgroup_parent);
	free(ct->systemd);
	free(ct->pid_file);
	free(ct->user);
	free(ct->exit_command);
	free(ct->cgroups);
	shim_container_init(s);
}

void shim_timer(struct event *e, uint64_t ms)
{
	struct timeval tv = { .tv_sec = (time_t)(ms / 1000), .tv_usec = (ms % 1000) * 1000 };

	(void)event_add(e, &tv);
}

int shim_container_request(struct shim *s, enum shim_event e, struct shim_request *r,
			   struct cps_err *err)
{
	int rc;

	if (shim_dispatch(&s->machine, e, r, &rc, err) == SHIM_REFUSED &&
	    s->machine.state >= SHIM_DRAINING && e != SHIM_E_CREATE) {
		/* The process is gone: that is another thing than being asked too early. */
		rc = -ESRCH;
		err->num = ESRCH;
	}
	return rc;
}

void shim_news(struct shim *s, enum shim_event e)
{
	struct cps_err err;
	int rc;

	if (shim_dispatch(&s->machine, e, NULL, &rc, &err) != SHIM_TAKEN || rc == 0)
		return;
	shim_note(&s->note, "%s in %s: %s; trying again", shim_container_table.event_names[e],
		  shim_machine_state_name(&s->machine), err.msg);
	s->ct.again |= UINT64_C(1) << e;
	shim_timer(&s->ct.retry_event, RETRY_MS);
}

void shim_event_send(struct shim *s, const char *name, const struct shim_exit *e)
{
	cleanup_buf struct cps_buf b = CPS_BUF_INIT;
	struct cps_jsonw w;

	cps_jsonw_init(&w, &b, false);
	cps_jsonw_open(&w, NULL, '{');
	cps_jsonw_str(&w, "event", name);
	if (e)
		shim_exit_format(e, &w, "exit");
	cps_jsonw_close(&w, '}');
	if (!b.failed)
		shim_broadcast(s, b.data, b.len);
}

/* ---- start ---- */

static void started(void *owner, int rc, const struct cps_err *why, const char *step)
{
	struct shim *s = owner;

	s->ct.link = NULL;
	if (rc == 0) {
		shim_news(s, SHIM_E_START_DONE);
		return;
	}
	s->ct.failed = *why;
	(void)snprintf(s->ct.failed_step, sizeof(s->ct.failed_step), "%s", step);
	/* Did it get through to init? The gate tells: it is there as long as init waits. */
	shim_news(s, cps_sock_is_listening(s->dir, CPS_GATE_SOCKET) ? SHIM_E_START_UNDONE
								    : SHIM_E_START_FAILED);
}

static int start_by_runtime(struct shim *s, struct cps_err *err)
{
	static const struct shim_link_ops ops = { .done = started };
	cleanup_buf struct cps_buf b = CPS_BUF_INIT;
	struct cps_jsonw w;

	cps_jsonw_init(&w, &b, false);
	cps_jsonw_open(&w, NULL, '{');
	cps_jsonw_str(&w, "op", CPS_OP_START);
	cps_jsonw_str(&w, "root", s->root);
	cps_jsonw_str(&w, "id", s->id);
	cps_jsonw_close(&w, '}');
	if (b.failed)
		return cps_fail(err, ENOMEM, "start");
	return shim_link_start(s, b.data, b.len, NULL, 0, &ops, s, &s->ct.link, err);
}

int shim_act_start_begin(void *owner, void *arg, struct cps_err *err)
{
	struct shim *s = owner;
	struct shim_request *r = arg;
	int rc = shim_waiter_add(&s->ct.start_waiters, r->conn, r->id, err);

	if (rc < 0)
		return rc;
	rc = s->ct.poststart ? start_by_runtime(s, err) : shim_gate_open(s, err);
	if (rc < 0)
		shim_waiter_drop(&s->ct.start_waiters);
	else if (s->ct.poststart)
		shim_record_update(s); /* a successor must wait for that runtime */
	return rc;
}

int shim_act_start_done(void *owner, void *arg, struct cps_err *err)
{
	struct shim *s = owner;
	char ok[32];

	(void)arg;
	(void)err;
	(void)clock_gettime(CLOCK_REALTIME, &s->ct.started_at);
	(void)snprintf(ok, sizeof(ok), "{\"pid\":%d}", (int)s->ct.init.pid);
	shim_events_life(s, CPS_EVLOG_START);
	shim_waiters_ok(&s->ct.start_waiters, ok, NULL, 0);
	shim_event_send(s, CPS_EVENT_STARTED, NULL);
	if (s->machine.state == SHIM_RUNNING)
		shim_health_start(s->ct.health);
	shim_record_update(s);
	return 0;
}

int shim_act_start_failed(void *owner, void *arg, struct cps_err *err)
{
	struct shim *s = owner;

	(void)arg;
	(void)err;
	shim_events_failed(s, CPS_EVLOG_START_FAILED, &s->ct.failed);
	shim_waiters_error(&s->ct.start_waiters, &s->ct.failed, s->ct.failed_step);
	return 0;
}

/* ---- signals ---- */

static int signal_parse(const struct shim_request *r, int *ret, struct cps_err *err)
{
	int64_t signal = SIGTERM;
	int rc = 0;

	if (cps_json_get(r->body, "signal"))
		rc = cps_json_i64(cps_json_get(r->body, "signal"), 1, _NSIG - 1, &signal, err);
	*ret = (int)signal;
	return rc;
}

int shim_act_signal(void *owner, void *arg, struct cps_err *err)
{
	struct shim *s = owner;
	struct shim_request *r = arg;
	int signal;
	int rc = signal_parse(r, &signal, err);

	if (rc < 0)
		return rc;
	rc = shim_child_signal(&s->ct.init, signal);
	if (rc < 0)
		return cps_fail(err, -rc, "kill");
	if (signal == SIGKILL)
		shim_thaw(s);
	shim_conn_ok(r->conn, r->id, "{}", NULL, 0);
	return 0;
}

int shim_act_signal_all(void *owner, void *arg, struct cps_err *err)
{
	struct shim_request *r = arg;
	int signal;
	int rc = signal_parse(r, &signal, err);

	return rc < 0 ? rc : shim_kill_all(owner, signal, r, err);
}
