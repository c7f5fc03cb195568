/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capsule-image: the verbs of `capsule` that need libarchive, libcurl or libcrypto, in a program of
 * their own so that no other command pays for loading them.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command.h"
#include "own.h"

#define EXIT_CODE_FAILURE 125 /* as of capsule itself */

static const struct img_command *const commands[] = {
	&img_cmd_create, &img_cmd_import, &img_cmd_export,	&img_cmd_list,	&img_cmd_get,
	&img_cmd_tag,	 &img_cmd_delete, &img_cmd_prune,	&img_cmd_check, &img_cmd_pull,
	&img_cmd_push,	 &img_cmd_commit, &img_cmd_export_tree, &img_cmd_pack,	&img_cmd_unpack,
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void print_overview(const struct img_ctx *ctx, const struct cps_opt *table)
{
	printf("Usage: %s COMMAND [ARGUMENT]...\n\nImages.\n\nCommands:\n", ctx->prefix);
	for (size_t i = 0; i < COMMANDS; i++)
		if (commands[i]->summary)
			printf("  %-8s  %s\n", commands[i]->name, commands[i]->summary);
	printf("\nOptions:\n");
	cps_opt_help(table);
}

static int run(int argc, char **argv, struct cps_err *err)
{
	struct img_ctx ctx = { .prefix = "capsule image" };
	cleanup_free char **args = NULL;
	bool help = false;
	const struct cps_opt table[] = {
		{ "data-root", 0, CPS_OPT_STR, &ctx.data_root, "DIR", "where images are kept" },
		{ "prefix", 0, CPS_OPT_STR, &ctx.prefix, "WORDS", NULL },
		{ "help", 'h', CPS_OPT_FLAG, &help, NULL, "print this" },
		{ 0 },
	};
	int n, rc;

	rc = cps_opt_parse(table, CPS_OPT_FIRST_ONLY, argc, argv, &args, &n, err);
	if (rc < 0)
		return rc;
	if (help) {
		print_overview(&ctx, table);
		return 0;
	}
	if (n == 0 || !ctx.data_root)
		return cps_failx(err, EINVAL, "%s is missing; `%s --help` lists the commands",
				 n == 0 ? "a command" : "--data-root", ctx.prefix);
	for (size_t i = 0; i < COMMANDS; i++)
		if (strcmp(commands[i]->name, args[0]) == 0)
			return commands[i]->run(&ctx, commands[i], n, args, err);
	return cps_failx(err, EINVAL, "no such command: '%.60s'; `%s --help` lists them", args[0],
			 ctx.prefix);
}

/* A descriptor that we open must never become 0, 1 or 2. */
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
	int rc;

	stdio_ensure();
	umask(0); /* an archive says which modes its files have */
	/* names of archives are bytes: in the C locale libarchive would not hand out all of them */
	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		(void)setlocale(LC_CTYPE, "");
	rc = run(argc, argv, &err);
	if (fflush(stdout) != 0 && rc >= 0)
		rc = cps_fail(&err, errno, "write to standard output");
	if (rc < 0) {
		img_print_line(stderr, "capsule", err.msg);
		return EXIT_CODE_FAILURE;
	}
	return rc;
}
