/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options that are values of config.json: rlimits, sysctls, devices. Each that is no such value is
 * refused by its name.
 */
#include <config.h>

#include "run-plan.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

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
