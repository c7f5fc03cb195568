/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capsule image: containers of images are ours to run; everything else about images is
 * capsule-image's, which is linked with the libraries that archives and registries need.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "child-program.h"
#include "command.h"
#include "delete.h"
#include "file.h"
#include "image-run.h"
#include "own.h"
#include "shim-start.h"

#define PROGRAM	 "capsule-image"
#define ARGS_MAX 1024

static int destroyc_one(struct sup_ctx *ctx, const char *id, void *arg, struct cps_err *err)
{
	cleanup_buf struct cps_buf warnings = CPS_BUF_INIT;
	int rc = sup_delete(ctx, id, *(const bool *)arg, &warnings, err);

	if (warnings.len)
		fprintf(stderr, "capsule: destroyc %s: %s", id, warnings.data);
	return rc;
}

static int destroyc(struct sup_ctx *ctx, const struct sup_command *self, int argc, char **argv,
		    struct cps_err *err)
{
	cleanup_args struct sup_args args = { 0 };
	bool force = false;
	const struct cps_opt table[] = {
		{ "force", 'f', CPS_OPT_FLAG, &force, NULL, "kill it first" },
		{ 0 },
	};
	int rc = sup_args_parse(self, table, argc, argv, 1, -1, &args, err);

	if (rc < 0 || args.done)
		return rc;
	return sup_args_each(ctx, &args, "destroyc", destroyc_one, &force, err);
}

static const struct sup_command image_run = {
	.name = "image run",
	.alias = "runc",
	.usage = "[OPTION]... IMAGE [COMMAND...] [-id ID [OPTION]...]",
	.summary = "Runs a container of an image, or of a directory",
	.order = CPS_OPT_FIRST_ONLY,
	.run = sup_image_run_command,
};

static const struct sup_command image_destroyc = {
	.name = "image destroyc",
	.usage = "[-f] ID...",
	.summary = "Deletes containers, as `capsule delete` does",
	.order = CPS_OPT_ANYWHERE,
	.run = destroyc,
};

static const struct sup_command *const commands[] = { &image_run, &image_destroyc };

/* Its command line: where the images are, and what it is called in messages. */
static int program_args(const struct sup_ctx *ctx, int argc, char **argv, char file[PATH_MAX],
			const char *ret[ARGS_MAX], struct cps_err *err)
{
	int n = 0;

	if (argc > ARGS_MAX - 8)
		return cps_failx(err, E2BIG, "image: too many arguments");
	ret[n++] = PROGRAM;
	ret[n++] = "--data-root";
	ret[n++] = ctx->data_root;
	for (int i = 0; i < argc; i++)
		ret[n++] = argv[i];
	ret[n] = NULL;
	return sup_program_find(NULL, PROGRAM, file, PATH_MAX, err);
}

static int program_exec(const struct sup_ctx *ctx, int argc, char **argv, struct cps_err *err)
{
	const char *args[ARGS_MAX];
	char file[PATH_MAX];
	int rc = program_args(ctx, argc, argv, file, args, err);

	if (rc < 0)
		return rc;
	(void)execv(file, (char *const *)args);
	return cps_fail(err, errno, "image: run '%s'", file);
}

/* What it prints under "Commands:". */
static void program_commands(const struct sup_ctx *ctx)
{
	char *help[] = { (char *)"--help" };
	cleanup_file FILE *out = NULL;
	const char *args[ARGS_MAX];
	char file[PATH_MAX], line[256];
	bool inside = false;
	struct cps_err ignored;
	int pair[2], status, rc;
	pid_t pid;

	if (program_args(ctx, 1, help, file, args, &ignored) < 0 || pipe2(pair, O_CLOEXEC) < 0)
		return;
	rc = cps_program_spawn(
		&(struct cps_program){
			.file = file, .argv = args, .fds = &pair[1], .nfds = 1, .first_fd = 1 },
		&pid);
	(void)close(pair[1]);
	out = fdopen(pair[0], "r");
	while (out && fgets(line, sizeof(line), out)) {
		if (inside && line[0] == '\n')
			inside = false;
		if (inside)
			fputs(line, stdout);
		if (strcmp(line, "Commands:\n") == 0)
			inside = true;
	}
	if (rc == 0)
		(void)cps_program_wait(pid, &status);
}

static int run(struct sup_ctx *ctx, const struct sup_command *self, int argc, char **argv,
	       struct cps_err *err)
{
	const size_t n = sizeof(commands) / sizeof(commands[0]);
	char *list[] = { argv[0], (char *)"--help", NULL };
	bool help;
	int rc;

	if (argc < 2) {
		argc = 2;
		argv = list;
	}
	help = strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0;
	if (!help && !sup_group_has(commands, n, argv[1]))
		return program_exec(ctx, argc - 1, argv + 1, err);
	rc = sup_group_run(ctx, self, commands, n, argc, argv, err);
	if (help) {
		(void)fflush(stdout);
		program_commands(ctx);
	}
	return rc;
}

const struct sup_command sup_cmd_image = {
	.name = "image",
	.usage = "COMMAND [ARGUMENT]...",
	.summary = "Images, and containers of them",
	.order = CPS_OPT_FIRST_ONLY,
	.run = run,
};

/* `capsule pull` for `capsule image pull`. */
static int run_short(struct sup_ctx *ctx, const struct sup_command *self, int argc, char **argv,
		     struct cps_err *err)
{
	argv[0] = (char *)self->name; /* `capsule help pull` has another word there */
	return program_exec(ctx, argc, argv, err);
}

const struct sup_command sup_cmd_pull = {
	.name = "pull",
	.usage = "[OPTION]... NAME",
	.summary = "Gets an image from a registry",
	.order = CPS_OPT_ANYWHERE,
	.run = run_short,
};

const struct sup_command sup_cmd_push = {
	.name = "push",
	.usage = "[OPTION]... NAME [REFERENCE]",
	.summary = "Sends an image to a registry",
	.order = CPS_OPT_ANYWHERE,
	.run = run_short,
};
