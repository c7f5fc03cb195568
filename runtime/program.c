/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See program.h. The global options, and where an error becomes a message and an exit status.
 */
#include <config.h>

#include "program.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "own.h"
#include "self.h"

struct options {
	const char *root, *log, *log_format;
	const char *cgroup_manager; /* crun's way to say --systemd-cgroup */
	const char *criu;
	const char *rootless;
	bool debug, systemd_cgroup, no_cgroup, version, help;
};

static const struct rt_command *find_command(const struct rt_command *const *commands,
					     const char *name)
{
	for (; *commands; commands++)
		if (strcmp((*commands)->name, name) == 0)
			return *commands;
	return NULL;
}

/* Installed as `runc`, for callers that know no other name, it goes by that name: some read it. */
static void print_version(void)
{
	printf("%s version %s\ncommit: %s\nspec: %s\n", program_invocation_short_name,
	       PACKAGE_VERSION, PACKAGE_VERSION, RT_SPEC_VERSION);
}

static void print_help(const struct rt_command *const *commands, const struct cps_opt *table)
{
	const char *name = program_invocation_short_name;

	printf("NAME:\n   %s - Open Container Initiative runtime (capsule %s)\n\n"
	       "USAGE:\n   %s [global options] COMMAND [options] [arguments]\n\nCOMMANDS:\n",
	       name, PACKAGE_VERSION, name);
	for (; *commands; commands++)
		printf("  %-10s %s\n", (*commands)->name, (*commands)->help);
	printf("\nGLOBAL OPTIONS:\n");
	cps_opt_help(table);
}

/* Callers set XDG_RUNTIME_DIR to nothing when they mean root's directory; root of nothing but a
 * user namespace is a user. */
static const char *default_root(enum rt_rootless said, struct cps_arena *a)
{
	const char *xdg = getenv("XDG_RUNTIME_DIR");

	return xdg && xdg[0] && rt_is_rootless(said)
		       ? cps_arena_printf(a, "%s/capsule-runtime", xdg)
		       : "/run/capsule-runtime";
}

static int open_log(const struct options *o, struct cps_err *err)
{
	enum cps_log_level level = o->debug ? CPS_LOG_DEBUG : CPS_LOG_WARN;
	enum cps_log_format format = CPS_LOG_TEXT;

	if (o->log_format && strcmp(o->log_format, "json") == 0)
		format = CPS_LOG_JSON;
	else if (o->log_format && strcmp(o->log_format, "text") != 0)
		return cps_failx(err, EINVAL, "--log-format '%s': there are text and json",
				 o->log_format);
	return cps_log_open("capsule-runtime", o->log, format, level, err);
}

static int choose_cgroup_manager(struct options *o, struct cps_err *err)
{
	if (!o->cgroup_manager || strcmp(o->cgroup_manager, "cgroupfs") == 0)
		return 0;
	if (strcmp(o->cgroup_manager, "systemd") == 0)
		o->systemd_cgroup = true;
	else if (strcmp(o->cgroup_manager, "disabled") == 0)
		o->no_cgroup = true;
	else
		return cps_failx(err, EINVAL,
				 "--cgroup-manager '%s': there are cgroupfs, systemd and disabled",
				 o->cgroup_manager);
	if (o->systemd_cgroup && o->no_cgroup)
		return cps_failx(
			err, EINVAL,
			"--systemd-cgroup and --cgroup-manager disabled do not go together");
	return 0;
}

/* Runs the command; its failure's exit status comes in *ret_status too. */
static int dispatch(const struct rt_command *const *commands, const struct options *o,
		    const struct cps_opt *table, int count, char **args, char **argv,
		    int *ret_status, struct cps_err *err)
{
	cleanup_arena struct cps_arena arena = CPS_ARENA_INIT;
	struct rt_globals g = { .debug = o->debug, .criu = o->criu, .argv = argv };
	const struct rt_command *cmd;
	int rc;

	if (o->version)
		print_version();
	else if (o->help || count == 0 || strcmp(args[0], "help") == 0)
		print_help(commands, table);
	if (o->version || o->help || count == 0 || strcmp(args[0], "help") == 0)
		return 0;
	cmd = find_command(commands, args[0]);
	if (!cmd) {
		*ret_status = 3;
		return cps_failx(err, EINVAL, "No help topic for '%s': there is no such command",
				 args[0]);
	}
	rc = rt_rootless_parse(o->rootless, &g.rootless, err);
	if (rc == 0 && cmd->spawns) {
		/* A caller that ignores it would have the kernel reap our children. */
		(void)signal(SIGCHLD, SIG_DFL);
		rc = rt_self_protect(argv, err);
	}
	if (rc < 0) {
		*ret_status = cmd->failure;
		return rc;
	}
	g.systemd_for = o->systemd_cgroup ? argv[0] : NULL;
	g.no_cgroup = o->no_cgroup;
	g.root_given = o->root;
	g.root = o->root ? o->root : default_root(g.rootless, &arena);
	rc = g.root ? rt_path_absolute(g.root, &arena, &g.root, err)
		    : cps_fail(err, ENOMEM, "root");
	if (rc == 0)
		rc = cmd->run(&g, count, args, ret_status, err);
	if (rc < 0)
		*ret_status = cmd->failure;
	return rc;
}

int rt_program(const struct rt_command *const *commands, int argc, char **argv)
{
	struct options o = { 0 };
	const struct cps_opt table[] = {
		{ "root", 0, CPS_OPT_STR, &o.root, "DIR",
		  "where containers' state is kept (default: /run/capsule-runtime)" },
		{ "log", 0, CPS_OPT_STR, &o.log, "FILE", "log to this file as well" },
		{ "log-format", 0, CPS_OPT_STR, &o.log_format, "FORMAT", "text or json" },
		{ "debug", 0, CPS_OPT_FLAG, &o.debug, NULL, "say what is done" },
		{ "systemd-cgroup", 0, CPS_OPT_FLAG, &o.systemd_cgroup, NULL,
		  "create, run: ask systemd for the cgroup (linux.cgroupsPath: "
		  "slice:prefix:name)" },
		{ "cgroup-manager", 0, CPS_OPT_STR, &o.cgroup_manager, "NAME",
		  "cgroupfs; systemd as --systemd-cgroup; disabled: none" },
		{ "criu", 0, CPS_OPT_STR, &o.criu, "PATH",
		  "checkpoint, restore: the criu to run (default: criu)" },
		{ "rootless", 0, CPS_OPT_STR, &o.rootless, "VALUE",
		  "true: cgroups need not be ours; false: they must; auto (default): by who we "
		  "are" },
		{ "version", 'v', CPS_OPT_FLAG, &o.version, NULL, "print the version" },
		{ "help", 'h', CPS_OPT_FLAG, &o.help, NULL, "show this help" },
		{ 0 },
	};
	cleanup_free char **args = NULL;
	struct cps_err err = { 0 };
	int status = 0;
	int count, rc;

	rc = cps_opt_parse(table, CPS_OPT_FIRST_ONLY, argc, argv, &args, &count, &err);
	if (rc == 0)
		rc = open_log(&o, &err);
	if (rc == 0)
		rc = choose_cgroup_manager(&o, &err);
	if (rc < 0)
		status = 1;
	else
		rc = dispatch(commands, &o, table, count, args, argv, &status, &err);
	if (rc < 0)
		cps_log(CPS_LOG_ERROR, "%s", err.msg);
	return status;
}
