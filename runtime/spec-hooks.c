/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hooks: the six lists of programs that run at points of the container's life.
 */
#include <config.h>

#include "spec-parse.h"

#include <errno.h>
#include <stddef.h>

static int parse_path(const struct rt_spec_in *in, const struct cps_json *node, void *field,
		      struct cps_err *err)
{
	const char **path = field;
	int rc;

	rc = rt_spec_str(in, node, field, err);
	if (rc < 0)
		return rc;
	if ((*path)[0] != '/')
		return cps_json_fail(node, EINVAL, err, "'%s' is not an absolute path", *path);
	return 0;
}

static int parse_timeout(const struct rt_spec_in *in, const struct cps_json *node, void *field,
			 struct cps_err *err)
{
	int64_t *timeout_ms = field, seconds;
	int rc;

	(void)in;
	rc = cps_json_i64(node, 1, INT32_MAX, &seconds, err);
	if (rc < 0)
		return rc;
	*timeout_ms = seconds * 1000;
	return 0;
}

static const struct rt_spec_member hook_members[] = {
	{ "path", parse_path, offsetof(struct rt_hook, path) },
	{ "args", rt_spec_strs, offsetof(struct rt_hook, args) },
	{ "env", rt_spec_env, offsetof(struct rt_hook, env) },
	{ "timeout", parse_timeout, offsetof(struct rt_hook, timeout_ms) },
	{ NULL, NULL, 0 },
};

static int parse_hook(const struct rt_spec_in *in, const struct cps_json *node, void *field,
		      struct cps_err *err)
{
	struct rt_hook *hook = field;
	int rc;

	rc = rt_spec_object(in, node, hook_members, hook, err);
	if (rc < 0)
		return rc;
	if (!hook->path)
		return cps_json_fail(node, EINVAL, err, "'path' is missing");
	return 0;
}

struct hook_list { /* one list on its way into struct rt_hooks, which keeps counts apart */
	size_t n;
	void *v;
};

static int parse_list(const struct rt_spec_in *in, const struct cps_json *node, void *field,
		      struct cps_err *err)
{
	struct hook_list *list = field;

	return rt_spec_array(in, node, sizeof(struct rt_hook), parse_hook, &list->n, &list->v, err);
}

#define HOOK_LIST(kind) ((kind) * sizeof(struct hook_list))

static const struct rt_spec_member hooks_members[] = {
	{ "prestart", parse_list, HOOK_LIST(RT_HOOK_PRESTART) },
	{ "createRuntime", parse_list, HOOK_LIST(RT_HOOK_CREATE_RUNTIME) },
	{ "createContainer", parse_list, HOOK_LIST(RT_HOOK_CREATE_CONTAINER) },
	{ "startContainer", parse_list, HOOK_LIST(RT_HOOK_START_CONTAINER) },
	{ "poststart", parse_list, HOOK_LIST(RT_HOOK_POSTSTART) },
	{ "poststop", parse_list, HOOK_LIST(RT_HOOK_POSTSTOP) },
	{ NULL, NULL, 0 },
};

int rt_spec_hooks(const struct rt_spec_in *in, const struct cps_json *node, void *field,
		  struct cps_err *err)
{
	struct hook_list lists[RT_HOOK_COUNT] = { { 0, NULL } };
	struct rt_hooks *hooks = field;
	int kind, rc;

	rc = rt_spec_object(in, node, hooks_members, lists, err);
	if (rc < 0)
		return rc;
	for (kind = 0; kind < RT_HOOK_COUNT; kind++) {
		hooks->n[kind] = lists[kind].n;
		hooks->v[kind] = lists[kind].v;
	}
	return 0;
}
