/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec: one more process in a container, described by a file (--process) or by the command line on
 * top of the container's own process.
 */
#include <config.h>

#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "action.h"
#include "caps.h"
#include "container.h"
#include "file.h"
#include "foreground.h"
#include "log.h"
#include "own.h"
#include "rootfs.h"

struct exec_options {
	struct rt_request req;
	const char *process, *cwd, *user, *pid_file;
	struct cps_opt_list env, caps, gids;
	int64_t preserve_fds;
	bool detach, tty, no_new_privs;
	struct cps_opt_list cgroups;
	const char *apparmor, *label;
};

static bool has_key(const struct cps_opt_list *env, const char *entry)
{
	size_t len = strcspn(entry, "=");

	for (unsigned i = 0; i < env->count; i++)
		if (strncmp(env->values[i], entry, len) == 0 && env->values[i][len] == '=')
			return true;
	return false;
}

/* The container's environment, with what -e gives in the place of what it had. */
static int join_env(const struct rt_strs *base, const struct cps_opt_list *more,
		    struct cps_arena *a, struct rt_strs *ret, struct cps_err *err)
{
	const char **v = cps_arena_array(a, base->n + more->count + 1, sizeof(*v));
	size_t n = 0;

	if (!v)
		return cps_fail(err, ENOMEM, "environment");
	for (size_t i = 0; i < base->n; i++)
		if (!has_key(more, base->v[i]))
			v[n++] = base->v[i];
	for (unsigned i = 0; i < more->count; i++) {
		if (!strchr(more->values[i], '=') || more->values[i][0] == '=')
			return cps_failx(err, EINVAL, "--env: '%s' is not KEY=VALUE",
					 more->values[i]);
		v[n++] = more->values[i];
	}
	ret->n = n;
	ret->v = v;
	return 0;
}

/* --cap: permitted and effective, and what is needed for it to last across execve. */
static void add_caps(const struct exec_options *o, struct rt_process *p)
{
	for (unsigned i = 0; i < o->caps.count; i++) {
		int cap = rt_cap_parse(o->caps.values[i]);

		if (cap < 0) {
			cps_log(CPS_LOG_WARN, "unknown capability '%s', ignoring",
				o->caps.values[i]);
			continue;
		}
		p->caps.set = true;
		p->caps.bounding |= UINT64_C(1) << cap;
		p->caps.permitted |= UINT64_C(1) << cap;
		p->caps.effective |= UINT64_C(1) << cap;
		p->caps.ambient |= UINT64_C(1) << cap;
	}
}

static int add_gids(const struct exec_options *o, struct rt_process *p, struct cps_arena *a,
		    struct cps_err *err)
{
	gid_t *gids = cps_arena_array(a, o->gids.count, sizeof(*gids));

	if (!gids)
		return cps_fail(err, ENOMEM, "groups");
	for (unsigned i = 0; i < o->gids.count; i++) {
		int64_t gid;

		if (cps_num_parse(o->gids.values[i], 0, UINT32_MAX - 1, &gid) < 0)
			return cps_failx(err, EINVAL, "--additional-gids: '%s' is no group id",
					 o->gids.values[i]);
		gids[i] = (gid_t)gid;
	}
	return rt_user_add_groups(&p->user, gids, o->gids.count, a, err);
}

static int process_from_options(const struct exec_options *o, const struct rt_spec *spec,
				const char **args, size_t nargs, struct cps_arena *a,
				const struct rt_process **ret, struct cps_err *err)
{
	struct rt_process *p = cps_arena_alloc(a, sizeof(*p));
	int rc = 0;

	if (!p)
		return cps_fail(err, ENOMEM, "process");
	*p = spec->process;
	p->terminal = o->tty;
	p->rows = p->cols = 0;
	p->no_new_privs = o->no_new_privs || p->no_new_privs;
	if (o->cwd)
		p->cwd = o->cwd;
	p->args.n = nargs;
	p->args.v = args;
	if (o->env.count)
		rc = join_env(&spec->process.env, &o->env, a, &p->env, err);
	add_caps(o, p);
	if (rc == 0 && o->gids.count)
		rc = add_gids(o, p, a, err);
	if (o->user)
		p->user.name = o->user; /* looked up in the container */
	if (o->apparmor)
		p->apparmor_profile = o->apparmor;
	if (o->label)
		p->selinux_label = o->label;
	*ret = p;
	return rc;
}

