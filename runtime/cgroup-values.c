/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From linux.resources to lists of "write this text into that file", for both layouts. The rules:
 * -1 is "unlimited"; 0 is "leave it", since Docker and podman send zeros for what they do not set;
 * what a layout has no word for is refused by name.
 */
#include <config.h>

#include "cgroup-values.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cgroup-values-list.h"

#define SHARES_MIN 2
#define SHARES_MAX 262144

enum group { ALONE, GROUP_MEMORY, GROUP_CFS, GROUP_RT }; /* rt_cgroup_write.group */

/* The controller is the part of the file's name before the first dot. */
struct rt_cgroup_write *rt_cgroup_put(struct rt_cgroup_list *l, const char *field, const char *file,
				      const char *fmt, ...)
{
	struct rt_cgroup_write *w;
	char text[256];
	va_list ap;

	if (l->w.n == l->room) {
		l->failed = true;
		return &l->w.v[l->room]; /* a spare one, never read */
	}
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap); /* numbers; unified passes its text itself */
	va_end(ap);
	w = &l->w.v[l->w.n++];
	w->field = field;
	w->file = file;
	w->controller = file ? cps_arena_strndup(l->arena, file, strcspn(file, ".")) : NULL;
	w->text = cps_arena_strdup(l->arena, text);
	if (!w->controller || !w->text)
		l->failed = true;
	return w;
}

static int list_init(struct rt_cgroup_list *l, struct cps_arena *a, const struct rt_resources *res,
		     struct cps_err *err)
{
	size_t devs = res->blkio.weight_dev.n + res->blkio.read_bps.n + res->blkio.write_bps.n +
		      res->blkio.read_iops.n + res->blkio.write_iops.n;

	/* 32 covers the single values; two writes each for huge pages and device weights and leaves
	 */
	*l = (struct rt_cgroup_list){ .arena = a };
	l->room =
		32 + 3 * devs + 2 * res->nhugepages + res->nunified + res->npriorities + res->nrdma;
	l->w.v = cps_arena_array(a, l->room + 1, sizeof(*l->w.v));
	return l->w.v ? 0 : cps_fail(err, ENOMEM, "resources");
}

static int list_done(struct rt_cgroup_list *l, struct rt_cgroup_writes *ret, struct cps_err *err)
{
	if (l->failed)
		return cps_fail(err, ENOMEM, "resources");
	*ret = l->w;
	return 0;
}

int rt_cgroup_refuse(struct cps_err *err, const char *field, const char *why)
{
	return cps_failx(err, EOPNOTSUPP, "linux.resources.%s: %s", field, why);
}

/* -- conversions ---------------------------------------------------------------------------- */

uint64_t rt_cgroup_weight_from_shares(uint64_t shares)
{
	double l;

	if (shares <= SHARES_MIN)
		return 1;
	if (shares >= SHARES_MAX)
		return 10000;
	l = log2((double)shares);
	return (uint64_t)ceil(pow(10, (l * l + 125 * l) / 612.0 - 7.0 / 34.0));
}

int rt_cgroup_swap_alone(const struct rt_i64 *limit, int64_t swap, int64_t *ret)
{
	if (swap == -1) {
		*ret = -1;
		return 0;
	}
	if (!limit->set || limit->v <= 0 || swap < limit->v)
		return -EINVAL;
	*ret = swap - limit->v;
	return 0;
}

/* -- checks that both layouts share --------------------------------------------------------- */

static int check_amount(const struct rt_i64 *v, const char *field, struct cps_err *err)
{
	if (v->set && v->v < -1)
		return cps_failx(err, EINVAL,
				 "linux.resources.%s: %" PRId64 " is neither an amount nor -1",
				 field, v->v);
	return 0;
}

