/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capsule system …: how much is kept, is it whole, and away with what nobody needs.
 */
#include <config.h>

#include "command.h"
#include "list.h"
#include "system.h"

#define EXIT_NOT_WHOLE 1

static int df(struct sup_ctx *ctx, const struct sup_command *self, int argc, char **argv,
	      struct cps_err *err)
{
	cleanup_args struct sup_args args = { 0 };
	enum sup_list_format format;
	int rc = sup_list_args_parse(self, argc, argv, 0, 0, &args, &format, err);

	if (rc < 0 || args.done)
		return rc;
	rc = sup_system_df(ctx, format == SUP_LIST_JSON, err);
	return cps_wrap(err, rc, "system df");
}

static int prune(struct sup_ctx *ctx, const struct sup_command *self, int argc, char **argv,
		 struct cps_err *err)
{
	cleanup_args struct sup_args args = { 0 };
	struct sup_prune what = { 0 };
	const struct cps_opt table[] = {
		{ "all", 'a', CPS_OPT_FLAG, &what.all, NULL,
		  "images too that no container was made of; with --volumes all that are unused" },
		{ "volumes", 0, CPS_OPT_FLAG, &what.volumes, NULL,
		  "anonymous volumes too that no container uses" },
		{ 0 },
	};
	int rc = sup_args_parse(self, table, argc, argv, 0, 0, &args, err);

	if (rc < 0 || args.done)
		return rc;
	return cps_wrap(err, sup_system_prune(ctx, &what, err), "system prune");
}

static int check(struct sup_ctx *ctx, const struct sup_command *self, int argc, char **argv,
		 struct cps_err *err)
{
	cleanup_args struct sup_args args = { 0 };
	const struct cps_opt table[] = { { 0 } };
	int rc = sup_args_parse(self, table, argc, argv, 0, 0, &args, err);

	if (rc < 0 || args.done)
		return rc;
	rc = sup_system_check(ctx, err);
	return rc < 0 ? cps_wrap(err, rc, "system check") : rc ? EXIT_NOT_WHOLE : 0;
}

static const struct sup_command cmd_df = {
	.name = "system df",
	.usage = "[--format table|json]",
	.summary = "Tells what takes how much of the disk",
	.order = CPS_OPT_ANYWHERE,
	.run = df,
};

static const struct sup_command cmd_prune = {
	.name = "system prune",
	.usage = "[-a] [--volumes]",
	.summary = "Removes what crashes have left, and what nobody uses",
	.order = CPS_OPT_ANYWHERE,
	.run = prune,
};

static const struct sup_command cmd_check = {
	.name = "system check",
	.usage = "",
	.summary = "Looks whether all that is kept is whole",
	.order = CPS_OPT_ANYWHERE,
	.run = check,
};

static int run(struct sup_ctx *ctx, const struct sup_command *self, int argc, char **argv,
	       struct cps_err *err)
{
	static const struct sup_command *const commands[] = { &cmd_df, &cmd_prune, &cmd_check };

	return sup_group_run(ctx, self, commands, sizeof(commands) / sizeof(commands[0]), argc,
			     argv, err);
}

const struct sup_command sup_cmd_system = {
	.name = "system",
	.usage = "COMMAND [ARGUMENT]...",
	.summary = "All that is kept: how much, is it whole, away with the rest",
	.order = CPS_OPT_FIRST_ONLY,
	.run = run,
};
