/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libevent's side of the shim. Callbacks decode and dispatch, no more. Signals come through a
 * signalfd, so no handler ever interrupts anything.
 */
#include <config.h>
#include "loop.h"

#include <errno.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conn.h"
#include "exec.h"
#include "file.h"
#include "own.h"
#include "reap.h"
#include "shim.h"

#define ACCEPTS_PER_WAKEUP 16
#define LISTEN_BACKLOG	   128
#define ACCEPT_PAUSE_MS	   1000

static void on_signal(evutil_socket_t fd, short what, void *arg)
{
	struct shim *s = arg;
	struct signalfd_siginfo info[8];
	bool child = (what & EV_TIMEOUT) != 0; /* reap.c has left some */
	bool term = false;
	ssize_t n = read(fd, info, sizeof(info));

	for (ssize_t i = 0; i < n / (ssize_t)sizeof(info[0]); i++) {
		if (info[i].ssi_signo == SIGCHLD)
			child = true;
		else
			term = true;
	}
	if (child)
		shim_reap(s);
	if (term)
		shim_news(s, SHIM_E_TERM);
}

static void on_accept_retry(evutil_socket_t fd, short what, void *arg)
{
	struct shim *s = arg;

	(void)fd;
	(void)what;
	(void)event_add(&s->listen_event, NULL);
}

static void on_listen(evutil_socket_t fd, short what, void *arg)
{
	struct shim *s = arg;

	(void)what;
	for (int i = 0; i < ACCEPTS_PER_WAKEUP; i++) {
		int conn = accept4(fd, NULL, NULL, SOCK_CLOEXEC);

		if (conn >= 0) {
			shim_conn_open(s, conn);
			continue;
		}
		if (errno == EAGAIN)
			return;
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
			/* The client stays in the backlog; asking again at once would spin. */
			shim_note(&s->note, "no new clients for a second: accept: %s",
				  strerror(errno));
			(void)event_del(&s->listen_event);
			shim_timer(&s->accept_retry, ACCEPT_PAUSE_MS);
			return;
		}
		/* ECONNABORTED and the like: the next one */
	}
}

/* Nothing came for a second: the buffers' pages are better used elsewhere. */
static void on_quiet(evutil_socket_t fd, short what, void *arg)
{
	struct shim *s = arg;
	struct shim_exec *x;

	(void)fd;
	(void)what;
	s->quiet_armed = false;
	shim_scratch_trim(&s->scratch);
	shim_log_trim(s->ct.io.log);
	TAILQ_FOREACH(x, &s->execs, link)
	{
		struct shim_io *io = shim_exec_io(x);

		shim_log_trim(io ? io->log : NULL);
	}
	(void)malloc_trim(0);
}

static void on_libevent_log(int severity, const char *message)
{
	(void)severity;
	(void)message; /* every call's result is looked at; its chatter has no place to go */
}

/* libevent ends the process after this. It calls it for broken invariants of its own; the next
 * best thing is to leave a trace. */
static void on_libevent_fatal(int error)
{
	(void)error;
	abort();
}

struct event_base *shim_loop_make(void)
{
	struct event_config *config = event_config_new();
	struct event_base *base = NULL;

	event_set_log_callback(on_libevent_log);
	event_set_fatal_callback(on_libevent_fatal);
	if (!config)
		return NULL;
	(void)event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_IGNORE_ENV);
	base = event_base_new_with_config(config);
	event_config_free(config);
	return base;
}

void shim_loop_join(struct shim *s, struct event_base *base)
{
	s->base = base;
	(void)event_assign(&s->accept_retry, base, -1, 0, on_accept_retry, s);
	(void)event_assign(&s->quiet_event, base, -1, 0, on_quiet, s);
}

void shim_loop_leave(struct shim *s)
{
	if (!s->base)
		return;
	if (s->listen_fd >= 0)
		(void)event_del(&s->listen_event);
	(void)event_del(&s->accept_retry);
	(void)event_del(&s->quiet_event);
	s->base = NULL;
	cps_close(&s->listen_fd);
}

int shim_loop_init(struct shim *s, const sigset_t *mask, struct cps_err *err)
{
	struct event_base *base = shim_loop_make();

	if (!base)
		return cps_failx(err, ENOMEM, "make the event loop");
	shim_loop_join(s, base);
	s->signal_fd = signalfd(-1, mask, SFD_CLOEXEC | SFD_NONBLOCK);
	if (s->signal_fd < 0)
		return cps_fail(err, errno, "signalfd");
	(void)event_assign(&s->signal_event, s->base, s->signal_fd, EV_READ | EV_PERSIST, on_signal,
			   s);
	if (event_add(&s->signal_event, NULL) < 0)
		return cps_failx(err, ENOMEM, "make the event loop");
	return 0;
}

int shim_loop_listen(struct shim *s, struct cps_err *err)
{
	mode_t before = umask(0177);
	int fd = cps_sock_listen(s->dir, SHIM_SOCKET, SOCK_NONBLOCK, LISTEN_BACKLOG);

	(void)umask(before);
	if (fd < 0)
		return cps_fail(err, -fd, "listen on '%s/%s'", s->dir_path, SHIM_SOCKET);
	s->listen_fd = fd;
	(void)event_assign(&s->listen_event, s->base, fd, EV_READ | EV_PERSIST, on_listen, s);
	if (event_add(&s->listen_event, NULL) < 0)
		return cps_failx(err, ENOMEM, "listen: no room in the event loop");
	return 0;
}

void shim_over(struct shim *s)
{
	if (s->over)
		s->over(s);
	else
		(void)event_base_loopbreak(s->base);
}

void shim_loop_run(struct shim *s)
{
	/* Round by round, to count them; ends by loopbreak only, since the signals stay. */
	while (event_base_loop(s->base, EVLOOP_ONCE) == 0 && !event_base_got_break(s->base))
		s->trace.wakeups++;
}

void shim_loop_done(struct shim *s)
{
	if (s->signal_fd < 0) {
		shim_loop_leave(s); /* the base is another's */
		return;
	}
	if (s->base)
		event_base_free(s->base);
	s->base = NULL;
	cps_close(&s->signal_fd);
	cps_close(&s->listen_fd);
}
