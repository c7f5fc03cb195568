/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Children. Whoever expects one registers it as soon as its pid is known; SIGCHLD then finds it.
 * Adopted processes are children of somebody else: their pidfd tells when they have ended, and the
 * kernel is asked how.
 */
#ifndef SHIM_REAP_H
#define SHIM_REAP_H

#include <stdbool.h>
#include <sys/queue.h>
#include <sys/types.h>

#include <event2/event_struct.h>

#include "err.h"
#include "exit.h"

struct shim;

struct shim_child {
	LIST_ENTRY(shim_child) link;
	pid_t pid;
	int pidfd;  /* owned while registered */
	int status; /* waitpid's */
	bool listed;
	bool exited;
	bool unknown; /* … and nobody can say how */
	bool told;
	bool adopted;
	struct shim *shim;  /* of an adopted one, as what follows: */
	struct event event; /* its pidfd, then the time to ask again */
	unsigned asked_ms;
	void (*on_exit)(void *owner); /* once, after all runtime links have been served */
	void *owner;
};

/* Takes over pidfd (-1: opened here). */
void shim_child_add(struct shim *s, struct shim_child *c, pid_t pid, int pidfd,
		    void (*on_exit)(void *owner), void *owner);
/* The same for a process that is not our child. pidfd -1: it is gone, and was before we came;
 * shim_reap() tells so. Otherwise taken over, also on failure. */
int shim_child_adopt(struct shim *s, struct shim_child *c, pid_t pid, int pidfd,
		     void (*on_exit)(void *owner), void *owner, struct cps_err *err);
void shim_child_remove(struct shim_child *c);
/* How it ended, which it has. */
void shim_child_exit(const struct shim_child *c, struct shim_exit *ret);
/* 0, or -ESRCH if it is gone, or another -errno. */
int shim_child_signal(const struct shim_child *c, int signal);

/* A container without a pid namespace may orphan processes to us as fast as it can fork. */
#define SHIM_REAPED_PER_WAKEUP 256

/* On SIGCHLD: drains what the runtime has said, then reaps, then tells. */
void shim_reap(struct shim *s);
/* The same in three, for a process that keeps several containers: each step for all of them before
 * the next one. Is that process one of the shim's? */
void shim_reap_begin(struct shim *s);
bool shim_reap_one(struct shim *s, pid_t pid, int status);
/* If it was nobody's: its runtime may have named it, and ended, after the first step. That is
 * looked for, and the question asked again. */
bool shim_reap_late(struct shim *s, pid_t pid, int status);
void shim_reap_end(struct shim *s);

#endif
