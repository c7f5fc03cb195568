/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parser of log records. Besides not crashing: where the input is cut changes nothing of what
 * is made of it.
 */
#include <config.h>
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "log-record.h"

/* A digest of all that the sink is told, whatever the pieces. */
struct seen {
	uint64_t text[SUP_LOG_STREAMS];
	uint64_t records, lines, bytes;
};

static int see(void *arg, const struct sup_log_piece *piece)
{
	struct seen *s = arg;

	if (piece->stream >= SUP_LOG_STREAMS)
		abort();
	for (size_t i = 0; i < piece->len; i++)
		s->text[piece->stream] =
			(s->text[piece->stream] ^ (unsigned char)piece->text[i]) * 1099511628211U;
	s->bytes += piece->len;
	s->records += piece->record_end;
	s->lines += piece->record_end && piece->line_end;
	return 0;
}

static struct seen parse(const uint8_t *data, size_t size, size_t step, uint64_t *garbage)
{
	struct sup_log_parser p;
	struct seen s = { 0 };

	sup_log_parser_init(&p);
	for (size_t at = 0; at < size; at += step)
		(void)sup_log_parser_feed(&p, (const char *)data + at,
					  size - at < step ? size - at : step, see, &s);
	(void)sup_log_parser_end(&p, see, &s);
	*garbage = p.garbage;
	sup_log_parser_done(&p);
	return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const size_t steps[] = { 1, 7, 100 };
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	struct sup_log_piece piece;
	uint64_t garbage, other;
	struct seen whole;

	if (size > 65536)
		return 0;
	whole = parse(data, size, size ? size : 1, &garbage);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct seen cut = parse(data, size, steps[i], &other);

		if (memcmp(&cut, &whole, sizeof(cut)) != 0 || other != garbage)
			abort();
	}
	(void)sup_log_record_peek(&a, (const char *)data, size, &piece);
	return 0;
}
