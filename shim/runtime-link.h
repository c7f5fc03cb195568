/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Link B (docs/protocol.md): one run of `capsule-runtime serve`, from the request to the exit of
 * its process. The answer is passed on when both the reply and the exit have been seen, because it
 * is the exit that makes the container's processes children of ours.
 */
#ifndef SHIM_RUNTIME_LINK_H
#define SHIM_RUNTIME_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "err.h"
#include "frame.h"

struct shim;
struct shim_link;

struct shim_link_ops {
	void (*spawned)(void *owner, pid_t pid, int pidfd);    /* pidfd: taken over; may be -1 */
	void (*console)(void *owner, int master);	       /* taken over */
	void (*reply)(void *owner, const struct cps_json *ok); /* valid during the call */
	/* The end: rc 0, or why not, with the row that failed ("" if none). */
	void (*done)(void *owner, int rc, const struct cps_err *why, const char *step);
};

/* Opens the runtime's binary, once: a read-only clone of its mount, or a sealed copy. path NULL:
 * beside our own binary, then where it was installed. */
int shim_runtime_open(const char *path, int *ret_fd, struct cps_err *err);

/* Sends the request; fds are borrowed. NULL functions in ops are skipped. */
int shim_link_start(struct shim *s, const char *json, size_t len, const int *fds, unsigned nfds,
		    const struct shim_link_ops *ops, void *owner, struct shim_link **ret,
		    struct cps_err *err);
/* SIGKILL to the runtime; `done` follows. */
void shim_link_kill(struct shim_link *l);
/* The same to all that are at work. False: there are none. */
bool shim_links_kill(struct shim *s);
/* The owner goes: nobody is told any more. NULL is allowed. */
void shim_link_abandon(struct shim_link *l);

/* The shim ends: whoever waits for a runtime is told ECANCELED. */
void shim_links_end(struct shim *s);

/* An array of those that are at work: op, pid, for how long. */
void shim_links_format(const struct shim *s, struct cps_jsonw *w, const char *key);

/* For reap.c. */
void shim_links_drain(struct shim *s);
bool shim_link_exited(struct shim *s, pid_t pid, int status); /* false: not one of ours */
void shim_links_finish(struct shim *s);

#endif
