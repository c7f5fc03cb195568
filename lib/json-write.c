/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing JSON. The buffer remembers a failed growth, so nothing here can fail. What comes out is
 * valid whatever strings come in.
 */
#include <config.h>
#include "json.h"

#include <inttypes.h>
#include <string.h>

#include "utf8.h"

void cps_jsonw_init(struct cps_jsonw *w, struct cps_buf *buf, bool pretty)
{
	*w = (struct cps_jsonw){ .buf = buf, .pretty = pretty };
}

static void line_break(struct cps_jsonw *w)
{
	cps_buf_add(w->buf, "\n", 1);
	for (int i = 0; i < w->depth; i++)
		cps_buf_add(w->buf, "\t", 1);
}

static void escape_char(struct cps_buf *b, unsigned char c)
{
	static const char hex[] = "0123456789abcdef";
	static const char letters[] = "btn_fr"; /* 8 .. 13; there is no letter for 11 */
	char text[] = "\\u0000";

	if (c == '"' || c == '\\') {
		text[1] = (char)c;
		cps_buf_add(b, text, 2);
	} else if (c >= 8 && c <= 13 && c != 11) {
		text[1] = letters[c - 8];
		cps_buf_add(b, text, 2);
	} else {
		text[4] = hex[c >> 4];
		text[5] = hex[c & 15];
		cps_buf_add(b, text, 6);
	}
}

static void string_write(struct cps_buf *b, const char *s, size_t len)
{
	size_t run = 0; /* where the bytes start that go as they are */
	size_t i = 0;

	cps_buf_add(b, "\"", 1);
	while (i < len) {
		unsigned char c = (unsigned char)s[i];
		size_t n = 1;

		if (c >= 0x80)
			n = cps_utf8_len(s + i, len - i);
		if (n > 0 && c >= 0x20 && c != '"' && c != '\\') {
			i += n;
			continue;
		}
		cps_buf_add(b, s + run, i - run);
		if (n == 0)
			cps_buf_puts(b, "\xef\xbf\xbd"); /* U+FFFD */
		else
			escape_char(b, c);
		run = ++i;
	}
	cps_buf_add(b, s + run, len - run);
	cps_buf_add(b, "\"", 1);
}

/* What stands before a value: the comma, the line, the key. */
static void item_start(struct cps_jsonw *w, const char *key)
{
	if (w->comma)
		cps_buf_add(w->buf, ",", 1);
	if (w->pretty && w->depth > 0)
		line_break(w);
	if (key) {
		string_write(w->buf, key, strlen(key));
		cps_buf_add(w->buf, ": ", w->pretty ? 2 : 1);
	}
	w->comma = true;
}

void cps_jsonw_open(struct cps_jsonw *w, const char *key, char bracket)
{
	item_start(w, key);
	cps_buf_add(w->buf, &bracket, 1);
	w->comma = false;
	w->depth++;
}

void cps_jsonw_close(struct cps_jsonw *w, char bracket)
{
	w->depth--;
	if (w->pretty && w->comma)
		line_break(w);
	cps_buf_add(w->buf, &bracket, 1);
	w->comma = true;
}

void cps_jsonw_str(struct cps_jsonw *w, const char *key, const char *value)
{
	if (value)
		cps_jsonw_strn(w, key, value, strlen(value));
	else
		cps_jsonw_null(w, key);
}

void cps_jsonw_strn(struct cps_jsonw *w, const char *key, const char *value, size_t len)
{
	item_start(w, key);
	string_write(w->buf, value, len);
}

void cps_jsonw_strs(struct cps_jsonw *w, const char *key, const char *const *values)
{
	cps_jsonw_open(w, key, '[');
	for (; values && *values; values++)
		cps_jsonw_str(w, NULL, *values);
	cps_jsonw_close(w, ']');
}

void cps_jsonw_nstrs(struct cps_jsonw *w, const char *key, const char *const *values, size_t n)
{
	cps_jsonw_open(w, key, '[');
	for (size_t i = 0; i < n; i++)
		cps_jsonw_str(w, NULL, values[i]);
	cps_jsonw_close(w, ']');
}

void cps_jsonw_i64(struct cps_jsonw *w, const char *key, int64_t value)
{
	item_start(w, key);
	cps_buf_printf(w->buf, "%" PRId64, value);
}

void cps_jsonw_u64(struct cps_jsonw *w, const char *key, uint64_t value)
{
	item_start(w, key);
	cps_buf_printf(w->buf, "%" PRIu64, value);
}

void cps_jsonw_bool(struct cps_jsonw *w, const char *key, bool value)
{
	item_start(w, key);
	cps_buf_puts(w->buf, value ? "true" : "false");
}

void cps_jsonw_null(struct cps_jsonw *w, const char *key)
{
	item_start(w, key);
	cps_buf_puts(w->buf, "null");
}

void cps_jsonw_raw(struct cps_jsonw *w, const char *key, const char *json)
{
	item_start(w, key);
	cps_buf_puts(w->buf, json);
}

void cps_jsonw_node(struct cps_jsonw *w, const char *key, const struct cps_json *node)
{
	switch (node ? node->type : CPS_JSON_NULL) {
	case CPS_JSON_NULL:
		cps_jsonw_null(w, key);
		break;
	case CPS_JSON_BOOL:
		cps_jsonw_bool(w, key, node->boolean);
		break;
	case CPS_JSON_NUMBER:
		cps_jsonw_raw(w, key, node->text);
		break;
	case CPS_JSON_STRING:
		cps_jsonw_strn(w, key, node->text, node->len);
		break;
	case CPS_JSON_ARRAY:
		cps_jsonw_open(w, key, '[');
		for (const struct cps_json *n = node->first; n; n = n->next)
			cps_jsonw_node(w, NULL, n);
		cps_jsonw_close(w, ']');
		break;
	case CPS_JSON_OBJECT:
		cps_jsonw_open(w, key, '{');
		for (const struct cps_json *n = node->first; n; n = n->next)
			cps_jsonw_node(w, n->key, n);
		cps_jsonw_close(w, '}');
		break;
	}
}

char *cps_json_text(const struct cps_json *node)
{
	struct cps_buf b = CPS_BUF_INIT;
	struct cps_jsonw w;

	cps_jsonw_init(&w, &b, false);
	cps_jsonw_node(&w, NULL, node);
	if (b.failed)
		cps_buf_done(&b);
	return b.data;
}
