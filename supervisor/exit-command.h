/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a shim runs when its container has ended (`exit_command`, docs/protocol.md): this program,
 * which deletes the container or takes it off its networks.
 */
#ifndef SUP_EXIT_COMMAND_H
#define SUP_EXIT_COMMAND_H

#include "arena.h"
#include "command.h"
#include "err.h"

#define SUP_EXIT_COMMAND_WORDS 10

/* `capsule --root … --data-root … delete -f ID`, or `… network release ID`, NULL-terminated; the
 * strings live in the arena. Paths are absolute: a shim's current directory is /. */
int sup_exit_command_delete(const struct sup_ctx *ctx, const char *id, struct cps_arena *a,
			    const char *ret[SUP_EXIT_COMMAND_WORDS], struct cps_err *err);
int sup_exit_command_release(const struct sup_ctx *ctx, const char *id, struct cps_arena *a,
			     const char *ret[SUP_EXIT_COMMAND_WORDS], struct cps_err *err);

#endif
