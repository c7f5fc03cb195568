/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of a shim, see debug.h.
 */
#include <config.h>
#include "debug.h"

#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "attach.h"
#include "clock.h"
#include "events.h"
#include "exec-run.h"
#include "frame.h"
#include "own.h"
#include "proto.h"
#include "runtime-link.h"
#include "shim.h"

#define EXECS_BYTES (CPS_FRAME_JSON_MAX * 3 / 4) /* what else there is fits behind it */
#define ARGS_MAX    256

static void time_format(struct cps_jsonw *w, const char *key, const struct timespec *t)
{
	char at[CPS_TIME_SIZE];

	cps_time_format(t, true, at);
	cps_jsonw_str(w, key, t->tv_sec ? at : NULL);
}

/* How long until it is due; nothing for a timer that does not run. */
static void timer_format(struct shim *s, struct cps_jsonw *w, const char *key,
			 const struct event *e)
{
	struct timeval due;
	struct timeval now;

	if (!event_pending(e, EV_TIMEOUT, &due) ||
	    event_base_gettimeofday_cached(s->base, &now) < 0)
		return;
	cps_jsonw_i64(w, key,
		      (int64_t)(due.tv_sec - now.tv_sec) * 1000 +
			      (due.tv_usec - now.tv_usec) / 1000);
}

static void timers_format(struct shim *s, struct cps_jsonw *w)
{
	cps_jsonw_open(w, "timers_ms", '{');
	timer_format(s, w, "stop", &s->ct.stop_event);
	timer_format(s, w, "drain", &s->ct.drain_event);
	timer_format(s, w, "retry", &s->ct.retry_event);
	timer_format(s, w, "log_or_terminal_retry", &s->ct.io.retry_event);
	timer_format(s, w, "accept_retry", &s->accept_retry);
	timer_format(s, w, "quiet", &s->quiet_event);
	cps_jsonw_close(w, '}');
	cps_jsonw_open(w, "tried_again", '[');
	for (unsigned e = 0; e < SHIM_EVENT_COUNT; e++) {
		if (s->ct.again & (UINT64_C(1) << e))
			cps_jsonw_str(w, NULL, shim_container_table.event_names[e]);
	}
	cps_jsonw_close(w, ']');
}

static unsigned waiters_count(const struct shim_waiters *list)
{
	const struct shim_waiter *waiter;
	unsigned n = 0;

	LIST_FOREACH(waiter, list, of_owner)
	{
		n++;
	}
	return n;
}

static void waiters_format(const struct shim *s, struct cps_jsonw *w)
{
	cps_jsonw_open(w, "waiters", '{');
	cps_jsonw_u64(w, "create", waiters_count(&s->ct.create_waiters));
	cps_jsonw_u64(w, "start", waiters_count(&s->ct.start_waiters));
	cps_jsonw_u64(w, "exit", waiters_count(&s->ct.exit_waiters));
	cps_jsonw_u64(w, "stop", waiters_count(&s->ct.stop_waiters));
	cps_jsonw_u64(w, "checkpoint", waiters_count(&s->ct.checkpoint_waiters));
	cps_jsonw_u64(w, "delete", waiters_count(&s->ct.delete_waiters));
	cps_jsonw_close(w, '}');
}

static void conns_format(struct shim *s, struct cps_jsonw *w)
{
	const struct shim_conn *c;

	cps_jsonw_open(w, "connections", '[');
	LIST_FOREACH(c, &s->conns, link)
	{
		int unread = 0;

		(void)ioctl(c->fd, SIOCOUTQ, &unread); /* with the kernel's own share */
		cps_jsonw_open(w, NULL, '{');
		cps_jsonw_i64(w, "pid", c->peer_pid);
		cps_jsonw_u64(w, "uid", c->peer_uid);
		cps_jsonw_u64(w, "queued", c->queued);
		cps_jsonw_i64(w, "unread", unread);
		cps_jsonw_u64(w, "waits", c->nwaiters);
		cps_jsonw_u64(w, "attached", shim_attach_count(c));
		cps_jsonw_bool(w, "subscribed", c->subscribed);
		cps_jsonw_bool(w, "keeper", c->keeper);
		cps_jsonw_close(w, '}');
	}
	cps_jsonw_close(w, ']');
}

static const char *pause_reason(const struct shim_io *io)
{
	if (!io->started)
		return "not begun";
	if (io->log && shim_log_is_blocked(io->log))
		return "the log is blocked by its disk";
	if (shim_attach_is_waiting(io))
		return "an attached client does not read";
	if (io->hung_up && !io->exited)
		return "nobody has the terminal open";
	return NULL;
}

static void log_format(const struct shim_io *io, const struct shim_log_config *config,
		       struct cps_jsonw *w)
{
	struct shim_log_stats st = { .held = 0 };

	shim_log_config_format(config, w, "log");
	if (!io->log)
		return;
	shim_log_stats(io->log, &st);
	cps_jsonw_open(w, "log_work", '{');
	cps_jsonw_bool(w, "blocked", shim_log_is_blocked(io->log));
	cps_jsonw_u64(w, "held", st.held);
	cps_jsonw_u64(w, "dropped", st.dropped);
	cps_jsonw_u64(w, "untold", st.untold);
	cps_jsonw_u64(w, "read", st.read);
	cps_jsonw_u64(w, "written", st.written);
	cps_jsonw_u64(w, "records", st.records);
	cps_jsonw_u64(w, "rotations", st.rotations);
	cps_jsonw_close(w, '}');
}

