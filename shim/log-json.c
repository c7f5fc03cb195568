/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Docker's json-file format, one object a line:
 *
 *   {"log":"text\n","stream":"stdout","time":"2026-11-21T20:56:28.703129336Z"}
 *
 * A piece of a longer line, and output that ends without a newline, has no \n in "log". A byte that
 * is no UTF-8 becomes \ufffd, as Docker has it: JSON cannot carry it (`cri` can).
 */
#include <config.h>
#include "shim-log.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "log-scan.h"
#include "utf8.h"

/* The stamp's parts are shorter: so many bytes are copied without counting. */
#define HEAD_ROOM 16
#define TAIL_ROOM 80
/* After which a line is a long one: what is written behind that is a character, and the tail. */
#define LINE_MAX_FAST (SHIM_LINE_ROOM - HEAD_ROOM - TAIL_ROOM - 2 * SHIM_SCAN)

static size_t json_bound(size_t len)
{
	/* {"log":" + 6 bytes for each + \n + ","stream":"stdout","time":"…"} */
	return strlen("{\"log\":\"\\n\",\"stream\":\"stdout\",\"time\":\"\"}\n") + CPS_TIME_SIZE +
	       6 * len;
}

static void json_stamp(struct shim_stamp *s, const struct timespec *t, enum shim_stream_name stream)
{
	char time[CPS_TIME_SIZE];

	cps_time_format(t, true, time);
	s->head_len = (size_t)snprintf(s->head, sizeof(s->head), "{\"log\":\"");
	s->tail_len = (size_t)snprintf(s->tail, sizeof(s->tail),
				       "\",\"stream\":\"%s\",\"time\":\"%s\"}\n",
				       stream == SHIM_STDOUT ? "stdout" : "stderr", time);
}

/* May byte c stand in the string as it is? Not controls, " \ < > & (for those who put logs into
 * HTML, as Go's encoder does), nor what begins or continues a longer character. */
static bool is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x80 && c != '"' && c != '\\' && c != '<' && c != '>' && c != '&';
}

/* The same of sixteen bytes: those that may not are not 0. As signed numbers, controls and parts of
 * longer characters are the small ones. */
static inline shim_vec vec_needs_care(shim_vec v)
{
	return (shim_vec)((shim_vec_signed)v < 0x20) | (shim_vec)(v == '\\') |
	       (shim_vec)((v | 0x04) == '&') | /* '"' is '&' but for this bit */
	       (shim_vec)((v | 0x02) == '>');  /* and '<' is '>' */
}

/* Copies what may stand as it is; returns how many bytes that were. */
static size_t copy_plain(char *out, const char *data, size_t len)
{
	size_t i = 0;

	while (i + SHIM_SCAN <= len) {
		unsigned n = shim_scan_first(vec_needs_care(shim_scan_copy(out + i, data + i)));

		i += n;
		if (n < SHIM_SCAN)
			return i;
	}
	while (i < len && is_plain((unsigned char)data[i])) {
		out[i] = data[i];
		i++;
	}
	return i;
}

static size_t put(char *out, const char *text)
{
	size_t len;

	for (len = 0; text[len]; len++)
		out[len] = text[len];
	return len;
}

/* Writes the character at data; *ret_used of its bytes are dealt with. */
static size_t escape(char *out, const char *data, size_t len, size_t *ret_used)
{
	static const char hex[] = "0123456789abcdef";
	unsigned char c = (unsigned char)*data;
	size_t n;

	*ret_used = 1;
	switch (c) {
	case '"':
		return put(out, "\\\"");
	case '\\':
		return put(out, "\\\\");
	case '\n':
		return put(out, "\\n");
	case '\r':
		return put(out, "\\r");
	default:
		break;
	}
	if (c < 0x80) {
		if (is_plain(c)) {
			*out = (char)c;
			return 1;
		}
		n = put(out, "\\u00");
		out[n++] = hex[c >> 4];
		out[n++] = hex[c & 0xf];
		return n;
	}
	n = cps_utf8_len(data, len);
	if (n == 0)
		return put(out, "\\ufffd");
	*ret_used = n;
	/* The two line separators of Unicode, which JavaScript takes for newlines. */
	if (n == 3 && memcmp(data, "\xe2\x80\xa8", 3) == 0)
		return put(out, "\\u2028");
	if (n == 3 && memcmp(data, "\xe2\x80\xa9", 3) == 0)
		return put(out, "\\u2029");
	memcpy(out, data, n);
	return n;
}

static size_t json_format(char *out, const struct shim_stamp *s, const char *data, size_t len,
			  bool end)
{
	char *at = out;
	size_t i = 0;

	memcpy(at, s->head, s->head_len);
	at += s->head_len;
	while (i < len) {
		size_t n = copy_plain(at, data + i, len - i);

		at += n;
		i += n;
		if (i < len) {
			at += escape(at, data + i, len - i, &n);
			i += n;
		}
	}
	if (end)
		at += put(at, "\\n");
	memcpy(at, s->tail, s->tail_len);
	return (size_t)(at - out) + s->tail_len;
}

/* One line, its newline included, as the text of the string. 0: it is long, or not all there. */
static size_t line_escape(char *out, const char *data, size_t len, size_t *ret_used)
{
	size_t used = 0;
	size_t done = 0;

	while (len - used >= SHIM_SCAN && done <= LINE_MAX_FAST) {
		unsigned plain =
			shim_scan_first(vec_needs_care(shim_scan_copy(out + done, data + used)));
		size_t n;

		used += plain;
		done += plain;
		if (plain == SHIM_SCAN)
			continue;
		if (data[used] == '\n') {
			*ret_used = used + 1;
			return done + put(out + done, "\\n");
		}
		done += escape(out + done, data + used, len - used, &n);
		used += n;
	}
	return 0;
}

static size_t json_lines(char *out, size_t room, const struct shim_stamp *s, const char *data,
			 size_t len, size_t *ret_used, unsigned *ret_records)
{
	size_t used = 0;
	size_t done = 0;
	unsigned records = 0;

	while (room - done >= SHIM_LINE_ROOM) {
		char *at = out + done;
		size_t line;
		size_t n;

		memcpy(at, s->head, HEAD_ROOM);
		at += s->head_len;
		n = line_escape(at, data + used, len - used, &line);
		if (n == 0)
			break;
		at += n;
		memcpy(at, s->tail, TAIL_ROOM);
		done = (size_t)(at - out) + s->tail_len;
		used += line;
		records++;
	}
	*ret_used = used;
	*ret_records = records;
	return done;
}

const struct shim_log_driver shim_log_json = {
	.name = "json-file",
	.bound = json_bound,
	.stamp = json_stamp,
	.format = json_format,
	.lines = json_lines,
	.whole_characters = true,
};
