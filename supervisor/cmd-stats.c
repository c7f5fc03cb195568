/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capsule stats: what containers use, a table that is kept up to date.
 */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "command.h"
#include "json.h"
#include "list.h"
#include "own.h"
#include "stats.h"
#include "store.h"
#include "system.h"
#include "table.h"

#define INTERVAL_NS 1000000000
#define SIZE_TEXT   32

/* A second sample, and the first, which it is compared with. */
struct view {
	bool json, clear;
	const struct sup_usage *before;
	size_t nbefore;
};

static double cpu_percent(const struct view *v, const struct sup_usage *u)
{
	for (size_t i = 0; i < v->nbefore; i++) {
		const struct sup_usage *b = &v->before[i];

		if (strcmp(b->id, u->id) == 0 && u->at_ns > b->at_ns && u->cpu_ns >= b->cpu_ns)
			return 100.0 * (double)(u->cpu_ns - b->cpu_ns) /
			       (double)(u->at_ns - b->at_ns);
	}
	return 0; /* it has just begun */
}

static double memory_percent(const struct sup_usage *u)
{
	return u->memory_limit ? 100.0 * (double)u->memory / (double)u->memory_limit : 0;
}

static void two_sizes(struct cps_table *t, uint64_t a, uint64_t b)
{
	char first[SIZE_TEXT], second[SIZE_TEXT];

	sup_size_format(a, first, sizeof(first));
	sup_size_format(b, second, sizeof(second));
	cps_table_addf(t, "%s / %s", first, second);
}

static void table_print(const struct view *v, const struct sup_usage *all, size_t n)
{
	static const char *const heading[] = { "ID",   "CPU %",	  "MEMORY / LIMIT", "MEMORY %",
					       "PIDS", "NET I/O", "BLOCK I/O" };
	const unsigned columns = sizeof(heading) / sizeof(heading[0]);
	struct cps_table t;

	cps_table_init(&t, columns);
	for (unsigned i = 0; i < columns; i++)
		cps_table_add(&t, heading[i]);
	for (size_t i = 0; i < n; i++) {
		const struct sup_usage *u = &all[i];

		cps_table_add(&t, u->id);
		cps_table_addf(&t, "%.2f", cpu_percent(v, u));
		two_sizes(&t, u->memory, u->memory_limit);
		cps_table_addf(&t, "%.2f", memory_percent(u));
		cps_table_addf(&t, "%llu", (unsigned long long)u->pids);
		two_sizes(&t, u->net_rx, u->net_tx);
		two_sizes(&t, u->block_read, u->block_written);
	}
	if (v->clear) /* home, and the rest of the screen */
		fputs("\033[H\033[J", stdout);
	cps_table_print(&t, stdout);
	cps_table_done(&t);
}

static int json_print(const struct view *v, const struct sup_usage *u, struct cps_err *err)
{
	cleanup_buf struct cps_buf buf = CPS_BUF_INIT;
	struct cps_jsonw w;
	char percent[32];

	cps_jsonw_init(&w, &buf, false);
	cps_jsonw_open(&w, NULL, '{');
	cps_jsonw_str(&w, "id", u->id);
	(void)snprintf(percent, sizeof(percent), "%.2f", cpu_percent(v, u));
	cps_jsonw_raw(&w, "cpu_percent", percent);
	cps_jsonw_u64(&w, "memory", u->memory);
	cps_jsonw_u64(&w, "memory_limit", u->memory_limit);
	(void)snprintf(percent, sizeof(percent), "%.2f", memory_percent(u));
	cps_jsonw_raw(&w, "memory_percent", percent);
	cps_jsonw_u64(&w, "pids", u->pids);
	cps_jsonw_u64(&w, "net_received", u->net_rx);
	cps_jsonw_u64(&w, "net_sent", u->net_tx);
	cps_jsonw_u64(&w, "block_read", u->block_read);
	cps_jsonw_u64(&w, "block_written", u->block_written);
	cps_jsonw_close(&w, '}');
	if (buf.failed)
		return cps_fail(err, ENOMEM, "stats");
	puts(buf.data);
	return 0;
}

static int view_print(const struct view *v, const struct sup_usage *all, size_t n,
		      struct cps_err *err)
{
	int rc = 0;

	if (!v->json)
		table_print(v, all, n);
	for (size_t i = 0; v->json && i < n && rc == 0; i++)
		rc = json_print(v, &all[i], err);
	if (rc == 0 && fflush(stdout) != 0)
		return cps_fail(err, errno, "write to standard output");
	return rc;
}

