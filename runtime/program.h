/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What capsule-runtime and capsule-criu are alike in: the global options, and how a command is
 * found and run.
 */
#ifndef RT_PROGRAM_H
#define RT_PROGRAM_H

#include "arena.h"
#include "command.h"
#include "err.h"

/* All of main. The table of commands ends with NULL. Returns the exit status. */
int rt_program(const struct rt_command *const *commands, int argc, char **argv);

/* Where another program of ours is: beside this one, whose argv[0] is self, else in $PATH.
 * ENOENT: nowhere. */
int rt_program_find(const char *name, const char *self, struct cps_arena *a, const char **ret,
		    struct cps_err *err);

#endif
