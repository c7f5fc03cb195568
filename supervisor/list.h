/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The list of containers, which `list` and `ps` without an id print.
 */
#ifndef SUP_LIST_H
#define SUP_LIST_H

#include "command.h"
#include "err.h"

enum sup_list_format { SUP_LIST_TABLE, SUP_LIST_JSON, SUP_LIST_QUIET, SUP_LIST_NAMES };

/* Containers whose shim has died get a new one first. */
int sup_list_print(const struct sup_ctx *ctx, enum sup_list_format format, struct cps_err *err);
/* "table" (or NULL), "json" */
int sup_list_format_parse(const char *text, enum sup_list_format *ret, struct cps_err *err);
/* sup_args_parse() for commands whose one option is that --format. */
int sup_list_args_parse(const struct sup_command *self, int argc, char **argv, int min, int max,
			struct sup_args *ret_args, enum sup_list_format *ret_format,
			struct cps_err *err);

#endif
