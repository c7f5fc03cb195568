/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A line of the runtime's statistics.
 */
#include <config.h>

#include <string.h>
#include <sys/sysinfo.h>

#include "json.h"
#include "stats.h"

static const struct cps_json *at(const struct cps_json *node, const char *a, const char *b,
				 const char *c)
{
	node = cps_json_get(node, a);
	node = b ? cps_json_get(node, b) : node;
	return c ? cps_json_get(node, c) : node;
}

/* Left out is 0. */
static uint64_t number(const struct cps_json *node)
{
	struct cps_err ignored;
	uint64_t value = 0;

	if (node)
		(void)cps_json_u64(node, UINT64_MAX, &value, &ignored);
	return value;
}

static void block_sum(const struct cps_json *list, struct sup_usage *u)
{
	for (const struct cps_json *e = list ? list->first : NULL; e; e = e->next) {
		const struct cps_json *op = cps_json_get(e, "op");
		uint64_t value = number(cps_json_get(e, "value"));

		if (op && op->text && strcmp(op->text, "Read") == 0)
			u->block_read += value;
		else if (op && op->text && strcmp(op->text, "Write") == 0)
			u->block_written += value;
	}
}

/* What can be had back at any moment is not counted, as Docker does not: v1's and v2's word. */
static uint64_t memory_used(const struct cps_json *memory)
{
	const struct cps_json *raw = cps_json_get(memory, "raw");
	const struct cps_json *cache = cps_json_get(raw, "total_inactive_file");
	uint64_t used = number(at(memory, "usage", "usage", NULL));
	uint64_t inactive = number(cache ? cache : cps_json_get(raw, "inactive_file"));

	return used > inactive ? used - inactive : 0;
}

int sup_stats_parse(struct cps_arena *a, const char *line, size_t len, struct sup_usage *ret,
		    struct cps_err *err)
{
	const struct cps_json *root = NULL, *data;
	struct sup_usage u = { 0 };
	struct sysinfo machine;
	int rc = cps_json_parse(a, line, len, &root, err);

	if (rc == 0)
		rc = cps_json_str(cps_json_get(root, "id"), &u.id, err);
	if (rc < 0)
		return rc;
	data = cps_json_get(root, "data");
	u.cpu_ns = number(at(data, "cpu", "usage", "total"));
	u.memory = memory_used(cps_json_get(data, "memory"));
	u.memory_limit = number(at(data, "memory", "usage", "limit"));
	if (sysinfo(&machine) == 0 && u.memory_limit > machine.totalram * machine.mem_unit)
		u.memory_limit = machine.totalram * machine.mem_unit;
	u.pids = number(at(data, "pids", "current", NULL));
	block_sum(at(data, "blkio", "ioServiceBytesRecursive", NULL), &u);
	*ret = u;
	return 0;
}
