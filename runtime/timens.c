/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See timens.h.
 */
#include <config.h>

#include "timens.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>

#include "file.h"
#include "own.h"
#include "plan.h"

int rt_timens_make(struct cps_err *err)
{
	if (unshare(rt_ns_flags[RT_NS_TIME]) < 0)
		return cps_fail(err, errno, "make a time namespace");
	return 0;
}

int rt_timens_enter(struct cps_err *err)
{
	cleanup_fd int fd = open("/proc/self/ns/time_for_children", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || setns(fd, rt_ns_flags[RT_NS_TIME]) < 0)
		return cps_fail(err, errno, "enter the time namespace");
	return 0;
}

int rt_timens_write(pid_t pid, const struct rt_spec *spec, struct cps_err *err)
{
	char path[48], text[128];
	int rc;

	(void)snprintf(path, sizeof(path), "/proc/%d/timens_offsets", pid);
	(void)snprintf(text, sizeof(text),
		       "monotonic %" PRId64 " %" PRIu32 "\nboottime %" PRId64 " %" PRIu32 "\n",
		       spec->monotonic.secs, spec->monotonic.nanosecs, spec->boottime.secs,
		       spec->boottime.nanosecs);
	rc = cps_file_put(AT_FDCWD, path, text, err);
	return cps_wrap(err, rc, "linux.timeOffsets");
}
