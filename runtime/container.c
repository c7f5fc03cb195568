/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See container.h. Processes are signalled through pidfds that were verified against the recorded
 * start time, never by a bare pid (D10).
 */
#include <config.h>

#include "container.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "file.h"
#include "hooks.h"
#include "listener.h"
#include "opt.h"
#include "own.h"
#include "proc.h"
#include "start.h"

#define KILL_WAIT_MS   10000
#define KILL_SOON_MS   500 /* by then who can die has died */
#define SETTLE_STEP_MS 5

static int open_dir(const char *root, const char *id, struct cps_err *err)
{
	char path[PATH_MAX];
	int fd;

	if (!cps_is_name(id))
		return cps_failx(err, EINVAL, "'%s' is no container id", id);
	if ((size_t)snprintf(path, sizeof(path), "%s/%s", root, id) >= sizeof(path))
		return cps_fail(err, ENAMETOOLONG, "'%s'", root);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return cps_failx(err, ENOENT, "container \"%s\" does not exist", id);
	return fd < 0 ? cps_fail(err, errno, "open '%s'", path) : fd;
}

static int load(struct rt_container *c, struct cps_err *err)
{
	int rc = rt_state_load(c->dir, c->arena, &c->state, err);

	/* A shim's directory may be there before, and after, the runtime's part of it. */
	if (rc == -ENOENT)
		return cps_failx(err, ENOENT, "container \"%s\" does not exist", c->id);
	if (rc < 0)
		return cps_wrap(err, rc, "container \"%s\"", c->id);
	c->status = rt_state_status(&c->state, c->dir, &c->pidfd);
	return 0;
}

int rt_container_open(const char *root, const char *id, struct cps_arena *a,
		      struct rt_container *ret, struct cps_err *err)
{
	struct rt_container c = { .root = root, .id = id, .arena = a, .dir = -1, .pidfd = -1 };
	cleanup_fd int dir = open_dir(root, id, err);
	int rc;

	if (dir < 0)
		return dir;
	c.dir = dir;
	rc = load(&c, err);
	if (rc < 0)
		return rc;
	(void)take_fd(&dir);
	*ret = c;
	return 0;
}

int rt_container_settle(struct rt_container *c, bool kill, int most_ms, struct cps_err *err)
{
	const struct timespec pause = { 0, SETTLE_STEP_MS * 1000000L };
	struct cps_err ignored;
	int rc = 0;

	for (int ms = 0; rc == 0 && c->status == RT_STATUS_CREATING && ms < most_ms;
	     ms += SETTLE_STEP_MS) {
		if (kill)
			(void)rt_cgroup_kill(&c->state.cgroup, SIGKILL, &ignored);
		(void)nanosleep(&pause, NULL);
		rc = load(c, err);
	}
	return rc;
}

void rt_container_done(struct rt_container *c)
{
	cps_close(&c->dir);
	cps_close(&c->pidfd);
}

/* As it was created: who execs without naming a user does so as this one. */
static int with_user(const struct rt_container *c, const struct rt_spec **spec, struct cps_err *err)
{
	struct rt_spec *s = cps_arena_alloc(c->arena, sizeof(*s));

	if (!s)
		return cps_fail(err, ENOMEM, "user");
	*s = **spec;
	s->process.user.name = c->state.user;
	*spec = s;
	return 0;
}

int rt_container_spec(const struct rt_container *c, const struct rt_spec **ret_spec,
		      struct cps_err *err)
{
	cleanup_free char *text = NULL;
	size_t len;
	int rc;

	rc = cps_file_read(c->dir, RT_CONFIG_NAME, RT_SPEC_MAX, &text, &len, err);
	if (rc == 0)
		rc = rt_spec_parse(c->arena, text, len, c->state.bundle, NULL, ret_spec, err);
	if (rc == 0 && c->state.user)
		rc = with_user(c, ret_spec, err);
	return rc;
}

static bool is_dead_within(int pidfd, int timeout_ms)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };
	int rc;

	do
		rc = poll(&p, 1, timeout_ms);
	while (rc < 0 && errno == EINTR);
	return rc > 0;
}

