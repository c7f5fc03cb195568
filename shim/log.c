/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From what a stream says to records in a file.
 *
 * A chunk is cut into pieces (a line, or 16 KiB of a longer one), formatted one behind the other
 * into a batch, and written by one write(2). Cutting is deterministic: if a write ends early, the
 * pieces that made it are counted by their newlines and the cutting is repeated up to there, so
 * nothing but the raw bytes behind that point needs to be kept (block) or counted (drop).
 */
#include <config.h>
#include "shim-log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log-file.h"
#include "own.h"

#define CARRY_MAX                                                                      \
	(SHIM_PIECE_MAX + 3) /* a character that began within the piece ends behind it \
			      */

struct shim_log {
	const struct shim_log_driver *driver;
	enum shim_log_mode mode;
	size_t record_max; /* what the longest piece may become */
	struct shim_log_file file;
	struct shim_scratch *scratch;
	uint64_t rotate_at; /* file size; above the bound after a rotation that failed */
	struct shim_line lines[SHIM_STREAM_COUNT];
	bool end_wanted[SHIM_STREAM_COUNT]; /* the stream ended while we were blocked */

	/* block: read, but not yet in the file; the container waits meanwhile */
	bool blocked;
	char *stash;
	size_t stash_len;
	enum shim_stream_name stash_stream;
	struct timespec stash_time;

	uint64_t dropped; /* in all */
	uint64_t untold;  /* of them, those that the log does not speak of yet */
	struct cps_err complaint;
};

struct piece {
	const char *data;
	size_t len;
	bool end; /* of the line */
};

/* ---- cutting ---- */

/* Continuation bytes at data that belong to the character before it: at most 3. */
static size_t continuation(const char *data, size_t len, size_t max)
{
	size_t n = 0;

	while (n < len && n < max && ((unsigned char)data[n] & 0xc0) == 0x80)
		n++;
	return n;
}

/* One call's worth of a stream, and how far it has been dealt with. */
struct feed {
	struct shim_line *line;
	struct shim_stamp stamp;
	const char *data;
	size_t len;
	size_t pos;
};

/* Takes the next piece. False: what is left is an unfinished line, or nothing. */
static bool piece_next(const struct shim_log *log, struct feed *f, struct piece *p)
{
	struct shim_line *l = f->line;
	const char *at = f->data + f->pos;
	size_t rest = f->len - f->pos;
	size_t room = l->len < SHIM_PIECE_MAX ? SHIM_PIECE_MAX - l->len : 0;
	/* + 1: the newline may stand right behind the last byte of a full piece. */
	const char *newline = memchr(at, '\n', rest < room + 1 ? rest : room + 1);
	size_t take;

	if (newline) {
		take = (size_t)(newline - at);
	} else if (rest <= room) {
		return false;
	} else {
		size_t more = log->driver->whole_characters ? CARRY_MAX - l->len - room : 0;
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
		memcpy(l->carry + l->len, at, take);
		p->data = l->carry;
	}
	f->pos += take + (p->end ? 1 : 0);
	l->len = 0;
	l->open = !p->end;
	return true;
}

/* ---- writing ---- */

struct batch {
	struct shim_line line; /* where it began, to begin there again */
	size_t pos;
	size_t len;
	bool tells; /* its first record says how much was dropped */
};

enum fill {
	FILL_ALL,    /* nothing is left but an unfinished line */
	FILL_FULL,   /* write what there is and go on */
	FILL_ROTATE, /* … into a new file */
};

static void batch_begin(struct shim_log *log, const struct feed *f, const struct timespec *now,
			struct batch *b)
{
	struct shim_stamp stamp;
	char text[64];
	int n;

	*b = (struct batch){ .line = *f->line, .pos = f->pos };
	if (log->untold == 0)
		return;
	log->driver->stamp(&stamp, now, SHIM_STDERR);
	n = snprintf(text, sizeof(text), "capsule: dropped %" PRIu64 " bytes", log->untold);
	b->len = log->driver->format(log->scratch->batch, &stamp, text, (size_t)n, true);
	b->tells = true;
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
static bool batch_add(struct shim_log *log, const struct feed *f, const struct piece *p, bool open,
		      struct batch *b, enum fill *ret_how)
{
	size_t n;

