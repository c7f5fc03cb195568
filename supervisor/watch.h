/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `capsule shim watch`: one connection to every shim, so that its death is news, and copies of what
 * would die with it (op `keep`, docs/protocol.md), to hand to its successor.
 *
 * One thread, one epoll loop, nothing in it blocks. watch.c: the loop; watch-root.c: the directory
 * of all containers; watch-container.c: one of them; watch-keep.c: descriptors; watch-adopt.c: the
 * helper that takes over.
 */
#ifndef SUP_WATCH_H
#define SUP_WATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "adopt.h"
#include "command.h"
#include "err.h"
#include "frame.h"

#define SUP_WATCH_ID_SIZE   65
#define SUP_WATCH_EXEC_SIZE 40

struct sup_watch;

/* What an epoll event points at. Nobody's handler frees another's source, and a container has one
 * at a time, so that a batch of events never names one that is gone. */
struct sup_watch_source {
	void (*ready)(struct sup_watch *w, void *owner);
	void *owner;
};

/* In the order in which they are worth their place when descriptors run out. */
enum sup_watch_fd {
	SUP_WATCH_PIDFD,
	SUP_WATCH_CONSOLE,
	SUP_WATCH_STDOUT,
	SUP_WATCH_STDERR,
	SUP_WATCH_FDS,
};

/* What is kept of one process: the container's first, or a job. */
struct sup_watch_kept {
	LIST_ENTRY(sup_watch_kept) link; /* of a job */
	char exec[SUP_WATCH_EXEC_SIZE];	 /* of a job */
	int fds[SUP_WATCH_FDS];		 /* -1: none */
};
LIST_HEAD(sup_watch_jobs, sup_watch_kept);

enum sup_watch_state {
	SUP_WATCH_LOOKING,  /* at due_ms: has it a shim? */
	SUP_WATCH_GREETING, /* connected; hello and keep are sent */
	SUP_WATCH_KEEPING,
	SUP_WATCH_ADOPTING, /* the helper is at work */
};

struct sup_watch_ct {
	LIST_ENTRY(sup_watch_ct) link;
	char id[SUP_WATCH_ID_SIZE];
	enum sup_watch_state state;
	struct sup_watch_source source; /* of sock or helper */
	int sock;
	int helper; /* pidfd */
	pid_t helper_pid;
	struct sup_watch_kept own;
	struct sup_watch_jobs jobs;
	int64_t due_ms;	    /* CLOCK_MONOTONIC, as all of these */
	unsigned looks;	    /* in a row that found nobody */
	pid_t shim;	    /* the one that has died */
	int64_t died_ms;    /* when it was noticed that it had none, until it has; or 0 */
	int64_t greeted_ms; /* when this shim answered */
	unsigned deaths;    /* in a row, none of which had lived for long */
	bool told;	    /* that its shims do not live */
	bool counted;	    /* this death is among them */
};
LIST_HEAD(sup_watch_cts, sup_watch_ct);

struct sup_watch {
	const struct sup_ctx *ctx;
	int epoll;
	int signals;
	int inotify;
	int lock;	 /* watch.lock in the root; -1: the root is not there */
	int root_wd;	 /* inotify's */
	int lock_wd;	 /* inotify's */
	int64_t root_ms; /* when to look for the root again, or 0 */
	struct sup_watch_source signal_source;
	struct sup_watch_source inotify_source;
	struct sup_watch_cts cts;
	unsigned nlooking; /* of them */
	unsigned nhelpers;
	struct rlimit files; /* as it was when we began: what we start gets it back */
	unsigned nfds;	     /* connections and kept descriptors */
	unsigned nfds_max;
	bool fds_told; /* that they do not suffice */
	bool over;
	struct cps_err *err; /* set with over: why we cannot go on */
	int rc;
};

/* Runs until a signal ends it (0) or it cannot go on. */
int sup_watch_run(const struct sup_ctx *ctx, struct cps_err *err);

int sup_watch_add(struct sup_watch *w, int fd, struct sup_watch_source *source);
/* Ends the loop: rc is sup_watch_run()'s. */
void sup_watch_end(struct sup_watch *w, int rc);

/* Opens or makes the root, takes its lock, and finds what is in it. -EBUSY: another watch has it.
 */
int sup_watch_root_open(struct sup_watch *w, bool make, struct cps_err *err);
void sup_watch_root_ready(struct sup_watch *w, void *ignored);
void sup_watch_root_due(struct sup_watch *w);
void sup_watch_root_done(struct sup_watch *w);

/* A container that may be new; looked at after delay_ms. */
void sup_watch_ct_new(struct sup_watch *w, const char *id, unsigned delay_ms);
void sup_watch_ct_free(struct sup_watch *w, struct sup_watch_ct *ct);
/* At due_ms. */
void sup_watch_ct_look(struct sup_watch *w, struct sup_watch_ct *ct);
void sup_watch_ct_wait(struct sup_watch *w, struct sup_watch_ct *ct, int64_t delay_ms);
/* Its shim has died, or its successor did not come up. */
void sup_watch_ct_died(struct sup_watch *w, struct sup_watch_ct *ct);

/* Starts the helper. -EAGAIN: enough of them are at work. */
int sup_watch_adopt(struct sup_watch *w, struct sup_watch_ct *ct);

void sup_watch_kept_init(struct sup_watch_kept *k);
/* What the frame has brought replaces what is there, as far as there are descriptors. */
void sup_watch_kept_take(struct sup_watch *w, struct sup_watch_kept *k, struct cps_frame *f);
void sup_watch_kept_drop(struct sup_watch *w, struct sup_watch_kept *k);
void sup_watch_kept_list(const struct sup_watch_kept *k, const char *exec, struct sup_kept *ret);
/* A job's, made if there is none; NULL without memory. */
struct sup_watch_kept *sup_watch_job(struct sup_watch_ct *ct, const char *exec, bool make);
void sup_watch_job_drop(struct sup_watch *w, struct sup_watch_kept *job);
void sup_watch_all_drop(struct sup_watch *w, struct sup_watch_ct *ct);
/* One more connection: false if there is no descriptor left for it. */
bool sup_watch_conn_room(struct sup_watch *w);

#endif
