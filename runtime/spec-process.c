/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process object: of config.json, of `exec --process`, and as a patch over the container's.
 */
#include <config.h>

#include "spec-parse.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/resource.h>

#include "caps.h"

static int parse_caps_set(const struct rt_spec_in *in, const struct cps_json *node, void *field,
			  struct cps_err *err)
{
	const struct cps_json *child;
	char path[RT_SPEC_PATH_SIZE];
	uint64_t *mask = field;
	const char *name;
	int cap, rc;

	rc = cps_json_want(node, CPS_JSON_ARRAY, err);
	if (rc < 0)
		return rc;
	*mask = 0;
	for (child = node->first; child; child = child->next) {
		rc = cps_json_str(child, &name, err);
		if (rc < 0)
			return rc;
		cap = rt_cap_parse(name);
		if (cap >= 0) {
			*mask |= UINT64_C(1) << cap;
			continue;
		}
		cps_json_path(child, path, sizeof(path));
		rt_warn(in->warn, "%s: capability '%s' is unknown, ignoring", path, name);
	}
	return 0;
}

static const struct rt_spec_member caps_members[] = {
	{ "bounding", parse_caps_set, offsetof(struct rt_caps, bounding) },
	{ "effective", parse_caps_set, offsetof(struct rt_caps, effective) },
	{ "permitted", parse_caps_set, offsetof(struct rt_caps, permitted) },
	{ "inheritable", parse_caps_set, offsetof(struct rt_caps, inheritable) },
	{ "ambient", parse_caps_set, offsetof(struct rt_caps, ambient) },
	{ NULL, NULL, 0 },
};

static int parse_caps(const struct rt_spec_in *in, const struct cps_json *node, void *field,
		      struct cps_err *err)
{
	struct rt_caps *caps = field;

	memset(caps, 0, sizeof(*caps)); /* of a patch's base nothing is kept */
	caps->set = true;
	return rt_spec_object(in, node, caps_members, caps, err);
}

static int parse_umask(const struct rt_spec_in *in, const struct cps_json *node, void *field,
		       struct cps_err *err)
{
	struct rt_user *user = field;
	uint64_t value;
	int rc;

	(void)in;
	rc = cps_json_u64(node, 0777, &value, err);
	if (rc < 0)
		return rc;
	user->has_umask = true;
	user->umask = (mode_t)value;
	return 0;
}

static int parse_gids(const struct rt_spec_in *in, const struct cps_json *node, void *field,
		      struct cps_err *err)
{
	struct rt_user *user = field;
	void *gids;
	int rc;

	rc = rt_spec_array(in, node, sizeof(gid_t), rt_spec_id, &user->ngids, &gids, err);
	if (rc < 0)
		return rc;
	user->gids = gids;
	return 0;
}

static const struct rt_spec_member user_members[] = {
	{ "uid", rt_spec_id, offsetof(struct rt_user, uid) },
	{ "gid", rt_spec_id, offsetof(struct rt_user, gid) },
	{ "umask", parse_umask, 0 },
	{ "additionalGids", parse_gids, 0 },
	{ NULL, NULL, 0 },
};

static int parse_user(const struct rt_spec_in *in, const struct cps_json *node, void *field,
		      struct cps_err *err)
{
	struct rt_process *p = field;
	int rc;

	memset(&p->user, 0, sizeof(p->user));
	p->has_user = true;
	if (!in->patch || node->type != CPS_JSON_STRING)
		return rt_spec_object(in, node, user_members, &p->user, err);
	rc = cps_json_str(node, &p->user.name, err);
	if (rc < 0)
		return rc;
	if (!p->user.name[0])
		return cps_json_fail(node, EINVAL, err, "the user is empty");
	return 0;
}

