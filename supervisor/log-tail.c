/* SPDX-License-Identifier: Apache-2.0 */
/*
 * --tail: the place where the last N lines begin, found from the end, so that its cost is that of
 * the lines asked for and not of the log.
 *
 * A line is one record with tag F and the P records of the same stream before it. The other
 * stream's records lie between them, so a start that is right for one stream may be too early for
 * the other: what belongs to older lines from there on is counted, and dropped when reading
 * forwards.
 */
#include <config.h>

#include "log-reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "own.h"

#define BLOCK 65536
#define LOOKBACK_MAX \
	(1 << 20) /* bytes read for the start of a line whose end is among the last N */

/* A file read from its end. */
struct back {
	int fd;
	off_t end;   /* what is before it has not been returned yet */
	off_t block; /* offset of the bytes in data */
	size_t len;
	char data[BLOCK];
};

struct scan {
	const struct sup_log_query *query;
	uint64_t chosen;	    /* lines */
	bool open[SUP_LOG_STREAMS]; /* records further back may belong to a chosen line */
	bool seen[SUP_LOG_STREAMS];
	uint64_t skip[SUP_LOG_STREAMS];
	off_t lookback; /* bytes read since N lines were chosen */
};

static ssize_t read_at(int fd, char *buf, size_t len, off_t offset)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = pread(fd, buf + done, len - done, offset + (off_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

/* Makes data hold the bytes before `end`. */
static int block_load(struct back *b, off_t end)
{
	ssize_t n;

	b->block = end > BLOCK ? end - BLOCK : 0;
	n = read_at(b->fd, b->data, (size_t)(end - b->block), b->block);
	if (n < 0)
		return (int)n;
	b->len = (size_t)n;
	return n == end - b->block ? 0 : -EIO; /* somebody cut the file */
}

/* The offset behind the last newline before `end`; 0 if there is none. */
static int line_start(struct back *b, off_t end, off_t *ret)
{
	while (end > 0) {
		const char *newline;
		int rc = 0;

		if (end <= b->block || end > b->block + (off_t)b->len)
			rc = block_load(b, end);
		if (rc < 0)
			return rc;
		newline = memrchr(b->data, '\n', (size_t)(end - b->block));
		if (newline) {
			*ret = b->block + (newline - b->data) + 1;
			return 0;
		}
		end = b->block;
	}
	*ret = 0;
	return 0;
}

/* The record that ends at b->end: 1 and its header, 0 if it is none. */
static int record_load(struct back *b, off_t start, off_t end, struct sup_log_piece *ret)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	cleanup_free char *heap = NULL;
	size_t len = (size_t)(end - start);
	const char *record = b->data + (start - b->block);
	ssize_t n;

	if (len == 0)
		return 0; /* an empty line */
	if (start < b->block || end > b->block + (off_t)b->len) {
		if (len > SUP_LOG_JSON_MAX)
			len = SUP_LOG_JSON_MAX; /* cri needs its head only, json has no more */
		heap = malloc(len);
		if (!heap)
			return -ENOMEM;
		n = read_at(b->fd, heap, len, start);
		if (n < 0)
			return (int)n;
		len = (size_t)n;
		record = heap;
	}
	if (len && record[0] != '{' && len > SUP_LOG_HEADER_MAX)
		len = SUP_LOG_HEADER_MAX;
	return sup_log_record_peek(&a, record, len, ret);
}

static bool is_before(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec != b->tv_sec ? a->tv_sec < b->tv_sec : a->tv_nsec < b->tv_nsec;
}

/* Takes one record into account; true: it and what is before it is not needed. */
static bool scan_record(struct scan *s, const struct sup_log_piece *piece)
{
	const struct sup_log_query *q = s->query;
	enum sup_log_stream st = piece->stream;

	if (q->has_since && is_before(&piece->time, &q->since))
		return true;
	if (q->has_until && is_before(&q->until, &piece->time))
		return false;
	/* F ends a line; so does the stream's very last record, whatever its tag */
	if (piece->line_end || !s->seen[st]) {
		s->seen[st] = true;
		s->open[st] = s->chosen < (uint64_t)q->tail;
		if (s->open[st])
			s->chosen++;
		else
			s->skip[st]++;
	}
	if (s->chosen < (uint64_t)q->tail)
		return false;
	for (int i = 0; i < SUP_LOG_STREAMS; i++)
		if (s->open[i])
			return false;
	/* this record's line was counted to be dropped, but reading starts behind it */
	if (piece->line_end && s->skip[st])
		s->skip[st]--;
	return true;
}

/* The record before `end`: where it starts, and its end without the newline. A record without a
 * newline (torn, or being written) is 0. */
static int record_find(struct back *b, off_t end, off_t *ret_start, struct sup_log_piece *ret)
{
	off_t start = end;
	int rc = line_start(b, end, &start);

	*ret_start = start;
	if (rc < 0 || start != end)
		return rc;
	end--;
	rc = line_start(b, end, &start);
	if (rc < 0)
		return rc;
	*ret_start = start;
	return record_load(b, start, end, ret);
}

/* 1: the start is found, in this file at *ret_offset; 0: go on with the file before it. */
static int scan_file(struct scan *s, struct back *b, off_t *ret_offset)
{
	while (b->end > 0) {
		struct sup_log_piece piece = { 0 };
		off_t start;
		int rc = record_find(b, b->end, &start, &piece);

		if (rc < 0)
			return rc;
		if (rc > 0 && scan_record(s, &piece)) {
			*ret_offset = b->end;
			return 1;
		}
		if (s->chosen >= (uint64_t)s->query->tail)
			s->lookback += b->end - start;
		if (s->lookback > LOOKBACK_MAX) {
			*ret_offset = start;
			return 1;
		}
		b->end = start;
	}
	*ret_offset = 0;
	return 0;
}

int sup_log_tail_find(const struct sup_log_files *files, const struct sup_log_query *query,
		      struct sup_log_start *ret, struct cps_err *err)
{
	cleanup_free struct back *b = malloc(sizeof(*b));
	struct scan s = { .query = query };
	int rc = 0;

	if (!b)
		return cps_fail(err, ENOMEM, "find the last lines of the log");
	*ret = (struct sup_log_start){ 0 };
	for (size_t i = files->n; i-- > 0 && rc == 0;) {
		b->fd = files->v[i].fd;
		b->end = files->v[i].size;
		b->block = b->end;
		b->len = 0;
		ret->file = i;
		rc = scan_file(&s, b, &ret->offset);
	}
	if (rc < 0)
		return cps_fail(err, -rc, "find the last lines of the log");
	for (int st = 0; st < SUP_LOG_STREAMS; st++)
		ret->skip[st] = s.skip[st];
	return 0;
}
