/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What files of a control group say, of v1 and v2 alike; which directory it is, callers know.
 */
#ifndef CPS_CGROUP_FILE_H
#define CPS_CGROUP_FILE_H

#include <stdint.h>

/* OOM kills are counted in memory.oom_control (v1) and memory.events (v2). file: that one, open.
 * 0 also if the count cannot be had: the group is gone. */
uint64_t cps_cgroup_oom_kills(int file);
/* A descriptor, non-blocking, that is readable when there is news of the file at path; read it for
 * the next. v1 wants it open as `file`, and tells before a kill that memory has run out, and at the
 * end of the group, too. -errno. */
int cps_cgroup_oom_watch(const char *path, int file);

#endif
