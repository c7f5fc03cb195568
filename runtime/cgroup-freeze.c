/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A control group that stands still: the freezer of v1 (freezer.state), cgroup.freeze of v2.
 *
 * Both take effect some time after they were asked for: a process stops when it comes back from the
 * kernel. v1 says FREEZING until all have, v2 tells by `frozen` in cgroup.events.
 */
#include <config.h>

#include "cgroup-impl.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cgroup-file.h"
#include "clock.h"
#include "file.h"
#include "opt.h"
#include "own.h"

/* A process that waits for a disk, or in vfork(2) for its child, does not stop. */
#define FREEZE_MS 10000

bool rt_cgroup_v1_wait_frozen(const struct rt_cgroup_dir *dir, long most_us)
{
	struct timespec pause = { 0, 20000 };
	char path[RT_CGROUP_FILE];

	(void)rt_cgroup_file(dir, "freezer.state", path);
	for (long waited_us = 0; waited_us < most_us; waited_us += pause.tv_nsec / 1000) {
		cleanup_free char *state = NULL;
		struct cps_err ignored;
		size_t len;

		if (cps_file_read(AT_FDCWD, path, 64, &state, &len, &ignored) < 0)
			return false;
		if (strcmp(state, "FROZEN\n") == 0)
			return true;
		(void)nanosleep(&pause, NULL);
		if (pause.tv_nsec < 5000000)
			pause.tv_nsec *= 2;
	}
	return false;
}

/* Reading the file once resets what poll(2) waits for: it must be read before each wait. */
static bool v2_wait_frozen(const char *events, const char *line)
{
	cleanup_fd int fd = open(events, O_RDONLY | O_CLOEXEC);
	int64_t end = cps_monotonic_ms() + FREEZE_MS;
	char text[256];

	while (fd >= 0) {
		struct pollfd p = { .fd = fd, .events = POLLPRI };
		ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
		int64_t left = end - cps_monotonic_ms();

		if (n < 0)
			return false;
		text[n] = '\0';
		if (strstr(text, line))
			return true;
		if (left <= 0)
			return false;
		(void)poll(&p, 1, (int)left); /* interrupted: looked at again */
	}
	return false;
}

static int v1_freeze(const struct rt_cgroup *cg, bool freeze, struct cps_err *err)
{
	const struct rt_cgroup_dir *dir = rt_cgroup_find(cg, "freezer");
	char path[RT_CGROUP_FILE];
	struct cps_err ignored;
	int rc;

	if (!dir)
		return cps_failx(err, EOPNOTSUPP, "this machine has no cgroup freezer");
	(void)rt_cgroup_file(dir, "freezer.state", path);
	rc = cps_file_put(AT_FDCWD, path, freeze ? "FROZEN" : "THAWED", err);
	if (rc < 0)
		return rc;
	if (freeze && !rt_cgroup_v1_wait_frozen(dir, FREEZE_MS * 1000L)) {
		(void)cps_file_put(AT_FDCWD, path, "THAWED", &ignored);
		return cps_failx(err, ETIMEDOUT, "'%s': its processes do not stop", path);
	}
	/* thawed by us, and held by a group above */
	if (!freeze && rt_cgroup_is_frozen(cg))
		return cps_failx(err, EBUSY, "'%s': a group above it is frozen", path);
	return 0;
}

static int v2_freeze(const struct rt_cgroup *cg, bool freeze, struct cps_err *err)
{
	char path[RT_CGROUP_FILE], events[RT_CGROUP_FILE];
	struct cps_err ignored;
	int rc;

	(void)rt_cgroup_file(&cg->dirs[0], "cgroup.freeze", path);
	(void)rt_cgroup_file(&cg->dirs[0], "cgroup.events", events);
	rc = cps_file_put(AT_FDCWD, path, freeze ? "1" : "0", err);
	if (rc < 0)
		return rc;
	if (v2_wait_frozen(events, freeze ? "frozen 1\n" : "frozen 0\n"))
		return 0;
	if (!freeze)
		return cps_failx(err, EBUSY, "'%s': a group above it is frozen", path);
	(void)cps_file_put(AT_FDCWD, path, "0", &ignored);
	return cps_failx(err, ETIMEDOUT, "'%s': its processes do not stop", path);
}

int rt_cgroup_freeze(const struct rt_cgroup *cg, bool freeze, struct cps_err *err)
{
	int rc;

	if (cg->ndirs == 0)
		return cps_failx(err, EOPNOTSUPP, "the container has no cgroup");
	rc = cg->layout == RT_CGROUP_V2 ? v2_freeze(cg, freeze, err) : v1_freeze(cg, freeze, err);
	return cps_wrap(err, rc, freeze ? "freeze" : "thaw");
}

bool rt_cgroup_dir_is_frozen(const struct rt_cgroup_dir *dir, char ret_file[RT_CGROUP_FILE])
{
	bool v2 = !dir->controllers[0];

	if (!v2 && !cps_list_has(dir->controllers, "freezer"))
		return false;
	return cps_cgroup_is_frozen(rt_cgroup_file(dir, cps_cgroup_freezer(v2), ret_file));
}

bool rt_cgroup_is_frozen(const struct rt_cgroup *cg)
{
	const struct rt_cgroup_dir *dir = rt_cgroup_find(cg, "freezer");
	char file[RT_CGROUP_FILE];

	return dir && rt_cgroup_dir_is_frozen(dir, file);
}
