/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capsule, the command line: one table of commands, the global options, one place that reports.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "own.h"

#define DEFAULT_ROOT	  "/run/capsule"
#define DEFAULT_DATA_ROOT "/var/lib/capsule"

static const struct sup_command *const commands[] = {
	&sup_cmd_spec,	   &sup_cmd_create,	&sup_cmd_start,	  &sup_cmd_run,
	&sup_cmd_list,	   &sup_cmd_state,	&sup_cmd_kill,	  &sup_cmd_stop,
	&sup_cmd_delete,   &sup_cmd_exec,	&sup_cmd_log,	  &sup_cmd_jobs,
	&sup_cmd_wait,	   &sup_cmd_attach,	&sup_cmd_ps,	  &sup_cmd_events,
	&sup_cmd_shim,	   &sup_cmd_debug,	&sup_cmd_cp,	  &sup_cmd_diff,
	&sup_cmd_volume,   &sup_cmd_network,	&sup_cmd_system,  &sup_cmd_image,
	&sup_cmd_commit,   &sup_cmd_container,	&sup_cmd_inspect, &sup_cmd_top,
	&sup_cmd_port,	   &sup_cmd_pull,	&sup_cmd_push,	  &sup_cmd_pause,
	&sup_cmd_resume,   &sup_cmd_rename,	&sup_cmd_update,  &sup_cmd_stats,
	&sup_cmd_features, &sup_cmd_checkpoint, &sup_cmd_restore,
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static const struct sup_command *command_find(const char *name)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (strcmp(commands[i]->name, name) == 0 ||
		    (commands[i]->alias && strcmp(commands[i]->alias, name) == 0))
			return commands[i];
	return NULL;
}

static void print_overview(const struct cps_opt *table)
{
	printf("Usage: capsule [OPTION]... COMMAND [ARGUMENT]...\n\n"
	       "Runs containers: a bundle (config.json and a root file system) "
	       "each.\n\nCommands:\n");
	for (size_t i = 0; i < COMMANDS; i++)
		printf("  %-10s  %s\n", commands[i]->name, commands[i]->summary);
	printf("  %-10s  %s\n\nOptions:\n", "help", "Describes a command: capsule help COMMAND");
	cps_opt_help(table);
	printf("\nLong options take one dash or two. Exit status: 125 where capsule itself "
	       "failed,\n"
	       "126 and 127 where a container's command could not be run or was not found, else\n"
	       "that command's own, 128+N if signal N ended it.\n");
}

static int dispatch(struct sup_ctx *ctx, int argc, char **argv, const struct cps_opt *table,
		    struct cps_err *err)
{
	const struct sup_command *cmd;
	char *help[] = { argv[0], (char *)"--help", NULL };

	if (strcmp(argv[0], "help") != 0) {
		cmd = command_find(argv[0]);
		if (!cmd)
			return cps_failx(err, EINVAL,
					 "no such command: '%.60s'; `capsule help` lists them",
					 argv[0]);
		return cmd->run(ctx, cmd, argc, argv, err);
	}
	if (argc == 1) {
		print_overview(table);
		return 0;
	}
	cmd = command_find(argv[1]);
	if (!cmd)
		return cps_failx(err, EINVAL, "no such command: '%.60s'", argv[1]);
	return cmd->run(ctx, cmd, 2, help, err);
}

/* "Where only --root is given", what we keep stays beside it and off the machine's own data. */
static int data_root_find(struct sup_ctx *ctx, char *buf, size_t size, struct cps_err *err)
{
	int n;

	if (ctx->data_root || !ctx->root)
		return 0;
	n = snprintf(buf, size, "%s/data", ctx->root);
	if (n < 0 || (size_t)n >= size)
		return cps_failx(err, ENAMETOOLONG, "--root is too long");
	ctx->data_root = buf;
	return 0;
}

static int run(int argc, char **argv, struct cps_err *err, int *ret_failure)
{
	cleanup_arena struct cps_arena arena = CPS_ARENA_INIT;
	struct sup_ctx ctx = { .arena = &arena, .exit_code = SUP_EXIT_FAILURE };
	bool help = false, version = false;
	const struct cps_opt table[] = {
		{ "root", 0, CPS_OPT_STR, &ctx.root, "DIR",
		  "where containers have their state (" DEFAULT_ROOT ")" },
		{ "data-root", 0, CPS_OPT_STR, &ctx.data_root, "DIR",
		  "where what outlives them is kept; nothing yet (" DEFAULT_DATA_ROOT ")" },
		{ "shim", 0, CPS_OPT_STR, &ctx.shim, "FILE", NULL },
		{ "runtime", 0, CPS_OPT_STR, &ctx.runtime, "FILE", NULL },
		{ "help", 'h', CPS_OPT_FLAG, &help, NULL, "print this" },
		{ "version", 'v', CPS_OPT_FLAG, &version, NULL, "print the version" },
		{ 0 },
	};
	cleanup_free char **args = NULL;
	char data[PATH_MAX];
	int n, rc;

	rc = cps_opt_parse(table, CPS_OPT_FIRST_ONLY, argc, argv, &args, &n, err);
	if (rc == 0)
		rc = data_root_find(&ctx, data, sizeof(data), err);
	if (rc < 0)
		return rc;
	if (!ctx.root)
		ctx.root = DEFAULT_ROOT;
	if (!ctx.data_root)
		ctx.data_root = DEFAULT_DATA_ROOT;
	if (version) {
		printf("capsule %s\n", PACKAGE_VERSION);
		return 0;
	}
	if (help) {
		print_overview(table);
		return 0;
	}
	if (n == 0)
		return cps_failx(err, EINVAL, "a command is missing; `capsule help` lists them");
	rc = dispatch(&ctx, n, args, table, err);
	*ret_failure = ctx.exit_code;
	return rc;
}

/* A descriptor that we open must never become 0, 1 or 2, which others inherit from us. */
static void stdio_ensure(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd < 3);
	if (fd >= 0)
		(void)close(fd);
}

int main(int argc, char **argv)
{
	struct cps_err err = { 0 };
	int failure = SUP_EXIT_FAILURE;
	int rc;

	stdio_ensure();
	rc = run(argc, argv, &err, &failure);
	if (fflush(stdout) != 0 && rc >= 0)
		rc = cps_fail(&err, errno, "write to standard output");
	if (rc < 0) {
		fprintf(stderr, "capsule: %s\n", err.msg);
		return failure;
	}
	return rc;
}