static int wait_for_death(const struct rt_container *c, struct cps_err *err)
{
	struct cps_err ignored;

	if (is_dead_within(c->pidfd, KILL_SOON_MS))
		return 0;
	/* v1: somebody may have put it in a group of his own and frozen that, where it does not
	 * die. In its own group, which is not frozen, it does; that of others is theirs to thaw. It
	 * has not been reaped, so that the pid is its still. */
	(void)rt_cgroup_move(&c->state.cgroup, c->state.pid, &ignored);
	if (is_dead_within(c->pidfd, KILL_WAIT_MS - KILL_SOON_MS))
		return 0;
	return cps_failx(err, ETIMEDOUT, "its first process does not die, %d ms after SIGKILL",
			 KILL_WAIT_MS);
}

/* Ends every process: with a pid namespace of its own the kernel does that when init goes. */
static int kill_everything(struct rt_container *c, struct cps_err *err)
{
	int rc;

	if (c->pidfd >= 0) {
		rc = cps_pidfd_signal(c->pidfd, SIGKILL);
		if (rc < 0 && rc != -ESRCH)
			return cps_fail(err, -rc, "kill process %d", c->state.pid);
	}
	/* A frozen process dies when it is thawed; the cgroup's kill does both. And a creator that
	 * was killed may have left a process that it had no time to record. */
	if (c->state.cgroup.ndirs > 0 &&
	    (!c->state.own_pidns || c->state.pid == 0 || c->status == RT_STATUS_PAUSED)) {
		rc = rt_cgroup_kill(&c->state.cgroup, SIGKILL, err);
		if (rc < 0)
			return rc;
	}
	return c->pidfd >= 0 ? wait_for_death(c, err) : 0;
}

static int kill_and_sweep(struct rt_container *c, struct cps_err *err)
{
	int rc = kill_everything(c, err);

	if (rc == 0 && c->state.scope.program)
		rc = rt_systemd_stop(&c->state.scope, err);
	return rc < 0 ? rc : rt_cgroup_remove(&c->state.cgroup, err);
}

/* Without a process there is no boot id, and the cgroups are those of a creation cut short. */
static bool is_of_other_boot(const struct rt_container *c)
{
	return c->state.boot_id[0] && rt_state_is_other_boot(&c->state);
}

static int run_poststart(struct rt_container *c, struct cps_err *err)
{
	const struct rt_spec *spec = NULL;
	struct cps_err ignored;
	int rc;

	rc = rt_container_spec(c, &spec, err);
	if (rc == 0)
		rc = rt_hooks_run(&spec->hooks, RT_HOOK_POSTSTART, &c->state, RT_STATUS_RUNNING,
				  c->state.pid, err);
	if (rc < 0) {
		c->hook_failed = true;
		(void)kill_everything(c, &ignored);
	}
	return rc;
}

/* A container whose calls nobody answers is no container. */
static int forward_listener(void *arg, int *fd, struct cps_err *err)
{
	struct rt_container *c = arg;
	const struct rt_spec *spec = NULL;
	struct cps_err ignored;
	int rc;

	rc = rt_container_spec(c, &spec, err);
	if (rc == 0)
		rc = rt_listener_forward(&spec->seccomp, &c->state, RT_STATUS_CREATED, c->state.pid,
					 fd, err);
	if (rc < 0)
		(void)kill_everything(c, &ignored);
	return cps_wrap(err, rc, "seccomp");
}

int rt_container_start(struct rt_container *c, struct cps_err *err)
{
	int rc;

	if (c->status == RT_STATUS_STOPPED)
		return cps_failx(err, ESRCH, "cannot start a container that has stopped");
	if (c->status != RT_STATUS_CREATED)
		return cps_failx(err, EBUSY, "cannot start an already %s container",
				 rt_status_names[c->status]);
	rc = rt_gate_start(c->dir, c->state.pid, c->state.start_time, forward_listener, c, err);
	if (rc == 0 && c->state.poststart)
		rc = run_poststart(c, err);
	return rc;
}

