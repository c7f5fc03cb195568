/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capsule log: what a container, or a job in it, has written.
 */
#include <config.h>

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "adopt.h"
#include "command.h"
#include "log-reader.h"
#include "name.h"
#include "own.h"
#include "proc.h"
#include "store.h"
#include "when.h"

static bool is_exec_id(const char *text)
{
	return strlen(text) == 36 && strspn(text, "0123456789abcdefABCDEF-") == 36;
}

/* Where the container's log is, as shim.json has it. */
static int path_find(const struct sup_container *c, const char *root, char *buf, size_t size,
		     struct cps_err *err)
{
	const struct cps_json *log = cps_json_get(c->shim_json, "log");
	const char *driver = NULL, *path = NULL;
	int n, rc = 0;

	if (cps_json_get(log, "driver"))
		rc = cps_json_str(cps_json_get(log, "driver"), &driver, err);
	if (rc == 0 && cps_json_get(log, "path"))
		rc = cps_json_str(cps_json_get(log, "path"), &path, err);
	if (rc < 0)
		return cps_wrap(err, rc, "shim.json");
	if (driver && strcmp(driver, "none") == 0)
		return cps_failx(err, ENOENT, "no log is kept (log driver none)");
	n = path ? snprintf(buf, size, "%s", path) : snprintf(buf, size, "%s/%s/log", root, c->id);
	return n < 0 || (size_t)n >= size ? cps_fail(err, ENAMETOOLONG, "its log") : 0;
}

static int exec_path_find(const struct sup_container *c, const char *root, const char *exec,
			  char *dir, char *buf, size_t size, struct cps_err *err)
{
	int n;

	if (!is_exec_id(exec))
		return cps_failx(err, EINVAL, "-exec: '%.60s' is no job's id", exec);
	n = snprintf(dir, size, "%s/%s/exec/%s", root, c->id, exec);
	if (n < 0 || (size_t)n >= size)
		return cps_fail(err, ENAMETOOLONG, "its log");
	if (access(dir, F_OK) < 0)
		return cps_failx(err, ENOENT, "no such job: '%s'", exec);
	n = snprintf(buf, size, "%s/log", dir);
	return n < 0 || (size_t)n >= size ? cps_fail(err, ENAMETOOLONG, "its log") : 0;
}

/* Who writes the log: a shim, and should it die, the one after it. */
struct writer {
	const struct sup_ctx *ctx;
	int rootfd;
	const char *id;
	int pidfd;
};

static int writer_open(const struct sup_container *c)
{
	return c->shim.pid ? cps_pidfd_open_verified(c->shim.pid, c->shim.start_time) : -1;
}

static int writer_next(void *arg)
{
	struct writer *w = arg;
	cleanup_arena struct cps_arena arena = CPS_ARENA_INIT;
	struct sup_container c;
	struct cps_err ignored;

	cps_close(&w->pidfd);
	if (sup_container_load(w->rootfd, w->id, &arena, &c, &ignored) < 0)
		return -1;
	sup_revive(w->ctx, w->rootfd, &arena, &c);
	if (c.shim_alive)
		w->pidfd = writer_open(&c);
	return w->pidfd;
}

static int show(const struct sup_ctx *ctx, const char *id, const char *exec,
		const struct sup_log_query *asked, struct cps_err *err)
{
	struct sup_log_query q = *asked;
	cleanup_arena struct cps_arena arena = CPS_ARENA_INIT;
	cleanup_fd int rootfd = -1;
	struct writer writer = { ctx, -1, id, -1 };
	char dir[PATH_MAX], path[PATH_MAX];
	struct sup_container c;
	uint64_t garbage = 0;
	int rc = sup_container_open(ctx->root, id, &arena, &rootfd, &c, err);

	if (rc < 0)
		return rc;
	sup_revive(ctx, rootfd, &arena, &c);
	(void)snprintf(dir, sizeof(dir), "%s/%s", ctx->root, id);
	rc = exec ? exec_path_find(&c, ctx->root, exec, dir, path, sizeof(path), err)
		  : path_find(&c, ctx->root, path, sizeof(path), err);
	if (rc < 0)
		return rc;
	writer.rootfd = rootfd;
	writer.pidfd = writer_open(&c);
	q.path = path;
	q.done_dir = dir;
	q.done_name = "exit.json";
	q.writer_pidfd = writer.pidfd;
	q.next_writer = writer_next;
	q.next_arg = &writer;
	if (writer.pidfd < 0 && !c.shim_alive)
		q.follow = false; /* nobody writes any more */
	rc = sup_log_show(&q, 1, 2, &garbage, err);
	if (garbage)
		fprintf(stderr, "capsule: log %s: %llu lines are no log records, ignoring\n", id,
			(unsigned long long)garbage);
	cps_close(&writer.pidfd);
	return rc;
}

static int run(struct sup_ctx *ctx, const struct sup_command *self, int argc, char **argv,
	       struct cps_err *err)
{
	cleanup_args struct sup_args args = { 0 };
	const char *exec = NULL, *tail = NULL, *since = NULL, *until = NULL;
	struct sup_log_query q = { .tail = SUP_LOG_ALL };
	const struct cps_opt table[] = {
		{ "follow", 'f', CPS_OPT_FLAG, &q.follow, NULL,
		  "go on until the container has ended" },
		{ "tail", 'n', CPS_OPT_STR, &tail, "N", "the last N lines only (all)" },
		{ "since", 0, CPS_OPT_STR, &since, "T",
		  "nothing before this time, or longer ago than this (10m)" },
		{ "until", 0, CPS_OPT_STR, &until, "T", "nothing after this time" },
		{ "timestamps", 't', CPS_OPT_FLAG, &q.timestamps, NULL,
		  "each line's time before it" },
		{ "exec", 0, CPS_OPT_STR, &exec, "JOB", "of a job that `exec -d` started" },
		{ 0 },
	};
	int rc = sup_args_parse(self, table, argc, argv, 1, 1, &args, err);

	if (rc < 0 || args.done)
		return rc;
	q.has_since = since != NULL;
	q.has_until = until != NULL;
	if (tail && strcmp(tail, "all") != 0 && cps_num_parse(tail, 0, INT64_MAX, &q.tail) < 0)
		rc = cps_failx(err, EINVAL, "--tail: '%.40s' is no number of lines", tail);
	if (rc == 0 && since)
		rc = sup_when_parse("since", since, &q.since, err);
	if (rc == 0 && until)
		rc = sup_when_parse("until", until, &q.until, err);
	if (rc == 0)
		rc = show(ctx, sup_name_id(ctx, args.v[0]), exec, &q, err);
	return cps_wrap(err, rc, "log %.64s", args.v[0]);
}

const struct sup_command sup_cmd_log = {
	.name = "log",
	.alias = "logs",
	.usage = "[-f] [--tail N] [--since T] [--until T] [--timestamps] [-exec JOB] ID",
	.summary = "Shows what a container or a job has written",
	.order = CPS_OPT_ANYWHERE,
	.run = run,
};
