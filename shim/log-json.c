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

#include "utf8.h"

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

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/* Non-zero if a byte of the word may not stand as it is; may err on the side of looking closer. */
static uint64_t word_needs_care(uint64_t w)
{
	uint64_t quote = w ^ EACH('"');
	uint64_t backslash = w ^ EACH('\\');
	uint64_t ampersand = w ^ EACH('&');
	uint64_t angle = (w | EACH(0x02)) ^ EACH(0x3e); /* '<' is '>' but for this bit */

	return (w | (w - EACH(0x20)) | (quote - EACH(1)) | (backslash - EACH(1)) |
		(ampersand - EACH(1)) | (angle - EACH(1))) &
	       EACH(0x80);
}

/* Copies what may stand as it is; returns how many bytes that were. */
static size_t copy_plain(char *out, const char *data, size_t len)
{
	size_t i = 0;

	while (i + 8 <= len) {
		uint64_t w;

		memcpy(&w, data + i, 8);
		if (word_needs_care(w))
			break;
		memcpy(out + i, &w, 8);
		i += 8;
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

const struct shim_log_driver shim_log_json = {
	.name = "json-file",
	.bound = json_bound,
	.stamp = json_stamp,
	.format = json_format,
	.whole_characters = true,
};
