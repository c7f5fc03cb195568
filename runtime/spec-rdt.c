/* SPDX-License-Identifier: Apache-2.0 */
/*
 * linux.intelRdt. What the shares may be is the processor's business: the kernel knows.
 */
#include <config.h>

#include "spec-parse.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "rdt.h"

/* A directory right below resctrl's root, or that itself. */
static int parse_clos_id(const struct rt_spec_in *in, const struct cps_json *node, void *field,
			 struct cps_err *err)
{
	const char **id = field;
	int rc;

	rc = rt_spec_str_some(in, node, field, err);
	if (rc < 0 || !*id || strcmp(*id, "/") == 0)
		return rc;
	if (strchr(*id, '/') || strcmp(*id, ".") == 0 || strcmp(*id, "..") == 0 ||
	    strlen(*id) > 255)
		return cps_json_fail(node, EINVAL, err, "'%s' is not the name of a group", *id);
	return 0;
}

static int parse_schema(const struct rt_spec_in *in, const struct cps_json *node, void *field,
			const char *prefix, struct cps_err *err)
{
	const char **line = field;
	int rc;

	rc = rt_spec_str_some(in, node, field, err);
	if (rc < 0 || !*line)
		return rc;
	if (!rt_rdt_is_schema(*line, prefix))
		return cps_json_fail(node, EINVAL, err, "is not one line%s%s",
				     prefix[0] ? " that begins with " : "", prefix);
	return 0;
}

static int parse_l3_cache(const struct rt_spec_in *in, const struct cps_json *node, void *field,
			  struct cps_err *err)
{
	return parse_schema(in, node, field, "", err);
}

static int parse_mem_bw(const struct rt_spec_in *in, const struct cps_json *node, void *field,
			struct cps_err *err)
{
	return parse_schema(in, node, field, "MB:", err);
}

static int parse_schemata(const struct rt_spec_in *in, const struct cps_json *node, void *field,
			  struct cps_err *err)
{
	const struct rt_strs *lines = field;
	const struct cps_json *child;
	int rc;

	rc = rt_spec_strs(in, node, field, err);
	if (rc < 0)
		return rc;
	for (child = node->first; child; child = child->next)
		if (!rt_rdt_is_schema(lines->v[child->index], ""))
			return cps_json_fail(child, EINVAL, err, "is not one line");
	return 0;
}

static const struct rt_spec_member members[] = {
	{ "closID", parse_clos_id, offsetof(struct rt_intel_rdt, clos_id) },
	{ "schemata", parse_schemata, offsetof(struct rt_intel_rdt, schemata) },
	{ "l3CacheSchema", parse_l3_cache, offsetof(struct rt_intel_rdt, l3_cache) },
	{ "memBwSchema", parse_mem_bw, offsetof(struct rt_intel_rdt, mem_bw) },
	{ "enableMonitoring", rt_spec_bool, offsetof(struct rt_intel_rdt, monitoring) },
	{ NULL, NULL, 0 },
};

int rt_spec_intel_rdt(const struct rt_spec_in *in, const struct cps_json *node, void *field,
		      struct cps_err *err)
{
	struct rt_intel_rdt *rdt = field;

	rdt->set = true; /* an empty one, too, asks for a group */
	return rt_spec_object(in, node, members, rdt, err);
}
