/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Points in time as options name them.
 */
#include <config.h>

#include "when.h"

#include <errno.h>
#include <stdint.h>

#include "clock.h"

int sup_when_parse(const char *option, const char *text, struct timespec *ret, struct cps_err *err)
{
	int64_t ago_ms, ns;

	if (cps_time_parse(text, ret) == 0)
		return 0;
	if (cps_duration_parse(text, &ago_ms) < 0)
		return cps_failx(err, EINVAL,
				 "--%s: '%.40s' is neither a time (2026-11-21T20:45:35Z) nor a "
				 "duration (10m)",
				 option, text);
	clock_gettime(CLOCK_REALTIME, ret);
	ns = ret->tv_nsec - ago_ms % 1000 * 1000000;
	ret->tv_sec -= ago_ms / 1000 + (ns < 0 ? 1 : 0);
	ret->tv_nsec = ns < 0 ? ns + 1000000000 : ns;
	return 0;
}
