/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A growing byte buffer, always NUL-terminated. Growth that fails sets `failed` and drops what
 * is added from then on, so that a writer checks once, at the end.
 */
#ifndef CPS_BUF_H
#define CPS_BUF_H

#include <stdbool.h>
#include <stddef.h>

struct cps_buf {
	char *data; /* NULL or NUL-terminated; owned */
	size_t len;
	size_t size;
	bool failed; /* out of memory at some point: the content is not whole */
};

#define CPS_BUF_INIT              \
	{                         \
		NULL, 0, 0, false \
	}

void cps_buf_add(struct cps_buf *b, const void *data, size_t len);
void cps_buf_puts(struct cps_buf *b, const char *s);
void cps_buf_printf(struct cps_buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* For people's eyes: control characters, which could do things to a terminal, as '?'. */
void cps_buf_add_plain(struct cps_buf *b, const char *text, size_t len);
void cps_buf_done(struct cps_buf *b);

#define cleanup_buf __attribute__((cleanup(cps_buf_done)))

#endif
