/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loggers, see logger.h.
 *
 * A logger that says by closing its descriptor that it is ready looks like one that has died. What
 * tells them apart: the kernel marks a process as ending before it closes anything. Then it is
 * never ready, whatever comes first, its end of file or its status.
 */
#include <config.h>
#include "logger.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <event2/event_struct.h>

#include "arena.h"
#include "child-program.h"
#include "own.h"
#include "proc.h"
#include "uri.h"

#define READY_MS     30000
#define END_MS	     10000
#define KILL_MS	     2000
#define AGAIN_MIN_MS 100
#define AGAIN_MAX_MS 10000
#define STRICT	     "binary-v2" /* its logger says it by a byte */
#define FIRST_FREE   10		 /* above what the logger finds its own at */

enum state { STARTING, READY, FAILED, ENDING };

struct task_logger {
	LIST_ENTRY(task_logger) link;
	struct task_loggers *all;
	struct cps_arena arena;
	struct task_uri uri;
	const char *env[3];
	bool strict;
	enum state state;
	struct task_child child;
	int in[2];  /* the pipes' ends for the logger, kept for the next one */
	int out[2]; /* for the process, until they are taken */
	int ready_fd;
	struct event ready_event;
	struct event later_event; /* to start again, to kill */
	unsigned again_ms;
	bool asked; /* to end */
	struct cps_err failed;
	void (*changed)(void *owner); /* NULL: released */
	void *owner;
};

static void timer(struct event *e, unsigned ms)
{
	struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = (ms % 1000) * 1000 };

	(void)event_add(e, &tv);
}

static void tell(struct task_logger *l)
{
	if (l->changed)
		l->changed(l->owner);
}

static void note(struct task_logger *l, const char *text)
{
	if (l->all->note && l->changed)
		l->all->note(l->owner, text);
}

static void ready_close(struct task_logger *l)
{
	(void)event_del(&l->ready_event);
	cps_close(&l->ready_fd);
}

static void logger_free(struct task_logger *l)
{
	LIST_REMOVE(l, link);
	task_child_remove(&l->child);
	ready_close(l);
	(void)event_del(&l->later_event);
	for (int i = 0; i < 2; i++) {
		cps_close(&l->in[i]);
		cps_close(&l->out[i]);
	}
	cps_arena_done(&l->arena);
	free(l);
}

/* Is there something to be read, or could there be? */
static bool is_more_to_come(const struct task_logger *l)
{
	for (int i = 0; i < 2; i++) {
		struct pollfd p = { .fd = l->in[i], .events = POLLIN };

		if (l->out[i] >= 0 || (poll(&p, 1, 0) >= 0 && !(p.revents & POLLHUP)) ||
		    (p.revents & POLLIN))
			return true;
	}
	return false;
}

static void give_up(struct task_logger *l, const char *why)
{
	l->state = FAILED;
	(void)cps_failx(&l->failed, EIO, "logger '%s': %s", l->uri.path, why);
	ready_close(l);
	(void)task_child_signal(&l->child, SIGKILL);
	tell(l);
}

/* ---- being ready ---- */

static void on_ready(evutil_socket_t fd, short what, void *arg)
{
	struct task_logger *l = arg;
	ssize_t n;
	char byte;

	if (!(what & EV_READ)) {
		if (l->state == STARTING)
			give_up(l, "it is not ready in time");
		return;
	}
	n = read(fd, &byte, 1);
	if (n <= 0) {
		ready_close(l);
		if (l->child.pid <= 0 || cps_proc_is_ending(l->child.pid))
			return; /* on_exit_of() says how */
		if (l->strict) {
			if (l->state == STARTING)
				give_up(l, "it has not said that it is ready");
			return;
		}
	}
	/* After a byte the descriptor stays: another one must not break the logger. */
	l->again_ms = AGAIN_MIN_MS;
	if (l->state != STARTING)
		return;
	l->state = READY;
	tell(l);
}

static void on_exit_of(void *owner, int status);

static int spawn(struct task_logger *l, int ready, struct cps_err *err)
{
	int fds[6] = { -1, -1, -1, l->in[0], l->in[1], ready };
	struct cps_program p = { .file = l->uri.path,
				 .argv = l->uri.argv,
				 .env = l->env,
				 .fds = fds,
				 .nfds = 6,
				 .own_signals = true,
				 .detached = true };
	pid_t pid = 0;
	int rc = cps_program_spawn(&p, &pid);

	if (rc < 0)
		return cps_fail(err, -rc, "logger '%s'", l->uri.path);
	task_child_add(l->all->children, &l->child, pid, on_exit_of, l);
	return 0;
}

/* A pipe whose ends are above those that the logger finds its own at. */
static int pipe_make(int ret[2], struct cps_err *err)
{
	int pair[2];
	int num;

	if (pipe2(pair, O_CLOEXEC) < 0)
		return cps_fail(err, errno, "make a pipe");
	ret[0] = fcntl(pair[0], F_DUPFD_CLOEXEC, FIRST_FREE);
	ret[1] = fcntl(pair[1], F_DUPFD_CLOEXEC, FIRST_FREE);
	num = errno;
	(void)close(pair[0]);
	(void)close(pair[1]);
	return ret[0] < 0 || ret[1] < 0 ? cps_fail(err, num, "make a pipe") : 0;
}

/* The program, at the pipes that are there. */
static int run(struct task_logger *l, struct cps_err *err)
{
	int ready[2] = { -1, -1 };
	int rc = pipe_make(ready, err);

	if (rc == 0)
		rc = spawn(l, ready[1], err);
	cps_close(&ready[1]);
	l->ready_fd = ready[0];
	if (rc < 0) {
		cps_close(&l->ready_fd);
		return rc;
	}
	(void)fcntl(l->ready_fd, F_SETFL, O_NONBLOCK);
	(void)event_assign(&l->ready_event, l->all->base, l->ready_fd, EV_READ, on_ready, l);
	timer(&l->ready_event, l->all->ready_ms);
	return 0;
}

