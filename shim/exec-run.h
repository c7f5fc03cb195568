/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between exec.c and exec-begin.c: what a session needs only while it lives.
 */
#ifndef SHIM_EXEC_RUN_H
#define SHIM_EXEC_RUN_H

#include "exec.h"
#include "io.h"
#include "reap.h"

struct shim_link;

struct shim_exec_run {
	struct shim_link *link;
	struct shim_child child;
	struct shim_io io;    /* of a job */
	struct shim_log *log; /* of a job, until io takes it over */
	int console;	      /* of a foreground terminal, until the client has it */
	bool pidfd_wanted;    /* by the client */
	int dir;	      /* exec/<id> of a job */
	uint64_t oom_kills;   /* in the container, when the session began */
	struct shim_waiters start_waiters;
	struct event drain_event;
	struct event retry_event;
	unsigned again;
	unsigned exit_tries;
	struct cps_err failed;
	char failed_step[64];
};

extern shim_action *const shim_exec_actions[SHIM_EXEC_A_COUNT];

/* A session, still without a run; on the list as the newest. NULL: no memory. */
struct shim_exec *shim_exec_new(struct shim *s, enum shim_exec_state state);
int shim_exec_run_new(struct shim_exec *x, struct cps_err *err);
/* Its process, which is another's child, as shim_child_adopt() has it. */
int shim_exec_adopt_child(struct shim_exec *x, pid_t pid, int pidfd, struct cps_err *err);
void shim_exec_news(struct shim_exec *x, enum shim_exec_event e);
void shim_exec_free(struct shim_exec *x, bool with_files);
void shim_execs_tidy(struct shim *s);

#endif
