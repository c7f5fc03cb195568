/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An arena: memory that is freed whole. Parsed configuration lives in one and is const afterwards.
 */
#ifndef CPS_ARENA_H
#define CPS_ARENA_H

#include <stdarg.h>
#include <stddef.h>

struct cps_arena_chunk;

struct cps_arena {
	struct cps_arena_chunk *chunks; /* newest first */
};

#define CPS_ARENA_INIT \
	{              \
		NULL   \
	}

/* Zeroed memory, aligned for any type; NULL only when out of memory. */
void *cps_arena_alloc(struct cps_arena *a, size_t size);
void *cps_arena_array(struct cps_arena *a, size_t count, size_t size); /* NULL on overflow too */
char *cps_arena_strdup(struct cps_arena *a, const char *s);
char *cps_arena_strndup(struct cps_arena *a, const char *s, size_t len);
char *cps_arena_printf(struct cps_arena *a, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
char *cps_arena_vprintf(struct cps_arena *a, const char *fmt, va_list args)
	__attribute__((format(printf, 2, 0)));
void cps_arena_done(struct cps_arena *a); /* frees all; the arena can be used again */

#define cleanup_arena __attribute__((cleanup(cps_arena_done)))

#endif