int rt_container_kill(struct rt_container *c, int signal, bool all, struct cps_err *err)
{
	bool has_group = c->state.cgroup.ndirs > 0;
	int rc;

	/* the first process of no pid namespace takes nobody with it */
	if ((all || (signal == SIGKILL && !c->state.own_pidns && has_group)) &&
	    !is_of_other_boot(c))
		return rt_cgroup_kill(&c->state.cgroup, signal, err);
	if (c->pidfd < 0)
		return cps_failx(err, ESRCH, "container not running");
	rc = cps_pidfd_signal(c->pidfd, signal);
	if (rc == -ESRCH)
		return cps_failx(err, ESRCH, "container not running");
	if (rc < 0)
		return cps_fail(err, -rc, "send signal %d to process %d", signal, c->state.pid);
	/* v1: nobody dies in the freezer */
	if (signal == SIGKILL && c->status == RT_STATUS_PAUSED)
		return rt_cgroup_freeze(&c->state.cgroup, false, err);
	return 0;
}

int rt_container_pause(struct rt_container *c, struct cps_err *err)
{
	if (c->status != RT_STATUS_RUNNING)
		return cps_failx(err, c->pidfd >= 0 ? EBUSY : ESRCH,
				 "container not running: it is %s", rt_status_names[c->status]);
	return rt_cgroup_freeze(&c->state.cgroup, true, err);
}

int rt_container_resume(struct rt_container *c, struct cps_err *err)
{
	if (c->status != RT_STATUS_PAUSED)
		return cps_failx(err, c->pidfd >= 0 ? EBUSY : ESRCH,
				 "container not paused: it is %s", rt_status_names[c->status]);
	return rt_cgroup_freeze(&c->state.cgroup, false, err);
}

/* A hook that fails is the hook's problem: the container goes all the same. */
static void run_poststop(struct rt_container *c, struct rt_warn *warn)
{
	const struct rt_spec *spec = NULL;
	struct cps_err err = { 0 };

	if (!c->state.poststop)
		return;
	if (rt_container_spec(c, &spec, &err) < 0 ||
	    rt_hooks_run(&spec->hooks, RT_HOOK_POSTSTOP, &c->state, RT_STATUS_STOPPED, 0, &err) < 0)
		rt_warn(warn, "%s, ignoring", err.msg);
}

int rt_container_delete(struct rt_container *c, bool force, struct rt_warn *warn,
			struct cps_err *err)
{
	int rc;

	if (!force && c->status != RT_STATUS_STOPPED && c->status != RT_STATUS_CREATED)
		return cps_failx(err, EBUSY, "cannot delete container %s that is not stopped: %s",
				 c->id, rt_status_names[c->status]);
	rc = is_of_other_boot(c) ? 0 : kill_and_sweep(c, err);
	if (rc == 0)
		rc = rt_rdt_remove(&c->state.rdt, err);
	if (rc < 0)
		return rc;
	run_poststop(c, warn);
	rt_state_unlink(c->dir);
	rt_state_remove_dir(c->root, c->id);
	return 0;
}

int rt_container_delete_by_id(const char *root, const char *id, bool force, struct rt_warn *warn,
			      struct cps_err *err)
{
	cleanup_arena struct cps_arena arena = CPS_ARENA_INIT;
	cleanup_container struct rt_container c = RT_CONTAINER_INIT;
	cleanup_fd int dir = -1;
	struct cps_err ignored;
	int rc;

	rc = rt_container_open(root, id, &arena, &c, err);
	/* While it is being created its process may be one that nobody has recorded yet. */
	if (rc == 0 && force)
		rc = rt_container_settle(&c, true, RT_SETTLE_MS, err);
	if (rc == 0)
		return rt_container_delete(&c, force, warn, err);
	if (!force || rc == -EINVAL)
		return rc;
	/* Nothing, or a wreck without a state that could be read: then there was no cgroup yet, or
	 * nobody can say which. */
	dir = open_dir(root, id, &ignored);
	if (dir < 0)
		return 0;
	if (rc != -ENOENT)
		rt_warn(warn, "%s: its processes and cgroups, if any, are left", err->msg);
	rt_state_unlink(dir);
	rt_state_remove_dir(root, id);
	return 0;
}