static int check_memory(const struct rt_resources *res, struct cps_err *err)
{
	int64_t alone;
	int rc;

	rc = check_amount(&res->memory.limit, "memory.limit", err);
	if (rc == 0)
		rc = check_amount(&res->memory.reservation, "memory.reservation", err);
	if (rc == 0)
		rc = check_amount(&res->memory.swap, "memory.swap", err);
	if (rc < 0)
		return rc;
	/* swap without limit: left to the layout, a limit may be there from before */
	if (res->memory.swap.set && res->memory.swap.v > 0 && res->memory.limit.set &&
	    rt_cgroup_swap_alone(&res->memory.limit, res->memory.swap.v, &alone) < 0)
		return cps_failx(err, EINVAL,
				 "linux.resources.memory.swap: %" PRId64
				 " is memory plus swap, and below the memory limit of %" PRId64,
				 res->memory.swap.v, res->memory.limit.v);
	if (res->memory.swappiness.set && res->memory.swappiness.v > 100)
		return cps_failx(err, EINVAL,
				 "linux.resources.memory.swappiness: %" PRIu64 " is above 100",
				 res->memory.swappiness.v);
	return 0;
}

/* Huge page sizes become part of a file name. */
static int check_pagesize(const char *size, struct cps_err *err)
{
	size_t digits = strspn(size, "0123456789");

	if (digits == 0 || digits > 8 || strlen(size) != digits + 2 ||
	    !strchr("KMG", size[digits]) || size[digits + 1] != 'B')
		return cps_failx(err, EINVAL,
				 "linux.resources.hugepageLimits: '%s' is no page size (as in 2MB)",
				 size);
	return 0;
}

static uint64_t clamp_shares(uint64_t shares, struct rt_warn *warn)
{
	uint64_t clamped = shares < SHARES_MIN	 ? SHARES_MIN
			   : shares > SHARES_MAX ? SHARES_MAX
						 : shares;

	if (clamped != shares)
		rt_warn(warn,
			"linux.resources.cpu.shares: %" PRIu64 " is out of range, using %" PRIu64,
			shares, clamped);
	return clamped;
}

static bool is_given(const struct rt_i64 *v)
{
	return v->set && v->v != 0;
}

static const char *given_list(const char *cpus)
{
	return cpus && cpus[0] ? cpus : NULL;
}

/* "-1" reads as unlimited in all files of v1, "max" in those of v2. */
static void put_amount(struct rt_cgroup_list *l, const char *field, const char *file, int64_t v,
		       bool v2, unsigned group)
{
	if (v2 && v < 0)
		rt_cgroup_put(l, field, file, "max")->group = group;
	else
		rt_cgroup_put(l, field, file, "%" PRId64, v)->group = group;
}

static int put_pids(struct rt_cgroup_list *l, const struct rt_resources *res)
{
	/* A limit of 0 lets the kernel refuse even the clone into the group; 1 is the container's
	 * first process and no other, which is what 0 asks for. */
	if (res->pids_limit.set && res->pids_limit.v < 0)
		rt_cgroup_put(l, "pids.limit", "pids.max", "max");
	else if (res->pids_limit.set)
		rt_cgroup_put(l, "pids.limit", "pids.max", "%" PRId64,
			      res->pids_limit.v ? res->pids_limit.v : 1);
	return 0;
}

static void put_cpuset(struct rt_cgroup_list *l, const struct rt_resources *res)
{
	struct rt_cgroup_write *w;

	if (given_list(res->cpu.cpus)) {
		w = rt_cgroup_put(l, "cpu.cpus", "cpuset.cpus", "%s", "");
		w->text = res->cpu.cpus; /* may be long */
	}
	if (given_list(res->cpu.mems)) {
		w = rt_cgroup_put(l, "cpu.mems", "cpuset.mems", "%s", "");
		w->text = res->cpu.mems;
	}
}

