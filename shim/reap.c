/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reaping. The order is the point (invariant 2): first read what the runtimes have sent, so that
 * every pid is known whose process may be dead; then reap; then finish the links of runtimes that
 * are gone; and only then tell the owners of processes, since "created" must come before "exited".
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

/* A container without a pid namespace may orphan processes to us as fast as it can fork. */
#define REAPED_PER_WAKEUP 256

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
	cps_close(&c->pidfd);
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

static void child_exited(struct shim *s, pid_t pid, int status)
{
	struct shim_child *c;

	if (shim_link_exited(s, pid, status))
		return;
	LIST_FOREACH(c, &s->children, link)
	{
		if (c->pid == pid && !c->exited) {
			c->exited = true;
			c->status = status;
			return;
		}
	}
	/* an orphan: reaped, dropped */
}

void shim_reap(struct shim *s)
{
	struct shim_child *c;
	int status;
	pid_t pid;

	shim_links_drain(s);
	shim_gate_drain(s);
	for (int i = 0; i < REAPED_PER_WAKEUP; i++) {
		pid = waitpid(-1, &status, WNOHANG);
		if (pid <= 0)
			break;
		child_exited(s, pid, status);
		if (i == REAPED_PER_WAKEUP - 1)
			event_active(&s->signal_event, EV_TIMEOUT, 0); /* the rest next time */
	}
	shim_links_finish(s);

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
