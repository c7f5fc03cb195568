/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec/<EXEC>/job.json: what a successor of this shim needs of a job, written as soon as its
 * process is known, and what the job had been told when it was begun.
 */
#ifndef SHIM_JOB_RECORD_H
#define SHIM_JOB_RECORD_H

#include "err.h"
#include "record.h"

struct shim_exec;

/* A failure is noted: the job goes on. */
void shim_job_save(const struct shim_exec *x);
/* Fills x (but not x->run) from the record in dir, and its exit if that was written down;
 * *ret_over: for good. -ENOENT: no record; x then has what can be had without. */
int shim_job_load(struct shim_exec *x, int dir, struct shim_identity *ret_process,
		  uint64_t *ret_oom_kills, bool *ret_over, struct cps_err *err);

#endif