/* ---- its end ---- */

static void again(struct task_logger *l)
{
	timer(&l->later_event, l->again_ms);
	l->again_ms = l->again_ms * 2 > AGAIN_MAX_MS ? AGAIN_MAX_MS : l->again_ms * 2;
}

static void on_exit_of(void *owner, int status)
{
	struct task_logger *l = owner;
	bool killed = WIFSIGNALED(status);
	char text[256];

	ready_close(l);
	(void)snprintf(text, sizeof(text), "it has ended with %s %d", killed ? "signal" : "status",
		       killed ? WTERMSIG(status) : WEXITSTATUS(status));
	switch (l->state) {
	case STARTING:
		(void)snprintf(text + strlen(text), sizeof(text) - strlen(text),
			       " before it was ready");
		give_up(l, text);
		break;
	case READY:
		if (is_more_to_come(l)) {
			struct cps_err why;

			(void)cps_failx(&why, EIO, "logger '%s': %s, and is started again",
					l->uri.path, text);
			note(l, why.msg);
			again(l);
		}
		tell(l);
		break;
	case FAILED:
		break;
	case ENDING:
		logger_free(l);
		break;
	}
}

static void on_later(evutil_socket_t fd, short what, void *arg)
{
	struct task_logger *l = arg;
	struct cps_err err;

	(void)fd;
	(void)what;
	if (l->state == ENDING) {
		(void)task_child_signal(&l->child, l->asked ? SIGKILL : SIGTERM);
		l->asked = true;
		timer(&l->later_event, l->all->kill_ms);
	} else if (l->child.pid <= 0 && is_more_to_come(l)) {
		if (run(l, &err) < 0) {
			note(l, err.msg);
			again(l);
		}
	} else {
		tell(l); /* the last writer has gone meanwhile, and left nothing */
	}
}

/* ---- for the owner ---- */

void task_loggers_init(struct task_loggers *all, struct event_base *base,
		       struct task_children *children, const char *ns)
{
	*all = (struct task_loggers){ .base = base,
				      .children = children,
				      .ns = ns,
				      .ready_ms = READY_MS,
				      .end_ms = END_MS,
				      .kill_ms = KILL_MS };
	LIST_INIT(&all->list);
}

void task_loggers_done(struct task_loggers *all)
{
	struct task_logger *l;

	while ((l = LIST_FIRST(&all->list)) != NULL)
		logger_free(l);
}

static int logger_prepare(struct task_logger *l, const char *uri, const char *id,
			  struct cps_err *err)
{
	int rc = task_uri_parse(&l->arena, uri, &l->uri, err);

	l->strict = task_uri_is(uri, STRICT);
	l->env[0] = cps_arena_printf(&l->arena, "CONTAINER_ID=%s", id);
	l->env[1] = cps_arena_printf(&l->arena, "CONTAINER_NAMESPACE=%s", l->all->ns);
	if (rc == 0 && (!l->env[0] || !l->env[1]))
		return cps_fail(err, ENOMEM, "stdio");
	for (int i = 0; rc == 0 && i < 2; i++) {
		int pair[2] = { -1, -1 };

		rc = pipe_make(pair, err);
		l->in[i] = pair[0];
		l->out[i] = pair[1];
	}
	return rc < 0 ? rc : run(l, err);
}

int task_logger_start(struct task_loggers *all, const char *uri, const char *id,
		      void (*changed)(void *owner), void *owner, struct task_logger **ret,
		      struct cps_err *err)
{
	struct task_logger *l = calloc(1, sizeof(*l));
	int rc;

	if (!l)
		return cps_fail(err, ENOMEM, "stdio");
	*l = (struct task_logger){ .all = all,
				   .in = { -1, -1 },
				   .out = { -1, -1 },
				   .ready_fd = -1,
				   .again_ms = AGAIN_MIN_MS,
				   .changed = changed,
				   .owner = owner };
	(void)event_assign(&l->ready_event, all->base, -1, 0, on_ready, l);
	(void)event_assign(&l->later_event, all->base, -1, 0, on_later, l);
	LIST_INSERT_HEAD(&all->list, l, link);
	rc = logger_prepare(l, uri, id, err);
	if (rc < 0)
		logger_free(l);
	else
		*ret = l;
	return rc;
}

int task_logger_ready(const struct task_logger *l, struct cps_err *err)
{
	if (l->state == STARTING)
		return cps_failx(err, EINPROGRESS, "logger '%s': not ready", l->uri.path);
	if (l->state == FAILED)
		*err = l->failed;
	return l->state == FAILED ? -l->failed.num : 0;
}

void task_logger_take(struct task_logger *l, int *ret_out, int *ret_err)
{
	*ret_out = take_fd(&l->out[0]);
	*ret_err = take_fd(&l->out[1]);
}

bool task_logger_is_done(const struct task_logger *l)
{
	return l->state == FAILED || (l->child.pid <= 0 && !is_more_to_come(l));
}

void task_logger_release(struct task_logger *l)
{
	bool was_ready = l && l->state == READY;

	if (!l)
		return;
	l->changed = NULL;
	l->state = ENDING;
	(void)event_del(&l->later_event);
	for (int i = 0; i < 2; i++) {
		cps_close(&l->in[i]);
		cps_close(&l->out[i]);
	}
	if (l->child.pid <= 0)
		logger_free(l);
	else
		timer(&l->later_event, was_ready ? l->all->end_ms : 0);
}
