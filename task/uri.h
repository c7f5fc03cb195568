/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What clients name stdio with: scheme:///path?name=value&…
 */
#ifndef TASK_URI_H
#define TASK_URI_H

#include <stdbool.h>
#include <stddef.h>

#include "arena.h"
#include "err.h"

struct task_uri {
	const char *path;
	/* The path, each name with its first value, in their order; then NULL. As a program gets
	 * them. */
	const char **argv;
	size_t argc;
};

/* Is this a URI of that scheme; NULL: of any? */
bool task_uri_is(const char *text, const char *scheme);
/* The texts are in the arena, without what they were escaped by. */
int task_uri_parse(struct cps_arena *a, const char *text, struct task_uri *ret,
		   struct cps_err *err);

#endif
