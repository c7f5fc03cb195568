/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See rlimits.h.
 */
#include <config.h>

#include "rlimits.h"

#include <errno.h>
#include <sys/resource.h>

int rt_rlimits_raise(pid_t pid, const struct rt_process *p, struct cps_err *err)
{
	for (size_t i = 0; i < p->nrlimits; i++) {
		const struct rt_rlimit *l = &p->rlimits[i];
		struct rlimit r;

		if (prlimit(pid, l->resource, NULL, &r) < 0)
			return cps_fail(err, errno, "read %s", l->name);
		if (l->hard <= r.rlim_max)
			continue;
		r.rlim_max = l->hard;
		/* EPERM: not ours to give; init says so */
		if (prlimit(pid, l->resource, &r, NULL) < 0 && errno != EPERM)
			return cps_fail(err, errno, "raise %s to %llu", l->name,
					(unsigned long long)l->hard);
	}
	return 0;
}

/* What cannot be had is cut to what we have ourselves. */
static int set_lower(const struct rt_rlimit *l, struct rt_warn *warn, struct cps_err *err)
{
	struct rlimit have, r = { .rlim_cur = l->soft, .rlim_max = l->hard };

	if (prlimit(0, l->resource, NULL, &have) < 0)
		return cps_fail(err, errno, "read %s", l->name);
	if (r.rlim_max > have.rlim_max)
		r.rlim_max = have.rlim_max;
	if (r.rlim_cur > have.rlim_max)
		r.rlim_cur = have.rlim_max;
	if (prlimit(0, l->resource, &r, NULL) < 0)
		return cps_fail(err, errno, "set %s to %llu:%llu", l->name,
				(unsigned long long)l->soft, (unsigned long long)l->hard);
	rt_warn(warn, "%s: %llu:%llu is not ours to give, setting %llu:%llu", l->name,
		(unsigned long long)l->soft, (unsigned long long)l->hard,
		(unsigned long long)r.rlim_cur, (unsigned long long)r.rlim_max);
	return 0;
}

int rt_rlimits_set(const struct rt_process *p, struct rt_warn *warn, struct cps_err *err)
{
	for (size_t i = 0; i < p->nrlimits; i++) {
		const struct rt_rlimit *l = &p->rlimits[i];
		struct rlimit r = { .rlim_cur = l->soft, .rlim_max = l->hard };

		int rc;

		if (setrlimit((__rlimit_resource_t)l->resource, &r) == 0)
			continue;
		if (errno != EPERM)
			return cps_fail(err, errno, "set %s to %llu:%llu", l->name,
					(unsigned long long)l->soft, (unsigned long long)l->hard);
		rc = set_lower(l, warn, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}
