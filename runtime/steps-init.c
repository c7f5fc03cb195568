/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The steps of init: the container's first process, or the one that exec adds.
 *
 * Where it is: from spawn on in the namespaces that the clone made, from join-namespaces on in
 * those that are joined, with the host's file tree in sight until pivot-root. It shares nothing
 * with the runtime any more but the baton and one page, and what it leaves behind in its namespaces
 * goes when it goes.
 */
#include <config.h>

#include "tables.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/keyctl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "creds.h"
#include "foreground.h"
#include "file.h"
#include "home.h"
#include "hooks.h"
#include "idmap.h"
#include "labels.h"
#include "listener.h"
#include "net.h"
#include "own.h"
#include "rlimits.h"
#include "scheduling.h"
#include "spawn.h"
#include "start.h"
#include "timens.h"

/* A fresh process: no signal blocked, none ignored. */
static void reset_signals(void)
{
	sigset_t none;

	(void)sigemptyset(&none);
	for (int s = 1; s < NSIG; s++)
		(void)signal(s, SIG_DFL); /* KILL, STOP and libc's own refuse */
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

int step_isolate(struct rt_ctx *ctx, struct cps_err *err)
{
	/* D8: no process of a namespace that we are about to join may look into us. */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return cps_fail(err, errno, "become undumpable");
	reset_signals();
	/* Of the runtime that is our parent we inherit its session; leading one already is no
	 * error. */
	(void)setsid();
	/* The caller's keys are not the container's. Without keyrings in the kernel, or where they
	 * are forbidden, there is nothing to leave. */
	if (!ctx->req->no_new_keyring)
		(void)syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL);
	return 0;
}

int step_cgroup_join(struct rt_ctx *ctx, struct cps_err *err)
{
	return rt_cgroup_join_self(&ctx->state.cgroup, err);
}

int step_oom_score(struct rt_ctx *ctx, struct cps_err *err)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%lld", (long long)ctx->process->oom_score_adj.v);
	return cps_file_put(AT_FDCWD, "/proc/self/oom_score_adj", text, err); /* the host's proc */
}

int step_join_namespaces(struct rt_ctx *ctx, struct cps_err *err)
{
	return rt_spawn_join(ctx, err);
}

int step_become_root(struct rt_ctx *ctx, struct cps_err *err)
{
	return rt_idmap_become_root(ctx->spec->keep_groups, err);
}

int step_cgroup_namespace(struct rt_ctx *ctx, struct cps_err *err)
{
	(void)ctx;
	if (unshare(CLONE_NEWCGROUP) < 0)
		return cps_fail(err, errno, "make a cgroup namespace");
	return 0;
}

int step_time_namespace(struct rt_ctx *ctx, struct cps_err *err)
{
	(void)ctx;
	return rt_timens_make(err);
}

int step_enter_time_namespace(struct rt_ctx *ctx, struct cps_err *err)
{
	(void)ctx;
	return rt_timens_enter(err);
}

/* By the host's procfs, which is still in its place. */
int step_security_labels(struct rt_ctx *ctx, struct cps_err *err)
{
	return rt_labels_set(ctx->process, err);
}

int step_hostname(struct rt_ctx *ctx, struct cps_err *err)
{
	const struct rt_spec *s = ctx->spec;

	if (s->hostname && sethostname(s->hostname, strlen(s->hostname)) < 0)
		return cps_fail(err, errno, "hostname '%s'", s->hostname);
	if (s->domainname && setdomainname(s->domainname, strlen(s->domainname)) < 0)
		return cps_fail(err, errno, "domainname '%s'", s->domainname);
	return 0;
}

int step_loopback(struct rt_ctx *ctx, struct cps_err *err)
{
	(void)ctx;
	return rt_loopback_up(err);
}

int step_propagation(struct rt_ctx *ctx, struct cps_err *err)
{
	return rt_rootfs_propagation(ctx->spec, err);
}

int step_rootfs(struct rt_ctx *ctx, struct cps_err *err)
{
	int rc = rt_rootfs_attach(&ctx->rootfs, ctx->spec, ctx->root_dir, ctx->root_is_mount, err);

	if (rc == 0) /* it is the host's (D7) */
		cps_close(&ctx->root_dir);
	return rc;
}

int step_mounts(struct rt_ctx *ctx, struct cps_err *err)
{
	return rt_rootfs_mounts(&ctx->rootfs, ctx->spec, &ctx->state.cgroup, ctx->sources,
				ctx->warn, err);
}

