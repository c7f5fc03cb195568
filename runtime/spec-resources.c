/* SPDX-License-Identifier: Apache-2.0 */
/*
 * linux.resources: limits of the control groups, also the document of `update`. Values keep their
 * meaning as written; cgroup*.c knows where 0 stands for "leave it".
 */
#include <config.h>

#include "spec-parse.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#define RES(member) offsetof(struct rt_resources, member)

/* v1's use_hierarchy: whether it was given matters too */
static int parse_use_hierarchy(const struct rt_spec_in *in, const struct cps_json *node,
			       void *field, struct cps_err *err)
{
	struct rt_resources *res = field;

	(void)in;
	res->memory.use_hierarchy_set = true;
	return cps_json_bool(node, &res->memory.use_hierarchy, err);
}

static int parse_swappiness(const struct rt_spec_in *in, const struct cps_json *node, void *field,
			    struct cps_err *err)
{
	struct rt_u64 *value = field;

	(void)in;
	value->set = true;
	return cps_json_u64(node, 200, &value->v, err); /* 200 since Linux 5.8, 100 before */
}

static const struct rt_spec_member memory_members[] = {
	{ "limit", rt_spec_limit, RES(memory.limit) },
	{ "reservation", rt_spec_limit, RES(memory.reservation) },
	{ "swap", rt_spec_limit, RES(memory.swap) },
	{ "kernel", rt_spec_limit, RES(memory.kernel) },
	{ "kernelTCP", rt_spec_limit, RES(memory.kernel_tcp) },
	{ "swappiness", parse_swappiness, RES(memory.swappiness) },
	{ "disableOOMKiller", rt_spec_bool, RES(memory.disable_oom_killer) },
	{ "useHierarchy", parse_use_hierarchy, 0 },
	{ "checkBeforeUpdate", rt_spec_bool, RES(memory.check_before_update) },
	{ NULL, NULL, 0 },
};

static int parse_memory(const struct rt_spec_in *in, const struct cps_json *node, void *field,
			struct cps_err *err)
{
	return rt_spec_object(in, node, memory_members, field, err);
}

/* "0-3,8": the kernel checks the numbers. */
static int parse_cpu_list(const struct rt_spec_in *in, const struct cps_json *node, void *field,
			  struct cps_err *err)
{
	const char **list = field;
	int rc;

	rc = rt_spec_str_some(in, node, field, err);
	if (rc < 0 || !*list)
		return rc;
	if ((*list)[strspn(*list, "0123456789-, ")])
		return cps_json_fail(node, EINVAL, err, "'%s' is no list like 0-3,8", *list);
	return 0;
}

static int parse_idle(const struct rt_spec_in *in, const struct cps_json *node, void *field,
		      struct cps_err *err)
{
	struct rt_i64 *value = field;

	(void)in;
	value->set = true;
	return cps_json_i64(node, 0, 1, &value->v, err);
}

static const struct rt_spec_member cpu_members[] = {
	{ "shares", rt_spec_u64, RES(cpu.shares) },
	{ "quota", rt_spec_i64, RES(cpu.quota) },
	{ "burst", rt_spec_u64, RES(cpu.burst) },
	{ "period", rt_spec_u64, RES(cpu.period) },
	{ "realtimeRuntime", rt_spec_i64, RES(cpu.realtime_runtime) },
	{ "realtimePeriod", rt_spec_u64, RES(cpu.realtime_period) },
	{ "cpus", parse_cpu_list, RES(cpu.cpus) },
	{ "mems", parse_cpu_list, RES(cpu.mems) },
	{ "idle", parse_idle, RES(cpu.idle) },
	{ NULL, NULL, 0 },
};

static int parse_cpu(const struct rt_spec_in *in, const struct cps_json *node, void *field,
		     struct cps_err *err)
{
	return rt_spec_object(in, node, cpu_members, field, err);
}

static const struct rt_spec_member pids_members[] = {
	{ "limit", rt_spec_limit, RES(pids_limit) },
	{ NULL, NULL, 0 },
};

static int parse_pids(const struct rt_spec_in *in, const struct cps_json *node, void *field,
		      struct cps_err *err)
{
	return rt_spec_object(in, node, pids_members, field, err);
}

/* 10 to 1000; 0 is what clients send for "none given". */
static int parse_weight(const struct rt_spec_in *in, const struct cps_json *node, void *field,
			struct cps_err *err)
{
	struct rt_u64 *value = field;
	int rc;

	(void)in;
	rc = cps_json_u64(node, 1000, &value->v, err);
	if (rc < 0)
		return rc;
	if (value->v > 0 && value->v < 10)
		return cps_json_fail(node, EINVAL, err, "%u is less than 10", (unsigned)value->v);
	value->set = true;
	return 0;
}

static int parse_dev_weight(const struct rt_spec_in *in, const struct cps_json *node, void *field,
			    struct cps_err *err)
{
	struct rt_u64 weight = { false, 0 };
	int rc;

