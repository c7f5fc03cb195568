/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs that take the output of processes: binary:///path?name=value. They read it at
 * descriptors 3 (stdout) and 4 (stderr), and say at 5 that they are ready: by a byte, or by closing
 * it. Nothing is copied on the way.
 *
 * A logger that ends while there is something to come is started again. The pipes are kept
 * meanwhile, so that nothing is lost and nobody breaks on them.
 */
#ifndef TASK_LOGGER_H
#define TASK_LOGGER_H

#include <stdbool.h>
#include <sys/queue.h>

#include <event2/event.h>

#include "child.h"
#include "err.h"

struct task_logger;
LIST_HEAD(task_logger_list, task_logger);

/* Those of one process. */
struct task_loggers {
	struct event_base *base;
	struct task_children *children;
	const char *ns;
	struct task_logger_list list;
	/* How long one may take until it is ready, and to end once its process is deleted: then it
	 * is asked to, and after the last of these it is killed. */
	unsigned ready_ms, end_ms, kill_ms;
	/* What an operator would want to know; the owner is the logger's. */
	void (*note)(void *owner, const char *text);
};

void task_loggers_init(struct task_loggers *all, struct event_base *base,
		       struct task_children *children, const char *ns);
/* Forgets those that are left. They end when their input does. */
void task_loggers_done(struct task_loggers *all);

/* Starts the program that the URI names. id: of the container or exec. changed: it is ready, or
 * will not be; or it has ended. */
int task_logger_start(struct task_loggers *all, const char *uri, const char *id,
		      void (*changed)(void *owner), void *owner, struct task_logger **ret,
		      struct cps_err *err);
/* 0: it is ready; -EINPROGRESS: not yet; or why it will not be. */
int task_logger_ready(const struct task_logger *l, struct cps_err *err);
/* What the process writes to; once. */
void task_logger_take(struct task_logger *l, int *ret_out, int *ret_err);
/* Has it ended, with all that was to come? */
bool task_logger_is_done(const struct task_logger *l);
/* The owner goes, and with it the logger soon. NULL is allowed. */
void task_logger_release(struct task_logger *l);

#endif