int step_devices(struct rt_ctx *ctx, struct cps_err *err)
{
	return rt_rootfs_devices(&ctx->rootfs, ctx->spec, ctx->warn, err);
}

/* They find the container's tree where they stand, as runc's do. */
int step_hooks_create_container(struct rt_ctx *ctx, struct cps_err *err)
{
	if (ctx->rootfs.root_fd >= 0 && fchdir(ctx->rootfs.root_fd) < 0)
		return cps_fail(err, errno, "enter the root file system");
	return rt_hooks_run(&ctx->spec->hooks, RT_HOOK_CREATE_CONTAINER, &ctx->state,
			    RT_STATUS_CREATING, ctx->shared->pid, err);
}

int step_pivot_root(struct rt_ctx *ctx, struct cps_err *err)
{
	return rt_rootfs_pivot(&ctx->rootfs, ctx->spec, ctx->req->no_pivot, err);
}

/* A container without a mount namespace of its own: its root is only init's. */
int step_enter_root(struct rt_ctx *ctx, struct cps_err *err)
{
	if (fchdir(ctx->root_dir) < 0 || chroot(".") < 0)
		return cps_fail(err, errno, "enter the container's root");
	cps_close(&ctx->root_dir);
	return 0;
}

int step_sysctls(struct rt_ctx *ctx, struct cps_err *err)
{
	return rt_rootfs_sysctls(&ctx->rootfs, ctx->spec, err);
}

int step_masked_paths(struct rt_ctx *ctx, struct cps_err *err)
{
	return rt_rootfs_mask(&ctx->rootfs, ctx->spec, err);
}

int step_readonly_paths(struct rt_ctx *ctx, struct cps_err *err)
{
	return rt_rootfs_readonly_paths(&ctx->rootfs, ctx->spec, err);
}

int step_readonly_root(struct rt_ctx *ctx, struct cps_err *err)
{
	return rt_rootfs_readonly(&ctx->rootfs, err);
}

int step_unbindable_root(struct rt_ctx *ctx, struct cps_err *err)
{
	return rt_rootfs_unbindable(&ctx->rootfs, err);
}

/* The master goes to the runtime with the next baton. */
int step_console(struct rt_ctx *ctx, struct cps_err *err)
{
	const struct rt_process *p = ctx->process;
	cleanup_fd int master = -1;
	cleanup_fd int slave = -1;
	unsigned rows = p->rows, cols = p->cols;
	struct winsize caller;
	int rc;

	if (ctx->rootfs.root_fd < 0) /* exec: the tree is our root already */
		ctx->rootfs.root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	/* Until fd 0 is the new terminal it is the caller's, whose size a program would otherwise
	 * see only a moment after it has started. */
	if (rows == 0 && cols == 0 && ioctl(0, TIOCGWINSZ, &caller) == 0) {
		rows = caller.ws_row;
		cols = caller.ws_col;
	}
	rc = rt_console_open(&ctx->rootfs, rows, cols, ctx->target < 0, &master, &slave, err);
	if (rc < 0)
		return rc;
	if (ctx->req->keep_console)
		rt_foreground_terminal(slave);
	/* Its user must be able to open it again by its name. */
	if (fchown(slave, p->user.uid, (gid_t)-1) < 0 && errno != EPERM && errno != EROFS)
		return cps_fail(err, errno, "give the terminal to user %u", p->user.uid);
	rc = rt_console_attach(slave, err);
	if (rc < 0)
		return rc;
	ctx->console = take_fd(&master);
	return 0;
}

int step_stdio(struct rt_ctx *ctx, struct cps_err *err)
{
	for (int i = 0; i < 3; i++)
		if (dup2(ctx->req->stdio[i], i) < 0)
			return cps_fail(err, errno, "take descriptor %d as %d", ctx->req->stdio[i],
					i);
	return 0;
}

/* In the pivoted tree "/" is the container's. For exec the numbers are the caller's; the shim's
 * `user` of a create takes the place of config.json's. */
int step_user_lookup(struct rt_ctx *ctx, struct cps_err *err)
{
	cleanup_fd int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct rt_process *mine;
	int rc;

	if (root < 0)
		return cps_fail(err, errno, "open the container's root");
	mine = cps_arena_alloc(ctx->arena, sizeof(*mine));
	if (!mine)
		return cps_fail(err, ENOMEM, "user");
	*mine = *ctx->process;
	rc = rt_user_lookup(root, ctx->process->user.name, ctx->arena, &mine->user, err);
	if (rc < 0)
		return rc;
	/* those that were asked for by number come with what the container's files give */
	if (ctx->target >= 0)
		rc = rt_user_add_groups(&mine->user, ctx->process->user.gids,
					ctx->process->user.ngids, ctx->arena, err);
	if (rc < 0)
		return rc;
	ctx->process = mine;
	ctx->shared->uid = mine->user.uid;
	ctx->shared->gid = mine->user.gid;
	rt_stdio_own(ctx->req->stdio, mine->user.uid); /* the runtime could not know whose it is */
	return 0;
}

