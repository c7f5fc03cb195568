/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What files of a control group say, of v1 and v2 alike; which directory it is, callers know.
 */
#ifndef CPS_CGROUP_FILE_H
#define CPS_CGROUP_FILE_H

#include <stdbool.h>
#include <stdint.h>

/* OOM kills are counted in memory.oom_control (v1) and memory.events (v2). file: that one, open.
 * 0 also if the count cannot be had: the group is gone. */
uint64_t cps_cgroup_oom_kills(int file);
/* A descriptor, non-blocking, that is readable when there is news of the file at path; read it for
 * the next. v1 wants it open as `file`, and tells before a kill that memory has run out, and at the
 * end of the group, too. -errno. */
int cps_cgroup_oom_watch(const char *path, int file);

/* Who stands still says so in this file: the freezer's of v1, cgroup.freeze of v2. */
const char *cps_cgroup_freezer(bool v2);
/* path: such a file. Also if it is on its way there (FREEZING); not if it cannot be read. */
bool cps_cgroup_is_frozen(const char *path);

#endif
