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
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "clock.h"
#include "container.h"
#include "file.h"
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
	int fd; /* readable when something has happened; -1: no memory controller */
	char path[RT_CGROUP_MOUNT_MAX + RT_CGROUP_PATH_MAX + 32];
	uint64_t kills; /* that were told, v2 */
};

/* "<eventfd> <fd of memory.oom_control>" into cgroup.event_control beside it. The kernel signals it
 * when the group is removed, too. */
static int oom_watch_v1(const char *path, struct cps_err *err)
{
	cleanup_fd int file = open(path, O_RDONLY | O_CLOEXEC);
	cleanup_fd int notice = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	char control[RT_CGROUP_MOUNT_MAX + RT_CGROUP_PATH_MAX + 32], line[32];
	int rc;

	if (file < 0 || notice < 0)
		return cps_fail(err, errno, "watch '%s'", path);
	(void)snprintf(control, sizeof(control), "%.*s/cgroup.event_control",
		       (int)(strrchr(path, '/') - path), path);
	(void)snprintf(line, sizeof(line), "%d %d", notice, file);
	rc = cps_file_put(AT_FDCWD, control, line, err);
	return rc < 0 ? rc : take_fd(&notice);
}

static int oom_watch_v2(const char *path, struct cps_err *err)
{
	cleanup_fd int notify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	if (notify < 0 || inotify_add_watch(notify, path, IN_MODIFY) < 0)
		return cps_fail(err, errno, "watch '%s'", path);
	return take_fd(&notify);
}

static uint64_t kills_read(const char *path)
{
	cleanup_free char *text = NULL;
	struct cps_err ignored;
	const char *at;
	size_t len;

	if (cps_file_read(AT_FDCWD, path, 4096, &text, &len, &ignored) < 0)
		return 0;
	at = strstr(text, "oom_kill ");
	return at ? strtoull(at + strlen("oom_kill "), NULL, 10) : 0;
}

static int oom_open(struct oom *o, const struct rt_cgroup *cg, struct cps_err *err)
{
	o->fd = -1;
	o->v2 = cg->layout == RT_CGROUP_V2;
	if (!rt_cgroup_memory_events(cg, o->path, sizeof(o->path)))
		return 0;
	o->fd = o->v2 ? oom_watch_v2(o->path, err) : oom_watch_v1(o->path, err);
	o->kills = o->v2 ? kills_read(o->path) : 0;
	return o->fd < 0 ? o->fd : 0;
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
	now = kills_read(o->path);
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
