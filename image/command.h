/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a command of `capsule-image` is: one row of the table in main.c, one file cmd-<verb>.c.
 * `capsule image VERB …` executes `capsule-image --data-root DIR VERB …`, which a person never
 * types.
 */
#ifndef IMG_COMMAND_H
#define IMG_COMMAND_H

#include <stdbool.h>
#include <stdio.h>

#include "err.h"
#include "opt.h"

struct img_ctx {
	const char *data_root;
	const char *prefix; /* "capsule image": what the user typed, for help */
};

struct img_command {
	const char *name;
	const char *usage;   /* what follows the name */
	const char *summary; /* one line; NULL: run by capsule only, not shown */
	int (*run)(struct img_ctx *ctx, const struct img_command *self, int argc, char **argv,
		   struct cps_err *err);
};

struct img_args {
	char **v; /* NULL-terminated; owned */
	int n;
	bool done; /* --help was served */
};

/* Parses argv by the table, which gets --help added, options anywhere, and checks the count of
 * arguments (max < 0: no bound). */
int img_args_parse(const struct img_ctx *ctx, const struct img_command *self,
		   const struct cps_opt *table, int argc, char **argv, int min, int max,
		   struct img_args *ret, struct cps_err *err);
void img_args_done(struct img_args *args);

/* A line for people, of a text that may quote an archive: control characters as '?'. */
void img_print_line(FILE *f, const char *before, const char *text);

#define cleanup_args __attribute__((cleanup(img_args_done)))

extern const struct img_command img_cmd_check;
extern const struct img_command img_cmd_commit;
extern const struct img_command img_cmd_create;
extern const struct img_command img_cmd_export_tree;
extern const struct img_command img_cmd_delete;
extern const struct img_command img_cmd_export;
extern const struct img_command img_cmd_get;
extern const struct img_command img_cmd_import;
extern const struct img_command img_cmd_list;
extern const struct img_command img_cmd_pack;
extern const struct img_command img_cmd_prune;
extern const struct img_command img_cmd_pull;
extern const struct img_command img_cmd_push;
extern const struct img_command img_cmd_tag;
extern const struct img_command img_cmd_unpack;

#endif
