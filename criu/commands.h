/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The commands of capsule-criu: capsule-runtime's, and the service of a shim.
 */
#ifndef CRIU_COMMANDS_H
#define CRIU_COMMANDS_H

#include <stdbool.h>

#include "command.h"
#include "options.h"

extern const struct rt_command criu_cmd_checkpoint, criu_cmd_restore, criu_cmd_serve;

/* The rows that a checkpoint has by whatever way it is asked for, and how many those are. */
#define CRIU_CHECKPOINT_ROWS (CRIU_OPTION_ROWS + 6)
unsigned criu_checkpoint_rows(struct criu_options *o, struct cps_opt *rows);

/* program: the criu to run, or NULL. is_shims: its shim will see it end, and delete it. */
int criu_checkpoint(const char *root, const char *id, const char *program, bool is_shims,
		    struct criu_options *o, struct cps_err *err);

#endif