static int put_hugepages(struct rt_cgroup_list *l, const struct rt_resources *res,
			 const char *suffix, struct cps_err *err)
{
	for (size_t i = 0; i < res->nhugepages; i++) {
		const struct rt_hugepage *h = &res->hugepages[i];
		const char *file, *rsvd;
		int rc = check_pagesize(h->size, err);

		if (rc < 0)
			return rc;
		file = cps_arena_printf(l->arena, "hugetlb.%s.%s", h->size, suffix);
		rsvd = cps_arena_printf(l->arena, "hugetlb.%s.rsvd.%s", h->size, suffix);
		if (!file || !rsvd)
			return cps_fail(err, ENOMEM, "resources");
		rt_cgroup_put(l, "hugepageLimits", file, "%" PRIu64, h->limit_bytes);
		/* reservations too, or a program dies by SIGBUS where mmap could have failed */
		rt_cgroup_put(l, "hugepageLimits", rsvd, "%" PRIu64, h->limit_bytes)->optional =
			true;
	}
	return 0;
}

/* -- v1 ------------------------------------------------------------------------------------- */

static int v1_memory(struct rt_cgroup_list *l, const struct rt_resources *res)
{
	const struct rt_i64 *limit = &res->memory.limit, *swap = &res->memory.swap;
	struct rt_cgroup_write *w;

	if (res->memory.use_hierarchy_set) {
		/* the only way new kernels know; they have no need of the file */
		w = rt_cgroup_put(l, "memory.useHierarchy", "memory.use_hierarchy", "%d",
				  res->memory.use_hierarchy);
		w->optional = res->memory.use_hierarchy;
	}
	if (is_given(limit))
		put_amount(l, "memory.limit", "memory.limit_in_bytes", limit->v, false,
			   GROUP_MEMORY);
	/* A limit that is lifted lifts that on memory and swap as well, unless the config gives
	 * one. */
	if (is_given(swap) || (is_given(limit) && limit->v == -1)) {
		w = rt_cgroup_put(l, "memory.swap", "memory.memsw.limit_in_bytes", "%" PRId64,
				  is_given(swap) ? swap->v : -1);
		w->group = GROUP_MEMORY;
		w->optional = !is_given(swap) || swap->v == -1;
	}
	if (is_given(&res->memory.reservation))
		put_amount(l, "memory.reservation", "memory.soft_limit_in_bytes",
			   res->memory.reservation.v, false, ALONE);
	if (is_given(&res->memory.kernel))
		rt_cgroup_put(l, "memory.kernel", "memory.kmem.limit_in_bytes", "%" PRId64,
			      res->memory.kernel.v)
			->optional = res->memory.kernel.v == -1;
	if (is_given(&res->memory.kernel_tcp))
		rt_cgroup_put(l, "memory.kernelTCP", "memory.kmem.tcp.limit_in_bytes", "%" PRId64,
			      res->memory.kernel_tcp.v)
			->optional = res->memory.kernel_tcp.v == -1;
	if (res->memory.swappiness.set)
		rt_cgroup_put(l, "memory.swappiness", "memory.swappiness", "%" PRIu64,
			      res->memory.swappiness.v);
	if (res->memory.disable_oom_killer)
		rt_cgroup_put(l, "memory.disableOOMKiller", "memory.oom_control", "1");
	return 0;
}

/* An idle group refuses shares: cpu.idle goes first where it is switched off, last where on. */
static void put_cpu_idle(struct rt_cgroup_list *l, const struct rt_resources *res, bool on)
{
	if (res->cpu.idle.set && (res->cpu.idle.v != 0) == on)
		rt_cgroup_put(l, "cpu.idle", "cpu.idle", "%" PRId64, res->cpu.idle.v);
}

