/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of an exec session: its machine's actions, who is told, what is kept. exec-begin.c has
 * its beginning.
 */
#include <config.h>
#include "exec.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attach.h"
#include "events.h"
#include "exec-run.h"
#include "file.h"
#include "keep.h"
#include "ops.h"
#include "own.h"
#include "proto.h"
#include "runtime-link.h"
#include "shim.h"

#define DRAIN_MS	500
#define RETRY_MS	100
#define EXIT_TRIES	50
#define FOREGROUND_KEPT 64 /* ended, and nobody has asked yet how */

/* ---- keeping and forgetting ---- */

static void run_free(struct shim_exec *x)
{
	struct shim_exec_run *run = x->run;

	if (!run)
		return;
	x->run = NULL;
	shim_link_abandon(run->link);
	shim_child_remove(&run->child);
	shim_io_done(&run->io);
	(void)event_del(&run->drain_event);
	(void)event_del(&run->retry_event);
	shim_log_free(run->log);
	cps_close(&run->console);
	cps_close(&run->dir);
	free(run);
}

static void files_remove(struct shim_exec *x)
{
	cleanup_fd int dir = openat(x->shim->dir, "exec", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct cps_err err;

	if (dir >= 0 && cps_remove_tree(dir, x->id, &err) < 0)
		shim_note(&x->shim->note, "exec %s: %s", x->id, err.msg);
}

void shim_exec_free(struct shim_exec *x, bool with_files)
{
	struct cps_err err;

	(void)cps_failx(&err, ESRCH, "the exec is gone");
	shim_waiters_error(&x->exit_waiters, &err, NULL);
	if (x->run) {
		shim_waiters_error(&x->run->start_waiters, &err, NULL);
		run_free(x);
	}
	if (x->detach && with_files)
		files_remove(x);
	TAILQ_REMOVE(&x->shim->execs, x, link);
	shim_log_config_done(&x->log);
	free(x->args);
	free(x);
}

static bool is_over(const struct shim_exec *x)
{
	return x->machine.state == SHIM_EXEC_EXITED && !x->run;
}

/* Frees what is not needed any more of sessions that ended: parts of them, and the oldest whole. */
void shim_execs_tidy(struct shim *s)
{
	unsigned jobs = 0;
	unsigned others = 0;
	struct shim_exec *x;
	struct shim_exec *before;

	for (x = TAILQ_LAST(&s->execs, shim_execs); x; x = before) {
		before = TAILQ_PREV(x, shim_execs, link);
		/* An attached client may have something to read yet, the log something to write. */
		if (x->machine.state == SHIM_EXEC_EXITED && x->run &&
		    shim_io_is_settled(&x->run->io) && LIST_EMPTY(&x->run->io.attaches))
			run_free(x);
		if (!is_over(x))
			continue;
		if (x->detach ? ++jobs > s->ct.jobs_max
			      : x->collected || ++others > FOREGROUND_KEPT)
			shim_exec_free(x, true);
	}
}

void shim_execs_end(struct shim *s, bool with_files)
{
	struct shim_exec *x;

	while ((x = TAILQ_FIRST(&s->execs)) != NULL)
		shim_exec_free(x, with_files);
}

struct shim_exec *shim_exec_find(struct shim *s, const char *id)
{
	struct shim_exec *x;

	TAILQ_FOREACH(x, &s->execs, link)
	{
		if (strcmp(x->id, id) == 0)
			return x;
	}
	return NULL;
}

unsigned shim_execs_running(const struct shim *s)
{
	const struct shim_exec *x;
	unsigned n = 0;

	TAILQ_FOREACH(x, &s->execs, link)
	{
		n += x->machine.state != SHIM_EXEC_EXITED;
	}
	return n;
}

struct shim_io *shim_exec_io(struct shim_exec *x)
{
	return x->run && x->detach ? &x->run->io : NULL;
}

/* ---- news ---- */

void shim_exec_news(struct shim_exec *x, enum shim_exec_event e)
{
	struct cps_err err;
	int rc;

	if (shim_dispatch(&x->machine, e, NULL, &rc, &err) != SHIM_TAKEN || rc == 0)
		return;
	shim_note(&x->shim->note, "exec %s: %s: %s; trying again", x->id,
		  shim_exec_table.event_names[e], err.msg);
	x->run->again |= 1u << e;
	shim_timer(&x->run->retry_event, RETRY_MS);
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
	struct shim_exec *x = arg;
	unsigned again = x->run->again;

	(void)fd;
	(void)what;
	x->run->again = 0;
	for (unsigned e = 0; e < SHIM_EXEC_EVENT_COUNT && x->run; e++) {
		/* The last of them may free the session; it is then the only one. */
		if (again == 1u << e) {
			shim_exec_news(x, (enum shim_exec_event)e);
			return;
		}
		if (again & (1u << e))
			shim_exec_news(x, (enum shim_exec_event)e);
	}
}

static void on_drain_timeout(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	shim_exec_news(arg, SHIM_EXEC_E_DRAIN_TIMEOUT);
}

/* The output's end, before or after the exit was told. */
static void on_closed(void *owner)
{
	struct shim_exec *x = owner;

	if (x->machine.state == SHIM_EXEC_EXITED)
		shim_execs_tidy(x->shim);
	else
		shim_exec_news(x, SHIM_EXEC_E_STDIO_CLOSED);
}

int shim_exec_run_new(struct shim_exec *x, struct cps_err *err)
{
	struct shim_exec_run *run = calloc(1, sizeof(*run));

	if (!run)
		return cps_fail(err, ENOMEM, "exec");
	run->console = -1;
	run->dir = -1;
	run->child.pidfd = -1;
	shim_io_init(&run->io, x->shim, on_closed, x);
	(void)event_assign(&run->drain_event, x->shim->base, -1, 0, on_drain_timeout, x);
	(void)event_assign(&run->retry_event, x->shim->base, -1, 0, on_retry, x);
	x->run = run;
	return 0;
}

static void event_send(struct shim_exec *x, const char *name)
{
	cleanup_buf struct cps_buf b = CPS_BUF_INIT;
	struct cps_jsonw w;

	cps_jsonw_init(&w, &b, false);
	cps_jsonw_open(&w, NULL, '{');
	cps_jsonw_str(&w, "event", name);
	cps_jsonw_str(&w, "exec", x->id);
	if (x->has_exit)
		shim_exit_format(&x->exit, &w, "exit");
	cps_jsonw_close(&w, '}');
	if (!b.failed)
		shim_broadcast(x->shim, b.data, b.len);
}

/* ---- actions ---- */

static void started_reply(struct shim_exec *x)
{
	struct shim_exec_run *run = x->run;
	cleanup_buf struct cps_buf b = CPS_BUF_INIT;
	struct cps_jsonw w;
	struct cps_err err;
	unsigned nfds = 0;
	int fds[2];

	cps_jsonw_init(&w, &b, false);
	cps_jsonw_open(&w, NULL, '{');
	cps_jsonw_str(&w, "exec", x->id);
	cps_jsonw_i64(&w, "pid", x->pid);
	if (run->console >= 0 || run->pidfd_wanted)
		cps_jsonw_open(&w, "fds", '[');
	if (run->console >= 0) {
		cps_jsonw_str(&w, NULL, "console");
		fds[nfds++] = run->console;
	}
	if (run->pidfd_wanted && run->child.pidfd >= 0) {
		cps_jsonw_str(&w, NULL, "pidfd");
		fds[nfds++] = run->child.pidfd;
	}
	if (run->console >= 0 || run->pidfd_wanted)
		cps_jsonw_close(&w, ']');
	cps_jsonw_close(&w, '}');
	if (b.failed) {
		(void)cps_fail(&err, ENOMEM, "exec");
		shim_waiters_error(&run->start_waiters, &err, NULL);
	} else {
		shim_waiters_ok(&run->start_waiters, b.data, fds, nfds);
	}
}

static int act_started(void *owner, void *arg, struct cps_err *err)
{
	struct shim_exec *x = owner;
	struct shim_exec_run *run = x->run;

	(void)arg;
	(void)err;
	x->pid = run->child.pid;
	if (x->started_at.tv_sec == 0)
		(void)clock_gettime(CLOCK_REALTIME, &x->started_at);
	shim_events_exec(x, CPS_EVLOG_EXEC, NULL);
	if (x->detach) {
		shim_io_start(&run->io, run->log);
		run->log = NULL;
		shim_attach_given(&run->io, &run->start_waiters);
	}
	started_reply(x);
	/* The client owns the terminal from now on, and its end hangs the process up. */
	cps_close(&run->console);
	shim_keep_tell(x->shim, x);
	if (run->child.exited)
		shim_exec_news(x, SHIM_EXEC_E_EXITED); /* held back until now */
	return 0;
}

static int act_failed(void *owner, void *arg, struct cps_err *err)
{
	struct shim_exec *x = owner;

	(void)arg;
	(void)err;
	shim_events_exec(x, CPS_EVLOG_EXEC_FAILED, &x->run->failed);
	shim_waiters_error(&x->run->start_waiters, &x->run->failed, x->run->failed_step);
	shim_exec_free(x, true);
	return 0;
}

static int act_exit_hold(void *owner, void *arg, struct cps_err *err)
{
	(void)owner;
	(void)arg;
	(void)err;
	return 0;
}

static int act_signal(void *owner, void *arg, struct cps_err *err)
{
	struct shim_exec *x = owner;
	struct shim_request *r = arg;
	int64_t signal = SIGTERM;
	int rc = 0;

	if (cps_json_get(r->body, "signal"))
		rc = cps_json_i64(cps_json_get(r->body, "signal"), 1, _NSIG - 1, &signal, err);
	if (rc < 0)
		return rc;
	rc = shim_child_signal(&x->run->child, (int)signal);
	if (rc < 0)
		return cps_fail(err, -rc, "kill");
	shim_conn_ok(r->conn, r->id, "{}", NULL, 0);
	return 0;
}

static int act_exit_note(void *owner, void *arg, struct cps_err *err)
{
	struct shim_exec *x = owner;
	struct shim_exec_run *run = x->run;

	(void)arg;
	(void)err;
	if (!x->has_exit) {
		shim_child_exit(&run->child, &x->exit);
		x->exit.oom = shim_oom_count(&x->shim->ct.oom) > run->oom_kills;
		x->has_exit = true;
		if (x->detach)
			shim_exit_save_early(&x->exit, run->dir);
	}
	if (shim_io_is_closed(&run->io)) {
		shim_exec_news(x, SHIM_EXEC_E_STDIO_CLOSED);
		return 0;
	}
	shim_timer(&run->drain_event, DRAIN_MS);
	shim_io_exited(&run->io); /* may dispatch STDIO_CLOSED, and that may free the session */
	return 0;
}

static int act_exit_report(void *owner, void *arg, struct cps_err *err)
{
	struct shim_exec *x = owner;
	struct shim_exec_run *run = x->run;
	cleanup_buf struct cps_buf b = CPS_BUF_INIT;
	int rc = x->detach ? shim_exit_save(&x->exit, run->dir, err) : 0;

	(void)arg;
	if (rc < 0 && ++run->exit_tries < EXIT_TRIES)
		return rc;
	if (rc < 0)
		shim_note(&x->shim->note, "exec %s: %s; telling without", x->id, err->msg);
	(void)event_del(&run->drain_event);
	shim_events_exec(x, CPS_EVLOG_EXEC_EXIT, NULL);
	shim_exit_text(&x->exit, &b);
	x->collected = !LIST_EMPTY(&x->exit_waiters);
	if (b.failed) {
		(void)cps_fail(err, ENOMEM, "wait");
		shim_waiters_error(&x->exit_waiters, err, NULL);
	} else {
		shim_waiters_ok(&x->exit_waiters, b.data, NULL, 0);
	}
	event_send(x, CPS_EVENT_EXEC_EXITED);
	shim_io_overdue(&run->io);
	shim_execs_tidy(x->shim); /* may free x */
	return 0;
}

shim_action *const shim_exec_actions[SHIM_EXEC_A_COUNT] = {
	[SHIM_EXEC_A_STARTED] = act_started,	 [SHIM_EXEC_A_FAILED] = act_failed,
	[SHIM_EXEC_A_EXIT_HOLD] = act_exit_hold, [SHIM_EXEC_A_SIGNAL] = act_signal,
	[SHIM_EXEC_A_EXIT_NOTE] = act_exit_note, [SHIM_EXEC_A_EXIT_REPORT] = act_exit_report,
};

/* ---- requests ---- */

int shim_exec_kill(struct shim_exec *x, struct shim_request *r, struct cps_err *err)
{
	int rc;

	if (shim_dispatch(&x->machine, SHIM_EXEC_E_KILL, r, &rc, err) == SHIM_REFUSED &&
	    x->machine.state >= SHIM_EXEC_DRAINING) {
		rc = -ESRCH;
		err->num = ESRCH;
	}
	return rc;
}

int shim_exec_wait(struct shim_exec *x, struct shim_request *r, struct cps_err *err)
{
	cleanup_buf struct cps_buf b = CPS_BUF_INIT;

	if (x->machine.state != SHIM_EXEC_EXITED)
		return shim_waiter_add(&x->exit_waiters, r->conn, r->id, err);
	shim_exit_text(&x->exit, &b);
	if (b.failed)
		return cps_fail(err, ENOMEM, "wait");
	shim_conn_ok(r->conn, r->id, b.data, NULL, 0);
	x->collected = true;
	shim_execs_tidy(x->shim);
	return 0;
}

void shim_exec_format(const struct shim_exec *x, struct cps_jsonw *w)
{
	char at[CPS_TIME_SIZE];

	cps_time_format(&x->started_at, true, at);
	cps_jsonw_open(w, NULL, '{');
	cps_jsonw_str(w, "exec", x->id);
	cps_jsonw_i64(w, "pid", x->pid);
	cps_jsonw_str(w, "status", x->machine.state == SHIM_EXEC_EXITED ? "exited" : "running");
	cps_jsonw_bool(w, "detach", x->detach);
	cps_jsonw_bool(w, "terminal", x->terminal);
	cps_jsonw_raw(w, "args", x->args ? x->args : "[]");
	cps_jsonw_str(w, "started_at", at);
	if (x->machine.state == SHIM_EXEC_EXITED)
		shim_exit_format(&x->exit, w, "exit");
	else
		cps_jsonw_null(w, "exit");
	if (x->detach)
		shim_log_config_format(&x->log, w, "log");
	else
		cps_jsonw_null(w, "log");
	cps_jsonw_close(w, '}');
}
