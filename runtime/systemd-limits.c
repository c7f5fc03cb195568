/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From linux.resources to systemd's properties: what systemd.resource-control(5) has a word for.
 * The limits are written to the cgroup's files as well, which is where bad values are found out and
 * named; systemd has to know them, or it would set others when it goes over its units.
 */
#include <config.h>

#include "systemd.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cgroup-values.h"

#define CPUS_MAX      8192
#define PERIOD_US     100000 /* the kernel's default */
#define SECOND_US     1000000
#define QUOTA_STEP_US 10000 /* systemd writes a quota in units of 10 ms per second */

static void put_u64(struct cps_jsonw *w, const char *name, uint64_t value)
{
	rt_systemd_property(w, name, "t");
	cps_jsonw_u64(w, NULL, value);
	cps_jsonw_close(w, ']');
}

/* -1 is infinity, which is all bits; 0 leaves it. */
static void put_amount(struct cps_jsonw *w, const char *name, const struct rt_i64 *v)
{
	if (v->set && v->v != 0)
		put_u64(w, name, v->v < 0 ? UINT64_MAX : (uint64_t)v->v);
}

static void put_memory(const struct rt_resources *res, bool v2, struct cps_jsonw *w)
{
	const struct rt_i64 *swap = &res->memory.swap;
	int64_t alone;

	put_amount(w, v2 ? "MemoryMax" : "MemoryLimit", &res->memory.limit);
	if (!v2)
		return; /* no words for the others */
	put_amount(w, "MemoryLow", &res->memory.reservation);
	if (swap->set && swap->v != 0 &&
	    rt_cgroup_swap_alone(&res->memory.limit, swap->v, &alone) == 0)
		put_u64(w, "MemorySwapMax", alone < 0 ? UINT64_MAX : (uint64_t)alone);
}

static void put_cpu(const struct rt_resources *res, bool v2, struct cps_jsonw *w)
{
	uint64_t period = res->cpu.period.set && res->cpu.period.v ? res->cpu.period.v : PERIOD_US;
	uint64_t quota = UINT64_MAX;

	if (res->cpu.shares.set && res->cpu.shares.v)
		put_u64(w, v2 ? "CPUWeight" : "CPUShares",
			v2 ? rt_cgroup_weight_from_shares(res->cpu.shares.v) : res->cpu.shares.v);
	if (res->cpu.period.set && res->cpu.period.v)
		put_u64(w, "CPUQuotaPeriodUSec", period);
	if (!res->cpu.quota.set || res->cpu.quota.v == 0)
		return;
	if (res->cpu.quota.v > 0 && (uint64_t)res->cpu.quota.v < UINT64_MAX / SECOND_US) {
		quota = (uint64_t)res->cpu.quota.v * SECOND_US / period;
		quota = (quota + QUOTA_STEP_US - 1) / QUOTA_STEP_US * QUOTA_STEP_US;
	}
	put_u64(w, "CPUQuotaPerSecUSec", quota);
}

/* "0-3,8" as a bit for each, the lowest byte first. */
static int put_list(struct cps_jsonw *w, const char *name, const char *field, const char *list,
		    struct cps_err *err)
{
	unsigned char bits[CPUS_MAX / 8] = { 0 };
	size_t bytes = 0;

	for (const char *p = list; *p;) {
		unsigned long from, to;
		char *end;

		if (!isdigit((unsigned char)*p))
			goto bad;
		from = to = strtoul(p, &end, 10);
		if (*end == '-' && isdigit((unsigned char)end[1]))
			to = strtoul(end + 1, &end, 10);
		if ((*end && *end != ',' && *end != '\n') || to < from || to >= CPUS_MAX)
			goto bad;
		for (; from <= to; from++)
			bits[from / 8] |= (unsigned char)(1u << from % 8);
		if (to / 8 + 1 > bytes)
			bytes = to / 8 + 1;
		p = *end ? end + 1 : end;
	}
	rt_systemd_property(w, name, "ay");
	cps_jsonw_open(w, NULL, '[');
	for (size_t i = 0; i < bytes; i++)
		cps_jsonw_u64(w, NULL, bits[i]);
	cps_jsonw_close(w, ']');
	cps_jsonw_close(w, ']');
	return 0;
bad:
	return cps_failx(err, EINVAL, "linux.resources.%s: '%.64s' is no list of numbers", field,
			 list);
}

