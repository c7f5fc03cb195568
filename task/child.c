/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Children, see child.h. A pid on the list is not reaped yet, and so nobody else's.
 */
#include <config.h>
#include "child.h"

#include <errno.h>
#include <signal.h>

void task_child_add(struct task_children *all, struct task_child *c, pid_t pid,
		    void (*on_exit)(void *owner, int status), void *owner)
{
	*c = (struct task_child){ .pid = pid, .on_exit = on_exit, .owner = owner };
	LIST_INSERT_HEAD(all, c, link);
}

void task_child_remove(struct task_child *c)
{
	if (c->pid > 0)
		LIST_REMOVE(c, link);
	c->pid = 0;
}

int task_child_signal(const struct task_child *c, int signal)
{
	if (c->pid <= 0)
		return -ESRCH;
	return kill(c->pid, signal) < 0 ? -errno : 0;
}

bool task_children_reaped(struct task_children *all, pid_t pid, int status)
{
	struct task_child *c;

	LIST_FOREACH(c, all, link)
	{
		if (c->pid == pid)
			break;
	}
	if (!c)
		return false;
	task_child_remove(c);
	c->on_exit(c->owner, status);
	return true;
}
