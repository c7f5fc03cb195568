/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Children of the process that are no shim's: programs that take output, or events.
 */
#ifndef TASK_CHILD_H
#define TASK_CHILD_H

#include <stdbool.h>
#include <sys/queue.h>
#include <sys/types.h>

struct task_child {
	LIST_ENTRY(task_child) link;
	pid_t pid; /* 0: there is none; it is not on the list */
	void (*on_exit)(void *owner, int status);
	void *owner;
};
LIST_HEAD(task_children, task_child);

/* Of a pid that has not been reaped. on_exit is called once; the child is off the list by then. */
void task_child_add(struct task_children *all, struct task_child *c, pid_t pid,
		    void (*on_exit)(void *owner, int status), void *owner);
/* Nobody is told of its end. */
void task_child_remove(struct task_child *c);
/* 0, or -ESRCH if there is none, or another -errno. */
int task_child_signal(const struct task_child *c, int signal);
/* It was reaped. False: it is none of these. */
bool task_children_reaped(struct task_children *all, pid_t pid, int status);

#endif
