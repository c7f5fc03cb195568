/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parser of log records. Nothing here does I/O: it is unit-tested and fuzzed with any cut of
 * the same bytes.
 */
#include <config.h>

#include "log-record.h"

#include <errno.h>
#include <string.h>

#include "clock.h"
#include "json.h"

void sup_log_parser_init(struct sup_log_parser *p)
{
	memset(p, 0, sizeof(*p));
}

void sup_log_parser_done(struct sup_log_parser *p)
{
	cps_buf_done(&p->pending);
	cps_arena_done(&p->arena);
}

static bool stream_parse(const char *word, size_t len, enum sup_log_stream *ret)
{
	if (len != 6 || (memcmp(word, "stdout", 6) != 0 && memcmp(word, "stderr", 6) != 0))
		return false;
	*ret = word[4] == 'u' ? SUP_LOG_STDOUT : SUP_LOG_STDERR;
	return true;
}

/* "TIME STREAM TAG " at the start of data; fills *ret but its text and returns the header's
 * length, 0 if it is none. TAG is F or P, more may follow behind ':'. */
static size_t cri_header_parse(const char *data, size_t len, struct sup_log_piece *ret)
{
	const char *end = data + len, *word = data, *space;
	struct sup_log_piece piece = { 0 };
	char time[CPS_TIME_SIZE];
	size_t n;

	space = memchr(word, ' ', (size_t)(end - word));
	n = space ? (size_t)(space - word) : 0;
	if (n == 0 || n >= sizeof(time))
		return 0;
	memcpy(time, word, n);
	time[n] = '\0';
	if (cps_time_parse(time, &piece.time) < 0)
		return 0;
	word = space + 1;
	space = memchr(word, ' ', (size_t)(end - word));
	if (!space || !stream_parse(word, (size_t)(space - word), &piece.stream))
		return 0;
	word = space + 1;
	space = memchr(word, ' ', (size_t)(end - word));
	n = space ? (size_t)(space - word) : 0;
	if (n == 0 || (*word != 'F' && *word != 'P') || (n > 1 && word[1] != ':'))
		return 0;
	piece.line_end = *word == 'F';
	*ret = piece;
	return (size_t)(space + 1 - data);
}

static bool json_record_parse(struct cps_arena *a, const char *data, size_t len,
			      struct sup_log_piece *ret)
{
	const struct cps_json *root, *log;
	struct sup_log_piece piece = { .record_start = true, .record_end = true };
	const char *stream = "stdout", *time;
	struct cps_err ignored;

	if (cps_json_parse(a, data, len, &root, &ignored) < 0)
		return false;
	log = cps_json_get(root, "log"); /* may hold NULs, so not by cps_json_str */
	if (!log || log->type != CPS_JSON_STRING)
		return false;
	if (cps_json_get(root, "stream") &&
	    cps_json_str(cps_json_get(root, "stream"), &stream, &ignored) < 0)
		return false;
	if (!stream_parse(stream, strlen(stream), &piece.stream))
		return false;
	if (!cps_json_get(root, "time") ||
	    cps_json_str(cps_json_get(root, "time"), &time, &ignored) < 0 ||
	    cps_time_parse(time, &piece.time) < 0)
		return false;
	piece.text = log->text;
	piece.len = log->len;
	piece.line_end = piece.len && piece.text[piece.len - 1] == '\n';
	if (piece.line_end)
		piece.len--;
	*ret = piece;
	return true;
}

bool sup_log_record_peek(struct cps_arena *a, const char *record, size_t len,
			 struct sup_log_piece *ret)
{
	if (len && record[0] == '{')
		return json_record_parse(a, record, len, ret);
	return cri_header_parse(record, len, ret) > 0;
}

/* Text of the current cri record: data up to its newline, or all of it. */
static int text_feed(struct sup_log_parser *p, const char **data, size_t *len, sup_log_sink *sink,
		     void *arg)
{
	const char *end = memchr(*data, '\n', *len);
	struct sup_log_piece piece = p->piece;

	piece.text = *data;
	piece.len = end ? (size_t)(end - *data) : *len;
	piece.record_end = end != NULL;
	if (!end)
		piece.line_end = false;
	*data += piece.len + (end ? 1 : 0);
	*len -= piece.len + (end ? 1 : 0);
	p->piece.record_start = false;
	if (end)
		p->state = SUP_LOG_START;
	return piece.len || piece.record_end ? sink(arg, &piece) : 0;
}

