/* SPDX-License-Identifier: Apache-2.0 */
/*
 * events: what a container uses, at intervals, and when it runs out of memory, until it ends.
 */
#include <config.h>

#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "cgroup-file.h"
#include "clock.h"
#include "container.h"
#include "own.h"
#include "stats.h"

static int line_print(const struct cps_buf *buf, struct cps_err *err)
{
	if (buf->failed)
		return cps_fail(err, ENOMEM, "events");
	if (puts(buf->data) < 0 || fflush(stdout) != 0)
		return cps_fail(err, errno, "write to standard output");
	return 0;
}

static int stats_print(const struct rt_container *c, struct cps_err *err)
{
	cleanup_buf struct cps_buf buf = CPS_BUF_INIT;
	struct cps_jsonw w;

	cps_jsonw_init(&w, &buf, false);
	rt_stats_write(&c->state.cgroup, c->id, &w);
	return line_print(&buf, err);
}

static int oom_print(const struct rt_container *c, struct cps_err *err)
{
	cleanup_buf struct cps_buf buf = CPS_BUF_INIT;
	struct cps_jsonw w;

	cps_jsonw_init(&w, &buf, false);
	cps_jsonw_open(&w, NULL, '{');
	cps_jsonw_str(&w, "type", "oom");
	cps_jsonw_str(&w, "id", c->id);
	cps_jsonw_close(&w, '}');
	return line_print(&buf, err);
}

/* -- out of memory -------------------------------------------------------------------------- */

struct oom {
	bool v2;
	int file; /* of the memory controller; -1: there is none */
	int fd;	  /* readable when something has happened, or -1 */
	char path[RT_CGROUP_MOUNT_MAX + RT_CGROUP_PATH_MAX + 32];
	uint64_t kills; /* that were told, v2 */
};

static int oom_open(struct oom *o, const struct rt_cgroup *cg, struct cps_err *err)
{
	o->file = o->fd = -1;
	o->v2 = cg->layout == RT_CGROUP_V2;
	if (!rt_cgroup_memory_events(cg, o->path, sizeof(o->path)))
		return 0;
	o->file = open(o->path, O_RDONLY | O_CLOEXEC);
	if (o->file < 0)
		return cps_fail(err, errno, "open '%s'", o->path);
	o->fd = cps_cgroup_oom_watch(o->path, o->file);
	o->kills = cps_cgroup_oom_kills(o->file);
	return o->fd < 0 ? cps_fail(err, -o->fd, "watch '%s'", o->path) : 0;
}

/* How many kills, or on v1 shortages, there were since it was last asked. */
static uint64_t oom_news(struct oom *o)
{
	char buf[4096];
	uint64_t now, news;
	ssize_t n = o->fd < 0 ? -1 : read(o->fd, buf, sizeof(buf));

	/* v1: a group that has been removed has signalled too */
	if (n <= 0 || (!o->v2 && access(o->path, F_OK) < 0))
		return 0;
	if (!o->v2)
		return 1;
	now = cps_cgroup_oom_kills(o->file);
	news = now > o->kills ? now - o->kills : 0;
	o->kills += news;
	return news;
}

/* -- until it ends -------------------------------------------------------------------------- */

static int events_print(const struct rt_container *c, int64_t interval_ms, struct cps_err *err)
{
	int64_t next = cps_monotonic_ms() + interval_ms;
	struct oom oom;
	bool ended = false;
	int rc = oom_open(&oom, &c->state.cgroup, err);

	while (rc == 0 && !ended) {
		int64_t left = next - cps_monotonic_ms();
		struct pollfd p[] = { { .fd = c->pidfd, .events = POLLIN },
				      { .fd = oom.fd, .events = POLLIN },
				      { .fd = STDOUT_FILENO } }; /* its reader is gone: POLLERR */

		if (left > INT32_MAX)
			left = INT32_MAX;
		if (poll(p, 3, left < 0 ? 0 : (int)left) < 0 && errno != EINTR)
			rc = cps_fail(err, errno, "poll");
		ended = p[0].revents || p[2].revents;
		for (uint64_t n = oom_news(&oom); n > 0 && rc == 0; n--)
			rc = oom_print(c, err);
		if (ended || cps_monotonic_ms() < next || rc < 0)
			continue;
		rc = stats_print(c, err);
		next += interval_ms;
		if (next < cps_monotonic_ms()) /* we were stopped meanwhile: no burst */
			next = cps_monotonic_ms() + interval_ms;
	}
	cps_close(&oom.fd);
	cps_close(&oom.file);
	return rc;
}

static int running_open(const struct rt_globals *g, const char *id, struct cps_arena *a,
			struct rt_container *ret, struct cps_err *err)
{
	int rc = rt_container_open(g->root, id, a, ret, err);

	if (rc == 0 && ret->pidfd < 0)
		return cps_failx(err, ESRCH, "container with id %s is not running", id);
	return rc;
}

/* One line for each, as far as they run: `capsule stats` asks for all at once. */
static int stats_of(const struct rt_globals *g, const char *id, struct cps_err *err)
{
	cleanup_arena struct cps_arena arena = CPS_ARENA_INIT;
	cleanup_container struct rt_container c = RT_CONTAINER_INIT;
	int rc = running_open(g, id, &arena, &c, err);

	return rc < 0 ? rc : stats_print(&c, err);
}

static int events_of(const struct rt_globals *g, const char *id, int64_t interval_ms,
		     struct cps_err *err)
{
	cleanup_arena struct cps_arena arena = CPS_ARENA_INIT;
	cleanup_container struct rt_container c = RT_CONTAINER_INIT;
	int rc = running_open(g, id, &arena, &c, err);

	return rc < 0 ? rc : events_print(&c, interval_ms, err);
}

static int cmd_events(const struct rt_globals *g, int argc, char **argv, int *ret_status,
		      struct cps_err *err)
{
	cleanup_free char **args = NULL;
	const char *text = "5s";
	bool stats = false;
	int64_t interval_ms = 0;
	const struct cps_opt table[] = {
		{ "interval", 0, CPS_OPT_STR, &text, "TIME", "between statistics (5s)" },
		{ "stats", 0, CPS_OPT_FLAG, &stats, NULL,
		  "statistics once; of several containers, of those that run" },
		{ 0 },
	};
	int count, rc;

	rc = rt_command_parse(&rt_cmd_events, table, argc, argv, 1, -1, &args, &count, err);
	if (rc < 0 || !args)
		return rc;
	if (cps_duration_parse(text, &interval_ms) < 0)
		return cps_failx(err, EINVAL, "events: --interval: '%.40s' is no time", text);
	if (interval_ms <= 0)
		return cps_failx(err, EINVAL, "duration interval must be greater than 0");
	if (!stats && count > 1)
		return cps_failx(err, EINVAL, "events: several containers only with --stats");
	*ret_status = 0;
	if (!stats)
		return events_of(g, args[0], interval_ms, err);
	for (int i = 0; i < count; i++) {
		rc = stats_of(g, args[i], err);
		/* of many, some end meanwhile */
		if (rc < 0 && (count == 1 || (rc != -ESRCH && rc != -ENOENT)))
			return rc;
	}
	return 0;
}

const struct rt_command rt_cmd_events = {
	"events", "ID", "Show what a container uses, and when it runs out of memory.",
	false,	  1,	cmd_events,
};
