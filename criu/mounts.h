/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The container's mounts as CRIU has to know them: what is not the container's own (bind mounts,
 * masks, groups) goes into the images by name alone, and comes from the host again.
 */
#ifndef CRIU_MOUNTS_H
#define CRIU_MOUNTS_H

#include <sys/types.h>

#include "cgroup.h"
#include "err.h"
#include "message.h"
#include "spec.h"

/* Of a running container, whose first process is pid. */
int criu_mounts_dump(struct criu_message *m, const struct rt_spec *spec, const struct rt_cgroup *cg,
		     pid_t pid, struct cps_err *err);
/* Of one to come: the same names, and where on this host they are. */
int criu_mounts_restore(struct criu_message *m, const struct rt_spec *spec,
			const struct rt_cgroup *cg, struct cps_err *err);
/* Makes the mount points that its file system lacks, as creating it would have. */
int criu_mount_points(const struct rt_spec *spec, struct cps_err *err);

#endif
