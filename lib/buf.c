/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The growing buffer. Doubles, so that n bytes cost O(n); a failed growth leaves what is there
 * intact and readable, and marked as not whole.
 */
#include <config.h>
#include "buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUF_FIRST 256

/* Makes room for len bytes more and the NUL. */
static bool buf_reserve(struct cps_buf *b, size_t len)
{
	size_t size = b->size ? b->size : BUF_FIRST;
	char *data;

	if (b->failed)
		return false;
	if (b->size - b->len > len) /* size 0 means len 0: no room, as it must be */
		return true;
	if (len > PTRDIFF_MAX / 2 - b->len) {
		b->failed = true;
		return false;
	}
	while (size - b->len <= len)
		size *= 2;
	data = realloc(b->data, size);
	if (!data) {
		b->failed = true;
		return false;
	}
	b->data = data;
	b->size = size;
	return true;
}

void cps_buf_add(struct cps_buf *b, const void *data, size_t len)
{
	if (!buf_reserve(b, len))
		return;
	if (len > 0)
		memcpy(b->data + b->len, data, len);
	b->len += len;
	b->data[b->len] = '\0';
}

void cps_buf_puts(struct cps_buf *b, const char *s)
{
	cps_buf_add(b, s, strlen(s));
}

void cps_buf_printf(struct cps_buf *b, const char *fmt, ...)
{
	va_list args;
	int n;

	if (!buf_reserve(b, 64))
		return;
	va_start(args, fmt);
	n = vsnprintf(b->data + b->len, b->size - b->len, fmt, args);
	va_end(args);
	if (n >= 0 && (size_t)n >= b->size - b->len) {
		b->data[b->len] = '\0';
		if (!buf_reserve(b, (size_t)n))
			return;
		va_start(args, fmt);
		n = vsnprintf(b->data + b->len, b->size - b->len, fmt, args);
		va_end(args);
	}
	if (n < 0) {
		b->data[b->len] = '\0';
		b->failed = true;
		return;
	}
	b->len += (size_t)n;
}

void cps_buf_add_plain(struct cps_buf *b, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		cps_buf_add(b, c < 0x20 || c == 0x7f ? "?" : &text[i], 1);
	}
}

void cps_buf_done(struct cps_buf *b)
{
	free(b->data);
	*b = (struct cps_buf)CPS_BUF_INIT;
}
