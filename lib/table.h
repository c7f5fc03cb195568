/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables on a terminal: columns padded to their widest cell, three spaces between, control
 * characters of cells shown as '?'.
 */
#ifndef CPS_TABLE_H
#define CPS_TABLE_H

#include <stdio.h>

#include "arena.h"

struct cps_table {
	struct cps_arena arena;
	unsigned columns;
	unsigned count; /* of cells */
	unsigned room;
	const char **cells;
};

void cps_table_init(struct cps_table *t, unsigned columns);
/* Copies the text; cells fill rows from left to right; the first row is the heading. NULL is "". */
void cps_table_add(struct cps_table *t, const char *text);
void cps_table_addf(struct cps_table *t, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void cps_table_print(const struct cps_table *t, FILE *f);
void cps_table_done(struct cps_table *t);

#endif
