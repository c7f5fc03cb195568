/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The watch's loop, see watch.h. What has a time is looked for after each batch of events; work per
 * round is bounded, so that no container holds up the others.
 */
#include <config.h>

#include "watch.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "clock.h"
#include "own.h"

#define EVENTS_PER_ROUND 16
#define LOOKS_PER_ROUND	 16
#define FDS_RESERVED	 64 /* for what is not counted: the loop's own, a frame's on their way in */

int sup_watch_add(struct sup_watch *w, int fd, struct sup_watch_source *source)
{
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = source };

	return epoll_ctl(w->epoll, EPOLL_CTL_ADD, fd, &e) < 0 ? -errno : 0;
}

void sup_watch_end(struct sup_watch *w, int rc)
{
	w->over = true;
	w->rc = rc;
}

/* Containers are none of its business: they and their shims go on. */
static void on_signal(struct sup_watch *w, void *ignored)
{
	struct signalfd_siginfo info;

	(void)ignored;
	if (read(w->signals, &info, sizeof(info)) == (ssize_t)sizeof(info))
		sup_watch_end(w, 0);
}

/* As sd_notify(3) does: a datagram to whoever has started us, if it asked for one. */
static void ready_tell(void)
{
	static const char text[] = "READY=1";
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	const char *path = getenv("NOTIFY_SOCKET");
	size_t len = path ? strlen(path) : 0;
	cleanup_fd int sock = -1;

	if (len < 2 || len >= sizeof(to.sun_path) || (path[0] != '/' && path[0] != '@'))
		return;
	memcpy(to.sun_path, path, len);
	if (path[0] == '@')
		to.sun_path[0] = '\0';
	sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (sock < 0 || sendto(sock, text, sizeof(text) - 1, MSG_NOSIGNAL, (struct sockaddr *)&to,
			       (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) < 0)
		(void)fprintf(stderr, "capsule: shim watch: NOTIFY_SOCKET '%s': %s\n", path,
			      strerror(errno));
}

static int signals_init(struct sup_watch *w, struct cps_err *err)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGHUP);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	(void)signal(SIGPIPE, SIG_IGN); /* whoever read our stderr */
	w->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return w->signals < 0 ? cps_fail(err, errno, "signalfd") : 0;
}

static void files_init(struct sup_watch *w)
{
	struct rlimit all;

	if (getrlimit(RLIMIT_NOFILE, &w->files) < 0)
		w->files = (struct rlimit){ 1024, 1024 };
	all = (struct rlimit){ w->files.rlim_max, w->files.rlim_max };
	if (setrlimit(RLIMIT_NOFILE, &all) < 0)
		all = w->files;
	if (all.rlim_cur > 1u << 30)
		all.rlim_cur = 1u << 30;
	w->nfds_max = (unsigned)all.rlim_cur;
	w->nfds_max -= w->nfds_max > 2 * FDS_RESERVED ? FDS_RESERVED : w->nfds_max / 2;
}

static int loop_init(struct sup_watch *w, struct cps_err *err)
{
	int rc;

	files_init(w);
	rc = signals_init(w, err);
	if (rc < 0)
		return rc;
	w->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (w->epoll < 0)
		return cps_fail(err, errno, "epoll_create");
	w->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (w->inotify < 0)
		return cps_fail(err, errno, "inotify_init");
	w->signal_source = (struct sup_watch_source){ on_signal, NULL };
	w->inotify_source = (struct sup_watch_source){ sup_watch_root_ready, NULL };
	rc = sup_watch_add(w, w->signals, &w->signal_source);
	if (rc == 0)
		rc = sup_watch_add(w, w->inotify, &w->inotify_source);
	return rc < 0 ? cps_fail(err, -rc, "epoll_ctl") : 0;
}

/* What is due now; how long until the next is, -1: nothing waits. */
static int due_run(struct sup_watch *w)
{
	int64_t now = cps_monotonic_ms();
	int64_t next = w->root_ms ? w->root_ms : INT64_MAX;
	struct sup_watch_ct *ct = LIST_FIRST(&w->cts);
	unsigned looks = 0;

	if (w->root_ms && w->root_ms <= now) {
		sup_watch_root_due(w);
		return 0;
	}
	while (ct && w->nlooking > 0) {
		struct sup_watch_ct *after = LIST_NEXT(ct, link);

		if (ct->state == SUP_WATCH_LOOKING) {
			if (ct->due_ms <= now && looks++ < LOOKS_PER_ROUND)
				sup_watch_ct_look(w, ct);
			else if (ct->due_ms < next)
				next = ct->due_ms;
		}
		ct = after;
	}
	if (looks > 0)
		return 0; /* which may have set other times */
	return next == INT64_MAX ? -1 : next > now ? (int)(next - now) : 0;
}

static int loop_run(struct sup_watch *w, struct cps_err *err)
{
	while (!w->over) {
		struct epoll_event events[EVENTS_PER_ROUND];
		int n = epoll_wait(w->epoll, events, EVENTS_PER_ROUND, due_run(w));

		if (n < 0 && errno != EINTR)
			return cps_fail(err, errno, "epoll_wait");
		for (int i = 0; i < n && !w->over; i++) {
			const struct sup_watch_source *source = events[i].data.ptr;

			source->ready(w, source->owner);
		}
	}
	return w->rc;
}

int sup_watch_run(const struct sup_ctx *ctx, struct cps_err *err)
{
	struct sup_watch w = {
		.ctx = ctx,
		.epoll = -1,
		.signals = -1,
		.inotify = -1,
		.lock = -1,
		.err = err,
	};
	struct sup_watch_ct *ct;
	int rc;

	LIST_INIT(&w.cts);
	rc = loop_init(&w, err);
	if (rc == 0)
		rc = sup_watch_root_open(&w, true, err);
	if (rc == 0) {
		ready_tell();
		rc = loop_run(&w, err);
	}
	while ((ct = LIST_FIRST(&w.cts)) != NULL)
		sup_watch_ct_free(&w, ct);
	sup_watch_root_done(&w);
	cps_close(&w.inotify);
	cps_close(&w.signals);
	cps_close(&w.epoll);
	return rc;
}
