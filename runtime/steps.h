/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine: one table of rows, run top to bottom by the runtime and by the process it clones.
 *
 * Both walk the same table; each runs the rows of its side. Where the side changes, the one that
 * is done passes the baton and waits until it comes back, so only one of them works at a time
 * and the table is the program. A row's `wanted` may only look at what is fixed before the clone,
 * so that both sides agree on which rows there are.
 */
#ifndef RT_STEPS_H
#define RT_STEPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "ctx.h"
#include "err.h"

enum rt_side {
	RT_HOST,   /* the runtime; init waits */
	RT_BESIDE, /* the runtime, while init already works: neither depends on the other here */
	RT_INIT,   /* the container's first process; the runtime waits */
	RT_START,  /* init again; the runtime of `create` has left, the one of `run` waits for the
		      end */
	RT_SIDE_COUNT,
};

struct rt_step {
	enum rt_side side;
	const char *name;		       /* in errors, traces, docs, fault injection */
	bool (*wanted)(const struct rt_ctx *); /* NULL: always */
	int (*run)(struct rt_ctx *, struct cps_err *);
	void (*undo)(struct rt_ctx *); /* the runtime's rows; copes with work half done */
};

struct rt_table {
	const char *name;
	const struct rt_step *rows;
	size_t count;
};

/* Runs the table. In the runtime it returns 0 when its part is done (with RT_START rows left and
 * nobody to start them: init is on its own; otherwise: execve has happened), or the first error of
 * either side, everything undone. In init it does not return. */
int rt_steps_run(const struct rt_table *t, struct rt_ctx *ctx, struct cps_err *err);
/* Undoes what a complete run did: for a runtime that fails afterwards. */
void rt_steps_undo(const struct rt_table *t, struct rt_ctx *ctx);

void rt_steps_print(const struct rt_table *t, FILE *f); /* markdown, for docs/create-sequence.md */
extern const char *const rt_side_names[RT_SIDE_COUNT];

#endif