	rc = parse_weight(in, node, &weight, err);
	if (rc < 0)
		return rc;
	*(uint64_t *)field = weight.v;
	return 0;
}

static int parse_rate(const struct rt_spec_in *in, const struct cps_json *node, void *field,
		      struct cps_err *err)
{
	(void)in;
	return cps_json_u64(node, UINT64_MAX, field, err);
}

static const struct rt_spec_member weight_dev_members[] = {
	{ "major", rt_spec_u32, offsetof(struct rt_blkio_dev, major) },
	{ "minor", rt_spec_u32, offsetof(struct rt_blkio_dev, minor) },
	{ "weight", parse_dev_weight, offsetof(struct rt_blkio_dev, value) },
	{ "leafWeight", parse_weight, offsetof(struct rt_blkio_dev, leaf) },
	{ NULL, NULL, 0 },
};

static const struct rt_spec_member rate_dev_members[] = {
	{ "major", rt_spec_u32, offsetof(struct rt_blkio_dev, major) },
	{ "minor", rt_spec_u32, offsetof(struct rt_blkio_dev, minor) },
	{ "rate", parse_rate, offsetof(struct rt_blkio_dev, value) },
	{ NULL, NULL, 0 },
};

static int parse_weight_dev(const struct rt_spec_in *in, const struct cps_json *node, void *field,
			    struct cps_err *err)
{
	return rt_spec_object(in, node, weight_dev_members, field, err);
}

static int parse_rate_dev(const struct rt_spec_in *in, const struct cps_json *node, void *field,
			  struct cps_err *err)
{
	return rt_spec_object(in, node, rate_dev_members, field, err);
}

static int parse_blkio_devs(const struct rt_spec_in *in, const struct cps_json *node,
			    rt_spec_parser *parse, struct rt_blkio_devs *devs, struct cps_err *err)
{
	void *v;
	int rc;

	rc = rt_spec_array(in, node, sizeof(struct rt_blkio_dev), parse, &devs->n, &v, err);
	if (rc < 0)
		return rc;
	devs->v = v;
	return 0;
}

static int parse_weight_devs(const struct rt_spec_in *in, const struct cps_json *node, void *field,
			     struct cps_err *err)
{
	return parse_blkio_devs(in, node, parse_weight_dev, field, err);
}

static int parse_rate_devs(const struct rt_spec_in *in, const struct cps_json *node, void *field,
			   struct cps_err *err)
{
	return parse_blkio_devs(in, node, parse_rate_dev, field, err);
}

static const struct rt_spec_member blkio_members[] = {
	{ "weight", parse_weight, RES(blkio.weight) },
	{ "leafWeight", parse_weight, RES(blkio.leaf_weight) },
	{ "weightDevice", parse_weight_devs, RES(blkio.weight_dev) },
	{ "throttleReadBpsDevice", parse_rate_devs, RES(blkio.read_bps) },
	{ "throttleWriteBpsDevice", parse_rate_devs, RES(blkio.write_bps) },
	{ "throttleReadIOPSDevice", parse_rate_devs, RES(blkio.read_iops) },
	{ "throttleWriteIOPSDevice", parse_rate_devs, RES(blkio.write_iops) },
	{ NULL, NULL, 0 },
};

static int parse_blkio(const struct rt_spec_in *in, const struct cps_json *node, void *field,
		       struct cps_err *err)
{
	return rt_spec_object(in, node, blkio_members, field, err);
}

/* "64KB", "2MB", "1GB": a part of a file name below the cgroup. */
static int parse_page_size(const struct rt_spec_in *in, const struct cps_json *node, void *field,
			   struct cps_err *err)
{
	const char **size = field, *unit;
	int rc;

	rc = rt_spec_str(in, node, field, err);
	if (rc < 0)
		return rc;
	unit = *size + strspn(*size, "0123456789");
	if (unit == *size || unit - *size > 9 || !unit[0] || !strchr("KMG", unit[0]) ||
	    strcmp(unit + 1, "B") != 0)
		return cps_json_fail(node, EINVAL, err, "'%s' is no page size like 2MB", *size);
	return 0;
}

static int parse_u64_plain(const struct rt_spec_in *in, const struct cps_json *node, void *field,
			   struct cps_err *err)
{
	(void)in;
	return cps_json_u64(node, UINT64_MAX, field, err);
}

static const struct rt_spec_member hugepage_members[] = {
	{ "pageSize", parse_page_size, offsetof(struct rt_hugepage, size) },
	{ "limit", parse_u64_plain, offsetof(struct rt_hugepage, limit_bytes) },
	{ NULL, NULL, 0 },
};

static int parse_hugepage(const struct rt_spec_in *in, const struct cps_json *node, void *field,
			  struct cps_err *err)
{
	struct rt_hugepage *hugepage = field;
	int rc;

	rc = rt_spec_object(in, node, hugepage_members, hugepage, err);
	if (rc < 0)
		return rc;
	if (!hugepage->size)
		return cps_json_fail(node, EINVAL, err, "'pageSize' is missing");
	return 0;
}

