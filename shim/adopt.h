/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Adoption: the container of a shim that has died becomes ours. What was written down says what it
 * is, facts say what became of it; its processes stay children of somebody else (reap.h).
 */
#ifndef SHIM_ADOPT_H
#define SHIM_ADOPT_H

#include <stdbool.h>

#include "err.h"
#include "shim-log.h"

struct shim;
struct shim_identity;
struct shim_adopt; /* while it is under way */
struct shim_request;

/* What somebody had kept of a dead shim's descriptors, for the container or one job; -1: not. */
struct shim_kept {
	int pidfd;
	int streams[SHIM_STREAM_COUNT]; /* the FIFOs' reading ends */
	int console;
};

/* The state directory is claimed: from now on the machine is in ADOPTING. */
int shim_adopt_init(struct shim *s, struct cps_err *err);
void shim_adopt_free(struct shim *s);

/* Request `restore`: keeps the descriptors until the adoption. */
int shim_adopt_restore(struct shim *s, struct shim_request *r, struct cps_err *err);
/* What was kept of a job (NULL: of the container); the caller's from now on. */
struct shim_kept shim_adopt_kept(struct shim *s, const char *exec);
void shim_kept_close(struct shim_kept *k);
/* The pidfd of a process that was written down, or, if it is gone, the one that was kept; -1 if
 * there is none, which is noted: nobody can say how it ended. 1: it is there, as a zombie or alive;
 * 0: it is gone. */
int shim_adopt_pidfd(struct shim *s, const struct shim_identity *who, struct shim_kept *kept,
		     int *ret_pidfd, struct cps_err *err);

/* adopt-jobs.c: all that are below exec/. One that cannot be is noted and left alone. */
void shim_adopt_jobs(struct shim *s);

#endif
