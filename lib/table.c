/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables. Cells come from containers and images, so what a terminal would act on is replaced when a
 * cell is added. Widths count characters, one column each.
 */
#include <config.h>
#include "table.h"

#include <assert.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "utf8.h"

#define GAP	    3
#define COLUMNS_MAX 32

void cps_table_init(struct cps_table *t, unsigned columns)
{
	assert(columns > 0 && columns <= COLUMNS_MAX);
	*t = (struct cps_table){ .columns = columns };
}

/* C0 and DEL are one byte, C1 two in UTF-8; what is no UTF-8 could be C1 to an old terminal. */
static void cell_clean(char *cell)
{
	size_t len = strlen(cell);

	for (size_t i = 0; i < len;) {
		size_t n = cps_utf8_len(cell + i, len - i);
		unsigned char c = (unsigned char)cell[i];

		if (n == 2 && c == 0xc2 && (unsigned char)cell[i + 1] < 0xa0)
			cell[i] = cell[i + 1] = '?';
		else if (n == 0 || c < 0x20 || c == 0x7f)
			cell[i] = '?';
		i += n ? n : 1;
	}
}

/* Adds a cell of our own arena; NULL: there was no memory for it. */
static void cell_add(struct cps_table *t, char *cell)
{
	if (t->count == t->room) {
		unsigned room = t->room ? 2 * t->room : 64;
		const char **cells = realloc(t->cells, room * sizeof(*cells));

		if (!cells)
			return; /* the table ends early: nothing better can be printed */
		t->cells = cells;
		t->room = room;
	}
	if (cell)
		cell_clean(cell);
	t->cells[t->count++] = cell ? cell : "?";
}

void cps_table_add(struct cps_table *t, const char *text)
{
	cell_add(t, cps_arena_strdup(&t->arena, text ? text : ""));
}

void cps_table_addf(struct cps_table *t, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	cell_add(t, cps_arena_vprintf(&t->arena, fmt, args));
	va_end(args);
}

static unsigned cell_width(const char *cell)
{
	unsigned width = 0;

	for (; *cell; cell++) {
		if (((unsigned char)*cell & 0xc0) != 0x80)
			width++;
	}
	return width;
}

void cps_table_print(const struct cps_table *t, FILE *f)
{
	unsigned widths[COLUMNS_MAX] = { 0 };

	for (unsigned i = 0; i < t->count; i++) {
		unsigned width = cell_width(t->cells[i]);

		if (width > widths[i % t->columns])
			widths[i % t->columns] = width;
	}
	for (unsigned i = 0; i < t->count; i++) {
		unsigned column = i % t->columns;

		(void)fputs(t->cells[i], f);
		if (column + 1 == t->columns || i + 1 == t->count) {
			(void)fputc('\n', f);
			continue;
		}
		for (unsigned n = cell_width(t->cells[i]); n < widths[column] + GAP; n++)
			(void)fputc(' ', f);
	}
}

void cps_table_done(struct cps_table *t)
{
	free(t->cells);
	cps_arena_done(&t->arena);
	*t = (struct cps_table){ 0 };
}
