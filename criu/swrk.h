/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A CRIU of our own: `criu swrk`, our child, at the other end of a socket. It works for one
 * request, and answers a few questions before.
 */
#ifndef CRIU_SWRK_H
#define CRIU_SWRK_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "err.h"
#include "message.h"

#define CRIU_GIVEN_MAX	 4
#define CRIU_GIVEN_FIRST 4 /* the number that the first descriptor given to it has there */

struct criu_swrk_plan {
	const char *program; /* --criu, or NULL */
	bool quiet;	     /* its stdio is /dev/null, not ours */
	/* A mount namespace of its own, in which the tree at root is mounted on place; NULL: ours.
	 */
	const char *root, *place;
	int given[CRIU_GIVEN_MAX]; /* more descriptors for it */
	size_t ngiven;
};

struct criu_swrk {
	int sock;
	pid_t pid;
	int pidfd;
};

#define CRIU_SWRK_INIT    \
	{                 \
		-1, 0, -1 \
	}

int criu_swrk_start(struct criu_swrk *s, const struct criu_swrk_plan *plan, struct cps_err *err);
/* Ends it if it still works, and waits for its end. */
void criu_swrk_stop(struct criu_swrk *s);

/* fd came with what CRIU tells, or is -1; a callback that wants to keep it takes it. < 0: CRIU is
 * asked to give up, and this is the error of the call. */
typedef int criu_notify(void *arg, const struct criu_answer *told, int *fd, struct cps_err *err);

/* One request, answered. An answer that says no is no error yet: see ret->success. */
int criu_swrk_call(struct criu_swrk *s, const struct criu_message *m, criu_notify *notify,
		   void *arg, struct criu_answer *ret, struct cps_err *err);

/* What CRIU must be able to do, asked before all else. ENOTSUP, naming it. */
struct criu_needs {
	unsigned version;
	const char *why; /* the option that needs that version; NULL: all do */
	bool memory_tracking, lazy_pages;
};
int criu_swrk_check(struct criu_swrk *s, const struct criu_needs *needs, struct cps_arena *a,
		    struct cps_err *err);

#define cleanup_swrk __attribute__((cleanup(criu_swrk_stop)))

#endif
