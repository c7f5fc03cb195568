/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capsule top: the processes of a container, in the columns that ps(1) has. It is read from our own
 * /proc, and no program is run for it, in the container or here.
 */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "adopt.h"
#include "command.h"
#include "name.h"
#include "own.h"
#include "processes.h"
#include "store.h"
#include "table.h"

#define COLUMNS_MAX 32
#define DAY	    86400
#define TTY_MAJOR   4	/* tty0 to tty63, then ttyS0 and on */
#define PTS_MAJOR   136 /* the first of eight, of 256 each */
#define PTS_MAJORS  8

struct moment {
	time_t now;
	int64_t booted_ms;
	struct tm today;
};

struct row {
	const struct sup_process *p;
	const struct moment *m;
	char text[64];
};

static time_t started(const struct row *r)
{
	int64_t ms = (int64_t)(r->p->start_ticks * 1000 / (uint64_t)sysconf(_SC_CLK_TCK));

	return (time_t)((r->m->booted_ms + ms) / 1000);
}

static time_t age(const struct row *r)
{
	return r->m->now > started(r) ? r->m->now - started(r) : 0;
}

static const char *number(struct row *r, uint64_t value)
{
	(void)snprintf(r->text, sizeof(r->text), "%" PRIu64, value);
	return r->text;
}

static const char *c_uid(struct row *r)
{
	return number(r, r->p->uid);
}

static const char *c_pid(struct row *r)
{
	return number(r, (uint64_t)r->p->pid);
}

static const char *c_ppid(struct row *r)
{
	return number(r, (uint64_t)r->p->ppid);
}

static const char *c_pgid(struct row *r)
{
	return number(r, (uint64_t)r->p->pgid);
}

static const char *c_sid(struct row *r)
{
	return number(r, (uint64_t)r->p->sid);
}

static const char *c_threads(struct row *r)
{
	return number(r, r->p->threads);
}

static const char *c_rss(struct row *r)
{
	return number(r, r->p->rss_pages * (uint64_t)sysconf(_SC_PAGESIZE) / 1024);
}

static const char *c_vsz(struct row *r)
{
	return number(r, r->p->vsize / 1024);
}

/* Percent of one processor, since it began. */
static const char *c_cpu(struct row *r)
{
	uint64_t lived = (uint64_t)age(r) * (uint64_t)sysconf(_SC_CLK_TCK);

	return number(r, lived ? r->p->cpu_ticks * 100 / lived : 0);
}

static const char *c_nice(struct row *r)
{
	(void)snprintf(r->text, sizeof(r->text), "%ld", r->p->nice);
	return r->text;
}

static const char *c_state(struct row *r)
{
	(void)snprintf(r->text, sizeof(r->text), "%c", r->p->state);
	return r->text;
}

static const char *c_stime(struct row *r)
{
	time_t at = started(r);
	struct tm tm;
	bool today;

	if (!localtime_r(&at, &tm))
		return "?";
	today = tm.tm_yday == r->m->today.tm_yday && tm.tm_year == r->m->today.tm_year;
	(void)strftime(r->text, sizeof(r->text),
		       today				   ? "%H:%M"
		       : tm.tm_year == r->m->today.tm_year ? "%b%d"
							   : "%Y",
		       &tm);
	return r->text;
}

static const char *duration(struct row *r, uint64_t s)
{
	int n = s >= DAY ? snprintf(r->text, sizeof(r->text), "%" PRIu64 "-", s / DAY) : 0;

	(void)snprintf(r->text + n, sizeof(r->text) - (size_t)n, "%02u:%02u:%02u",
		       (unsigned)(s % DAY / 3600), (unsigned)(s % 3600 / 60), (unsigned)(s % 60));
	return r->text;
}

static const char *c_time(struct row *r)
{
	return duration(r, r->p->cpu_seconds);
}

static const char *c_etime(struct row *r)
{
	return duration(r, (uint64_t)age(r));
}

