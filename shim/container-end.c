/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a container ends: stop, the exit and its record, delete, and the end of the shim.
 */
#include <config.h>
#include "container.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "events.h"
#include "exec.h"
#include "exit-command.h"
#include "file.h"
#include "health.h"
#include "loop.h"
#include "ops.h"
#include "own.h"
#include "proto.h"
#include "record.h"
#include "runtime-link.h"
#include "shim.h"

/* How long the exit may be held back by output that does not end (another process has the pipe) or
 * cannot be logged. What is left then is read on afterwards. */
#define DRAIN_MS 500

/* Writing the exit record is tried for this long before it is told without. */
#define EXIT_TRIES 50

/* ---- stop ---- */

static int stop_params(const struct shim *s, const struct shim_request *r, int *ret_signal,
		       uint64_t *ret_timeout_ms, struct cps_err *err)
{
	int64_t signal = s->ct.stop_signal;
	int64_t timeout = (int64_t)s->ct.stop_timeout_ms;
	int rc = 0;

	if (r && cps_json_get(r->body, "signal"))
		rc = cps_json_i64(cps_json_get(r->body, "signal"), 1, _NSIG - 1, &signal, err);
	if (rc == 0 && r && cps_json_get(r->body, "timeout_ms"))
		rc = cps_json_i64(cps_json_get(r->body, "timeout_ms"), 0, INT32_MAX, &timeout, err);
	*ret_signal = (int)signal;
	*ret_timeout_ms = (uint64_t)timeout;
	return rc;
}

/* Without a request it is the shim that was told to go: it does when the container has. */
static int stop_join(struct shim *s, struct shim_request *r, struct cps_err *err)
{
	if (r)
		return shim_waiter_add(&s->ct.stop_waiters, r->conn, r->id, err);
	s->ct.quit_wanted = true;
	return 0;
}

uint64_t shim_boottime_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* The earlier of two deadlines counts: `stop -t 0` after `stop` means now. */
static void stop_timer(struct shim *s, uint64_t timeout_ms)
{
	struct timeval due;
	struct timeval now;

	if (event_pending(&s->ct.stop_event, EV_TIMEOUT, &due) &&
	    event_base_gettimeofday_cached(s->base, &now) == 0) {
		int64_t left = (int64_t)(due.tv_sec - now.tv_sec) * 1000 +
			       (due.tv_usec - now.tv_usec) / 1000;

		if (left <= (int64_t)timeout_ms)
			return;
	}
	shim_timer(&s->ct.stop_event, timeout_ms);
	s->ct.stop_at = shim_boottime_ms() + timeout_ms;
	shim_record_update(s);
}

int shim_act_stop_begin(void *owner, void *arg, struct cps_err *err)
{
	struct shim *s = owner;
	struct shim_request *r = arg;
	uint64_t timeout_ms;
	int signal;
	int rc = stop_params(s, r, &signal, &timeout_ms, err);

	if (rc == 0)
		rc = stop_join(s, r, err);
	if (rc < 0)
		return rc;
	(void)shim_child_signal(&s->ct.init, signal); /* gone already: SIGCHLD is on its way */
	shim_thaw(s);
	stop_timer(s, timeout_ms);
	return 0;
}

int shim_act_stop_now(void *owner, void *arg, struct cps_err *err)
{
	struct shim *s = owner;
	int rc = stop_join(s, arg, err);

	if (rc == 0)
		(void)shim_child_signal(&s->ct.init, SIGKILL);
	return rc;
}

int shim_act_stop_wait(void *owner, void *arg, struct cps_err *err)
{
	return stop_join(owner, arg, err);
}

int shim_act_stop_kill(void *owner, void *arg, struct cps_err *err)
{
	struct shim *s = owner;

	(void)arg;
	/* init first: that cannot fail for want of memory or processes */
	(void)shim_child_signal(&s->ct.init, SIGKILL);
	return shim_kill_all(s, SIGKILL, NULL, err);
}

int shim_act_stop_nothing(void *owner, void *arg, struct cps_err *err)
{
	struct shim_request *r = arg;

	(void)owner;
	(void)err;
	shim_conn_ok(r->conn, r->id, "{}", NULL, 0);
	return 0;
}

/* ---- exit ---- */