int step_home(struct rt_ctx *ctx, struct cps_err *err)
{
	return rt_home_find(ctx->process->user.uid, ctx->arena, &ctx->home, err);
}

int step_working_directory(struct rt_ctx *ctx, struct cps_err *err)
{
	return rt_cwd_enter(ctx->process->cwd, ctx->target < 0, err);
}

int step_rlimits(struct rt_ctx *ctx, struct cps_err *err)
{
	return rt_rlimits_set(ctx->process, ctx->warn, err);
}

int step_affinity_final(struct rt_ctx *ctx, struct cps_err *err)
{
	return rt_affinity_set(&ctx->process->affinity.final, "final", err);
}

int step_affinity_reset(struct rt_ctx *ctx, struct cps_err *err)
{
	(void)err;
	rt_affinity_reset(ctx->warn);
	return 0;
}

int step_memory_policy(struct rt_ctx *ctx, struct cps_err *err)
{
	return rt_memory_policy_set(&ctx->spec->memory_policy, err);
}

int step_personality(struct rt_ctx *ctx, struct cps_err *err)
{
	return rt_personality_set(ctx->spec->personality.v, err);
}

int step_bounding_set(struct rt_ctx *ctx, struct cps_err *err)
{
	int rc = rt_caps_available(&ctx->process->caps, &ctx->caps, ctx->warn, err);

	return rc < 0 ? rc : rt_caps_bound(&ctx->caps, err);
}

int step_user(struct rt_ctx *ctx, struct cps_err *err)
{
	return rt_user_become(&ctx->process->user, ctx->spec->keep_groups, err);
}

int step_capabilities(struct rt_ctx *ctx, struct cps_err *err)
{
	return rt_caps_apply(&ctx->caps, want_seccomp_privileged(ctx), err);
}

int step_no_new_privs(struct rt_ctx *ctx, struct cps_err *err)
{
	(void)ctx;
	return rt_no_new_privs(err);
}

/*
 * From here on the container's files decide what is run: a program or an interpreter may be named
 * by way of /proc/self/fd (CVE-2024-21626). So nothing of the host's, and nothing that our caller
 * let slip, is open any more; closed, since close-on-exec is too late, and now, before a filter
 * could forbid it.
 */
static int close_others(const struct rt_ctx *ctx, struct cps_err *err)
{
	const int keep[] = { ctx->report, ctx->gate, ctx->console };
	unsigned first = 3 + ctx->req->preserve_fds;

	for (;;) {
		unsigned next = ~0U;

		for (size_t i = 0; i < sizeof(keep) / sizeof(keep[0]); i++)
			if (keep[i] >= 0 && (unsigned)keep[i] >= first && (unsigned)keep[i] < next)
				next = (unsigned)keep[i];
		if (next > first &&
		    syscall(SYS_close_range, first, next == ~0U ? next : next - 1, 0) < 0)
			return cps_fail(err, errno, "close what is not the container's");
		if (next == ~0U)
			return 0;
		first = next + 1;
	}
}

int step_find_program(struct rt_ctx *ctx, struct cps_err *err)
{
	char program[PATH_MAX];
	int rc;

	rt_rootfs_done(&ctx->rootfs);
	rc = close_others(ctx, err);
	if (rc < 0)
		return rc;
	/* The change of user has made us dumpable as the system's policy says; say it again (D8).
	 */
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	if (ctx->process->args.n == 0)
		return 0; /* start will say so */
	rc = rt_exec_find(ctx->process, program, sizeof(program), err);
	if (rc < 0)
		return rc;
	ctx->program = cps_arena_strdup(ctx->arena, program);
	return ctx->program ? 0 : cps_fail(err, ENOMEM, "program");
}

/* The first process of a pid namespace is spared the signals that it has no handler for. The exec
 * takes it away. */
static void end_created(int sig)
{
	_exit(128 + sig);
}

