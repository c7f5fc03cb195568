/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Containers whose shim has died, and how they get a new one (docs/protocol.md, "Adopting").
 *
 * Whoever needs the shim of such a container starts one that takes it over, and goes on as if
 * nothing had happened. One that has ended, and whose end is on record, needs none: its files say
 * all there is to say.
 */
#ifndef SUP_ADOPT_H
#define SUP_ADOPT_H

#include <stdbool.h>
#include <stddef.h>

#include "client.h"
#include "command.h"
#include "err.h"
#include "shim-start.h"
#include "store.h"

#define SUP_KEPT_FDS 4

/* In the root directory: whoever has its flock(2) is the watch. */
#define SUP_WATCH_LOCK "watch.lock"

/* Descriptors that outlived the shim because somebody else held them too. */
struct sup_kept {
	const char *exec;		 /* the job's; NULL: the container's own */
	const char *names[SUP_KEPT_FDS]; /* "pidfd" "stdout" "stderr" "console" */
	int fds[SUP_KEPT_FDS];		 /* borrowed */
	unsigned nfds;
};

struct sup_adopt_how {
	const struct sup_kept *kept;
	size_t nkept;
	bool is_watch; /* the caller is the watch itself: it does not wait for one */
};

/* Has its shim died before its end was on record? */
bool sup_adopt_wanted(const struct sup_container *c);

/* Gives *client a connection to a shim of container *c that has said hello: to the one that lives
 * (if it does not answer yet, it is waited for), else to a new one, which has taken the container
 * over. A watch that is alive is given 2 s to be the one who does that. *c is loaded again. how:
 * NULL for commands. The new shim is a child of the caller, to be reaped by one that lives long.
 *
 * -ESRCH: the container has stopped and needs no shim. -ECONNREFUSED: it can have none (its
 * creation was cut short, its files are damaged). -ENOENT: it is not there any more. */
int sup_adopt(const struct sup_ctx *ctx, int rootfd, struct sup_container *c,
	      const struct sup_adopt_how *how, struct sup_client *client, struct cps_err *err);

/* Those of ids that need it, some at a time; what fails is told to `warn`, and the rest goes on. */
void sup_adopt_all(const struct sup_ctx *ctx, int rootfd, const char *const *ids, size_t n,
		   void (*warn)(const char *id, const struct cps_err *why));

/* What almost every command begins with: the container from its files, and the connection to its
 * shim, a new one if need be. Fails as sup_adopt() does; then ret_container is filled all the same
 * if its id is set. */
int sup_connect(const struct sup_ctx *ctx, const char *id, struct sup_container *ret_container,
		struct sup_client *c, struct cps_err *err);

/* For commands that read a container's files: it has a shim afterwards, if it can have one. A
 * failure is a warning on stderr. *c is loaded again. */
void sup_revive(const struct sup_ctx *ctx, int rootfd, struct cps_arena *a,
		struct sup_container *c);

/* Waiting goes on although shims die, but not for ever if they die as soon as they live. */
struct sup_patience {
	int64_t since_ms; /* of the connection that was lost last */
	unsigned lost;	  /* in a row */
};

/* After a call on `client` failed with rc: if its shim has gone, connects again as sup_connect()
 * does and says so on stderr in one line, beginning with `what` ("wait c1"). 0: go on. rc: it
 * failed for another reason, or too often. Other errors are those of sup_connect(). */
int sup_reconnect(const struct sup_ctx *ctx, const char *what, int rc, struct sup_patience *p,
		  struct sup_container *c, struct sup_client *client, struct cps_err *err);

/* A request that can be asked of another shim if the first one dies over it. */
struct sup_question {
	const char *what; /* for messages, as above */
	const char *op;
	void (*write)(struct sup_request *r, const void *arg); /* its members; or NULL */
	const void *arg;
	int timeout_ms;
};

/* Asks the shim of `client` until one of them has answered. Where it fails because there is no shim
 * any more, client->sock is -1 and *c tells of the container. */
int sup_ask(const struct sup_ctx *ctx, const struct sup_question *q, struct sup_container *c,
	    struct sup_client *client, const struct cps_json **ret_ok, struct cps_err *err);

#endif
