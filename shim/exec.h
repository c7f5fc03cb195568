/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exec sessions: further processes in the container, each a small machine of its own in this
 * process. A foreground session has its client's descriptors and leaves nothing behind; a detached
 * one (a job) has FIFOs, a log and an exit record in exec/<id>/, kept until it is the oldest of too
 * many, or the container is deleted.
 */
#ifndef SHIM_EXEC_H
#define SHIM_EXEC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <time.h>

#include "conn.h"
#include "exit.h"
#include "shim-log.h"
#include "machine.h"

#define SHIM_EXEC_ID_SIZE 37 /* a UUID and a NUL */

struct shim;
struct shim_request;
struct shim_exec_run;

struct shim_exec {
	TAILQ_ENTRY(shim_exec) link;
	struct shim *shim;
	char id[SHIM_EXEC_ID_SIZE];
	struct shim_machine machine;
	bool detach;
	bool terminal;
	bool collected; /* somebody was told how it ended */
	char *args;	/* JSON array, or NULL */
	struct shim_log_config log;
	pid_t pid;
	struct timespec started_at;
	bool has_exit;
	struct shim_exit exit;
	struct shim_waiters exit_waiters;
	struct shim_exec_run *run; /* what only a living session needs; NULL once all is over */
};

/* The session of that id, or NULL. */
struct shim_exec *shim_exec_find(struct shim *s, const char *id);
/* A request of its machine. */
int shim_exec_kill(struct shim_exec *x, struct shim_request *r, struct cps_err *err);
int shim_exec_wait(struct shim_exec *x, struct shim_request *r, struct cps_err *err);
/* Its output and input; NULL if it is over or has none of ours. */
struct shim_io *shim_exec_io(struct shim_exec *x);
/* The exec object of docs/protocol.md. */
void shim_exec_format(const struct shim_exec *x, struct cps_jsonw *w);
unsigned shim_execs_running(const struct shim *s);
/* All sessions go, with their files if the container is deleted. */
void shim_execs_end(struct shim *s, bool with_files);

#endif