static int parse_hugepages(const struct rt_spec_in *in, const struct cps_json *node, void *field,
			   struct cps_err *err)
{
	struct rt_resources *res = field;
	void *v;
	int rc;

	rc = rt_spec_array(in, node, sizeof(struct rt_hugepage), parse_hugepage, &res->nhugepages,
			   &v, err);
	if (rc < 0)
		return rc;
	res->hugepages = v;
	return 0;
}

static int parse_rule_type(const struct rt_spec_in *in, const struct cps_json *node, void *field,
			   struct cps_err *err)
{
	const char *type;
	int rc;

	rc = rt_spec_str_some(in, node, &type, err);
	if (rc < 0 || !type)
		return rc;
	if (strlen(type) != 1 || !strchr("acbu", type[0]))
		return cps_json_fail(node, EINVAL, err, "'%s' is none of a, c, b, u", type);
	*(char *)field = type[0] == 'u' ? 'c' : type[0];
	return 0;
}

static int parse_rule_number(const struct rt_spec_in *in, const struct cps_json *node, void *field,
			     struct cps_err *err)
{
	(void)in;
	return cps_json_i64(node, -1, UINT32_MAX, field, err);
}

static int parse_access(const struct rt_spec_in *in, const struct cps_json *node, void *field,
			struct cps_err *err)
{
	struct rt_device_rule *rule = field;
	const char *access;
	char path[RT_SPEC_PATH_SIZE];
	int rc;

	rc = rt_spec_str_some(in, node, &access, err);
	if (rc < 0 || !access)
		return rc;
	if (access[strspn(access, "rwm")]) {
		cps_json_path(node, path, sizeof(path));
		rt_warn(in->warn, "%s: '%s' has more than r, w, m, ignoring that", path, access);
	}
	rule->read = strchr(access, 'r') != NULL;
	rule->write = strchr(access, 'w') != NULL;
	rule->mknod = strchr(access, 'm') != NULL;
	return 0;
}

static const struct rt_spec_member rule_members[] = {
	{ "allow", rt_spec_bool, offsetof(struct rt_device_rule, allow) },
	{ "type", parse_rule_type, offsetof(struct rt_device_rule, type) },
	{ "major", parse_rule_number, offsetof(struct rt_device_rule, major) },
	{ "minor", parse_rule_number, offsetof(struct rt_device_rule, minor) },
	{ "access", parse_access, 0 },
	{ NULL, NULL, 0 },
};

static int parse_rule(const struct rt_spec_in *in, const struct cps_json *node, void *field,
		      struct cps_err *err)
{
	struct rt_device_rule *rule = field;

	/* what is left out is anything */
	rule->type = 'a';
	rule->major = rule->minor = -1;
	rule->read = rule->write = rule->mknod = true;
	return rt_spec_object(in, node, rule_members, rule, err);
}

static int parse_rules(const struct rt_spec_in *in, const struct cps_json *node, void *field,
		       struct cps_err *err)
{
	struct rt_resources *res = field;
	void *v;
	int rc;

	rc = rt_spec_array(in, node, sizeof(struct rt_device_rule), parse_rule, &res->ndevices, &v,
			   err);
	if (rc < 0)
		return rc;
	res->devices = v;
	return 0;
}

/* Keys are names of files in the cgroup's own directory. */
static int parse_unified(const struct rt_spec_in *in, const struct cps_json *node, void *field,
			 struct cps_err *err)
{
	struct rt_resources *res = field;
	const struct cps_json *child;
	int rc;

	rc = rt_spec_map(in, node, &res->nunified, &res->unified, err);
	if (rc < 0)
		return rc;
	for (child = node->first; child; child = child->next)
		if (strchr(child->key, '/') || child->key[0] == '.' || !strchr(child->key, '.'))
			return cps_json_fail(child, EINVAL, err, "not the name of a cgroup file");
	return 0;
}

static const struct rt_spec_member resources_members[] = {
	{ "devices", parse_rules, 0 },	 { "memory", parse_memory, 0 },
	{ "cpu", parse_cpu, 0 },	 { "pids", parse_pids, 0 },
	{ "blockIO", parse_blkio, 0 },	 { "hugepageLimits", parse_hugepages, 0 },
	{ "unified", parse_unified, 0 }, { "network", rt_spec_network, 0 },
	{ "rdma", rt_spec_rdma, 0 },	 { NULL, NULL, 0 },
};

int rt_spec_resources(const struct rt_spec_in *in, const struct cps_json *node, void *field,
		      struct cps_err *err)
{
	struct rt_resources *res = field;

	res->set = true;
	return rt_spec_object(in, node, resources_members, res, err);
}

int rt_resources_parse(struct cps_arena *a, const struct cps_json *node, struct rt_warn *warn,
		       struct rt_resources *ret, struct cps_err *err)
{
	const struct rt_spec_in in = { .arena = a, .warn = warn };

	memset(ret, 0, sizeof(*ret));
	return rt_spec_resources(&in, node, ret, err);
}
