/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a process ended: the exit object of docs/protocol.md, and its file.
 */
#ifndef SHIM_EXIT_H
#define SHIM_EXIT_H

#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

#include "err.h"
#include "json.h"

struct shim_exit {
	pid_t pid;
	int code;	   /* 128 + signal if there is one, as shells have it */
	int signal;	   /* 0: it exited by itself */
	bool oom;	   /* the kernel killed in the container's memory cgroup */
	bool known;	   /* false: somebody else reaped it */
	bool checkpointed; /* it was written down before */
	bool saved;	   /* early */
	struct timespec at;
};

/* From waitpid's status, now. */
void shim_exit_init(struct shim_exit *e, pid_t pid, int status);
/* Nobody can say how it ended; 255 stands for that. */
void shim_exit_init_unknown(struct shim_exit *e, pid_t pid);
/* The exit object, as another shim wrote it. */
int shim_exit_parse(const struct cps_json *node, struct shim_exit *ret, struct cps_err *err);
void shim_exit_format(const struct shim_exit *e, struct cps_jsonw *w, const char *key);
/* Reads exit.json, or (*ret_early) what was saved early; -ENOENT: there is neither. */
int shim_exit_load(int dirfd, struct shim_exit *ret, bool *ret_early, struct cps_err *err);
/* The object alone, e.g. as a reply. */
void shim_exit_text(const struct shim_exit *e, struct cps_buf *b);
/* Before the output is read to its end: a successor shall know how it ended, whoever reaped it.
 * What fails here shim_exit_save() does. */
void shim_exit_save_early(struct shim_exit *e, int dirfd);
/* Replaces exit.json in dirfd atomically. */
int shim_exit_save(const struct shim_exit *e, int dirfd, struct cps_err *err);

#endif