static int put_cpusets(const struct rt_resources *res, bool v2, struct cps_jsonw *w,
		       struct cps_err *err)
{
	int rc = 0;

	if (!v2)
		return 0; /* systemd leaves v1's alone */
	if (res->cpu.cpus && res->cpu.cpus[0])
		rc = put_list(w, "AllowedCPUs", "cpu.cpus", res->cpu.cpus, err);
	if (rc == 0 && res->cpu.mems && res->cpu.mems[0])
		rc = put_list(w, "AllowedMemoryNodes", "cpu.mems", res->cpu.mems, err);
	return rc;
}

/* cpu.max: "max 100000", "50000 100000", "50000". */
static void put_cpu_max(struct cps_jsonw *w, const char *value)
{
	struct rt_resources res = { .set = true };
	char *end;

	res.cpu.quota.set = true;
	if (strncmp(value, "max", 3) == 0) {
		res.cpu.quota.v = -1;
		end = (char *)(uintptr_t)value + 3;
	} else {
		res.cpu.quota.v = strtoll(value, &end, 10);
	}
	res.cpu.period.v = strtoull(end, &end, 10);
	res.cpu.period.set = res.cpu.period.v > 0;
	put_cpu(&res, true, w);
}

/* The keys of linux.resources.unified, which are names of files. */
static int put_unified(const struct rt_key_value *kv, struct cps_jsonw *w, struct cps_err *err)
{
	static const struct {
		const char *file, *property;
	} amounts[] = {
		{ "memory.min", "MemoryMin" },		{ "memory.low", "MemoryLow" },
		{ "memory.high", "MemoryHigh" },	{ "memory.max", "MemoryMax" },
		{ "memory.swap.max", "MemorySwapMax" }, { "pids.max", "TasksMax" },
		{ "cpu.weight", "CPUWeight" },
	};
	char *end;

	for (size_t i = 0; i < sizeof(amounts) / sizeof(amounts[0]); i++) {
		uint64_t v = UINT64_MAX;

		if (strcmp(kv->key, amounts[i].file) != 0)
			continue;
		if (strcmp(kv->value, "max") != 0) {
			v = strtoull(kv->value, &end, 10);
			if (end == kv->value || *end)
				return cps_failx(err, EINVAL,
						 "linux.resources.unified: %s: '%.64s' is neither "
						 "a number nor max",
						 kv->key, kv->value);
		}
		put_u64(w, amounts[i].property, v);
		return 0;
	}
	if (strcmp(kv->key, "cpu.max") == 0)
		put_cpu_max(w, kv->value);
	else if (strcmp(kv->key, "cpuset.cpus") == 0)
		return put_list(w, "AllowedCPUs", "unified: cpuset.cpus", kv->value, err);
	else if (strcmp(kv->key, "cpuset.mems") == 0)
		return put_list(w, "AllowedMemoryNodes", "unified: cpuset.mems", kv->value, err);
	return 0;
}

int rt_systemd_limits(const struct rt_resources *res, enum rt_cgroup_layout layout,
		      struct cps_jsonw *w, struct cps_err *err)
{
	bool v2 = layout == RT_CGROUP_V2;
	int rc;

	put_memory(res, v2, w);
	put_cpu(res, v2, w);
	rc = put_cpusets(res, v2, w, err);
	if (rc < 0)
		return rc;
	if (res->pids_limit.set) /* 0 allows the container's first process and no other */
		put_u64(w, "TasksMax",
			res->pids_limit.v < 0 ? UINT64_MAX
			: res->pids_limit.v   ? (uint64_t)res->pids_limit.v
					      : 1);
	if (res->blkio.weight.set && res->blkio.weight.v)
		put_u64(w, v2 ? "IOWeight" : "BlockIOWeight",
			v2 ? rt_cgroup_io_weight(res->blkio.weight.v) : res->blkio.weight.v);
	for (size_t i = 0; v2 && rc == 0 && i < res->nunified; i++)
		rc = put_unified(&res->unified[i], w, err);
	return rc;
}
