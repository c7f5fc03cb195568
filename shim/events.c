/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One line an event, see events.h.
 *
 * The file is opened for each line: a descriptor that is kept would have to be compared with the
 * name before each use, since any shim may have renamed the file, and would be one more in every
 * shim for the sake of a handful of lines.
 */
#include <config.h>
#include "events.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "exec.h"
#include "lines.h"
#include "ops.h"
#include "own.h"
#include "proto.h"
#include "shim.h"

#define EVENTS_FILE "../" CPS_EVLOG_FILE /* from our own directory, even when that is removed */
/* Escaped, a byte may become six; with these no line is beyond CPS_LINE_MAX. */
#define ARGS_MAX    768
#define ARG_MAX	    128
#define MESSAGE_MAX 320

struct line {
	struct shim *shim;
	struct cps_buf buf;
	struct cps_jsonw w;
};

static void line_open(struct line *l, struct shim *s, const char *event)
{
	char at[CPS_TIME_SIZE];
	struct timespec now;

	*l = (struct line){ .shim = s };
	(void)clock_gettime(CLOCK_REALTIME, &now);
	cps_time_format(&now, false, at);
	cps_jsonw_init(&l->w, &l->buf, false);
	cps_jsonw_open(&l->w, NULL, '{');
	cps_jsonw_str(&l->w, "time", at);
	cps_jsonw_str(&l->w, "event", event);
	cps_jsonw_str(&l->w, "id", s->id);
}

static void line_close(struct line *l)
{
	struct shim *s = l->shim;
	struct cps_err err;
	int rc;

	cps_jsonw_close(&l->w, '}');
	cps_buf_puts(&l->buf, "\n");
	if (l->buf.failed)
		rc = cps_fail(&err, ENOMEM, "event");
	else if (l->buf.len > CPS_LINE_MAX)
		rc = cps_failx(&err, EMSGSIZE, "event of %zu bytes", l->buf.len);
	else
		rc = cps_lines_append(s->dir, EVENTS_FILE, CPS_EVLOG_MAX, l->buf.data, l->buf.len,
				      &err);
	cps_buf_done(&l->buf);
	if (rc == 0) {
		s->events_lost = false;
	} else if (!s->events_lost) {
		s->events_lost = true;
		shim_note(&s->note, "events are lost: %s", err.msg);
	}
}

static void by_write(struct line *l, const struct shim_conn *c)
{
	cps_jsonw_open(&l->w, "by", '{');
	cps_jsonw_i64(&l->w, "pid", c->peer_pid);
	cps_jsonw_u64(&l->w, "uid", c->peer_uid);
	cps_jsonw_close(&l->w, '}');
}

/* The first of those who wait for it; without one, nobody is named. */
static void waiter_write(struct line *l, const struct shim_waiters *list)
{
	if (!LIST_EMPTY(list))
		by_write(l, LIST_FIRST(list)->conn);
}

static void error_write(struct line *l, const struct cps_err *why)
{
	cps_jsonw_strn(&l->w, "error", why->msg, strnlen(why->msg, MESSAGE_MAX));
}

void shim_events_life(struct shim *s, const char *event)
{
	struct shim_container *ct = &s->ct;
	struct line l;

	line_open(&l, s, event);
	if (strcmp(event, CPS_EVLOG_DELETE) == 0) {
		waiter_write(&l, &ct->delete_waiters);
		line_close(&l);
		return;
	}
	cps_jsonw_i64(&l.w, "pid", ct->init.pid);
	if (strcmp(event, CPS_EVLOG_CREATE) == 0 || strcmp(event, CPS_EVLOG_RESTORE) == 0) {
		cps_jsonw_strn(&l.w, "bundle", ct->bundle, strnlen(ct->bundle, MESSAGE_MAX));
		waiter_write(&l, &ct->create_waiters);
	} else if (strcmp(event, CPS_EVLOG_START) == 0) {
		waiter_write(&l, &ct->start_waiters);
	} else if (strcmp(event, CPS_EVLOG_OOM) == 0) {
		cps_jsonw_u64(&l.w, "oom_kills", shim_oom_count(&ct->oom));
		shim_note(&s->note, "out of memory: the kernel has killed %llu of its processes",
			  (unsigned long long)shim_oom_count(&ct->oom));
	} else if (strcmp(event, CPS_EVLOG_ADOPT) == 0) {
		cps_jsonw_str(&l.w, "machine", shim_machine_state_name(&s->machine));
	}
	if (ct->has_exit && strcmp(event, CPS_EVLOG_EXIT) == 0)
		shim_exit_format(&ct->exit, &l.w, "exit");
	line_close(&l);
}

