/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process that keeps tasks: its loop, its children, its end.
 */
#include <config.h>
#include "pod.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "loop.h"
#include "own.h"
#include "reap.h"
#include "setup.h"

/* What is not sent yet is looked for every 20 ms, and when answers have had 5 s, each second:
 * nobody waits for them any more. Events wait for a containerd that comes back. */
#define FLUSH_MS      20
#define FLUSH_LATE_MS 1000
#define ANSWERS_MAX   250
#define EVENTS_MAX    (ANSWERS_MAX + 600)

struct task *task_find(struct task_pod *pod, const char *id)
{
	struct task *t;

	LIST_FOREACH(t, &pod->tasks, link)
	{
		if (!t->gone && !t->failed && strcmp(t->id, id) == 0)
			return t;
	}
	return NULL;
}

/* Is it some task's? */
static bool is_claimed(struct task_pod *pod, pid_t pid, int status,
		       bool (*claims)(struct shim *s, pid_t pid, int status))
{
	struct task *t;

	LIST_FOREACH(t, &pod->tasks, link)
	{
		if (t->shim_up && t->shim.base && claims(&t->shim, pid, status))
			return true;
	}
	return false;
}

static void reap(struct task_pod *pod)
{
	struct task *t;
	int status;
	pid_t pid;

	LIST_FOREACH(t, &pod->tasks, link)
	{
		if (t->shim_up && t->shim.base)
			shim_reap_begin(&t->shim);
	}
	for (int i = 0; i < SHIM_REAPED_PER_WAKEUP && (pid = waitpid(-1, &status, WNOHANG)) > 0;
	     i++) {
		if (!is_claimed(pod, pid, status, shim_reap_one) &&
		    !task_children_reaped(&pod->children, pid, status))
			(void)is_claimed(pod, pid, status, shim_reap_late);
		if (i == SHIM_REAPED_PER_WAKEUP - 1)
			event_active(&pod->signal_event, EV_TIMEOUT, 0); /* the rest next time */
	}
	/* No task is freed meanwhile: that is left to its event. */
	LIST_FOREACH(t, &pod->tasks, link)
	{
		if (t->shim_up && t->shim.base)
			shim_reap_end(&t->shim);
	}
}

static void on_signal(evutil_socket_t fd, short what, void *arg)
{
	struct signalfd_siginfo info[8];
	struct task_pod *pod = arg;
	ssize_t n = read(fd, info, sizeof(info));

	(void)what;
	/* SIGTERM and the like: containerd never sends them, and tasks are not left alone. */
	for (ssize_t i = 0; i < n / (ssize_t)sizeof(info[0]); i++) {
		if (info[i].ssi_signo == SIGCHLD || !LIST_EMPTY(&pod->tasks))
			continue;
		/* told twice, it does not wait for anybody */
		pod->flushes = pod->ending ? EVENTS_MAX : pod->flushes;
		task_pod_shutdown(pod);
	}
	reap(pod);
}

static void end_when_sent(struct task_pod *pod)
{
	bool answers = task_server_is_flushed(&pod->server) || pod->flushes > ANSWERS_MAX;
	bool events = pod->publisher.count == 0 || pod->flushes > EVENTS_MAX;

	/* Loggers have their own time, at the end of which they are killed. */
	if (pod->ending && LIST_EMPTY(&pod->tasks) && LIST_EMPTY(&pod->loggers.list) && answers &&
	    events)
		(void)event_base_loopbreak(pod->base);
}

static void on_linger(evutil_socket_t fd, short what, void *arg)
{
	struct task_pod *pod = arg;
	struct task *t;
	unsigned alive = 0;

	(void)fd;
	(void)what;
	LIST_FOREACH(t, &pod->tasks, link)
	{
		alive += !t->gone && !t->failed;
	}
	if (alive > 0) {
		pod->ending = false; /* a new one came in between */
		pod->flushes = 0;
		return;
	}
	pod->flushes++;
	end_when_sent(pod);
	shim_timer(&pod->linger_event, pod->flushes > ANSWERS_MAX ? FLUSH_LATE_MS : FLUSH_MS);
}

void task_pod_shutdown(struct task_pod *pod)
{
	const struct task *t;

	LIST_FOREACH(t, &pod->tasks, link)
	{
		if (!t->gone && !t->failed)
			return;
	}
	if (pod->ending)
		return;
	pod->ending = true;
	event_active(&pod->linger_event, EV_TIMEOUT, 0);
}

static void on_events_gone(void *owner)
{
	end_when_sent(owner);
}

/* A logger's owner is a process. */
static void on_logger_note(void *owner, const char *text)
{
	const struct task_process *p = owner;

	shim_note(&p->task->shim.note, "%s", text);
}

int task_pod_init(struct task_pod *pod, int listener, const struct task_publish_to *events,
		  struct cps_err *err)
{
	struct task_publish_to to = *events;

	*pod = (struct task_pod){ .ns = to.ns, .signal_fd = -1 };
	LIST_INIT(&pod->tasks);
	LIST_INIT(&pod->children);
	pod->base = shim_loop_make();
	if (!pod->base)
		return cps_failx(err, ENOMEM, "make the event loop");
	(void)event_assign(&pod->linger_event, pod->base, -1, 0, on_linger, pod);
	task_loggers_init(&pod->loggers, pod->base, &pod->children, to.ns);
	pod->loggers.note = on_logger_note;
	to.children = &pod->children;
	task_publisher_init(&pod->publisher, pod->base, &to, on_events_gone, pod);
	return task_server_start(&pod->server, pod->base, listener, task_services, pod, err);
}

void task_pod_done(struct task_pod *pod)
{
	if (!pod->base)
		return;
	task_server_done(&pod->server);
	task_loggers_done(&pod->loggers);
	task_publisher_done(&pod->publisher);
	(void)event_del(&pod->linger_event);
	cps_close(&pod->signal_fd);
	event_base_free(pod->base);
}

int task_pod_run(int listener, const char *socket, const struct task_publish_to *events,
		 struct cps_err *err)
{
	struct task_pod pod;
	sigset_t signals;
	int rc = shim_process_init(&signals, err);

	if (rc < 0)
		return rc;
	rc = task_pod_init(&pod, listener, events, err);
	if (rc == 0)
		pod.signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (rc == 0) {
		(void)event_assign(&pod.signal_event, pod.base, pod.signal_fd, EV_READ | EV_PERSIST,
				   on_signal, &pod);
		if (pod.signal_fd < 0 || event_add(&pod.signal_event, NULL) < 0)
			rc = cps_failx(err, ENOMEM, "make the event loop");
	}
	if (rc == 0)
		(void)event_base_dispatch(pod.base);
	(void)unlink(socket);
	task_pod_done(&pod);
	return rc;
}