static void garbage_skip(struct sup_log_parser *p, enum sup_log_state next)
{
	p->garbage++;
	p->pending.len = 0;
	p->state = next;
}

/* The start of a record: bytes are gathered until they say what it is. */
static int start_feed(struct sup_log_parser *p, const char **data, size_t *len, sup_log_sink *sink,
		      void *arg)
{
	size_t room = SUP_LOG_HEADER_MAX - p->pending.len;
	size_t n = *len < room ? *len : room, had = p->pending.len, header;
	const char *end = memchr(*data, '\n', n);
	const char *rest;
	size_t rest_len;

	if (had == 0 && **data == '{') {
		p->state = SUP_LOG_JSON;
		return 0;
	}
	if (end)
		n = (size_t)(end - *data) + 1;
	cps_buf_add(&p->pending, *data, n);
	if (p->pending.failed)
		return -ENOMEM;
	*data += n;
	*len -= n;
	header = cri_header_parse(p->pending.data, p->pending.len - (end ? 1 : 0), &p->piece);
	if (header == 0) {
		if (end)
			garbage_skip(p, SUP_LOG_START);
		else if (p->pending.len == SUP_LOG_HEADER_MAX)
			garbage_skip(p, SUP_LOG_SKIP);
		return 0;
	}
	p->piece.record_start = true;
	p->state = SUP_LOG_TEXT;
	rest = p->pending.data + header;
	rest_len = p->pending.len - header;
	p->pending.len = 0; /* its bytes stay until the next record begins */
	return rest_len ? text_feed(p, &rest, &rest_len, sink, arg) : 0;
}

static int json_feed(struct sup_log_parser *p, const char **data, size_t *len, sup_log_sink *sink,
		     void *arg)
{
	const char *end = memchr(*data, '\n', *len);
	size_t n = end ? (size_t)(end - *data) : *len;
	struct sup_log_piece piece;
	int rc = 0;

	if (p->pending.len + n > SUP_LOG_JSON_MAX) {
		garbage_skip(p, SUP_LOG_SKIP);
		return 0;
	}
	cps_buf_add(&p->pending, *data, n);
	if (p->pending.failed)
		return -ENOMEM;
	*data += n + (end ? 1 : 0);
	*len -= n + (end ? 1 : 0);
	if (!end)
		return 0;
	if (json_record_parse(&p->arena, p->pending.data, p->pending.len, &piece))
		rc = sink(arg, &piece);
	else
		p->garbage++;
	cps_arena_done(&p->arena);
	p->pending.len = 0;
	p->state = SUP_LOG_START;
	return rc;
}

static void skip_feed(struct sup_log_parser *p, const char **data, size_t *len)
{
	const char *end = memchr(*data, '\n', *len);
	size_t n = end ? (size_t)(end - *data) + 1 : *len;

	*data += n;
	*len -= n;
	if (end)
		p->state = SUP_LOG_START;
}

int sup_log_parser_feed(struct sup_log_parser *p, const char *data, size_t len, sup_log_sink *sink,
			void *arg)
{
	int rc = 0;

	while (len && rc == 0) {
		switch (p->state) {
		case SUP_LOG_START:
			rc = start_feed(p, &data, &len, sink, arg);
			break;
		case SUP_LOG_TEXT:
			rc = text_feed(p, &data, &len, sink, arg);
			break;
		case SUP_LOG_JSON:
			rc = json_feed(p, &data, &len, sink, arg);
			break;
		case SUP_LOG_SKIP:
			skip_feed(p, &data, &len);
			break;
		}
	}
	return rc;
}

int sup_log_parser_end(struct sup_log_parser *p, sup_log_sink *sink, void *arg)
{
	struct sup_log_piece piece = p->piece;
	enum sup_log_state state = p->state;

	if ((state == SUP_LOG_START && p->pending.len) || state == SUP_LOG_JSON)
		p->garbage++;
	p->pending.len = 0;
	p->state = SUP_LOG_START;
	if (state != SUP_LOG_TEXT)
		return 0;
	/* torn: what came is shown, and whether its line went on nobody knows */
	piece.text = "";
	piece.len = 0;
	piece.record_end = true;
	piece.line_end = false;
	return sink(arg, &piece);
}
