/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The jobs of a container, as its shim tells them, or, where it has ended and has no shim any more,
 * as their files do.
 */
#ifndef SUP_JOBS_H
#define SUP_JOBS_H

#include "adopt.h"
#include "client.h"

/* *ret: an array of exec objects (docs/protocol.md), as long-lived as the client. */
int sup_jobs_get(const struct sup_ctx *ctx, const char *what, struct sup_container *c,
		 struct sup_client *client, const struct cps_json **ret, struct cps_err *err);
/* The same from exec/, newest first. */
int sup_jobs_read(int rootfd, const char *id, struct cps_arena *a, const struct cps_json **ret,
		  struct cps_err *err);
/* The exit object of one job; NULL if there is none on record. -ENOENT: no such job. */
int sup_job_exit(int rootfd, const char *id, const char *exec, struct cps_arena *a,
		 const struct cps_json **ret, struct cps_err *err);

#endif