	*ret_how = FILL_FULL;
	if (log->record_max > SHIM_SCRATCH_BATCH - b->len)
		return false;
	n = log->driver->format(log->scratch->batch + b->len, &f->stamp, p->data, p->len, p->end);
	*ret_how = FILL_ROTATE;
	if (wants_rotation(log, open, b->len, n))
		return false;
	b->len += n;
	return true;
}

static bool is_other_line_open(const struct shim_log *log, const struct shim_line *line)
{
	for (int i = 0; i < SHIM_STREAM_COUNT; i++) {
		if (&log->lines[i] != line && log->lines[i].open)
			return true;
	}
	return false;
}

static enum fill batch_fill(struct shim_log *log, struct feed *f, struct batch *b)
{
	bool other_open = is_other_line_open(log, f->line);

	for (;;) {
		struct shim_line was = *f->line;
		size_t from = f->pos;
		struct piece p;
		enum fill how;

		if (!piece_next(log, f, &p))
			return FILL_ALL;
		if (!batch_add(log, f, &p, was.open || other_open, b, &how)) {
			*f->line = was;
			f->pos = from;
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

/* Writes the batch; *ret_records: the feed's own records that are in the file now. */
static int batch_write(struct shim_log *log, const struct batch *b, unsigned *ret_records)
{
	size_t written = 0;
	int rc = 0;

	if (b->len > 0)
		rc = shim_log_file_append(&log->file, log->scratch->batch, b->len, &written);
	if (b->tells && written > 0)
		log->untold = 0;
	if (rc < 0) {
		*ret_records = newlines(log->scratch->batch, written);
		if (b->tells && *ret_records > 0)
			(*ret_records)--;
		(void)cps_fail(&log->complaint, -rc, "write log '%s'", log->file.path);
	}
	return rc;
}

static void log_rotate(struct shim_log *log)
{
	log->rotate_at = log->file.max_size;
	if (shim_log_file_rotate(&log->file, &log->complaint) == 0)
		return;
	/* Better too long a file than a lost line; try again a good while later. */
	log->rotate_at = log->file.size + log->file.max_size / 4 + SHIM_CHUNK_MAX;
}

/* Writes one piece by itself. < 0: it is not in the file. */
static int piece_write(struct shim_log *log, const struct feed *f, const struct piece *p,
		       const struct timespec *now)
{
	bool open = f->line->open || is_other_line_open(log, f->line);
	unsigned records = 0;
	struct batch b;
	enum fill how;
	int rc;

	batch_begin(log, f, now, &b);
	if (!batch_add(log, f, p, open, &b, &how)) {
		log_rotate(log);
		batch_begin(log, f, now, &b);
		(void)batch_add(log, f, p, true, &b, &how); /* an empty file takes it */
	}
	rc = batch_write(log, &b, &records);
	return records > 0 ? 0 : rc;
}

/* Without memory to keep an unfinished line in, it is written as a piece of its own. */
static int tail_write(struct shim_log *log, struct feed *f, const struct timespec *now)
{
	struct piece p = { f->data + f->pos, f->len - f->pos, false };
	int rc = piece_write(log, f, &p, now);

	if (rc == 0) {
		f->pos = f->len;
		f->line->open = true;
	}
	return rc;
}

static int tail_keep(struct shim_log *log, struct feed *f, const struct timespec *now)
{
	struct shim_line *l = f->line;
	size_t rest = f->len - f->pos;

	if (rest == 0)
		return 0;
	if (!l->carry)
		l->carry = malloc(CARRY_MAX);
	if (!l->carry)
		return tail_write(log, f, now);
	memcpy(l->carry + l->len, f->data + f->pos, rest);
	l->len += (uint32_t)rest;
	f->pos = f->len;
	return 0;
}

/* Writes the feed. < 0: all before f->pos is in the file, nothing behind it. */
static int feed_write(struct shim_log *log, struct feed *f, const struct timespec *now)
{
	for (;;) {
		unsigned records = 0;
		struct piece p;
		struct batch b;
		enum fill how;
		int rc;

		batch_begin(log, f, now, &b);
		how = batch_fill(log, f, &b);
		rc = batch_write(log, &b, &records);
		if (rc < 0) {
			*f->line = b.line;
			f->pos = b.pos;
			while (records-- > 0)
				(void)piece_next(log, f, &p);
			return rc;
		}
		if (how == FILL_ALL)
			return tail_keep(log, f, now);
		if (how == FILL_ROTATE)
			log_rotate(log);
	}
}

static void drop(struct shim_log *log, size_t bytes)
{
	log->dropped += bytes;
	log->untold += bytes;
}

/* The disk cannot follow: what is left of the feed is kept, or counted. */
static void feed_failed(struct shim_log *log, struct feed *f, enum shim_stream_name stream,
			const struct timespec *now)
{
	size_t left = f->len - f->pos;

	if (log->mode == SHIM_LOG_BLOCK) {
		char *stash = log->stash ? log->stash : malloc(left);

		if (stash) {
			memmove(stash, f->data + f->pos, left);
			log->stash = stash;
			log->stash_len = left;
			log->stash_stream = stream;
			log->stash_time = *now;
			log->blocked = true;
			return;
		}
	}
	drop(log, left + f->line->len);
	f->line->len = 0;
}

void shim_log_feed(struct shim_log *log, enum shim_stream_name stream, const struct timespec *now,
		   const char *data, size_t len)
{
	struct feed f = { .line = &log->lines[stream], .data = data, .len = len };

	log->driver->stamp(&f.stamp, now, stream);
	if (feed_write(log, &f, now) < 0)
		feed_failed(log, &f, stream, now);
}

void shim_log_end(struct shim_log *log, enum shim_stream_name stream, const struct timespec *now)
{
	struct shim_line *l = &log->lines[stream];
	struct feed f = { .line = l };
	struct piece p = { l->carry, l->len, false };

	log->end_wanted[stream] = false;
	if (log->blocked) {
		log->end_wanted[stream] = true;
		return;
	}
	if (l->len > 0) {
		log->driver->stamp(&f.stamp, now, stream);
		if (piece_write(log, &f, &p, now) < 0) {
			if (log->mode == SHIM_LOG_BLOCK) {
				log->end_wanted[stream] = true;
				log->blocked = true;
				return;
			}
			drop(log, l->len);
		}
	}
	l->len = 0;
	l->open = false;
	cps_free_at(&l->carry);
}

bool shim_log_is_blocked(const struct shim_log *log)
{
	return log->blocked;
}

bool shim_log_wants_retry(const struct shim_log *log)
{
	return log->blocked || log->untold > 0;
}

static void retry_blocked(struct shim_log *log, const struct timespec *now)
{
	struct feed f = {
		.line = &log->lines[log->stash_stream],
		.data = log->stash,
		.len = log->stash_len,
	};

	log->blocked = false;
	if (log->stash) {
		log->driver->stamp(&f.stamp, &log->stash_time, log->stash_stream);
		if (feed_write(log, &f, now) < 0) {
			feed_failed(log, &f, log->stash_stream, &log->stash_time);
			return;
		}
		cps_free_at(&log->stash);
		log->stash_len = 0;
	}
	for (int i = 0; i < SHIM_STREAM_COUNT; i++) {
		if (log->end_wanted[i])
			shim_log_end(log, (enum shim_stream_name)i, now);
	}
}

void shim_log_retry(struct shim_log *log, const struct timespec *now)
{
	struct feed none = { .line = &log->lines[SHIM_STDERR] };
	unsigned records;
	struct batch b;

	if (log->blocked) {
		retry_blocked(log, now);
	} else if (log->untold > 0) {
		batch_begin(log, &none, now, &b);
		(void)batch_write(log, &b, &records);
	}
}

uint64_t shim_log_dropped(const struct shim_log *log)
{
	return log->dropped;
}

bool shim_log_complaint(struct shim_log *log, struct cps_err *ret)
{
	if (log->complaint.num == 0)
		return false;
	*ret = log->complaint;
	log->complaint.num = 0;
	return true;
}

/* ---- life ---- */

int shim_log_open(const struct shim_log_config *config, struct shim_scratch *scratch,
		  struct shim_log **ret, struct cps_err *err)
{
	struct shim_log *log = calloc(1, sizeof(*log));
	int rc;

	if (!log)
		return cps_fail(err, ENOMEM, "open log '%s'", config->path);
	rc = shim_log_file_open(&log->file, config->path, config->max_size, config->max_files, err);
	if (rc < 0) {
		free(log);
		return rc;
	}
	log->driver = config->driver;
	log->mode = config->mode;
	log->record_max = config->driver->bound(CARRY_MAX);
	log->scratch = scratch;
	log->rotate_at = config->max_size;
	*ret = log;
	return 0;
}

void shim_log_free(struct shim_log *log)
{
	struct timespec now;

	if (!log)
		return;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	for (int i = 0; i < SHIM_STREAM_COUNT; i++)
		shim_log_end(log, (enum shim_stream_name)i, &now);
	if (shim_log_wants_retry(log))
		shim_log_retry(log, &now);
	for (int i = 0; i < SHIM_STREAM_COUNT; i++)
		free(log->lines[i].carry);
	free(log->stash);
	shim_log_file_close(&log->file);
	free(log);
}
