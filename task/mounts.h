/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The root file system that a snapshotter describes as a list of mounts.
 */
#ifndef TASK_MOUNTS_H
#define TASK_MOUNTS_H

#include <stddef.h>

#include "err.h"
#include "task.pb-c.h"

/* Mounts them one after the other on <bundle>/rootfs, which is made if it is not there. What was
 * mounted when one fails is unmounted. */
int task_mounts_attach(const char *bundle, Task__Mount *const *mounts, size_t count,
		       struct cps_err *err);
/* Unmounts all that is there; never waits. */
void task_mounts_detach(const char *bundle);

#endif