static void io_format(const struct shim_io *io, const struct shim_log_config *config,
		      struct cps_jsonw *w)
{
	cps_jsonw_open(w, "stdio", '{');
	cps_jsonw_bool(w, "terminal", io->terminal);
	cps_jsonw_bool(w, "stdin_open", io->stdin_fd >= 0);
	cps_jsonw_u64(w, "stdin_clients", io->stdin_users);
	cps_jsonw_str(w, "paused", pause_reason(io));
	for (int i = 0; i < SHIM_STREAM_COUNT; i++) {
		const struct shim_stream *st = &io->streams[i];
		int waiting = 0;

		cps_jsonw_open(w, i == SHIM_STDOUT ? "stdout" : "stderr", '{');
		cps_jsonw_bool(w, "open", st->fd >= 0);
		if (st->fd >= 0 && ioctl(st->fd, FIONREAD, &waiting) == 0)
			cps_jsonw_i64(w, "waiting", waiting);
		cps_jsonw_close(w, '}');
	}
	cps_jsonw_close(w, '}');
	log_format(io, config, w);
}

static void exec_args_format(const struct shim_exec *x, struct cps_jsonw *w)
{
	cleanup_arena struct cps_arena arena = CPS_ARENA_INIT;
	const struct cps_json *args = NULL;
	struct cps_err err;

	if (x->args && cps_json_parse(&arena, x->args, strlen(x->args), &args, &err) == 0)
		shim_args_format(args, ARGS_MAX, w, "args");
}

static void exec_format(const struct shim_exec *x, struct cps_jsonw *w)
{
	cps_jsonw_open(w, NULL, '{');
	cps_jsonw_str(w, "exec", x->id);
	cps_jsonw_str(w, "machine", shim_machine_state_name(&x->machine));
	cps_jsonw_i64(w, "pid", x->pid);
	cps_jsonw_bool(w, "job", x->detach);
	exec_args_format(x, w);
	time_format(w, "started_at", &x->started_at);
	cps_jsonw_u64(w, "waiters", waiters_count(&x->exit_waiters));
	if (x->run)
		cps_jsonw_bool(w, "runtime_at_work", x->run->link != NULL);
	if (x->run && x->detach)
		io_format(&x->run->io, &x->log, w);
	if (x->has_exit)
		shim_exit_format(&x->exit, w, "exit");
	cps_jsonw_close(w, '}');
}

/* The living first: what has ended is least of interest, and may be many. */
static void execs_format(struct shim *s, struct cps_jsonw *w)
{
	const struct shim_exec *x;
	unsigned more = 0;

	cps_jsonw_open(w, "execs", '[');
	for (int ended = 0; ended < 2; ended++) {
		TAILQ_FOREACH_REVERSE(x, &s->execs, shim_execs, link)
		{
			if ((x->machine.state == SHIM_EXEC_EXITED) != ended)
				continue;
			if (w->buf->len < EXECS_BYTES)
				exec_format(x, w);
			else
				more++;
		}
	}
	cps_jsonw_close(w, ']');
	if (more > 0)
		cps_jsonw_u64(w, "execs_left_out", more);
}

void shim_debug_format(struct shim *s, struct cps_jsonw *w)
{
	struct shim_container *ct = &s->ct;

	cps_jsonw_open(w, NULL, '{');
	cps_jsonw_open(w, "shim", '{');
	cps_jsonw_i64(w, "pid", getpid());
	cps_jsonw_str(w, "version", PACKAGE_VERSION);
	cps_jsonw_i64(w, "protocol", CPS_PROTOCOL);
	time_format(w, "started_at", &s->started_at);
	cps_jsonw_bool(w, "adopting", s->adopt != NULL);
	cps_jsonw_bool(w, "events_lost", s->events_lost);
	cps_jsonw_close(w, '}');
	cps_jsonw_str(w, "machine", shim_machine_state_name(&s->machine));
	cps_jsonw_i64(w, "pid", ct->init.pid);
	shim_links_format(s, w, "runtime");
	cps_jsonw_open(w, "gate", '{');
	cps_jsonw_bool(w, "open", ct->gate.open);
	cps_jsonw_bool(w, "accepted", ct->gate.accepted);
	cps_jsonw_close(w, '}');
	timers_format(s, w);
	waiters_format(s, w);
	cps_jsonw_bool(w, "delete_wanted", ct->delete_wanted);
	cps_jsonw_bool(w, "quit_wanted", ct->quit_wanted);
	conns_format(s, w);
	io_format(&ct->io, &ct->log, w);
	cps_jsonw_open(w, "oom", '{');
	cps_jsonw_str(w, "file", ct->oom.path);
	cps_jsonw_bool(w, "watching", ct->oom.watching);
	cps_jsonw_u64(w, "kills", shim_oom_count(&ct->oom));
	cps_jsonw_u64(w, "told", ct->oom.told);
	cps_jsonw_close(w, '}');
	if (ct->has_exit)
		shim_exit_format(&ct->exit, w, "exit");
	shim_trace_format_counters(&s->trace, w, "counters");
	shim_trace_format(&s->trace, w, "transitions");
	execs_format(s, w); /* last: it takes the room that is left */
	cps_jsonw_close(w, '}');
}