static int v1_cpu(struct rt_cgroup_list *l, const struct rt_resources *res, struct rt_warn *warn)
{
	put_cpu_idle(l, res, false);
	if (rt_cgroup_is_given(&res->cpu.shares))
		rt_cgroup_put(l, "cpu.shares", "cpu.shares", "%" PRIu64,
			      clamp_shares(res->cpu.shares.v, warn));
	if (rt_cgroup_is_given(&res->cpu.period))
		rt_cgroup_put(l, "cpu.period", "cpu.cfs_period_us", "%" PRIu64, res->cpu.period.v)
			->group = GROUP_CFS;
	if (is_given(&res->cpu.quota))
		rt_cgroup_put(l, "cpu.quota", "cpu.cfs_quota_us", "%" PRId64, res->cpu.quota.v)
			->group = GROUP_CFS;
	if (res->cpu.burst.set) {
		struct rt_cgroup_write *w = rt_cgroup_put(l, "cpu.burst", "cpu.cfs_burst_us",
							  "%" PRIu64, res->cpu.burst.v);
		w->group = GROUP_CFS;
		w->optional = res->cpu.burst.v == 0;
	}
	if (rt_cgroup_is_given(&res->cpu.realtime_period))
		rt_cgroup_put(l, "cpu.realtimePeriod", "cpu.rt_period_us", "%" PRIu64,
			      res->cpu.realtime_period.v)
			->group = GROUP_RT;
	if (is_given(&res->cpu.realtime_runtime))
		rt_cgroup_put(l, "cpu.realtimeRuntime", "cpu.rt_runtime_us", "%" PRId64,
			      res->cpu.realtime_runtime.v)
			->group = GROUP_RT;
	put_cpu_idle(l, res, true);
	put_cpuset(l, res);
	return 0;
}

int rt_cgroup_values_v1(struct cps_arena *a, const struct rt_resources *res,
			struct rt_cgroup_writes *ret, struct rt_warn *warn, struct cps_err *err)
{
	struct rt_cgroup_list l;
	int rc;

	if (res->nunified)
		return rt_cgroup_refuse(err, "unified",
					"invalid configuration: it is for cgroup v2, and this "
					"machine has cgroup v1");
	rc = list_init(&l, a, res, err);
	if (rc == 0)
		rc = check_memory(res, err);
	if (rc == 0)
		rc = v1_memory(&l, res);
	if (rc == 0)
		rc = v1_cpu(&l, res, warn);
	if (rc == 0)
		rc = put_pids(&l, res);
	if (rc == 0)
		rc = rt_cgroup_v1_blkio(&l, res, err);
	if (rc == 0)
		rc = put_hugepages(&l, res, "limit_in_bytes", err);
	if (rc < 0)
		return rc;
	rt_cgroup_v1_network(&l, res);
	rt_cgroup_rdma(&l, res);
	return list_done(&l, ret, err);
}

/* -- v2 ------------------------------------------------------------------------------------- */

static int v2_memory(struct rt_cgroup_list *l, const struct rt_resources *res, struct cps_err *err)
{
	const struct rt_i64 *limit = &res->memory.limit, *swap = &res->memory.swap;
	static const char gone[] = "cgroup v2 has no such value";
	int64_t alone = -1;

	if (res->memory.kernel.set && res->memory.kernel.v > 0)
		return rt_cgroup_refuse(err, "memory.kernel", gone);
	if (res->memory.kernel_tcp.set && res->memory.kernel_tcp.v > 0)
		return rt_cgroup_refuse(err, "memory.kernelTCP", gone);
	if (res->memory.swappiness.set)
		return rt_cgroup_refuse(err, "memory.swappiness", gone);
	if (res->memory.disable_oom_killer)
		return rt_cgroup_refuse(err, "memory.disableOOMKiller", gone);
	if (res->memory.use_hierarchy_set && !res->memory.use_hierarchy)
		return rt_cgroup_refuse(err, "memory.useHierarchy",
					"cgroup v2 is always hierarchical");
	if (is_given(swap) && rt_cgroup_swap_alone(limit, swap->v, &alone) < 0)
		return cps_failx(err, EINVAL,
				 "linux.resources.memory.swap: %" PRId64
				 " is memory plus swap, and cannot be set without memory.limit",
				 swap->v);
	if (is_given(swap) || (is_given(limit) && limit->v == -1)) {
		put_amount(l, "memory.swap", "memory.swap.max", alone, true, ALONE);
		l->w.v[l->w.n - 1].optional = alone == -1;
	}
	if (is_given(limit))
		put_amount(l, "memory.limit", "memory.max", limit->v, true, ALONE);
	if (is_given(&res->memory.reservation))
		put_amount(l, "memory.reservation", "memory.low", res->memory.reservation.v, true,
			   ALONE);
	return 0;
}

