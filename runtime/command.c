/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the commands share.
 */
#include <config.h>

#include "command.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "action.h"
#include "container.h"
#include "log.h"
#include "own.h"

#define OPTIONS_MAX  24
#define PRESERVE_MAX 65536

static void print_help(const struct rt_command *cmd, const struct cps_opt *table)
{
	const char *name = program_invocation_short_name;

	printf("NAME:\n   %s %s - %s\n\nUSAGE:\n   %s [global options] %s [options] "
	       "%s\n\nOPTIONS:\n",
	       name, cmd->name, cmd->help, name, cmd->name, cmd->args);
	cps_opt_help(table);
}

/* As runc's: options may stand behind the id, too, but what follows it in exec and ps is for
 * another program. */
static enum cps_opt_order options_of(const struct rt_command *cmd)
{
	return cmd == &rt_cmd_exec || cmd == &rt_cmd_ps ? CPS_OPT_FIRST_ONLY : CPS_OPT_ANYWHERE;
}

int rt_command_parse(const struct rt_command *cmd, const struct cps_opt *table, int argc,
		     char **argv, int min, int max, char ***ret_args, int *ret_count,
		     struct cps_err *err)
{
	struct cps_opt all[OPTIONS_MAX] = { 0 };
	cleanup_free char **args = NULL;
	bool help = false;
	size_t n = 0;
	int count, rc;

	for (; table[n].name && n < OPTIONS_MAX - 2; n++)
		all[n] = table[n];
	all[n] = (struct cps_opt){ "help", 'h', CPS_OPT_FLAG, &help, NULL, "show this help" };
	rc = cps_opt_parse(all, options_of(cmd), argc, argv, &args, &count, err);
	if (rc < 0)
		return cps_wrap(err, rc, "%s", cmd->name);
	if (help) {
		print_help(cmd, all);
		*ret_args = NULL;
		return 0;
	}
	if (count < min || (max >= 0 && count > max))
		return cps_failx(err, EINVAL, "%s: wrong number of arguments: usage: %s %s",
				 cmd->name, cmd->name, cmd->args);
	*ret_args = take_ptr(&args);
	*ret_count = count;
	return 0;
}

int rt_command_container(const struct rt_command *cmd, const struct rt_globals *g, int argc,
			 char **argv, int (*act)(struct rt_container *c, struct cps_err *err),
			 int *ret_status, struct cps_err *err)
{
	cleanup_arena struct cps_arena arena = CPS_ARENA_INIT;
	cleanup_container struct rt_container c = RT_CONTAINER_INIT;
	cleanup_free char **args = NULL;
	const struct cps_opt table[] = { { 0 } };
	int count, rc;

	rc = rt_command_parse(cmd, table, argc, argv, 1, 1, &args, &count, err);
	if (rc < 0 || !args)
		return rc;
	rc = rt_container_open(g->root, args[0], &arena, &c, err);
	if (rc == 0)
		rc = act(&c, err);
	*ret_status = 0;
	return rc;
}

int rt_path_absolute(const char *path, struct cps_arena *a, const char **ret, struct cps_err *err)
{
	char cwd[PATH_MAX];
	const char *text;

	if (path[0] == '/') {
		*ret = path;
		return 0;
	}
	if (!getcwd(cwd, sizeof(cwd)))
		return cps_fail(err, errno, "find the working directory");
	text = path[0] == '\0' || strcmp(path, ".") == 0 ? cps_arena_strdup(a, cwd)
							 : cps_arena_printf(a, "%s/%s", cwd, path);
	if (!text)
		return cps_fail(err, ENOMEM, "'%s'", path);
	*ret = text;
	return 0;
}

void rt_create_options_init(struct rt_create_options *o, const struct rt_globals *g)
{
	memset(o, 0, sizeof(*o));
	o->bundle = "";
	o->req.root = g->root;
	o->req.rootless = g->rootless;
	o->systemd_for = g->systemd_for;
	o->req.no_cgroup = g->no_cgroup;
	o->req.link = -1;
	o->req.stdio[0] = o->req.stdio[1] = o->req.stdio[2] = -1;
	o->req.cgroup_parent = "/"; /* where runc puts a container without linux.cgroupsPath */
}

unsigned rt_create_options_rows(struct rt_create_options *o, struct cps_opt *rows)
{
	const struct cps_opt shared[RT_CREATE_OPTIONS] = {
		{ "bundle", 'b', CPS_OPT_STR, &o->bundle, "DIR", "the bundle (default: here)" },
		{ "console-socket", 0, CPS_OPT_STR, &o->req.console_socket, "PATH",
		  "socket that takes the terminal's master" },
		{ "config", 'f', CPS_OPT_STR, &o->req.config, "FILE",
		  "the configuration, from the bundle (default: config.json)" },
		{ "pidfd-socket", 0, CPS_OPT_STR, &o->req.pidfd_socket, "PATH",
		  "socket that takes the first process's pidfd" },
		{ "pid-file", 0, CPS_OPT_STR, &o->pid_file, "FILE",
		  "write the first process's pid there" },
		{ "no-pivot", 0, CPS_OPT_FLAG, &o->req.no_pivot, NULL,
		  "move the root and chroot instead of pivot_root (for a root on ramdisk)" },
		{ "no-new-keyring", 0, CPS_OPT_FLAG, &o->req.no_new_keyring, NULL,
		  "keep the caller's session keyring" },
		{ "preserve-fds", 0, CPS_OPT_NUM, &o->preserve_fds, "N",
		  "pass N descriptors from 3 on to the container" },
	};

	memcpy(rows, shared, sizeof(shared));
	return RT_CREATE_OPTIONS;
}

/* Sockets that a service manager has given us for the container: LISTEN_FDS says how many, from 3
 * on, and LISTEN_PID, if it is there, whose they are. */
static int listen_fds(unsigned *ret, struct cps_err *err)
{
	const char *text = getenv("LISTEN_FDS"), *pid = getenv("LISTEN_PID");
	unsigned long n;
	char *end;

	if (!text || (pid && strtol(pid, NULL, 10) != getpid()))
		return 0;
	n = strtoul(text, &end, 10);
	if (!isdigit((unsigned char)text[0]) || *end || n > PRESERVE_MAX)
		return cps_failx(err, EINVAL, "LISTEN_FDS: '%.32s' is no number of descriptors",
				 text);
	*ret = (unsigned)n;
	return 0;
}

int rt_create_options_finish(struct rt_create_options *o, const char *id, struct cps_arena *a,
			     struct cps_err *err)
{
	int rc;

	if (o->preserve_fds > PRESERVE_MAX)
		return cps_failx(err, EINVAL, "--preserve-fds: %lld is too many",
				 (long long)o->preserve_fds);
	rc = listen_fds(&o->req.listen_fds, err);
	if (rc < 0)
		return rc;
	o->req.id = id;
	o->req.preserve_fds = (unsigned)o->preserve_fds + o->req.listen_fds;
	rc = rt_path_absolute(o->bundle, a, &o->req.bundle, err);
	if (rc == 0 && o->systemd_for)
		rc = rt_systemd_find(o->systemd_for, a, &o->req.systemd, err);
	if (rc == 0 && o->pid_file)
		rc = rt_path_absolute(o->pid_file, a, &o->req.pid_file, err);
	return rc;
}

static void log_warning(void *arg, const char *text)
{
	(void)arg;
	cps_log(CPS_LOG_WARN, "%s", text);
}

void rt_command_warnings(const struct rt_ctx *ctx)
{
	rt_action_warnings(ctx, log_warning, NULL);
}
