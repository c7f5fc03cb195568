/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a container uses, in the JSON of runc's `events`.
 */
#ifndef RT_STATS_H
#define RT_STATS_H

#include "cgroup.h"
#include "err.h"
#include "json.h"

/* {"type":"stats","id":ID,"data":{…}}: read from the files of its cgroups; what the machine has no
 * controller for is 0 or left out, as runc does. Members that are 0 are left out where runc does.
 */
void rt_stats_write(const struct rt_cgroup *cg, const char *id, struct cps_jsonw *w);

#endif
