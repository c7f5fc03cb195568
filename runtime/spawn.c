/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clone3(2), by the plan (plan.h). Where init shares or joins namespaces, this is the file that
 * knows in which order; nothing else in the runtime forks.
 *
 * The pid of a new process is written by the kernel into the page that both sides see, before the
 * process runs: a stage that clones with CLONE_PARENT has nothing to report, and init can tell its
 * hooks its pid as the host sees it.
 */
#include <config.h>

#include "spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "baton.h"
#include "idmap.h"
#include "log.h"
#include "own.h"
#include "proc.h"

int rt_spawn_open_namespaces(struct rt_ctx *ctx, struct cps_err *err)
{
	for (int ns = 0; ns < RT_NS_COUNT; ns++) {
		const char *path = ctx->spec->ns[ns].path;
		int type;

		if (!ctx->spec->ns[ns].wanted || !path)
			continue;
		ctx->ns[ns] = open(path, O_RDONLY | O_CLOEXEC);
		if (ctx->ns[ns] < 0)
			return cps_fail(err, errno, "open the %s namespace '%s'", rt_ns_names[ns],
					path);
		type = ioctl(ctx->ns[ns], NS_GET_NSTYPE);
		if (type != rt_ns_flags[ns])
			return cps_failx(err, EINVAL, "'%s' is not a %s namespace", path,
					 rt_ns_names[ns]);
	}
	return 0;
}

