/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options that are limits of a cgroup (linux.resources), for a container to be made and for
 * `update` of one that runs. Each that is no such value is refused by its name.
 */
#include <config.h>

#include "run-plan.h"

#include <errno.h>
#include <string.h>

#define PERIOD	   100000 /* of the CPU's quota, in microseconds */
#define MEMORY_MIN 524288 /* less than this starts nothing */
#define CPUS_MAX   8192

static int number(const char *option, const char *text, int64_t min, int64_t max, int64_t *ret,
		  struct cps_err *err)
{
	if (cps_num_parse(text, min, max, ret) == 0)
		return 0;
	return cps_failx(err, EINVAL, "%s: '%.40s' is not a number from %lld to %lld", option, text,
			 (long long)min, (long long)max);
}

/* "0.5", "2", ".25": thousandths are enough */
static int cpus_parse(const char *text, int64_t *ret_quota, struct cps_err *err)
{
	size_t whole = strspn(text, "0123456789");
	const char *c = text + whole;
	int64_t quota = 0, unit = PERIOD;

	for (size_t i = 0; i < whole && quota <= CPUS_MAX; i++)
		quota = quota * 10 + (text[i] - '0');
	quota *= PERIOD;
	if (*c == '.') {
		for (c++; *c >= '0' && *c <= '9'; c++) {
			unit /= 10;
			quota += unit * (*c - '0');
		}
		if (c == text + whole + 1 && whole == 0)
			return cps_failx(err, EINVAL, "--cpus: '%.40s' is no number", text);
	}
	/* the kernel wants a millisecond at least */
	if (*c || quota < 1000 || quota > (int64_t)CPUS_MAX * PERIOD)
		return cps_failx(err, EINVAL, "--cpus: '%.40s' is not a number from 0.01 to %d",
				 text, CPUS_MAX);
	*ret_quota = quota;
	return 0;
}

static bool is_list(const char *text)
{
	return !text || !text[strspn(text, "0123456789,-")];
}

/* Time in three wordings: a part of a fixed period, processors, or quota and period as the kernel
 * has them. */
static int quota_parse(const struct sup_run *r, int64_t *quota, int64_t *period,
		       struct cps_err *err)
{
	int rc = 0;

	if ((r->cpu != NULL) + (r->cpus != NULL) + (r->cpu_quota || r->cpu_period) > 1)
		return cps_failx(err, EINVAL,
				 "--cpu, --cpus, and --cpu-quota with --cpu-period: one of them");
	if (r->cpu)
		rc = number("--cpu", r->cpu, 10000, PERIOD, quota, err);
	if (r->cpus)
		rc = cpus_parse(r->cpus, quota, err);
	if (r->cpu || r->cpus)
		*period = PERIOD;
	if (rc == 0 && r->cpu_quota)
		rc = number("--cpu-quota", r->cpu_quota, -1, INT64_MAX, quota, err);
	if (rc == 0 && r->cpu_period)
		rc = number("--cpu-period", r->cpu_period, 0, 1000000, period, err);
	return rc;
}

static int real_time_write(const struct sup_run *r, struct cps_jsonw *w, struct cps_err *err)
{
	int64_t runtime = 0, period = 0;
	int rc = 0;

	if (r->cpu_rt_runtime)
		rc = number("--cpu-rt-runtime", r->cpu_rt_runtime, 0, INT64_MAX, &runtime, err);
	if (rc == 0 && r->cpu_rt_period)
		rc = number("--cpu-rt-period", r->cpu_rt_period, 0, INT64_MAX, &period, err);
	if (rc == 0 && runtime)
		cps_jsonw_i64(w, "realtimeRuntime", runtime);
	if (rc == 0 && period)
		cps_jsonw_i64(w, "realtimePeriod", period);
	return rc;
}

/* update: only what is given. */
static int cpu_write(const struct sup_run *r, bool update, struct cps_jsonw *w, struct cps_err *err)
{
	int64_t shares = 1024, quota = 0, period = 0;
	int rc = r->shares ? number("--cpushare", r->shares, 2, 262144, &shares, err) : 0;

	if (rc == 0)
		rc = quota_parse(r, &quota, &period, err);
	if (rc == 0 && !is_list(r->cpuset))
		rc = cps_failx(err, EINVAL, "--cpuset: '%.40s' is no list of processors",
			       r->cpuset);
	if (rc == 0 && !is_list(r->cpuset_mems))
		rc = cps_failx(err, EINVAL, "--cpuset-mems: '%.40s' is no list of memory nodes",
			       r->cpuset_mems);
	if (rc < 0)
		return rc;
	cps_jsonw_open(w, "cpu", '{');
	if (r->shares || !update)
		cps_jsonw_i64(w, "shares", shares);
	if (quota)
		cps_jsonw_i64(w, "quota", quota);
	if (period)
		cps_jsonw_i64(w, "period", period);
	rc = real_time_write(r, w, err);
	if (r->cpuset && *r->cpuset)
		cps_jsonw_str(w, "cpus", r->cpuset);
	if (r->cpuset_mems && *r->cpuset_mems)
		cps_jsonw_str(w, "mems", r->cpuset_mems);
	cps_jsonw_close(w, '}');
	return rc;
}

