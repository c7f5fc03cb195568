/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The arena: a list of chunks, the newest one being filled. Chunks grow, so that a small parse
 * costs one malloc and a big one few, and stay below malloc's mmap threshold. Memory is zeroed when
 * it is handed out, so pages that are never used are never touched.
 */
#include <config.h>
#include "arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_FIRST 16384
#define CHUNK_LAST  65536

struct cps_arena_chunk {
	struct cps_arena_chunk *older;
	size_t used;
	size_t size; /* of data */
	alignas(max_align_t) unsigned char data[];
};

static struct cps_arena_chunk *chunk_new(struct cps_arena *a, size_t need)
{
	struct cps_arena_chunk *chunk;
	bool apart = a->chunks && need > CHUNK_LAST / 4;
	size_t size = CHUNK_FIRST - sizeof(*chunk);

	if (need > PTRDIFF_MAX - sizeof(*chunk))
		return NULL;
	if (a->chunks) {
		size = 2 * a->chunks->size + sizeof(*chunk);
		if (size > CHUNK_LAST - sizeof(*chunk))
			size = CHUNK_LAST - sizeof(*chunk);
	}
	if (apart || size < need)
		size = need;
	chunk = malloc(sizeof(*chunk) + size);
	if (!chunk)
		return NULL;
	chunk->used = 0;
	chunk->size = size;
	if (apart) {
		/* A big piece has a chunk of its own; the current one goes on being filled. */
		chunk->older = a->chunks->older;
		a->chunks->older = chunk;
	} else {
		chunk->older = a->chunks;
		a->chunks = chunk;
	}
	return chunk;
}

/* Memory that is not zeroed; align is a power of two. */
static void *arena_take(struct cps_arena *a, size_t size, size_t align)
{
	struct cps_arena_chunk *chunk = a->chunks;
	size_t start = 0;

	if (chunk)
		start = (chunk->used + align - 1) & ~(align - 1);
	if (!chunk || start > chunk->size || size > chunk->size - start) {
		chunk = chunk_new(a, size);
		if (!chunk)
			return NULL;
		start = 0;
	}
	chunk->used = start + size;
	return chunk->data + start;
}

void *cps_arena_alloc(struct cps_arena *a, size_t size)
{
	void *p = arena_take(a, size, alignof(max_align_t));

	return p ? memset(p, 0, size) : NULL;
}

void *cps_arena_array(struct cps_arena *a, size_t count, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(count, size, &bytes))
		return NULL;
	return cps_arena_alloc(a, bytes);
}

char *cps_arena_strndup(struct cps_arena *a, const char *s, size_t len)
{
	char *copy;

	if (len == SIZE_MAX)
		return NULL;
	copy = arena_take(a, len + 1, 1);
	if (!copy)
		return NULL;
	if (len > 0)
		memcpy(copy, s, len);
	copy[len] = '\0';
	return copy;
}

char *cps_arena_strdup(struct cps_arena *a, const char *s)
{
	return cps_arena_strndup(a, s, strlen(s));
}

char *cps_arena_vprintf(struct cps_arena *a, const char *fmt, va_list args)
{
	char text[512];
	char *copy;
	va_list again;
	int n;

	va_copy(again, args);
	n = vsnprintf(text, sizeof(text), fmt, args);
	if (n >= 0 && (size_t)n < sizeof(text)) {
		copy = cps_arena_strndup(a, text, (size_t)n);
	} else {
		copy = n < 0 ? NULL : arena_take(a, (size_t)n + 1, 1);
		if (copy)
			(void)vsnprintf(copy, (size_t)n + 1, fmt, again);
	}
	va_end(again);
	return copy;
}

char *cps_arena_printf(struct cps_arena *a, const char *fmt, ...)
{
	char *copy;
	va_list args;

	va_start(args, fmt);
	copy = cps_arena_vprintf(a, fmt, args);
	va_end(args);
	return copy;
}

void cps_arena_done(struct cps_arena *a)
{
	struct cps_arena_chunk *chunk = a->chunks;

	while (chunk) {
		struct cps_arena_chunk *older = chunk->older;

		free(chunk);
		chunk = older;
	}
	a->chunks = NULL;
}
