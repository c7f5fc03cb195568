/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options that are values of config.json: limits of resources, rlimits, sysctls, devices. Each that
 * is no such value is refused by its name.
 */
#include <config.h>

#include "run-plan.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

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

/* update: only what is given. */
static int cpu_write(const struct sup_run *r, bool update, struct cps_jsonw *w, struct cps_err *err)
{
	int64_t shares = 1024, quota = 0;
	int rc = r->shares ? number("--cpushare", r->shares, 2, 262144, &shares, err) : 0;

	if (rc == 0 && r->cpu && r->cpus)
		rc = cps_failx(err, EINVAL, "--cpu and --cpus: one of them");
	if (rc == 0 && r->cpu)
		rc = number("--cpu", r->cpu, 10000, PERIOD, &quota, err);
	if (rc == 0 && r->cpus)
		rc = cpus_parse(r->cpus, &quota, err);
	if (rc == 0 && r->cpuset && r->cpuset[strspn(r->cpuset, "0123456789,-")])
		rc = cps_failx(err, EINVAL, "--cpuset: '%.40s' is no list of processors",
			       r->cpuset);
	if (rc < 0)
		return rc;
	cps_jsonw_open(w, "cpu", '{');
	if (r->shares || !update)
		cps_jsonw_i64(w, "shares", shares);
	if (quota) {
		cps_jsonw_i64(w, "quota", quota);
		cps_jsonw_i64(w, "period", PERIOD);
	}
	if (r->cpuset && *r->cpuset)
		cps_jsonw_str(w, "cpus", r->cpuset);
	cps_jsonw_close(w, '}');
	return 0;
}

/* update: the limit may be there from before. */
static int memory_write(const struct sup_run *r, bool update, struct cps_jsonw *w,
			struct cps_err *err)
{
	uint64_t limit = 0, swap = 0;
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
	if (!limit && !r->memory_swap)
		return 0;
	cps_jsonw_open(w, "memory", '{');
	if (limit)
		cps_jsonw_u64(w, "limit", limit);
	if (unlimited)
		cps_jsonw_i64(w, "swap", -1);
	else if (swap)
		cps_jsonw_u64(w, "swap", swap);
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

int sup_spec_resources(const struct sup_plan *p, struct cps_jsonw *w, struct cps_err *err)
{
	int rc;

	cps_jsonw_open(w, "resources", '{');
	rc = sup_spec_devices(p, true, w, err);
	if (rc == 0)
		rc = cpu_write(p->run, false, w, err);
	if (rc == 0)
		rc = memory_write(p->run, false, w, err);
	if (rc == 0)
		rc = pids_write(p->run, false, w, err);
	cps_jsonw_close(w, '}');
	return rc;
}

int sup_spec_update(const struct sup_run *run, struct cps_jsonw *w, struct cps_err *err)
{
	int rc;

	cps_jsonw_open(w, NULL, '{');
	rc = cpu_write(run, true, w, err);
	if (rc == 0)
		rc = memory_write(run, true, w, err);
	if (rc == 0)
		rc = pids_write(run, true, w, err);
	cps_jsonw_close(w, '}');
	return rc;
}

/* ---- rlimits ---- */

/* "1024", "-1" and "unlimited" */
static int limit_parse(const char *whole, const char *text, uint64_t *ret, struct cps_err *err)
{
	int64_t value;

	if (strcmp(text, "-1") == 0 || strcmp(text, "unlimited") == 0) {
		*ret = UINT64_MAX;
		return 0;
	}
	if (cps_num_parse(text, 0, INT64_MAX, &value) < 0)
		return cps_failx(err, EINVAL, "--ulimit: '%.60s': '%.40s' is no limit", whole,
				 text);
	*ret = (uint64_t)value;
	return 0;
}

static int rlimit_write(struct cps_arena *a, const char *text, struct cps_jsonw *w,
			struct cps_err *err)
{
	static const char *const known[] = { "as",     "core",	 "cpu",	       "data",
					     "fsize",  "locks",	 "memlock",    "msgqueue",
					     "nice",   "nofile", "nproc",      "rss",
					     "rtprio", "rttime", "sigpending", "stack" };
	char *rest = cps_arena_strdup(a, text), *name, *soft, *type;
	uint64_t soft_value = 0, hard_value;
	size_t at = 0;
	int rc;

