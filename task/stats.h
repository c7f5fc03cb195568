/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Metrics of a container, in containerd's messages.
 */
#ifndef TASK_STATS_H
#define TASK_STATS_H

#include "buf.h"
#include "err.h"
#include "json.h"

/* cgroups: controllers and their directories, or "unified" alone, which is cgroup v2. Adds the
 * message, and returns its type's name. What the machine does not count is left out. */
const char *task_stats_put(const struct cps_json *cgroups, struct cps_buf *b);

#endif
