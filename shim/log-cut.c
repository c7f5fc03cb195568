/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a chunk of what a stream said to pieces: lines, or 16 KiB of a longer one.
 */
#include <config.h>
#include "log-impl.h"

#include <string.h>

/* Continuation bytes at data that belong to the character before it: at most 3. */
static size_t continuation(const char *data, size_t len, size_t max)
{
	size_t n = 0;

	while (n < len && n < max && ((unsigned char)data[n] & 0xc0) == 0x80)
		n++;
	return n;
}

bool shim_log_cut(struct shim_log *log, struct shim_piece *p)
{
	struct shim_log_state *s = &log->state;
	struct shim_line *l = &s->lines[s->stream];
	const char *at = shim_journal_chunk(&log->journal) + s->pos;
	size_t rest = s->len - s->pos;
	size_t room = l->len < SHIM_PIECE_MAX ? SHIM_PIECE_MAX - l->len : 0;
	/* + 1: the newline may stand right behind the last byte of a full piece. */
	const char *newline = memchr(at, '\n', rest < room + 1 ? rest : room + 1);
	size_t take;

	if (newline) {
		take = (size_t)(newline - at);
	} else if (rest <= room) {
		return false;
	} else {
		size_t more = log->driver->whole_characters ? SHIM_CARRY_MAX - l->len - room : 0;
		size_t extra = continuation(at + room, rest - room, more);

		take = room + extra;
		if (extra < more && take == rest)
			return false; /* the character may go on */
		if (take < rest && at[take] == '\n')
			newline = at + take;
	}
	p->end = newline != NULL;
	p->len = l->len + take;
	p->data = at;
	if (l->len > 0) {
		char *carry = shim_journal_carry(&log->journal, s->stream);

		memcpy(carry + l->len, at, take);
		p->data = carry;
	}
	s->pos += (uint32_t)take + (p->end ? 1 : 0);
	l->len = 0;
	l->open = !p->end;
	return true;
}

void shim_log_keep_rest(struct shim_log *log)
{
	struct shim_log_state *s = &log->state;
	struct shim_line *l = &s->lines[s->stream];
	size_t rest = s->len - s->pos;

	if (rest == 0)
		return;
	memcpy(shim_journal_carry(&log->journal, s->stream) + l->len,
	       shim_journal_chunk(&log->journal) + s->pos, rest);
	l->len += (uint32_t)rest;
	s->pos = s->len;
}
