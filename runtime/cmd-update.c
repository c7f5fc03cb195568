/* SPDX-License-Identifier: Apache-2.0 */
/*
 * update: new limits for a container, by options or by a document. The options become a document
 * too, so that both are read by the same rules.
 */
#include <config.h>

#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "file.h"
#include "log.h"
#include "own.h"
#include "update.h"

#define RESOURCES_MAX (1u << 20)

enum kind { NUMBER, SIZE, TEXT };

/* In the order of the objects that they belong to. */
static const struct value {
	const char *option, *object, *member;
	enum kind kind;
	const char *arg, *help;
} values[] = {
	{ "memory", "memory", "limit", SIZE, "BYTES", "limit: 100m, 1g, -1" },
	{ "memory-reservation", "memory", "reservation", SIZE, "BYTES", "what it is left with" },
	{ "memory-swap", "memory", "swap", SIZE, "BYTES", "memory and swap together (-1: any)" },
	{ "kernel-memory", "memory", "kernel", SIZE, "BYTES", "for kernels that have it" },
	{ "kernel-memory-tcp", "memory", "kernelTCP", SIZE, "BYTES", "likewise" },
	{ "cpu-share", "cpu", "shares", NUMBER, "N", "weight against others" },
	{ "cpu-quota", "cpu", "quota", NUMBER, "USECS", "of CPU time in a period (-1: any)" },
	{ "cpu-period", "cpu", "period", NUMBER, "USECS", "of the quota" },
	{ "cpu-burst", "cpu", "burst", NUMBER, "USECS", "saved up beyond the quota" },
	{ "cpu-rt-runtime", "cpu", "realtimeRuntime", NUMBER, "USECS", "for real-time processes" },
	{ "cpu-rt-period", "cpu", "realtimePeriod", NUMBER, "USECS", "of that" },
	{ "cpu-idle", "cpu", "idle", NUMBER, "0|1", "only when nobody else wants to run" },
	{ "cpuset-cpus", "cpu", "cpus", TEXT, "LIST", "processors: 0-2,4" },
	{ "cpuset-mems", "cpu", "mems", TEXT, "LIST", "memory nodes" },
	{ "pids-limit", "pids", "limit", NUMBER, "N", "processes at most (-1: any)" },
	{ "blkio-weight", "blockIO", "weight", NUMBER, "N", "10 to 1000" },
};

#define VALUES (sizeof(values) / sizeof(values[0]))

struct update {
	const char *text[VALUES];
	const char *resources;
	const char *l3_cache, *mem_bw;
};

static int value_write(const struct value *v, const char *text, struct cps_jsonw *w,
		       struct cps_err *err)
{
	int64_t number = -1;
	uint64_t size;

	if (v->kind == TEXT) {
		cps_jsonw_str(w, v->member, text);
	} else if (v->kind == SIZE && strcmp(text, "-1") != 0) {
		if (cps_size_parse(text, &size) < 0 || size > INT64_MAX)
			return cps_failx(err, EINVAL, "invalid value for %s: '%.40s' is no size",
					 v->option, text);
		cps_jsonw_u64(w, v->member, size);
	} else {
		if (cps_num_parse(text, INT64_MIN, INT64_MAX, &number) < 0)
			return cps_failx(err, EINVAL, "invalid value for %s: '%.40s' is no number",
					 v->option, text);
		cps_jsonw_i64(w, v->member, number);
	}
	return 0;
}

static int options_write(const struct update *u, struct cps_buf *ret, struct cps_err *err)
{
	const char *open = NULL;
	struct cps_jsonw w;
	int rc = 0;

	cps_jsonw_init(&w, ret, false);
	cps_jsonw_open(&w, NULL, '{');
	for (size_t i = 0; i < VALUES && rc == 0; i++) {
		if (!u->text[i])
			continue;
		if (!open || strcmp(open, values[i].object) != 0) {
			if (open)
				cps_jsonw_close(&w, '}');
			open = values[i].object;
			cps_jsonw_open(&w, open, '{');
		}
		rc = value_write(&values[i], u->text[i], &w, err);
	}
	if (open)
		cps_jsonw_close(&w, '}');
	cps_jsonw_close(&w, '}');
	return rc;
}

