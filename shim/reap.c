/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reaping. The order is the point (invariant 2): first read what the runtimes have sent, so that
 * every pid is known whose process may be dead; then reap; then finish the links of runtimes that
 * are gone; and only then tell the owners of processes, since "created" must come before "exited".
 *
 * A runtime may send and end, and so may what it has started, between that reading and the reaping:
 * a pid that is not known is looked for once more. It is ours since its runtime's end, so whatever
 * that one had to say is there.
 */
#include <config.h>
#include "reap.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "start-gate.h"
#include "own.h"
#include "proc.h"
#include "runtime-link.h"
#include "shim.h"

/* How long the status of a process that is not our child may be asked for. */
#define ASKING_MS 2000

void shim_child_add(struct shim *s, struct shim_child *c, pid_t pid, int pidfd,
		    void (*on_exit)(void *owner), void *owner)
{
	shim_child_remove(c);
	if (pidfd < 0)
		pidfd = cps_pidfd_open(pid);
	*c = (struct shim_child){
		.pid = pid,
		.pidfd = pidfd,
		.on_exit = on_exit,
		.owner = owner,
		.listed = true,
	};
	LIST_INSERT_HEAD(&s->children, c, link);
}

void shim_child_remove(struct shim_child *c)
{
	if (!c->listed)
		return;
	c->listed = false;
	LIST_REMOVE(c, link);
	if (c->adopted)
		(void)event_del(&c->event);
	cps_close(&c->pidfd);
}

static void on_adopted(evutil_socket_t fd, short what, void *arg)
{
	struct shim_child *c = arg;
	struct shim *s = c->shim;
	unsigned ms = c->asked_ms + 1;
	int rc = cps_pidfd_exit_status(c->pidfd, c->pid, &c->status);

	(void)fd;
	(void)what;
	/* It is gone, but its parent takes its time, and until then /proc may not be ours to read:
	 * after 1, 2, 4 … ms once more. */
	if (rc == -EAGAIN && ms <= ASKING_MS) {
		c->asked_ms += ms;
		(void)event_assign(&c->event, s->base, -1, 0, on_adopted, c);
		shim_timer(&c->event, ms);
		return;
	}
	if (rc < 0)
		shim_note(&s->note, "process %d has ended; how is not known: %s", (int)c->pid,
			  rc == -EAGAIN
				  ? "its parent does not reap it, and we may not look"
				  : "its parent has reaped it, and this kernel does not tell");
	c->unknown = rc < 0;
	c->exited = true;
	shim_reap(s);
}

int shim_child_adopt(struct shim *s, struct shim_child *c, pid_t pid, int pidfd,
		     void (*on_exit)(void *owner), void *owner, struct cps_err *err)
{
	shim_child_remove(c);
	*c = (struct shim_child){
		.pid = pid,
		.pidfd = pidfd,
		.on_exit = on_exit,
		.owner = owner,
		.shim = s,
		.adopted = true,
		.exited = pidfd < 0,
		.unknown = pidfd < 0,
	};
	(void)event_assign(&c->event, s->base, pidfd, EV_READ, on_adopted, c);
	if (pidfd >= 0 && event_add(&c->event, NULL) < 0) {
		cps_close(&c->pidfd);
		return cps_failx(err, ENOMEM, "watch process %d: no room in the event loop",
				 (int)pid);
	}
	c->listed = true;
	LIST_INSERT_HEAD(&s->children, c, link);
	return 0;
}

void shim_child_exit(const struct shim_child *c, struct shim_exit *ret)
{
	if (c->unknown)
		shim_exit_init_unknown(ret, c->pid);
	else
		shim_exit_init(ret, c->pid, c->status);
}

int shim_child_signal(const struct shim_child *c, int signal)
{
	if (!c->listed || c->exited)
		return -ESRCH;
	if (c->pidfd >= 0)
		return cps_pidfd_signal(c->pidfd, signal);
	/* No descriptor was to be had. The process is our child and not reaped, so that the pid is
	 * still its own. */
	return kill(c->pid, signal) < 0 ? -errno : 0;
}

void shim_reap_begin(struct shim *s)
{
	shim_links_drain(s);
	shim_gate_drain(s);
}

bool shim_reap_one(struct shim *s, pid_t pid, int status)
{
	struct shim_child *c;

	if (shim_link_exited(s, pid, status)) {
		s->trace.reaped++;
		return true;
	}
	LIST_FOREACH(c, &s->children, link)
	{
		if (c->pid == pid && !c->exited && !c->adopted) {
			c->exited = true;
			c->status = status;
			s->trace.reaped++;
			return true;
		}
	}
	return false;
}

bool shim_reap_late(struct shim *s, pid_t pid, int status)
{
	shim_reap_begin(s);
	return shim_reap_one(s, pid, status);
}

void shim_reap_end(struct shim *s)
{
	struct shim_child *c;

	shim_links_finish(s);
	shim_deleted_settle(s);

again:
	LIST_FOREACH(c, &s->children, link)
	{
		if (c->exited && !c->told) {
			c->told = true;
			c->on_exit(c->owner); /* may change the list */
			goto again;
		}
	}
}

void shim_reap(struct shim *s)
{
	int status;
	pid_t pid;

	shim_reap_begin(s);
	for (int i = 0; i < SHIM_REAPED_PER_WAKEUP; i++) {
		pid = waitpid(-1, &status, WNOHANG);
		if (pid <= 0)
			break;
		if (!shim_reap_one(s, pid, status) && !shim_reap_late(s, pid, status))
			s->trace.orphans++; /* reaped, dropped */
		if (i == SHIM_REAPED_PER_WAKEUP - 1)
			event_active(&s->signal_event, EV_TIMEOUT, 0); /* the rest next time */
	}
	shim_reap_end(s);
}