static pid_t clone_process(uint64_t flags, int exit_signal, int cgroup, int *pidfd, pid_t *seen)
{
	struct clone_args args = {
		.flags = flags | (pidfd ? CLONE_PIDFD : 0) | (seen ? CLONE_PARENT_SETTID : 0) |
			 (cgroup >= 0 ? CLONE_INTO_CGROUP : 0),
		.pidfd = (uint64_t)(uintptr_t)pidfd,
		.parent_tid = (uint64_t)(uintptr_t)seen,
		.exit_signal = (uint64_t)exit_signal,
		.cgroup = cgroup >= 0 ? (uint64_t)cgroup : 0,
	};

	return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

/*
 * The namespaces that the runtime joins for the moment of the clone. A pid namespace concerns only
 * children to come; the others are left again at once, and the runtime reads no path in between.
 */
static int lend_self(const struct rt_ctx *ctx, int home[RT_NS_COUNT], struct cps_err *err)
{
	for (int ns = 0; ns < RT_NS_COUNT; ns++) {
		char path[32];
		int fd = ctx->ns[ns];

		if (!(ctx->plan.lent & (1u << ns)))
			continue;
		(void)snprintf(path, sizeof(path), "/proc/self/ns/%s", rt_ns_proc_names[ns]);
		home[ns] = open(path, O_RDONLY | O_CLOEXEC);
		if (home[ns] < 0)
			return cps_fail(err, errno, "open '%s'", path);
		if (setns(fd >= 0 ? fd : ctx->target, rt_ns_flags[ns]) < 0)
			return cps_fail(err, errno, "join the %s namespace", rt_ns_names[ns]);
	}
	return 0;
}

/* Root of nothing but a user namespace may not return to a pid namespace that is older than it; for
 * exec, after which no more children are born, it does not matter. */
static bool may_stay(const struct rt_ctx *ctx, int ns)
{
	return errno == EPERM && ns == RT_NS_PID && ctx->target >= 0;
}

static int come_home(const struct rt_ctx *ctx, int home[RT_NS_COUNT], struct cps_err *err)
{
	int rc = 0;

	for (int ns = 0; ns < RT_NS_COUNT; ns++) {
		if (home[ns] < 0)
			continue;
		if (setns(home[ns], rt_ns_flags[ns]) < 0 && !may_stay(ctx, ns) && rc == 0)
			rc = cps_fail(err, errno, "return to our %s namespace", rt_ns_names[ns]);
		cps_close(&home[ns]);
	}
	return rc;
}

static int become_init(struct rt_ctx *ctx)
{
	ctx->split = true;
	ctx->in_init = true;
	ctx->warn = &ctx->shared->warn;
	ctx->report = ctx->baton[1];
	cps_close(&ctx->baton[0]);
	/* The lock on the state directory belongs to the open file: the runtime lets go of it for
	 * both of us, but if it is killed our copy must not hold on. */
	cps_close(&ctx->dir);
	return 0;
}

/*
 * The stage: in the host's pid namespace still, it joins the user namespace first and whatever else
 * init would have to join with power from there, then clones init as its own sibling and is gone.
 */
static int run_stage(struct rt_ctx *ctx)
{
	struct cps_gate_packet failed = { .kind = CPS_GATE_FAILED, .step = ctx->shared->row };
	const struct rt_cgroup *cg = &ctx->state.cgroup;
	pid_t pid = -1;

	/* On v1 init inherits the stage's cgroups; the cgroup file systems may be out of sight
	 * later. */
	if ((ctx->req->systemd || rt_cgroup_join_self(cg, &failed.err) == 0) &&
	    rt_spawn_join(ctx, &failed.err) == 0) {
		if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
			(void)cps_fail(&failed.err, errno, "become root of the user namespace");
		else
			pid = clone_process(ctx->plan.clone_flags | CLONE_PARENT, 0, -1, NULL,
					    &ctx->shared->pid);
		if (failed.err.num == 0 && pid == 0)
			return become_init(ctx);
		if (failed.err.num == 0 && pid > 0)
			_exit(0);
		if (failed.err.num == 0)
			(void)cps_fail(&failed.err, errno, "clone from the stage");
	}
	(void)rt_baton_send(ctx->baton[1], &failed, -1);
	_exit(1);
}

static int spawn_by_stage(struct rt_ctx *ctx, int cgroup, struct cps_err *err)
{
	struct cps_gate_packet b;
	siginfo_t si;
	pid_t stage;

	stage = clone_process(0, SIGCHLD, cgroup, NULL, NULL);
	if (stage == 0)
		return run_stage(ctx);
	if (stage < 0)
		return cps_fail(err, errno, "clone the stage");
	cps_close(&ctx->baton[1]);
	if (waitid(P_PID, (id_t)stage, &si, WEXITED) < 0)
		return cps_fail(err, errno, "wait for the stage");
	if (si.si_code != CLD_EXITED || si.si_status != 0) {
		if (rt_baton_recv(ctx->baton[0], &b, NULL) == 1 && b.kind == CPS_GATE_FAILED) {
			*err = b.err;
			return -b.err.num;
		}
		return cps_failx(err, EIO, "the stage died");
	}
	ctx->pid = ctx->shared->pid;
	ctx->pidfd = cps_pidfd_open(ctx->pid); /* our child, so the pid cannot have been reused */
	if (ctx->pidfd < 0)
		return cps_fail(err, -ctx->pidfd, "open a pidfd of process %d", ctx->pid);
	return 0;
}

static int spawn_directly(struct rt_ctx *ctx, int cgroup, struct cps_err *err)
{
	int home[RT_NS_COUNT];
	struct cps_err ignored;
	int pidfd = -1;
	pid_t pid = -1;
	int rc;

	for (int ns = 0; ns < RT_NS_COUNT; ns++)
		home[ns] = -1;
	rc = ctx->plan.lent ? lend_self(ctx, home, err) : 0;
	if (rc == 0) {
		pid = clone_process(ctx->plan.clone_flags, SIGCHLD, cgroup, &pidfd,
				    &ctx->shared->pid);
		if (pid < 0)
			rc = cps_fail(err, errno, "clone");
	}
	if (pid == 0) {
		for (int ns = 0; ns < RT_NS_COUNT; ns++)
			cps_close(&home[ns]);
		return become_init(ctx);
	}
	if (pid > 0) {
		ctx->pid = pid;
		ctx->pidfd = pidfd;
		cps_close(&ctx->baton[1]);
	}
	if (ctx->plan.lent && come_home(ctx, home, rc == 0 ? err : &ignored) < 0 && rc == 0)
		rc = -err->num;
	return rc;
}

static int spawn(struct rt_ctx *ctx, int cgroup, struct cps_err *err)
{
	return ctx->plan.topology == RT_VIA_STAGE ? spawn_by_stage(ctx, cgroup, err)
						  : spawn_directly(ctx, cgroup, err);
}

int rt_spawn_init(struct rt_ctx *ctx, struct cps_err *err)
{
	cleanup_fd int cgroup = -1;
	int rc;

	/* In cgroup2 init is born in its cgroup: nothing that it does is ever charged elsewhere.
	 * (systemd's groups are made around a process that is there.) */
	cgroup = ctx->req->systemd ? -ENOTSUP : rt_cgroup_open(&ctx->state.cgroup);
	if (cgroup < 0 && cgroup != -ENOTSUP)
		return cps_fail(err, -cgroup, "adding pid to cgroups: open the group");
	rc = spawn(ctx, cgroup, err);
	/* Moving between groups takes power over the group that both are in: who has none there
	 * can get no process into a container's that he has been given another way. */
	if (rc == -EACCES && cgroup >= 0 && ctx->target >= 0 &&
	    rt_is_rootless(ctx->req->rootless)) {
		rt_warn(ctx->warn, "the process stays in our cgroup: it may not be moved");
		rc = spawn(ctx, -1, err);
	}
	if (rc == 0)
		ctx->split = true;
	return rc;
}

void rt_spawn_undo(struct rt_ctx *ctx)
{
	siginfo_t si;

	if (ctx->pidfd < 0)
		return;
	(void)cps_pidfd_signal(ctx->pidfd, SIGKILL);
	while (waitid(P_PIDFD, (id_t)ctx->pidfd, &si, WEXITED) < 0 && errno == EINTR)
		;
	cps_close(&ctx->pidfd);
	ctx->pid = 0;
}

/* Through the config's paths, one by one. Before the user namespace whatever our own power is
 * enough for, since those that do not belong to it are beyond its root; after it the rest, which
 * being root there lets us join. */
static int join_by_path(const struct rt_ctx *ctx, struct cps_err *err)
{
	static const enum rt_ns order[] = { RT_NS_NET,	  RT_NS_IPC,  RT_NS_UTS,   RT_NS_PID,
					    RT_NS_CGROUP, RT_NS_TIME, RT_NS_MOUNT, RT_NS_USER,
					    RT_NS_NET,	  RT_NS_IPC,  RT_NS_UTS,   RT_NS_PID,
					    RT_NS_CGROUP, RT_NS_TIME, RT_NS_MOUNT };
	unsigned left = ctx->plan.joined;
	bool before_users = left & (1u << RT_NS_USER);

	for (size_t i = 0; left && i < sizeof(order) / sizeof(order[0]); i++) {
		enum rt_ns ns = order[i];

		if (!(left & (1u << ns)))
			continue;
		if (ns == RT_NS_USER)
			before_users = false;
		if (setns(ctx->ns[ns], rt_ns_flags[ns]) == 0)
			left &= ~(1u << ns);
		else if (!before_users || errno != EPERM)
			return cps_fail(err, errno, "join the %s namespace '%s'", rt_ns_names[ns],
					ctx->spec->ns[ns].path);
	}
	return 0;
}

/* Through the pidfd of the container's init: one call, all or nothing, the kernel's own order. */
static int join_by_pidfd(const struct rt_ctx *ctx, struct cps_err *err)
{
	int flags = 0;

	for (int ns = 0; ns < RT_NS_COUNT; ns++)
		if (ctx->plan.joined & (1u << ns))
			flags |= rt_ns_flags[ns];
	if (flags && setns(ctx->target, flags) < 0)
		return cps_fail(err, errno, "join the container's namespaces");
	return 0;
}

int rt_spawn_join(const struct rt_ctx *ctx, struct cps_err *err)
{
	int rc;

	rc = ctx->target >= 0 ? join_by_pidfd(ctx, err) : join_by_path(ctx, err);
	if (rc < 0)
		return rc;
	if (!ctx->plan.unshare_flags)
		return 0;
	/* To own what is made here one must be root of the user namespace that was just joined. */
	if (ctx->plan.userns && (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0))
		return cps_fail(err, errno, "become root of the user namespace");
	if (unshare((int)ctx->plan.unshare_flags) < 0)
		return cps_fail(err, errno, "make new namespaces");
	return 0;
}

int rt_spawn_userns(const struct rt_id_maps *maps, struct cps_err *err)
{
	char path[32];
	siginfo_t si;
	int pidfd = -1, fd = -1, rc;
	pid_t pid;

	pid = clone_process(CLONE_NEWUSER, SIGCHLD, -1, &pidfd, NULL);
	if (pid < 0)
		return cps_fail(err, errno, "clone into a user namespace");
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			(void)pause();
	}
	rc = rt_idmap_write_maps(pid, maps, err);
	(void)snprintf(path, sizeof(path), "/proc/%d/ns/user", pid);
	if (rc == 0)
		fd = open(path, O_RDONLY | O_CLOEXEC);
	if (rc == 0 && fd < 0)
		rc = cps_fail(err, errno, "open '%s'", path);
	(void)cps_pidfd_signal(pidfd, SIGKILL);
	while (waitid(P_PIDFD, (id_t)pidfd, &si, WEXITED) < 0 && errno == EINTR)
		;
	cps_close(&pidfd);
	return rc < 0 ? rc : fd;
}