static int process_from_file(const struct exec_options *o, struct cps_arena *a,
			     const struct rt_process **ret, struct cps_err *err)
{
	/* A shell's <(command) too: the one file that we wait for until it is written. */
	cleanup_fd int fd = open(o->process, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	cleanup_free char *text = NULL;
	struct rt_process *p;
	const struct rt_process *parsed = NULL;
	size_t len;
	int rc;

	if (fd < 0)
		return cps_fail(err, errno, "open '%s'", o->process);
	rc = cps_fd_read(fd, o->process, RT_SPEC_MAX, &text, &len, err);
	if (rc == 0)
		rc = rt_process_parse(a, text, len, NULL, NULL, &parsed, err);
	if (rc != 0)
		return cps_wrap(err, rc, "'%s'", o->process);
	p = cps_arena_alloc(a, sizeof(*p));
	if (!p)
		return cps_fail(err, ENOMEM, "process");
	*p = *parsed;
	p->terminal = p->terminal || o->tty;
	*ret = p;
	return 0;
}

static int exec_in(struct exec_options *o, const struct rt_globals *g, int count, char **args,
		   struct cps_arena *a, int *ret_status, struct cps_err *err)
{
	cleanup_container struct rt_container c = RT_CONTAINER_INIT;
	const struct rt_process *p = NULL;
	const struct rt_spec *spec = NULL;
	struct rt_ctx ctx;
	int rc;

	rc = rt_container_open(g->root, args[0], a, &c, err);
	if (rc == 0)
		rc = rt_container_spec(&c, &spec, err);
	if (rc == 0)
		rc = o->process ? process_from_file(o, a, &p, err)
				: process_from_options(o, spec, (const char **)(args + 1),
						       (size_t)(count - 1), a, &p, err);
	if (rc == 0 && o->cgroups.count)
		rc = rt_cgroup_sub(&c.state.cgroup, o->cgroups.values, o->cgroups.count, a, err);
	if (rc < 0)
		return rc;
	if (!o->detach)
		rt_foreground_begin();
	rt_ctx_init(&ctx, &o->req, a);
	ctx.own_warn.debug = g->debug;
	rc = rt_action_exec(&ctx, &c, spec, p, err);
	if (rc == 0 && !o->detach)
		rc = rt_foreground_wait(ctx.pidfd, ctx.console, ret_status, err);
	if (rc == 0)
		rt_command_warnings(&ctx);
	rt_ctx_done(&ctx);
	return rc;
}

static int check_arguments(const struct exec_options *o, int count, struct cps_err *err)
{
	if (o->process ? count != 1 : count < 2)
		return cps_failx(err, EINVAL, "exec: %s",
				 o->process ? "--process and a command are one too many"
					    : "there is no command to run");
	if (o->preserve_fds > 65536)
		return cps_failx(err, EINVAL, "--preserve-fds: %lld is too many",
				 (long long)o->preserve_fds);
	return 0;
}

static int cmd_exec(const struct rt_globals *g, int argc, char **argv, int *ret_status,
		    struct cps_err *err)
{
	cleanup_arena struct cps_arena arena = CPS_ARENA_INIT;
	cleanup_free char **args = NULL;
	struct exec_options o = {
		.req = { .root = g->root, .link = -1, .at_once = true, .stdio = { -1, -1, -1 } }
	};
	const struct cps_opt table[] = {
		{ "process", 'p', CPS_OPT_STR, &o.process, "FILE", "the process as JSON" },
		{ "detach", 'd', CPS_OPT_FLAG, &o.detach, NULL, "do not wait for its end" },
		{ "tty", 't', CPS_OPT_FLAG, &o.tty, NULL, "with a terminal of its own" },
		{ "console-socket", 0, CPS_OPT_STR, &o.req.console_socket, "PATH",
		  "socket that takes the terminal's master" },
		{ "cwd", 0, CPS_OPT_STR, &o.cwd, "DIR", "its working directory" },
		{ "env", 'e', CPS_OPT_LIST, &o.env, "K=V", "add to its environment" },
		{ "user", 'u', CPS_OPT_STR, &o.user, "UID[:GID]", "run as this user" },
		{ "additional-gids", 'g', CPS_OPT_LIST, &o.gids, "GID", "one more group" },
		{ "cap", 'c', CPS_OPT_LIST, &o.caps, "CAP", "one more capability" },
		{ "no-new-privs", 0, CPS_OPT_FLAG, &o.no_new_privs, NULL, "set no_new_privs" },
		{ "pid-file", 0, CPS_OPT_STR, &o.pid_file, "FILE", "write its pid there" },
		{ "preserve-fds", 0, CPS_OPT_NUM, &o.preserve_fds, "N",
		  "pass N descriptors from 3 on to it" },
		{ "apparmor", 0, CPS_OPT_STR, &o.apparmor, "PROFILE", "AppArmor's profile for it" },
		{ "process-label", 0, CPS_OPT_STR, &o.label, "LABEL", "SELinux's label for it" },
		{ "cgroup", 0, CPS_OPT_LIST, &o.cgroups, "[CONTROLLER,...:]PATH",
		  "join this group below the container's" },
		{ "pidfd-socket", 0, CPS_OPT_STR, &o.req.pidfd_socket, "PATH",
		  "socket that takes the process's pidfd" },
		{ "ignore-paused", 0, CPS_OPT_FLAG, &o.req.ignore_paused, NULL,
		  "into a paused container too: it runs when that is resumed" },
		{ 0 },
	};
	int count, rc;

	rc = rt_command_parse(&rt_cmd_exec, table, argc, argv, 1, -1, &args, &count, err);
	if (rc < 0 || !args)
		return rc;
	rc = check_arguments(&o, count, err);
	if (rc < 0)
		return rc;
	o.req.id = args[0];
	o.req.pid_file = o.pid_file;
	o.req.preserve_fds = (unsigned)o.preserve_fds;
	o.req.keep_console = !o.detach && !o.req.console_socket;
	*ret_status = 0;
	rc = exec_in(&o, g, count, args, &arena, ret_status, err);
	free(o.env.values);
	free(o.caps.values);
	free(o.gids.values);
	free(o.cgroups.values);
	return rc;
}

const struct rt_command rt_cmd_exec = {
	"exec",	  "ID COMMAND [ARGUMENT...]", "Run one more process in a container.", true, 255,
	cmd_exec,
};
