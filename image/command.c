/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The frame around every command: its options plus --help, the count of its arguments.
 */
#include <config.h>
#include "command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "own.h"

#define OPTIONS_MAX 16

static void print_help(const struct img_ctx *ctx, const struct img_command *self,
		       const struct cps_opt *table)
{
	printf("Usage: %s %s %s\n\n%s.\n\nOptions:\n", ctx->prefix, self->name, self->usage,
	       self->summary);
	cps_opt_help(table);
}

int img_args_parse(const struct img_ctx *ctx, const struct img_command *self,
		   const struct cps_opt *table, int argc, char **argv, int min, int max,
		   struct img_args *ret, struct cps_err *err)
{
	struct cps_opt all[OPTIONS_MAX + 2] = { 0 };
	cleanup_free char **args = NULL;
	bool help = false;
	unsigned n = 0;
	int count, rc;

	for (; n < OPTIONS_MAX && table[n].name; n++)
		all[n] = table[n];
	all[n] = (struct cps_opt){ "help", 'h', CPS_OPT_FLAG, &help, NULL, "print this" };
	rc = cps_opt_parse(all, CPS_OPT_ANYWHERE, argc, argv, &args, &count, err);
	if (rc < 0)
		return cps_wrap(err, rc, "%s", self->name);
	if (help)
		print_help(ctx, self, all);
	else if (count < min || (max >= 0 && count > max))
		return cps_failx(err, EINVAL, "%s: %s; usage: %s %s %s", self->name,
				 count < min ? "an argument is missing" : "too many arguments",
				 ctx->prefix, self->name, self->usage);
	ret->v = take_ptr(&args);
	ret->n = count;
	ret->done = help;
	return 0;
}

void img_args_done(struct img_args *args)
{
	free(args->v);
	args->v = NULL;
}

void img_print_line(FILE *f, const char *before, const char *text)
{
	cleanup_buf struct cps_buf buf = CPS_BUF_INIT;

	cps_buf_add_plain(&buf, text, strlen(text));
	fprintf(f, "%s: %s\n", before, buf.failed ? "out of memory" : buf.data ? buf.data : "");
}
