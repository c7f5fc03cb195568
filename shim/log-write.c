/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From pieces to records in the file.
 *
 * Records are formatted one behind the other into a batch, and written by one write(2). Cutting is
 * deterministic: if a write ends early, the pieces that made it are counted by their newlines and
 * the cutting is repeated up to there, so nothing but the raw bytes behind that point needs to be
 * kept (block) or counted (drop). The same holds when it is not the write that ended but this
 * process: the journal says in which file the batch is, and where it begins.
 */
#include <config.h>
#include "log-impl.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void shim_log_commit(struct shim_log *log, enum shim_log_phase phase)
{
	log->state.phase = phase;
	shim_journal_commit(&log->journal, &log->state);
}

struct batch {
	struct shim_line line; /* where it began, to begin there again */
	uint32_t pos;
	size_t len;
	unsigned records; /* the chunk's own */
	struct shim_stamp stamp;
};

enum fill {
	FILL_ALL,    /* nothing is left but an unfinished line */
	FILL_FULL,   /* write what there is and go on */
	FILL_ROTATE, /* … into a new file */
};

static struct shim_line *line_of(struct shim_log *log)
{
	return &log->state.lines[log->state.stream];
}

static void notice_put(struct shim_log *log, const struct timespec *now, struct batch *b)
{
	struct shim_stamp stamp;
	char text[64];
	int n;

	log->driver->stamp(&stamp, now, SHIM_STDERR);
	n = snprintf(text, sizeof(text), "capsule: dropped %" PRIu64 " bytes", log->state.untold);
	b->len = log->driver->format(log->scratch->batch, &stamp, text, (size_t)n, true);
}

/* From here until the next commit the journal says that the batch is being written. */
static void batch_begin(struct shim_log *log, const struct timespec *now, struct batch *b)
{
	struct shim_log_state *s = &log->state;

	b->line = *line_of(log);
	b->pos = s->pos;
	b->len = 0;
	b->records = 0;
	s->tells = s->untold > 0;
	if (s->tells)
		notice_put(log, now, b);
	s->dev = log->file.dev;
	s->ino = log->file.ino;
	s->before = log->file.size;
	shim_log_commit(log, SHIM_LOG_WRITING);
}

/*
 * Must a record of n bytes go into a new file? Not while a line's pieces are being written, for
 * they stay together; but a "line" without end must not defeat the bound: twice the size ends it.
 */
static bool wants_rotation(const struct shim_log *log, bool open, size_t batched, size_t n)
{
	uint64_t size = log->file.size + batched;

	if (log->rotate_at == 0 || size == 0 || size + n <= log->rotate_at)
		return false;
	return !open || size + n > 2 * log->rotate_at;
}

/* Formats one piece behind the batch. False, with *ret_how: there it cannot go. */
static bool batch_add(struct shim_log *log, const struct shim_piece *p, bool open, struct batch *b,
		      enum fill *ret_how)
{
	size_t n;

	*ret_how = FILL_FULL;
	if (log->record_max > SHIM_SCRATCH_BATCH - b->len)
		return false;
	n = log->driver->format(log->scratch->batch + b->len, &b->stamp, p->data, p->len, p->end);
	*ret_how = FILL_ROTATE;
	if (wants_rotation(log, open, b->len, n))
		return false;
	b->len += n;
	b->records++;
	return true;
}

static bool is_other_line_open(const struct shim_log *log)
{
	for (unsigned i = 0; i < SHIM_STREAM_COUNT; i++) {
		if (i != log->state.stream && log->state.lines[i].open)
			return true;
	}
	return false;
}

/* Whole lines, as many as surely go into this batch and this file. */
static void batch_add_lines(struct shim_log *log, struct batch *b)
{
	struct shim_log_state *s = &log->state;
	size_t room = SHIM_SCRATCH_BATCH - b->len;
	uint64_t size = log->file.size + b->len;
	unsigned records;
	size_t used;

	if (line_of(log)->len > 0 || (log->rotate_at > 0 && size >= log->rotate_at))
		return;
	if (log->rotate_at > 0 && room > log->rotate_at - size)
		room = (size_t)(log->rotate_at - size);
	b->len += log->driver->lines(log->scratch->batch + b->len, room, &b->stamp,
				     shim_journal_chunk(&log->journal) + s->pos, s->len - s->pos,
				     &used, &records);
	s->pos += (uint32_t)used;
	b->records += records;
	if (records > 0)
		line_of(log)->open = false;
}