/* Those that were named, or all that have a process. */
static int ids_find(const struct sup_ctx *ctx, const struct sup_args *args, struct cps_arena *a,
		    const char *const **ret, size_t *ret_n, struct cps_err *err)
{
	cleanup_fd int rootfd = -1;
	const char **ids = NULL;
	size_t n = 0, kept = 0;
	int rc;

	if (args->n) {
		*ret = (const char *const *)args->v;
		*ret_n = (size_t)args->n;
		return 0;
	}
	*ret_n = 0;
	rootfd = sup_store_open(ctx->root, err);
	if (rootfd < 0)
		return rootfd == -ENOENT ? 0 : rootfd;
	rc = sup_store_list(rootfd, a, &ids, &n, err);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		struct sup_container c;
		struct cps_err ignored;

		if (sup_container_load(rootfd, ids[i], a, &c, &ignored) == 0 && sup_has_process(&c))
			ids[kept++] = ids[i];
	}
	*ret = ids;
	*ret_n = kept;
	return rc;
}

static int sample(const struct sup_ctx *ctx, const struct sup_args *args, struct cps_arena *a,
		  struct sup_usage **ret, size_t *ret_n, struct cps_err *err)
{
	const char *const *ids = NULL;
	size_t n = 0;
	int rc = ids_find(ctx, args, a, &ids, &n, err);

	return rc < 0 ? rc : sup_stats_read(ctx, ids, n, a, ret, ret_n, err);
}

/* The first view comes when there are two samples; named containers that have all ended end it. */
static int show(const struct sup_ctx *ctx, const struct sup_args *args, struct view *v, bool stream,
		struct cps_err *err)
{
	const struct timespec interval = { INTERVAL_NS / 1000000000, INTERVAL_NS % 1000000000 };
	cleanup_arena struct cps_arena first = CPS_ARENA_INIT, second = CPS_ARENA_INIT;
	struct cps_arena *arenas[] = { &first, &second };
	struct sup_usage *all = NULL;
	size_t n = 0;
	int rc = sample(ctx, args, arenas[0], &all, &n, err);

	for (unsigned turn = 1; rc == 0; turn++) {
		struct cps_arena *a = arenas[turn % 2];

		v->before = all;
		v->nbefore = n;
		(void)nanosleep(&interval, NULL);
		cps_arena_done(a);
		rc = sample(ctx, args, a, &all, &n, err);
		if (rc == 0)
			rc = view_print(v, all, n, err);
		if (!stream || (args->n && n == 0))
			break;
	}
	return rc;
}

/* Named ones must be there, and run; from here on args has their ids. */
static int names_check(const struct sup_ctx *ctx, const struct sup_args *args, struct cps_err *err)
{
	sup_args_ids(ctx, args);
	for (int i = 0; i < args->n; i++) {
		cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
		cleanup_fd int rootfd = -1;
		struct sup_container c;
		int rc = sup_container_open(ctx->root, args->v[i], &a, &rootfd, &c, err);

		if (rc < 0)
			return rc;
		if (!sup_has_process(&c))
			return cps_failx(err, ESRCH, "%.64s: the container is %s", args->v[i],
					 sup_status_name(c.status));
	}
	return 0;
}

static int run(struct sup_ctx *ctx, const struct sup_command *self, int argc, char **argv,
	       struct cps_err *err)
{
	cleanup_args struct sup_args args = { 0 };
	enum sup_list_format format = SUP_LIST_TABLE;
	const char *text = NULL;
	bool once = false;
	struct view v = { 0 };
	const struct cps_opt table[] = {
		{ "no-stream", 0, CPS_OPT_FLAG, &once, NULL, "once, over a second" },
		{ "format", 0, CPS_OPT_STR, &text, "FORMAT",
		  "table (default), or json: an object a line" },
		{ 0 },
	};
	int rc = sup_args_parse(self, table, argc, argv, 0, -1, &args, err);

	if (rc < 0 || args.done)
		return rc;
	rc = sup_list_format_parse(text, &format, err);
	v.json = format == SUP_LIST_JSON;
	v.clear = !once && !v.json && isatty(STDOUT_FILENO);
	if (rc == 0)
		rc = names_check(ctx, &args, err);
	if (rc == 0)
		rc = show(ctx, &args, &v, !once, err);
	return cps_wrap(err, rc, "stats");
}

const struct sup_command sup_cmd_stats = {
	.name = "stats",
	.usage = "[--no-stream] [--format table|json] [ID]...",
	.summary = "Shows what containers use: CPU, memory, processes, network, disks",
	.order = CPS_OPT_ANYWHERE,
	.run = run,
};