static const struct {
	const char *name;
	int resource;
} rlimit_names[] = {
	{ "RLIMIT_AS", RLIMIT_AS },
	{ "RLIMIT_CORE", RLIMIT_CORE },
	{ "RLIMIT_CPU", RLIMIT_CPU },
	{ "RLIMIT_DATA", RLIMIT_DATA },
	{ "RLIMIT_FSIZE", RLIMIT_FSIZE },
	{ "RLIMIT_LOCKS", RLIMIT_LOCKS },
	{ "RLIMIT_MEMLOCK", RLIMIT_MEMLOCK },
	{ "RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE },
	{ "RLIMIT_NICE", RLIMIT_NICE },
	{ "RLIMIT_NOFILE", RLIMIT_NOFILE },
	{ "RLIMIT_NPROC", RLIMIT_NPROC },
	{ "RLIMIT_RSS", RLIMIT_RSS },
	{ "RLIMIT_RTPRIO", RLIMIT_RTPRIO },
	{ "RLIMIT_RTTIME", RLIMIT_RTTIME },
	{ "RLIMIT_SIGPENDING", RLIMIT_SIGPENDING },
	{ "RLIMIT_STACK", RLIMIT_STACK },
};

static int parse_rlimit_type(const struct rt_spec_in *in, const struct cps_json *node, void *field,
			     struct cps_err *err)
{
	struct rt_rlimit *limit = field;
	size_t i;
	int rc;

	(void)in;
	rc = cps_json_str(node, &limit->name, err);
	if (rc < 0)
		return rc;
	for (i = 0; i < sizeof(rlimit_names) / sizeof(rlimit_names[0]); i++) {
		if (strcmp(limit->name, rlimit_names[i].name) != 0)
			continue;
		limit->resource = rlimit_names[i].resource;
		return 0;
	}
	return cps_json_fail(node, EINVAL, err, "'%s' is no resource limit", limit->name);
}

static int parse_rlimit_value(const struct rt_spec_in *in, const struct cps_json *node, void *field,
			      struct cps_err *err)
{
	(void)in;
	return cps_json_u64(node, UINT64_MAX, field, err);
}

static const struct rt_spec_member rlimit_members[] = {
	{ "type", parse_rlimit_type, 0 },
	{ "soft", parse_rlimit_value, offsetof(struct rt_rlimit, soft) },
	{ "hard", parse_rlimit_value, offsetof(struct rt_rlimit, hard) },
	{ NULL, NULL, 0 },
};

static int parse_rlimit(const struct rt_spec_in *in, const struct cps_json *node, void *field,
			struct cps_err *err)
{
	struct rt_rlimit *limit = field;
	int rc;

	rc = rt_spec_object(in, node, rlimit_members, limit, err);
	if (rc < 0)
		return rc;
	if (!limit->name)
		return cps_json_fail(node, EINVAL, err, "'type' is missing");
	if (limit->soft > limit->hard)
		return cps_json_fail(node, EINVAL, err, "%s: soft is more than hard", limit->name);
	return 0;
}

static int parse_rlimits(const struct rt_spec_in *in, const struct cps_json *node, void *field,
			 struct cps_err *err)
{
	const struct rt_rlimit *limits;
	struct rt_process *p = field;
	const struct cps_json *child;
	uint32_t seen = 0;
	void *v;
	int rc;

	rc = rt_spec_array(in, node, sizeof(*limits), parse_rlimit, &p->nrlimits, &v, err);
	if (rc < 0)
		return rc;
	limits = v;
	for (child = node->first; child; child = child->next) {
		uint32_t bit = 1u << limits[child->index].resource;

		if (seen & bit)
			return cps_json_fail(child, EINVAL, err, "%s is given twice",
					     limits[child->index].name);
		seen |= bit;
	}
	p->rlimits = limits;
	return 0;
}

static int parse_size(const struct rt_spec_in *in, const struct cps_json *node, void *field,
		      struct cps_err *err)
{
	uint64_t value;
	int rc;

	(void)in;
	rc = cps_json_u64(node, UINT16_MAX, &value, err); /* struct winsize has shorts */
	if (rc < 0)
		return rc;
	*(unsigned *)field = (unsigned)value;
	return 0;
}

static const struct rt_spec_member console_members[] = {
	{ "height", parse_size, offsetof(struct rt_process, rows) },
	{ "width", parse_size, offsetof(struct rt_process, cols) },
	{ NULL, NULL, 0 },
};

static int parse_console(const struct rt_spec_in *in, const struct cps_json *node, void *field,
			 struct cps_err *err)
{
	return rt_spec_object(in, node, console_members, field, err);
}

static int parse_oom_score(const struct rt_spec_in *in, const struct cps_json *node, void *field,
			   struct cps_err *err)
{
	struct rt_i64 *score = field;

	(void)in;
	score->set = true;
	return cps_json_i64(node, -1000, 1000, &score->v, err);
}

static int parse_cwd(const struct rt_spec_in *in, const struct cps_json *node, void *field,
		     struct cps_err *err)
{
	const char **cwd = field;
	int rc;

	rc = rt_spec_str(in, node, field, err);
	if (rc < 0)
		return rc;
	if ((*cwd)[0] != '/')
		return cps_json_fail(node, EINVAL, err, "'%s' is not an absolute path", *cwd);
	return 0;
}

static const struct rt_spec_member process_members[] = {
	{ "terminal", rt_spec_bool, offsetof(struct rt_process, terminal) },
	{ "consoleSize", parse_console, 0 },
	{ "cwd", parse_cwd, offsetof(struct rt_process, cwd) },
	{ "args", rt_spec_strs, offsetof(struct rt_process, args) },
	{ "env", rt_spec_env, offsetof(struct rt_process, env) },
	{ "user", parse_user, 0 },
	{ "capabilities", parse_caps, offsetof(struct rt_process, caps) },
	{ "rlimits", parse_rlimits, 0 },
	{ "noNewPrivileges", rt_spec_bool, offsetof(struct rt_process, no_new_privs) },
	{ "oomScoreAdj", parse_oom_score, offsetof(struct rt_process, oom_score_adj) },
	{ "apparmorProfile", rt_spec_str_some, offsetof(struct rt_process, apparmor_profile) },
	{ "selinuxLabel", rt_spec_str_some, offsetof(struct rt_process, selinux_label) },
	{ "scheduler", rt_spec_scheduler, offsetof(struct rt_process, scheduler) },
	{ "ioPriority", rt_spec_io_priority, offsetof(struct rt_process, io_priority) },
	{ "execCPUAffinity", rt_spec_affinity, 0 },
	{ NULL, NULL, 0 },
};

int rt_spec_process(const struct rt_spec_in *in, const struct cps_json *node, void *field,
		    struct cps_err *err)
{
	struct rt_process *p = field;
	int rc;

	rc = rt_spec_object(in, node, process_members, p, err);
	if (rc < 0)
		return rc;
	if (p->args.n == 0)
		return cps_json_fail(node, EINVAL, err, "'args' is missing or empty");
	if (!p->cwd)
		return cps_json_fail(node, EINVAL, err, "'cwd' is missing");
	return 0;
}
