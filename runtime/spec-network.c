/* SPDX-License-Identifier: Apache-2.0 */
/*
 * linux.resources.network and rdma, values for devices by their names; and linux.netDevices.
 */
#include <config.h>

#include "spec-parse.h"

#include <ctype.h>
#include <errno.h>
#include <net/if.h>
#include <stddef.h>
#include <string.h>

#define NAME_MAX_BYTES 64 /* IB_DEVICE_NAME_MAX; interfaces have 16 */

/* The files of the kernel are lines of words. */
static bool is_device(const char *name)
{
	size_t len = strlen(name);

	for (const char *at = name; *at; at++)
		if ((unsigned char)*at <= ' ' || *at == 0x7f || *at == '/')
			return false;
	return len > 0 && len < NAME_MAX_BYTES;
}

static int parse_u32_given(const struct rt_spec_in *in, const struct cps_json *node, void *field,
			   struct cps_err *err)
{
	struct rt_u64 *value = field;

	(void)in;
	value->set = true;
	return cps_json_u64(node, UINT32_MAX, &value->v, err);
}

static int parse_name(const struct rt_spec_in *in, const struct cps_json *node, void *field,
		      struct cps_err *err)
{
	const char **name = field;
	int rc;

	rc = rt_spec_str(in, node, field, err);
	if (rc < 0)
		return rc;
	return is_device(*name)
		       ? 0
		       : cps_json_fail(node, EINVAL, err, "'%s' is no name of a device", *name);
}

static const struct rt_spec_member priority_members[] = {
	{ "name", parse_name, offsetof(struct rt_net_priority, name) },
	{ "priority", rt_spec_u32, offsetof(struct rt_net_priority, priority) },
	{ NULL, NULL, 0 },
};

static int parse_priority(const struct rt_spec_in *in, const struct cps_json *node, void *field,
			  struct cps_err *err)
{
	const struct rt_net_priority *p = field;
	int rc = rt_spec_object(in, node, priority_members, field, err);

	if (rc == 0 && !p->name)
		return cps_json_fail(node, EINVAL, err, "'name' is missing");
	return rc;
}

static int parse_priorities(const struct rt_spec_in *in, const struct cps_json *node, void *field,
			    struct cps_err *err)
{
	struct rt_resources *res = field;
	void *v;
	int rc;

	rc = rt_spec_array(in, node, sizeof(struct rt_net_priority), parse_priority,
			   &res->npriorities, &v, err);
	if (rc < 0)
		return rc;
	res->priorities = v;
	return 0;
}

static const struct rt_spec_member network_members[] = {
	{ "classID", parse_u32_given, offsetof(struct rt_resources, class_id) },
	{ "priorities", parse_priorities, 0 },
	{ NULL, NULL, 0 },
};

int rt_spec_network(const struct rt_spec_in *in, const struct cps_json *node, void *field,
		    struct cps_err *err)
{
	return rt_spec_object(in, node, network_members, field, err);
}

static const struct rt_spec_member rdma_members[] = {
	{ "hcaHandles", parse_u32_given, offsetof(struct rt_rdma, handles) },
	{ "hcaObjects", parse_u32_given, offsetof(struct rt_rdma, objects) },
	{ NULL, NULL, 0 },
};

int rt_spec_rdma(const struct rt_spec_in *in, const struct cps_json *node, void *field,
		 struct cps_err *err)
{
	struct rt_resources *res = field;
	const struct cps_json *child;
	struct rt_rdma *rdma;
	size_t n = 0;
	int rc;

	rc = cps_json_want(node, CPS_JSON_OBJECT, err);
	if (rc < 0)
		return rc;
	rdma = cps_arena_array(in->arena, (size_t)node->count + 1, sizeof(*rdma));
	if (!rdma)
		return rt_spec_no_memory(node, err);
	for (child = node->first; child; child = child->next) {
		if (!is_device(child->key))
			return cps_json_fail(child, EINVAL, err, "not the name of a device");
		rdma[n].device = child->key;
		rc = rt_spec_object(in, child, rdma_members, &rdma[n++], err);
		if (rc < 0)
			return rc;
	}
	res->nrdma = n;
	res->rdma = rdma;
	return 0;
}

/* As the kernel takes it. A % is for templates, of which a number is made. */
static bool is_interface(const char *name, bool may_be_template)
{
	const char *percent = strchr(name, '%');

	for (const char *at = name; *at; at++)
		if (isspace((unsigned char)*at) || iscntrl((unsigned char)*at) || *at == '/' ||
		    *at == ':')
			return false;
	if (percent && (!may_be_template || percent[1] != 'd' || strchr(percent + 1, '%')))
		return false;
	return name[0] && strlen(name) < IFNAMSIZ && strcmp(name, ".") != 0 &&
	       strcmp(name, "..") != 0;
}

static const struct rt_spec_member net_device_members[] = {
	{ "name", rt_spec_str_some, offsetof(struct rt_net_device, name) },
	{ NULL, NULL, 0 },
};

int rt_spec_net_devices(const struct rt_spec_in *in, const struct cps_json *node, void *field,
			struct cps_err *err)
{
	struct rt_spec *spec = field;
	struct rt_net_device *v;
	size_t n = 0;
	int rc;

	rc = cps_json_want(node, CPS_JSON_OBJECT, err);
	if (rc < 0)
		return rc;
	v = cps_arena_array(in->arena, (size_t)node->count + 1, sizeof(*v));
	if (!v)
		return rt_spec_no_memory(node, err);
	for (const struct cps_json *child = node->first; child; child = child->next, n++) {
		if (!is_interface(child->key, false))
			return cps_json_fail(child, EINVAL, err,
					     "not the name of a network device");
		v[n].host = child->key;
		rc = rt_spec_object(in, child, net_device_members, &v[n], err);
		if (rc < 0)
			return rc;
		if (!v[n].name)
			v[n].name = child->key;
		else if (!is_interface(v[n].name, true))
			return cps_json_fail(cps_json_get(child, "name"), EINVAL, err,
					     "'%s' is not the name of a network device", v[n].name);
	}
	spec->nnet_devices = n;
	spec->net_devices = v;
	return 0;
}