/* If its shim died over it, the runtime's mark is what is left to tell. */
static bool is_checkpointed(const struct shim *s)
{
	const struct shim_exit *e = &s->ct.exit;

	return (e->signal == SIGKILL || !e->known) &&
	       (s->ct.checkpointed || faccessat(s->dir, CPS_CHECKPOINT_MARK, F_OK, 0) == 0);
}

int shim_act_exit_note(void *owner, void *arg, struct cps_err *err)
{
	struct shim *s = owner;
	struct shim_container *ct = &s->ct;

	(void)arg;
	(void)err;
	if (!ct->has_exit) {
		shim_child_exit(&ct->init, &ct->exit);
		/* The count is read here, while the cgroup is there, not when a notice arrives. */
		ct->exit.oom = shim_oom_count(&ct->oom) > 0;
		ct->exit.checkpointed = is_checkpointed(s);
		ct->has_exit = true;
		shim_exit_save_early(&ct->exit, s->dir);
	}
	if (ct->exit.oom && ct->oom.told == 0) {
		shim_events_life(s, CPS_EVLOG_OOM);
		shim_event_send(s, CPS_EVENT_OOM, NULL);
	}
	shim_health_stop(ct->health);
	shim_oom_stop(&ct->oom);
	(void)event_del(&ct->stop_event);
	if (shim_io_is_closed(&ct->io)) {
		shim_news(s, SHIM_E_STDIO_CLOSED);
		return 0;
	}
	shim_timer(&ct->drain_event, DRAIN_MS);
	shim_io_exited(&ct->io); /* may dispatch STDIO_CLOSED */
	return 0;
}

static void exit_tell(struct shim *s)
{
	struct shim_container *ct = &s->ct;
	cleanup_buf struct cps_buf b = CPS_BUF_INIT;
	struct cps_err err;

	shim_events_life(s, CPS_EVLOG_EXIT);
	shim_exit_text(&ct->exit, &b);
	if (b.failed) {
		(void)cps_fail(&err, ENOMEM, "wait");
		shim_waiters_error(&ct->exit_waiters, &err, NULL);
	} else {
		shim_waiters_ok(&ct->exit_waiters, b.data, NULL, 0);
	}
	shim_waiters_ok(&ct->stop_waiters, "{}", NULL, 0);
	shim_waiters_ok(&ct->checkpoint_waiters, "{}", NULL, 0);
	shim_event_send(s, CPS_EVENT_EXITED, &ct->exit);
}

/* What `delete` was told while there was something to wait for. */
static void delete_promised(struct shim *s)
{
	struct cps_err err;

	if (shim_container_request(s, SHIM_E_DELETE_FORCE, NULL, &err) == 0)
		return;
	s->ct.delete_wanted = false; /* whoever asked may ask again */
	shim_waiters_error(&s->ct.delete_waiters, &err, NULL);
}

int shim_act_exit_report(void *owner, void *arg, struct cps_err *err)
{
	struct shim *s = owner;
	struct shim_container *ct = &s->ct;
	int rc = shim_exit_save(&ct->exit, s->dir, err);

	(void)arg;
	if (rc < 0 && ++ct->exit_tries < EXIT_TRIES)
		return rc;
	if (rc < 0)
		shim_note(&s->note, "%s; telling the exit without a record", err->msg);
	(void)event_del(&ct->drain_event);
	exit_tell(s);
	if (!ct->delete_wanted) /* who has asked for that clears up after it */
		shim_exit_command_run(s);
	shim_io_overdue(&ct->io);
	if (ct->delete_wanted)
		delete_promised(s);
	else if (ct->quit_wanted)
		shim_news(s, SHIM_E_TERM);
	return 0;
}

/* ---- delete ---- */

static void deleted(void *owner, int rc, const struct cps_err *why, const char *step)
{
	struct shim *s = owner;

	s->ct.link = NULL;
	s->ct.deleted = rc == 0;
	if (rc == 0)
		return; /* shim_deleted_settle() follows */
	s->ct.failed = *why;
	(void)snprintf(s->ct.failed_step, sizeof(s->ct.failed_step), "%s", step);
	shim_news(s, SHIM_E_DELETE_FAILED);
}

/* A runtime that is late, with a `kill` of the whole cgroup, with an exec, knows its container by
 * name: once we say that the name is free it would do that to the next one who has it. Nothing is
 * left for it to do. */
void shim_deleted_settle(struct shim *s)
{
	if (!s->ct.deleted || shim_links_kill(s))
		return;
	s->ct.deleted = false;
	shim_news(s, SHIM_E_DELETE_DONE);
}