/* From here on the runtime may be gone; who opens the gate hears of failures. */
int step_wait_at_gate(struct rt_ctx *ctx, struct cps_err *err)
{
	int conn, rc;

	/* as if the container were running a program that knows of no signal: `kill` ends it */
	(void)signal(SIGTERM, end_created);

	/* It may be waited here for days: of what is open only stdio, what --preserve-fds gave and
	 * the gate stay. Others wait for the end of the rest: the baton, link B. */
	ctx->report = ctx->console = -1;
	rc = close_others(ctx, err);
	if (rc < 0)
		return rc;
	conn = rt_gate_wait(ctx->gate, err);
	/* Not left to the exec: that drops descriptors in no promised order, and who asked for the
	 * start could be told that it has happened while the gate still looked open to others. */
	cps_close(&ctx->gate);
	if (conn < 0)
		return conn;
	ctx->report = conn;
	return 0;
}

/* The process's environment, NULL-terminated, with the HOME that was found for it; of several
 * values given for HOME it has none then, as they are empty. */
static int process_env(const struct rt_ctx *ctx, const char ***ret, struct cps_err *err)
{
	const struct rt_strs *given = &ctx->process->env;
	const char **env = cps_arena_array(ctx->arena, given->n + 4, sizeof(*env));
	size_t n = 0;

	if (!env)
		return cps_fail(err, ENOMEM, "environment");
	for (size_t i = 0; i < given->n; i++)
		if (!ctx->home || strncmp(given->v[i], "HOME=", 5) != 0)
			env[n++] = given->v[i];
	if (ctx->home)
		env[n++] = ctx->home;
	if (ctx->req->listen_fds > 0) {
		env[n++] = cps_arena_printf(ctx->arena, "LISTEN_FDS=%u", ctx->req->listen_fds);
		env[n++] = cps_arena_printf(ctx->arena, "LISTEN_PID=%d", (int)getpid());
		if (!env[n - 1] || !env[n - 2])
			return cps_fail(err, ENOMEM, "environment");
	}
	*ret = env;
	return 0;
}

/* A hook without an environment of its own has the one that its process will have, not ours. */
int step_hooks_start_container(struct rt_ctx *ctx, struct cps_err *err)
{
	const char **env;
	int rc = process_env(ctx, &env, err);

	if (rc < 0)
		return rc;
	environ = (char **)(uintptr_t)env;
	return rt_hooks_run(&ctx->spec->hooks, RT_HOOK_START_CONTAINER, &ctx->state,
			    RT_STATUS_CREATED, ctx->shared->pid, err);
}

int step_seccomp(struct rt_ctx *ctx, struct cps_err *err)
{
	if (ctx->spec->seccomp.notifies)
		return rt_listener_load(&ctx->filter, ctx->report, err);
	return rt_seccomp_load(&ctx->filter, err);
}

int step_drop_admin(struct rt_ctx *ctx, struct cps_err *err)
{
	return rt_caps_drop_admin(&ctx->caps, err);
}

/* With no gate in between init may come here before the runtime has had its next turn; a runtime
 * that is gone wants no program started. */
static bool is_abandoned(const struct rt_ctx *ctx)
{
	struct pollfd p = { .fd = ctx->baton[1] };

	return ctx->req->at_once && poll(&p, 1, 0) > 0 && (p.revents & POLLHUP);
}

/* What survives: stdio and what --preserve-fds asked for. Said before a filter could forbid it;
 * nothing is opened behind it that is not close-on-exec. */
int step_close_on_exec(struct rt_ctx *ctx, struct cps_err *err)
{
	if (syscall(SYS_close_range, 3 + ctx->req->preserve_fds, ~0U, CLOSE_RANGE_CLOEXEC) < 0 &&
	    errno != ENOSYS)
		return cps_fail(err, errno, "close what is not the container's");
	return 0;
}

int step_exec(struct rt_ctx *ctx, struct cps_err *err)
{
	const struct rt_process *p = ctx->process;
	const char **env;
	int rc = process_env(ctx, &env, err);

	if (rc < 0)
		return rc;
	if (is_abandoned(ctx))
		return cps_failx(err, EOWNERDEAD, "the runtime is gone");
	if (!ctx->program)
		return cps_failx(err, EINVAL, "config.json: process: is missing");
	(void)execve(ctx->program, (char *const *)(uintptr_t)p->args.v,
		     (char *const *)(uintptr_t)env);
	/* callers look for these words; the program itself has just been found */
	if (errno == ENOENT)
		return cps_failx(err, ENOENT,
				 "exec %s: no such file or directory (what interprets it)",
				 ctx->program);
	return cps_fail(err, errno, "exec %s", ctx->program);
}
