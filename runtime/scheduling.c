/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See scheduling.h. The C library has no functions for most of these calls, or has them since
 * yesterday and under names that clash; they are made by number.
 */
#include <config.h>

#include "scheduling.h"

#include <errno.h>
#include <limits.h>
#include <linux/ioprio.h>
#include <linux/mempolicy.h>
#include <sched.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LONG_BITS (CHAR_BIT * sizeof(long))
#define CPUS_MAX  8192 /* more than any kernel is built for */

/* struct sched_attr of sched_setattr(2), with what Linux 5.3 has added. */
struct attr {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
	uint32_t util_min, util_max;
};

/* What else than a missing privilege it may be. */
static const char *scheduler_hint(const struct rt_scheduler *s)
{
	if (s->priority)
		return " (has its cgroup any cpu.realtimeRuntime?)";
	if (s->deadline)
		return " (a deadline is for all CPUs: such a process scheduler can't be used "
		       "together with AllowedCPUs, linux.resources.cpu.cpus)";
	return "";
}

int rt_scheduler_set(pid_t pid, const struct rt_scheduler *s, struct cps_err *err)
{
	const struct attr a = {
		.size = sizeof(a),
		.policy = s->policy,
		.flags = s->flags,
		.nice = s->nice,
		.priority = s->priority,
		.runtime = s->runtime,
		.deadline = s->deadline,
		.period = s->period,
	};

	if (syscall(SYS_sched_setattr, pid, &a, 0) < 0)
		return cps_fail(err, errno, "process.scheduler: %s%s", s->name,
				errno == EPERM ? scheduler_hint(s) : "");
	return 0;
}

int rt_io_priority_set(pid_t pid, const struct rt_io_priority *io, struct cps_err *err)
{
	if (syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, pid,
		    IOPRIO_PRIO_VALUE(io->klass, io->priority)) < 0)
		return cps_fail(err, errno, "process.ioPriority: class %d, priority %d", io->klass,
				io->priority);
	return 0;
}

int rt_affinity_set(const struct rt_bits *cpus, const char *which, struct cps_err *err)
{
	/* sets are counted in whole longs */
	size_t size = (cpus->count / (CHAR_BIT * sizeof(long)) + 1) * sizeof(long);

	if (syscall(SYS_sched_setaffinity, 0, size, cpus->v) < 0)
		return cps_fail(err, errno, "process.execCPUAffinity.%s", which);
	return 0;
}

void rt_affinity_reset(struct rt_warn *warn)
{
	unsigned long all[CPUS_MAX / LONG_BITS];

	/* The kernel cuts off what it has no CPUs for, and what the cgroup's cpuset leaves out. */
	memset(all, 0xff, sizeof(all));
	if (syscall(SYS_sched_setaffinity, 0, sizeof(all), all) < 0)
		rt_warn(warn, "the caller's CPUs are the container's: sched_setaffinity: %s",
			strerror(errno));
}

int rt_memory_policy_set(const struct rt_memory_policy *p, struct cps_err *err)
{
	/* the kernel takes one node less than it is told of */
	unsigned long max = p->nodes.count ? p->nodes.count + 1 : 0;
	unsigned nodes = 0;
	int num;

	if (syscall(SYS_set_mempolicy, p->mode, p->nodes.v, max) == 0)
		return 0;
	num = errno;
	for (unsigned i = 0; i < p->nodes.count; i++)
		nodes += (p->nodes.v[i / LONG_BITS] >> (i % LONG_BITS)) & 1;
	if (num == EINVAL && nodes > 0 && (p->mode == MPOL_DEFAULT || p->mode == MPOL_LOCAL))
		return cps_fail(err, num,
				"linux.memoryPolicy: %s: mode requires 0 nodes but got %u", p->name,
				nodes);
	return cps_fail(err, num, "linux.memoryPolicy: %s", p->name);
}

int rt_personality_set(uint64_t domain, struct cps_err *err)
{
	if (personality((unsigned long)domain) < 0)
		return cps_fail(err, errno, "linux.personality: 0x%llx",
				(unsigned long long)domain);
	return 0;
}