static int delete_send(struct shim *s, struct cps_err *err)
{
	static const struct shim_link_ops ops = { .done = deleted };
	cleanup_buf struct cps_buf b = CPS_BUF_INIT;
	struct cps_jsonw w;

	cps_jsonw_init(&w, &b, false);
	cps_jsonw_open(&w, NULL, '{');
	cps_jsonw_str(&w, "op", CPS_OP_DELETE);
	cps_jsonw_str(&w, "root", s->root);
	cps_jsonw_str(&w, "id", s->id);
	cps_jsonw_bool(&w, "force", true); /* init is dead; what else is there must go */
	cps_jsonw_close(&w, '}');
	if (b.failed)
		return cps_fail(err, ENOMEM, "delete");
	return shim_link_start(s, b.data, b.len, NULL, 0, &ops, s, &s->ct.link, err);
}

static int delete_join(struct shim *s, struct shim_request *r, struct cps_err *err)
{
	return r ? shim_waiter_add(&s->ct.delete_waiters, r->conn, r->id, err) : 0;
}

int shim_act_delete_begin(void *owner, void *arg, struct cps_err *err)
{
	struct shim *s = owner;
	int rc = delete_join(s, arg, err);

	if (rc < 0)
		return rc;
	/* An aborted create has somebody else who waits. */
	shim_waiters_error(&s->ct.create_waiters, &s->ct.failed, s->ct.failed_step);
	rc = delete_send(s, err);
	if (rc < 0 && arg)
		shim_waiter_drop(&s->ct.delete_waiters);
	return rc;
}

int shim_act_delete_later(void *owner, void *arg, struct cps_err *err)
{
	struct shim *s = owner;
	int rc = delete_join(s, arg, err);

	if (rc == 0)
		s->ct.delete_wanted = true;
	return rc;
}

int shim_act_delete_kill(void *owner, void *arg, struct cps_err *err)
{
	struct shim *s = owner;
	int rc = shim_act_delete_later(owner, arg, err);
	struct cps_err why;

	if (rc < 0)
		return rc;
	(void)shim_child_signal(&s->ct.init, SIGKILL);
	/* The rest of the cgroup; what this misses the runtime's delete will find. */
	if (shim_kill_all(s, SIGKILL, NULL, &why) < 0)
		shim_note(&s->note, "%s", why.msg);
	return 0;
}

/* Everything below our own directory, and the directory. Nobody comes after us who would do it, so
 * it must not fail for want of a descriptor. */
static int dir_remove(struct shim *s, struct cps_err *err)
{
	return cps_remove_open_tree(s->dir, s->dir_path, err);
}

int shim_act_delete_done(void *owner, void *arg, struct cps_err *err)
{
	struct shim *s = owner;
	struct cps_err why;
	int rc;

	(void)arg;
	(void)err;
	shim_execs_end(s, true);
	shim_io_done(&s->ct.io);
	s->note.dir = -1; /* a note would make its file again */
	rc = dir_remove(s, &why);
	if (s->ct.created_at.tv_sec > 0 || s->ct.has_exit)
		shim_events_life(s, CPS_EVLOG_DELETE);
	if (rc < 0)
		shim_waiters_error(&s->ct.delete_waiters, &why, NULL);
	else
		shim_waiters_ok(&s->ct.delete_waiters, "{}", NULL, 0);
	shim_event_send(s, CPS_EVENT_DELETED, NULL);
	shim_over(s);
	return 0;
}

int shim_act_delete_failed(void *owner, void *arg, struct cps_err *err)
{
	struct shim *s = owner;

	(void)arg;
	(void)err;
	s->ct.delete_wanted = false;
	shim_note(&s->note, "delete: %s", s->ct.failed.msg);
	shim_waiters_error(&s->ct.delete_waiters, &s->ct.failed, s->ct.failed_step);
	return 0;
}

int shim_act_quit(void *owner, void *arg, struct cps_err *err)
{
	struct shim *s = owner;
	struct shim_request *r = arg;
	struct cps_err why;

	(void)err;
	/* With a container, even a dead one, the directory stays for `delete`. */
	if (s->machine.state == SHIM_IDLE && dir_remove(s, &why) < 0)
		shim_note(&s->note, "its directory stays: %s", why.msg);
	if (r)
		shim_conn_ok(r->conn, r->id, "{}", NULL, 0);
	shim_over(s);
	return 0;
}
