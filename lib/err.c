/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Formatting of errors. Runs between clone and exec and when memory is short: stack buffers only,
 * no locale, no allocation. Whatever is cut, the cause (the end of the message) stays whole.
 */
#include <config.h>
#include "err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "utf8.h"

#define ELLIPSIS "…"

/* Cuts text, which has len bytes in the buffer, to at most room bytes, marking the cut. */
static size_t text_cut(char *text, size_t len, size_t room)
{
	const size_t mark = sizeof(ELLIPSIS) - 1;

	if (len <= room)
		return len;
	if (room < mark) {
		text[0] = '\0';
		return 0;
	}
	len = cps_utf8_cut(text, room - mark);
	memcpy(text + len, ELLIPSIS, mark + 1);
	return len + mark;
}

/*
 * Sets err->msg to the formatted text followed by tail, where the text gives way. The tail may be
 * err->msg itself, and so may be what the arguments point to: all is formatted before it is set.
 */
__attribute__((format(printf, 3, 0))) static void message_set(struct cps_err *err, const char *tail,
							      const char *fmt, va_list args)
{
	char head[sizeof(err->msg) + 8]; /* room to tell where a cut text would go on */
	const char *joint = *tail ? ": " : "";
	size_t joint_len = strlen(joint);
	size_t tail_len = strlen(tail);
	size_t room = sizeof(err->msg) - 1;
	size_t head_len;

	if (vsnprintf(head, sizeof(head), fmt, args) < 0)
		head[0] = '\0';
	room -= joint_len + tail_len < room ? joint_len + tail_len : room;
	head_len = text_cut(head, strlen(head), room);
	if (head_len == 0)
		joint_len = 0;

	memmove(err->msg + head_len + joint_len, tail, tail_len + 1);
	memcpy(err->msg + head_len, joint, joint_len);
	memcpy(err->msg, head, head_len);
}

int cps_fail(struct cps_err *err, int num, const char *fmt, ...)
{
	char unknown[32];
	const char *cause;
	va_list args;

	if (num <= 0)
		num = EIO;
	if (!err)
		return -num;
	/* Not strerror(3): that one consults the locale and may allocate. */
	cause = strerrordesc_np(num);
	if (!cause) {
		(void)snprintf(unknown, sizeof(unknown), "errno %d", num);
		cause = unknown;
	}
	va_start(args, fmt);
	message_set(err, cause, fmt, args);
	va_end(args);
	err->num = num;
	return -num;
}

int cps_failx(struct cps_err *err, int num, const char *fmt, ...)
{
	va_list args;

	if (num <= 0)
		num = EIO;
	if (!err)
		return -num;
	va_start(args, fmt);
	message_set(err, "", fmt, args);
	va_end(args);
	err->num = num;
	return -num;
}

int cps_wrap(struct cps_err *err, int rc, const char *fmt, ...)
{
	va_list args;

	if (rc >= 0 || !err)
		return rc;
	va_start(args, fmt);
	message_set(err, err->msg, fmt, args);
	va_end(args);
	err->num = -rc;
	return rc;
}