static void v2_cpu_max(struct rt_cgroup_list *l, const struct rt_resources *res, const char *now)
{
	const struct rt_i64 *quota = &res->cpu.quota;
	char old[32] = "max", max[32];

	/* cpu.max is one file for both; what is not given stays as it is */
	if (now)
		(void)sscanf(now, "%31s", old);
	if (!is_given(quota))
		(void)snprintf(max, sizeof(max), "%s", old);
	else if (quota->v < 0)
		(void)snprintf(max, sizeof(max), "max");
	else
		(void)snprintf(max, sizeof(max), "%" PRId64, quota->v);
	if (rt_cgroup_is_given(&res->cpu.period))
		rt_cgroup_put(l, is_given(quota) ? "cpu.quota" : "cpu.period", "cpu.max",
			      "%s %" PRIu64, max, res->cpu.period.v)
			->group = GROUP_CFS;
	else
		rt_cgroup_put(l, "cpu.quota", "cpu.max", "%s", max)->group = GROUP_CFS;
}

static int v2_cpu(struct rt_cgroup_list *l, const struct rt_resources *res, const char *cpu_max,
		  struct rt_warn *warn, struct cps_err *err)
{
	if (rt_cgroup_is_given(&res->cpu.realtime_period))
		return rt_cgroup_refuse(err, "cpu.realtimePeriod", "cgroup v2 has no such value");
	if (is_given(&res->cpu.realtime_runtime))
		return rt_cgroup_refuse(err, "cpu.realtimeRuntime", "cgroup v2 has no such value");
	put_cpu_idle(l, res, false);
	if (rt_cgroup_is_given(&res->cpu.shares))
		rt_cgroup_put(l, "cpu.shares", "cpu.weight", "%" PRIu64,
			      rt_cgroup_weight_from_shares(clamp_shares(res->cpu.shares.v, warn)));
	if (is_given(&res->cpu.quota) || rt_cgroup_is_given(&res->cpu.period))
		v2_cpu_max(l, res, cpu_max);
	if (res->cpu.burst.set) {
		struct rt_cgroup_write *w = rt_cgroup_put(l, "cpu.burst", "cpu.max.burst",
							  "%" PRIu64, res->cpu.burst.v);
		w->group = GROUP_CFS;
		w->optional = res->cpu.burst.v == 0;
	}
	put_cpu_idle(l, res, true);
	put_cpuset(l, res);
	return 0;
}

static int v2_unified(struct rt_cgroup_list *l, const struct rt_resources *res, struct cps_err *err)
{
	for (size_t i = 0; i < res->nunified; i++) {
		const char *key = res->unified[i].key;

		if (strchr(key, '/') || !strchr(key, '.') || key[0] == '.')
			return cps_failx(
				err, EINVAL,
				"linux.resources.unified: '%s' is not the name of a control file",
				key);
		rt_cgroup_put(l, "unified", key, "%s", "")->text = res->unified[i].value;
	}
	return 0;
}

int rt_cgroup_values_v2(struct cps_arena *a, const struct rt_resources *res, const char *cpu_max,
			struct rt_cgroup_writes *ret, struct rt_warn *warn, struct cps_err *err)
{
	struct rt_cgroup_list l;
	int rc;

	rc = list_init(&l, a, res, err);
	if (rc == 0)
		rc = check_memory(res, err);
	if (rc == 0)
		rc = v2_memory(&l, res, err);
	if (rc == 0)
		rc = v2_cpu(&l, res, cpu_max, warn, err);
	if (rc == 0)
		rc = put_pids(&l, res);
	if (rc == 0)
		rc = rt_cgroup_v2_blkio(&l, res, err);
	if (rc == 0)
		rc = put_hugepages(&l, res, "max", err);
	if (rc == 0)
		rc = rt_cgroup_v2_network(res, err);
	if (rc == 0)
		rt_cgroup_rdma(&l, res);
	if (rc == 0) /* last: who writes v2's own words means them */
		rc = v2_unified(&l, res, err);
	if (rc < 0)
		return rc;
	return list_done(&l, ret, err);
}