static const char *c_tty(struct row *r)
{
	unsigned high = major(r->p->tty), low = minor(r->p->tty);

	if (!r->p->tty)
		return "?";
	if (high >= PTS_MAJOR && high < PTS_MAJOR + PTS_MAJORS)
		(void)snprintf(r->text, sizeof(r->text), "pts/%u", (high - PTS_MAJOR) * 256 + low);
	else if (high == TTY_MAJOR && low < 64)
		(void)snprintf(r->text, sizeof(r->text), "tty%u", low);
	else
		(void)snprintf(r->text, sizeof(r->text), "%u:%u", high, low);
	return r->text;
}

static const char *c_name(struct row *r)
{
	return r->p->name;
}

static const char *c_command(struct row *r)
{
	return r->p->command;
}

struct column {
	const char *name, *alias; /* ps's words; the alias NULL if there is one only */
	const char *heading;
	bool is_number;
	const char *(*print)(struct row *r); /* lives as long as the row */
};

static const struct column columns[] = {
	{ "uid", NULL, "UID", true, c_uid },
	{ "pid", NULL, "PID", true, c_pid },
	{ "ppid", NULL, "PPID", true, c_ppid },
	{ "c", "pcpu", "C", true, c_cpu },
	{ "stime", "start", "STIME", false, c_stime },
	{ "tty", "tt", "TTY", false, c_tty },
	{ "time", "cputime", "TIME", false, c_time },
	{ "cmd", "args", "CMD", false, c_command },
	{ "comm", "ucmd", "COMMAND", false, c_name },
	{ "etime", NULL, "ELAPSED", false, c_etime },
	{ "ni", "nice", "NI", true, c_nice },
	{ "nlwp", "thcount", "NLWP", true, c_threads },
	{ "pgid", "pgrp", "PGID", true, c_pgid },
	{ "rss", "rsz", "RSS", true, c_rss },
	{ "s", "state", "S", false, c_state },
	{ "sid", "sess", "SID", true, c_sid },
	{ "vsz", "vsize", "VSZ", true, c_vsz },
};

#define COLUMNS	 (sizeof(columns) / sizeof(columns[0]))
#define DEFAULTS 8 /* the first ones, as of ps -f */

struct choice {
	const struct column *v[COLUMNS_MAX];
	unsigned n;
};

static int column_unknown(const char *word, size_t len, struct cps_err *err)
{
	char known[COLUMNS * 8] = "";
	size_t n = 0;

	for (size_t i = 0; i < COLUMNS && n < sizeof(known); i++)
		n += (size_t)snprintf(known + n, sizeof(known) - n, " %s", columns[i].name);
	return cps_failx(err, EINVAL, "there is no column '%.*s', but%s",
			 (int)(len < 40 ? len : 40), word, known);
}

static int column_add(struct choice *c, const char *word, size_t len, struct cps_err *err)
{
	for (size_t i = 0; i < COLUMNS; i++) {
		const char *const names[] = { columns[i].name, columns[i].alias };

		for (unsigned k = 0; k < 2; k++)
			if (names[k] && strlen(names[k]) == len &&
			    strncmp(names[k], word, len) == 0) {
				if (c->n == COLUMNS_MAX)
					return cps_failx(err, E2BIG, "more than %d columns",
							 COLUMNS_MAX);
				c->v[c->n++] = &columns[i];
				return 0;
			}
	}
	return column_unknown(word, len, err);
}

/* "pid,cmd" */
static int columns_add(struct choice *c, const char *list, struct cps_err *err)
{
	int rc = 0;

	for (size_t len; rc == 0; list += len + 1) {
		len = strcspn(list, ",");
		rc = column_add(c, list, len, err);
		if (!list[len])
			break;
	}
	return rc;
}

