/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command that is run once the container's exit is on record and told: its maker's way of
 * clearing up although it lives no longer, typically by deleting the container, which asks this
 * very shim. So nobody waits for it.
 */
#ifndef SHIM_EXIT_COMMAND_H
#define SHIM_EXIT_COMMAND_H

#include "err.h"
#include "json.h"

struct shim;

/* An array of strings, the first an absolute path; *ret is its text, the caller's, NULL if node is
 * NULL. */
int shim_exit_command_parse(const struct cps_json *node, char **ret, struct cps_err *err);

/* `at-exit`: the container has one from now on. It is run at once if the container has ended
 * already. -EEXIST: it has one. -ESRCH: there is no container. */
int shim_exit_command_set(struct shim *s, const struct cps_json *node, struct cps_err *err);

/* Runs it, if there is one and it has not been run: by us, or by the shim before us. Once at the
 * most: it is written down first. What goes wrong is noted. */
void shim_exit_command_run(struct shim *s);

#endif