/* runc's callers write it to our standard input, which ends when they have. */
static int document_read(const char *name, struct cps_buf *ret, struct cps_err *err)
{
	bool is_stdin = strcmp(name, "-") == 0;
	cleanup_fd int file = is_stdin ? -1 : open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	cleanup_free char *text = NULL;
	size_t len;
	int rc;

	if (!is_stdin && file < 0)
		return cps_fail(err, errno, "open '%s'", name);
	rc = cps_fd_read(is_stdin ? 0 : file, is_stdin ? "standard input" : name, RESOURCES_MAX,
			 &text, &len, err);
	if (rc == 0)
		cps_buf_add(ret, text, len);
	return rc;
}

static int rdt_update(const struct update *u, const struct rt_container *c, struct cps_err *err)
{
	if (!c->state.rdt.root)
		return cps_failx(err, EOPNOTSUPP,
				 "--%s: the container has no group of Intel RDT (linux.intelRdt)",
				 u->l3_cache ? "l3-cache-schema" : "mem-bw-schema");
	return rt_rdt_update(&c->state.rdt, u->l3_cache, u->mem_bw, err);
}

static int update(const struct update *u, const struct rt_globals *g, const char *id,
		  struct cps_err *err)
{
	cleanup_arena struct cps_arena arena = CPS_ARENA_INIT;
	cleanup_container struct rt_container c = RT_CONTAINER_INIT;
	cleanup_buf struct cps_buf buf = CPS_BUF_INIT;
	struct rt_warn warn = { .debug = g->debug };
	const struct cps_json *node = NULL;
	const char *text;
	uint32_t pos = 0;
	int rc;

	rc = rt_container_open(g->root, id, &arena, &c, err);
	if (rc == 0 && (u->l3_cache || u->mem_bw))
		rc = rdt_update(u, &c, err);
	if (rc == 0)
		rc = u->resources ? document_read(u->resources, &buf, err)
				  : options_write(u, &buf, err);
	if (rc < 0)
		return rc;
	if (buf.failed)
		return cps_fail(err, ENOMEM, "update");
	rc = cps_json_parse(&arena, buf.data ? buf.data : "", buf.len, &node, err);
	if (rc < 0)
		return cps_wrap(err, rc, "resources");
	rc = rt_container_update(&c, node, &warn, err);
	while ((text = rt_warn_next(&warn, &pos)))
		cps_log(CPS_LOG_WARN, "%s", text);
	return rc;
}

static int cmd_update(const struct rt_globals *g, int argc, char **argv, int *ret_status,
		      struct cps_err *err)
{
	cleanup_free char **args = NULL;
	struct update u = { 0 };
	struct cps_opt table[VALUES + 4] = {
		{ "resources", 'r', CPS_OPT_STR, &u.resources, "FILE",
		  "the resources as JSON; - is standard input; other options do not count then" },
		{ "l3-cache-schema", 0, CPS_OPT_STR, &u.l3_cache, "SCHEMA", "of Intel RDT" },
		{ "mem-bw-schema", 0, CPS_OPT_STR, &u.mem_bw, "SCHEMA", "likewise" },
	};
	int count, rc;

	for (size_t i = 0; i < VALUES; i++)
		table[3 + i] = (struct cps_opt){ values[i].option, 0,
						 CPS_OPT_STR,	   &u.text[i],
						 values[i].arg,	   values[i].help };
	rc = rt_command_parse(&rt_cmd_update, table, argc, argv, 1, 1, &args, &count, err);
	if (rc < 0 || !args)
		return rc;
	*ret_status = 0;
	return update(&u, g, args[0], err);
}

const struct rt_command rt_cmd_update = {
	"update", "ID", "Change the limits of a container.", false, 1, cmd_update,
};
