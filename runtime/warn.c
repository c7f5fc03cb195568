/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Warnings, collected in a fixed block of memory. No heap and no pointers: the block may live in
 * the page that the runtime and the container's init share.
 */
#include <config.h>

#include "warn.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void warn_add(struct rt_warn *w, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));

static void warn_add(struct rt_warn *w, const char *fmt, va_list ap)
{
	size_t room = sizeof(w->text) - w->used;
	int len;

	len = vsnprintf(w->text + w->used, room, fmt, ap);
	if (len < 0 || (size_t)len >= room) {
		if (room)
			w->text[w->used] = '\0';
		w->lost++;
		return;
	}
	w->used += (uint32_t)len + 1;
}

void rt_warn(struct rt_warn *w, const char *fmt, ...)
{
	va_list ap;

	if (!w)
		return;
	va_start(ap, fmt);
	warn_add(w, fmt, ap);
	va_end(ap);
}

void rt_note(struct rt_warn *w, const char *fmt, ...)
{
	va_list ap;

	if (!w || !w->debug)
		return;
	va_start(ap, fmt);
	warn_add(w, fmt, ap);
	va_end(ap);
}

const char *rt_warn_next(const struct rt_warn *w, uint32_t *pos)
{
	const char *text;
	size_t len;

	/* init writes to the shared block, so that its numbers are not to be trusted blindly */
	if (!w || *pos >= w->used || w->used > sizeof(w->text))
		return NULL;
	text = w->text + *pos;
	len = strnlen(text, w->used - *pos);
	if (len == w->used - *pos)
		return NULL;
	*pos += (uint32_t)len + 1;
	return text;
}