	if (!rest)
		return cps_fail(err, ENOMEM, "--ulimit");
	name = strsep(&rest, "=");
	soft = rest ? strsep(&rest, ":") : NULL;
	while (at < sizeof(known) / sizeof(known[0]) && strcmp(known[at], name) != 0)
		at++;
	if (!soft || at == sizeof(known) / sizeof(known[0]))
		return cps_failx(err, EINVAL,
				 "--ulimit: '%.60s' is not NAME=SOFT[:HARD] (nofile, nproc, …)",
				 text);
	rc = limit_parse(text, soft, &soft_value, err);
	hard_value = soft_value;
	if (rc == 0 && rest)
		rc = limit_parse(text, rest, &hard_value, err);
	if (rc == 0 && soft_value > hard_value)
		rc = cps_failx(err, EINVAL, "--ulimit: '%.60s': the soft one is the higher", text);
	type = cps_arena_printf(a, "RLIMIT_%s", name);
	if (rc < 0 || !type)
		return rc < 0 ? rc : cps_fail(err, ENOMEM, "--ulimit");
	for (char *c = type; *c; c++)
		*c = (char)toupper((unsigned char)*c);
	cps_jsonw_open(w, NULL, '{');
	cps_jsonw_str(w, "type", type);
	cps_jsonw_u64(w, "soft", soft_value);
	cps_jsonw_u64(w, "hard", hard_value);
	cps_jsonw_close(w, '}');
	return 0;
}

int sup_spec_rlimits(const struct sup_plan *p, struct cps_jsonw *w, struct cps_err *err)
{
	int rc = 0;

	cps_jsonw_open(w, "rlimits", '[');
	for (unsigned i = 0; rc == 0 && i < p->run->ulimits.count; i++)
		rc = rlimit_write(p->arena, p->run->ulimits.values[i], w, err);
	cps_jsonw_close(w, ']');
	return rc;
}

/* ---- sysctls ---- */

static bool is_given(const struct sup_plan *p, const char *key)
{
	for (unsigned i = 0; i < p->run->sysctls.count; i++) {
		size_t len = strcspn(p->run->sysctls.values[i], "=");

		if (strlen(key) == len && strncmp(p->run->sysctls.values[i], key, len) == 0)
			return true;
	}
	return false;
}

/* What may be set at all is the runtime's to say: those of namespaces that are the container's. */
int sup_spec_sysctl(const struct sup_plan *p, struct cps_jsonw *w, struct cps_err *err)
{
	static const char *const ours[][2] = {
		{ "net.ipv4.ip_unprivileged_port_start", "0" },
		{ "net.ipv4.ping_group_range", "0 2147483647" },
	};
	bool own_net = p->mode.kind == NET_MODE_NETWORK || p->mode.kind == NET_MODE_NONE;

	cps_jsonw_open(w, "sysctl", '{');
	/* a range of groups that a user namespace does not have is refused */
	for (size_t i = 0; own_net && i < (p->id_base ? 1 : 2); i++)
		if (!is_given(p, ours[i][0]))
			cps_jsonw_str(w, ours[i][0], ours[i][1]);
	for (unsigned i = 0; i < p->run->sysctls.count; i++) {
		const char *text = p->run->sysctls.values[i];
		size_t len = strcspn(text, "=");
		char *key = cps_arena_strndup(p->arena, text, len);

		if (!key)
			return cps_fail(err, ENOMEM, "--sysctl");
		if (!len || !text[len])
			return cps_failx(err, EINVAL, "--sysctl: '%.60s' is not K=V", text);
		cps_jsonw_str(w, key, text + len + 1);
	}
	cps_jsonw_close(w, '}');
	return 0;
}