void shim_events_done(struct shim *s, const char *event, const struct shim_waiters *who)
{
	struct line l;

	line_open(&l, s, event);
	waiter_write(&l, who);
	line_close(&l);
}

void shim_events_failed(struct shim *s, const char *event, const struct cps_err *why)
{
	struct line l;

	line_open(&l, s, event);
	error_write(&l, why);
	line_close(&l);
}

void shim_events_exec(const struct shim_exec *x, const char *event, const struct cps_err *why)
{
	cleanup_arena struct cps_arena arena = CPS_ARENA_INIT;
	const struct cps_json *args = NULL;
	struct cps_err err;
	struct line l;

	line_open(&l, x->shim, event);
	cps_jsonw_str(&l.w, "exec", x->id);
	if (x->pid > 0)
		cps_jsonw_i64(&l.w, "pid", x->pid);
	cps_jsonw_bool(&l.w, "job", x->detach);
	if (x->has_exit) {
		shim_exit_format(&x->exit, &l.w, "exit");
	} else if (x->args && strlen(x->args) <= ARGS_MAX) {
		cps_jsonw_raw(&l.w, "args", x->args);
	} else if (x->args && cps_json_parse(&arena, x->args, strlen(x->args), &args, &err) == 0) {
		shim_args_format(args, ARGS_MAX, &l.w, "args");
	}
	if (why)
		error_write(&l, why);
	line_close(&l);
}

void shim_events_health(struct shim *s, const char *status, uint64_t failing_streak)
{
	struct line l;

	line_open(&l, s, CPS_EVLOG_HEALTH);
	cps_jsonw_str(&l.w, "status", status);
	cps_jsonw_u64(&l.w, "failing_streak", failing_streak);
	line_close(&l);
}

static int64_t number(const struct cps_json *body, const char *key, int64_t otherwise)
{
	struct cps_err err;
	int64_t n = otherwise;

	if (cps_json_get(body, key))
		(void)cps_json_i64(cps_json_get(body, key), 0, INT32_MAX, &n, &err);
	return n;
}

void shim_events_asked(const struct shim_request *r, const char *op)
{
	const struct cps_json *exec = cps_json_get(r->body, "exec");
	const struct cps_json *all = cps_json_get(r->body, "all");
	struct shim *s = r->shim;
	bool stop = strcmp(op, CPS_OP_STOP) == 0;
	struct line l;

	if (!stop && strcmp(op, CPS_OP_KILL) != 0)
		return;
	if (stop && s->machine.state >= SHIM_DRAINING)
		return; /* there was nothing to stop */
	line_open(&l, s, stop ? CPS_EVLOG_STOP : CPS_EVLOG_KILL);
	cps_jsonw_i64(&l.w, "signal",
		      number(r->body, "signal", stop ? s->ct.stop_signal : SIGTERM));
	if (stop)
		cps_jsonw_i64(&l.w, "timeout_ms",
			      number(r->body, "timeout_ms", (int64_t)s->ct.stop_timeout_ms));
	if (all && all->type == CPS_JSON_BOOL && all->boolean)
		cps_jsonw_bool(&l.w, "all", true);
	if (exec && exec->type == CPS_JSON_STRING && exec->len < SHIM_EXEC_ID_SIZE)
		cps_jsonw_strn(&l.w, "exec", exec->text, exec->len);
	by_write(&l, r->conn);
	line_close(&l);
}

void shim_args_format(const struct cps_json *args, size_t max, struct cps_jsonw *w, const char *key)
{
	const struct cps_json *a = args->type == CPS_JSON_ARRAY ? args->first : NULL;
	size_t from = w->buf->len;
	char more[32];

	cps_jsonw_open(w, key, '[');
	/* Escaped, a byte is six at the most; so much may this be beyond max. */
	for (; a && w->buf->len - from < max; a = a->next) {
		if (a->type == CPS_JSON_STRING)
			cps_jsonw_strn(w, NULL, a->text, a->len < ARG_MAX ? a->len : ARG_MAX);
	}
	if (a) {
		(void)snprintf(more, sizeof(more), "… %u more", args->count - a->index);
		cps_jsonw_str(w, NULL, more);
	}
	cps_jsonw_close(w, ']');
}
