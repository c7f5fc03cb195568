/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checkpoint: containerd's words for it in those of the shim.
 */
#ifndef TASK_CHECKPOINT_H
#define TASK_CHECKPOINT_H

#include "buf.h"
#include "task.pb-c.h"

/* The shim's request, as JSON: where CRIU works if nothing is said of that, and the criu to run
 * ("": criu). Returns -EINVAL, with what is wrong in *ret_why, or -ENOMEM. */
int task_checkpoint_put(const Task__CheckpointRequest *r, const char *bundle, const char *criu,
			struct cps_buf *b, const char **ret_why);

#endif