/* update: the limit may be there from before. */
static int memory_write(const struct sup_run *r, bool update, struct cps_jsonw *w,
			struct cps_err *err)
{
	uint64_t limit = 0, swap = 0, reservation = 0;
	bool unlimited = r->memory_swap && strcmp(r->memory_swap, "-1") == 0;

	if (r->memory && cps_size_parse(r->memory, &limit) < 0)
		return cps_failx(err, EINVAL, "--memory: '%.40s' is no size (100m, 1g)", r->memory);
	if (limit && (limit < MEMORY_MIN || limit > INT64_MAX))
		return cps_failx(err, EINVAL, "--memory: '%.40s' is not within 512k and 8E",
				 r->memory);
	if (r->memory_swap && !unlimited && cps_size_parse(r->memory_swap, &swap) < 0)
		return cps_failx(err, EINVAL, "--memory-swap: '%.40s' is no size", r->memory_swap);
	if (r->memory_swap && !limit && !update)
		return cps_failx(err, EINVAL, "--memory-swap: not without --memory");
	if (swap && (swap < limit || swap > INT64_MAX))
		return cps_failx(err, EINVAL,
				 "--memory-swap: '%.40s': memory and swap together are less than "
				 "--memory",
				 r->memory_swap);
	if (r->memory_reservation && cps_size_parse(r->memory_reservation, &reservation) < 0)
		return cps_failx(err, EINVAL, "--memory-reservation: '%.40s' is no size",
				 r->memory_reservation);
	if (reservation > INT64_MAX || (limit && reservation > limit))
		return cps_failx(err, EINVAL, "--memory-reservation: '%.40s' is more than --memory",
				 r->memory_reservation);
	if (!limit && !r->memory_swap && !reservation)
		return 0;
	cps_jsonw_open(w, "memory", '{');
	if (limit)
		cps_jsonw_u64(w, "limit", limit);
	if (unlimited)
		cps_jsonw_i64(w, "swap", -1);
	else if (swap)
		cps_jsonw_u64(w, "swap", swap);
	if (reservation)
		cps_jsonw_u64(w, "reservation", reservation);
	cps_jsonw_close(w, '}');
	return 0;
}

/* Docker's 0 is "any" for a new container, and as it was for an old one. */
static int pids_write(const struct sup_run *r, bool update, struct cps_jsonw *w,
		      struct cps_err *err)
{
	int64_t limit = 0;
	int rc = r->pids ? number("--pids-limit", r->pids, -1, INT32_MAX, &limit, err) : 0;

	if (rc < 0 || limit == 0 || (limit < 0 && !update))
		return rc;
	cps_jsonw_open(w, "pids", '{');
	cps_jsonw_i64(w, "limit", limit);
	cps_jsonw_close(w, '}');
	return 0;
}

static int block_io_write(const struct sup_run *r, struct cps_jsonw *w, struct cps_err *err)
{
	int64_t weight = 0;
	int rc;

	if (!r->blkio_weight || strcmp(r->blkio_weight, "0") == 0)
		return 0;
	rc = number("--blkio-weight", r->blkio_weight, 10, 1000, &weight, err);
	if (rc < 0)
		return rc;
	cps_jsonw_open(w, "blockIO", '{');
	cps_jsonw_i64(w, "weight", weight);
	cps_jsonw_close(w, '}');
	return 0;
}

static int limits_write(const struct sup_run *r, bool update, struct cps_jsonw *w,
			struct cps_err *err)
{
	int rc = cpu_write(r, update, w, err);

	if (rc == 0)
		rc = memory_write(r, update, w, err);
	if (rc == 0)
		rc = pids_write(r, update, w, err);
	return rc < 0 ? rc : block_io_write(r, w, err);
}

int sup_spec_resources(const struct sup_plan *p, struct cps_jsonw *w, struct cps_err *err)
{
	int rc;

	cps_jsonw_open(w, "resources", '{');
	rc = sup_spec_devices(p, true, w, err);
	if (rc == 0)
		rc = limits_write(p->run, false, w, err);
	cps_jsonw_close(w, '}');
	return rc;
}

int sup_spec_update(const struct sup_run *run, struct cps_jsonw *w, struct cps_err *err)
{
	int rc;

	cps_jsonw_open(w, NULL, '{');
	rc = limits_write(run, true, w, err);
	cps_jsonw_close(w, '}');
	return rc;
}