static void exec_hook(const struct rt_hook *h, int stdin_fd, int stderr_fd)
{
	const char *self[] = { h->path, NULL };
	sigset_t empty;

	(void)sigemptyset(&empty);
	(void)sigprocmask(SIG_SETMASK, &empty, NULL);
	(void)signal(SIGPIPE, SIG_DFL);
	/* it works for us: should we be killed (a create is given up), it has nobody to work for */
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (dup2(stdin_fd, 0) < 0 || dup2(stderr_fd, 2) < 0 || dup2(stderr_fd, 1) < 0)
		_exit(127);
	/* what the caller of the runtime had open is nothing to a hook */
	(void)syscall(SYS_close_range, 3, ~0U, 0);
	execve(h->path, (char *const *)(uintptr_t)(h->args.n ? h->args.v : self),
	       h->env.n ? (char *const *)(uintptr_t)h->env.v : environ);
	/* The reader of stderr tells the user. */
	(void)dprintf(2, "%s", strerror(errno));
	_exit(127);
}

int rt_spawn_hook(const struct rt_hook *h, int stdin_fd, int stderr_fd, pid_t *ret_pid,
		  int *ret_pidfd, struct cps_err *err)
{
	int pidfd = -1;
	pid_t pid;

	pid = clone_process(0, SIGCHLD, -1, &pidfd, NULL);
	/* startContainer hooks come under the container's filter, and the usual ones forbid clone3,
	 * whose flags they cannot see */
	if (pid < 0)
		pid = (pid_t)syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, NULL, &pidfd, NULL, 0);
	if (pid < 0)
		return cps_fail(err, errno, "clone");
	if (pid == 0)
		exec_hook(h, stdin_fd, stderr_fd);
	*ret_pid = pid;
	*ret_pidfd = pidfd;
	return 0;
}