static enum fill batch_fill(struct shim_log *log, struct batch *b)
{
	bool other_open = is_other_line_open(log);

	for (;;) {
		struct shim_line was;
		uint32_t from;
		struct shim_piece p;
		enum fill how;

		batch_add_lines(log, b);
		was = *line_of(log);
		from = log->state.pos;
		if (!shim_log_cut(log, &p))
			return FILL_ALL;
		if (!batch_add(log, &p, was.open || other_open, b, &how)) {
			*line_of(log) = was;
			log->state.pos = from;
			return how;
		}
	}
}

static unsigned newlines(const char *data, size_t len)
{
	const char *end = data + len;
	unsigned n = 0;

	while (data < end && (data = memchr(data, '\n', (size_t)(end - data))) != NULL) {
		data++;
		n++;
	}
	return n;
}

/* Writes the batch; b->records: the chunk's own that are in the file now. */
static int batch_write(struct shim_log *log, struct batch *b)
{
	size_t written = 0;
	int rc = 0;

	if (b->len > 0)
		rc = shim_log_file_append(&log->file, log->scratch->batch, b->len, &written);
	if (log->state.tells && written > 0)
		log->state.untold = 0;
	if (rc < 0) {
		b->records = newlines(log->scratch->batch, written);
		if (log->state.tells && b->records > 0)
			b->records--;
		(void)cps_fail(&log->complaint, -rc, "write log '%s'", log->file.path);
	}
	log->stats.written += written;
	log->stats.records += b->records;
	return rc;
}

static void log_rotate(struct shim_log *log)
{
	log->rotate_at = log->file.max_size;
	if (shim_log_file_rotate(&log->file, &log->complaint) == 0) {
		log->stats.rotations++;
		return;
	}
	/* Better too long a file than a lost line; try again a good while later. */
	log->rotate_at = log->file.size + log->file.max_size / 4 + SHIM_CHUNK_MAX;
}

void shim_log_skip(struct shim_log *log, unsigned records)
{
	struct shim_piece p;

	while (records-- > 0 && shim_log_cut(log, &p))
		;
}

int shim_log_write_chunk(struct shim_log *log, const struct timespec *now)
{
	struct timespec said = { log->state.sec, log->state.nsec };
	struct batch b;

	log->driver->stamp(&b.stamp, &said, (enum shim_stream_name)log->state.stream);
	for (;;) {
		enum fill how;
		int rc;

		batch_begin(log, now, &b);
		how = batch_fill(log, &b);
		rc = batch_write(log, &b);
		if (rc < 0) {
			*line_of(log) = b.line;
			log->state.pos = b.pos;
			shim_log_skip(log, b.records);
		}
		/* Before the rest of the chunk overwrites a carry that the batch began with. */
		shim_log_commit(log, SHIM_LOG_HELD);
		if (rc < 0)
			return rc;
		if (how == FILL_ALL) {
			shim_log_keep_rest(log);
			return 0;
		}
		if (how == FILL_ROTATE)
			log_rotate(log);
	}
}

int shim_log_write_line(struct shim_log *log, const struct timespec *now)
{
	struct shim_log_state *s = &log->state;
	struct shim_piece p = { shim_journal_carry(&log->journal, s->stream), line_of(log)->len,
				false };
	bool open = line_of(log)->open || is_other_line_open(log);
	struct batch b;
	enum fill how;
	int rc;

	log->driver->stamp(&b.stamp, now, (enum shim_stream_name)s->stream);
	s->ending = true;
	batch_begin(log, now, &b);
	if (!batch_add(log, &p, open, &b, &how)) {
		shim_log_commit(log, SHIM_LOG_IDLE);
		log_rotate(log);
		batch_begin(log, now, &b);
		(void)batch_add(log, &p, true, &b, &how); /* an empty file takes it */
	}
	rc = batch_write(log, &b);
	s->ending = false;
	return b.records > 0 ? 0 : rc;
}

void shim_log_write_notice(struct shim_log *log, const struct timespec *now)
{
	struct batch b;

	batch_begin(log, now, &b);
	(void)batch_write(log, &b);
	shim_log_commit(log, SHIM_LOG_IDLE);
}
