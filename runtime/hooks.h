/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hooks: programs of the config that are run at set points of a container's life, with its state
 * as JSON on stdin.
 */
#ifndef RT_HOOKS_H
#define RT_HOOKS_H

#include "err.h"
#include "spec.h"
#include "state.h"

/* Runs one program to its end, with stdin_fd; what it says when it fails is in the error. */
int rt_hook_run(const struct rt_hook *h, int stdin_fd, struct cps_err *err);

extern const char *const rt_hook_names[RT_HOOK_COUNT];

/* Runs the hooks of one kind in order; the first that fails (does not start, exits non-zero, is
 * killed, exceeds its timeout: then it is killed) ends it. */
int rt_hooks_run(const struct rt_hooks *hooks, enum rt_hook_kind kind, const struct rt_state *s,
		 enum rt_status status, pid_t pid, struct cps_err *err);

#endif