static void print(struct cps_arena *a, const pid_t *pids, size_t n, const struct choice *c,
		  bool json)
{
	cleanup_buf struct cps_buf buf = CPS_BUF_INIT;
	struct timespec now = { 0 }, up = { 0 };
	struct moment m = { 0 };
	struct cps_table t;
	struct cps_jsonw w;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	(void)clock_gettime(CLOCK_BOOTTIME, &up);
	m.now = now.tv_sec;
	m.booted_ms = (now.tv_sec - up.tv_sec) * 1000 + (now.tv_nsec - up.tv_nsec) / 1000000;
	(void)localtime_r(&m.now, &m.today);
	cps_table_init(&t, c->n);
	cps_jsonw_init(&w, &buf, true);
	cps_jsonw_open(&w, NULL, '[');
	for (unsigned k = 0; k < c->n; k++)
		cps_table_add(&t, c->v[k]->heading);
	for (size_t i = 0; i < n; i++) {
		struct sup_process p;
		struct row r = { .p = &p, .m = &m };

		if (sup_process_describe(pids[i], a, &p) < 0)
			continue; /* it has ended */
		cps_jsonw_open(&w, NULL, '{');
		for (unsigned k = 0; k < c->n; k++) {
			const char *text = c->v[k]->print(&r);

			cps_table_add(&t, text);
			(c->v[k]->is_number ? cps_jsonw_raw : cps_jsonw_str)(&w, c->v[k]->name,
									     text);
		}
		cps_jsonw_close(&w, '}');
	}
	cps_jsonw_close(&w, ']');
	if (json)
		puts(buf.failed ? "[]" : buf.data);
	else
		cps_table_print(&t, stdout);
	cps_table_done(&t);
}

static int top(const struct sup_ctx *ctx, const char *id, const struct choice *c, bool json,
	       struct cps_err *err)
{
	cleanup_arena struct cps_arena arena = CPS_ARENA_INIT;
	cleanup_fd int rootfd = -1;
	struct sup_container ct;
	pid_t *pids;
	size_t n;
	int rc = sup_container_open(ctx->root, id, &arena, &rootfd, &ct, err);

	if (rc == 0)
		sup_revive(ctx, rootfd, &arena, &ct);
	if (rc == 0)
		rc = sup_processes_pids(&ct, &arena, &pids, &n, err);
	if (rc == 0)
		print(&arena, pids, n, c, json);
	return rc;
}

static int run(struct sup_ctx *ctx, const struct sup_command *self, int argc, char **argv,
	       struct cps_err *err)
{
	cleanup_opt_list struct cps_opt_list lists = { 0 };
	cleanup_args struct sup_args args = { 0 };
	struct choice c = { .n = 0 };
	const char *format = NULL;
	bool json = false;
	const struct cps_opt table[] = {
		{ "format", 0, CPS_OPT_STR, &format, "FORMAT", "text (default) or json" },
		{ "columns", 'o', CPS_OPT_LIST, &lists, "COLUMN,...",
		  "these, by ps's words, instead of uid,pid,ppid,c,stime,tty,time,cmd" },
		{ 0 },
	};
	int rc = sup_args_parse(self, table, argc, argv, 1, -1, &args, err);

	if (rc < 0 || args.done)
		return rc;
	rc = sup_format_parse(format, &json, err);
	for (unsigned i = 0; rc == 0 && i < lists.count; i++)
		rc = columns_add(&c, lists.values[i], err);
	for (int i = 1; rc == 0 && i < args.n; i++)
		rc = columns_add(&c, args.v[i], err);
	for (unsigned i = 0; rc == 0 && lists.count == 0 && args.n == 1 && i < DEFAULTS; i++)
		c.v[c.n++] = &columns[i];
	if (rc == 0)
		rc = top(ctx, sup_name_id(ctx, args.v[0]), &c, json, err);
	return cps_wrap(err, rc, "top %.64s", args.v[0]);
}

const struct sup_command sup_cmd_top = {
	.name = "top",
	.usage = "[-o COLUMN,...]... [--format text|json] ID [COLUMN,...]...",
	.summary = "Lists a container's processes, in columns of ps",
	.order = CPS_OPT_ANYWHERE,
	.run = run,
};
