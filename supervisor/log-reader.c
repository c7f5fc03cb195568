/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a log forwards: from the files through the parser to the two outputs.
 */
#include <config.h>

#include "log-reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "file.h"
#include "own.h"

#define BLOCK 65536

void sup_log_out_init(struct sup_log_out *out, const struct sup_log_query *query, int stdout_fd,
		      int stderr_fd)
{
	memset(out, 0, sizeof(*out));
	out->query = query;
	out->fds[SUP_LOG_STDOUT] = stdout_fd;
	out->fds[SUP_LOG_STDERR] = stderr_fd;
}

int sup_log_out_flush(struct sup_log_out *out)
{
	size_t n = out->pending;

	out->pending = 0;
	return n ? cps_write_all(out->fds[out->pending_stream], out->buf, n) : 0;
}

/* One buffer for both: it is flushed when the stream changes, so that two streams on one terminal
 * come in the order in which they were written. */
static int put(struct sup_log_out *out, enum sup_log_stream stream, const char *data, size_t len)
{
	int rc = 0;

	if (out->pending &&
	    (out->pending_stream != stream || out->pending + len > sizeof(out->buf)))
		rc = sup_log_out_flush(out);
	if (rc < 0)
		return rc;
	if (len > sizeof(out->buf))
		return cps_write_all(out->fds[stream], data, len);
	memcpy(out->buf + out->pending, data, len);
	out->pending += len;
	out->pending_stream = stream;
	return 0;
}

static int time_compare(const struct timespec *a, const struct timespec *b)
{
	if (a->tv_sec != b->tv_sec)
		return a->tv_sec < b->tv_sec ? -1 : 1;
	return a->tv_nsec < b->tv_nsec ? -1 : a->tv_nsec > b->tv_nsec;
}

/* A line is judged by its first record. */
static bool is_line_shown(struct sup_log_out *out, const struct sup_log_piece *piece)
{
	const struct sup_log_query *q = out->query;

	if (q->has_until && time_compare(&piece->time, &q->until) > 0) {
		out->past_until = true;
		return false;
	}
	if (out->streams[piece->stream].skip)
		return false;
	return !q->has_since || time_compare(&piece->time, &q->since) >= 0;
}

int sup_log_out_piece(void *arg, const struct sup_log_piece *piece)
{
	struct sup_log_out *out = arg;
	enum sup_log_stream s = piece->stream;
	char stamp[CPS_TIME_SIZE];
	int rc = 0;

	if (piece->record_start && !out->streams[s].in_line) {
		out->streams[s].in_line = true;
		out->streams[s].shown = is_line_shown(out, piece);
		if (out->streams[s].shown && out->query->timestamps) {
			cps_time_format(&piece->time, false, stamp);
			rc = put(out, s, stamp, strlen(stamp));
			if (rc == 0)
				rc = put(out, s, " ", 1);
		}
	}
	if (rc == 0 && out->streams[s].shown && piece->len)
		rc = put(out, s, piece->text, piece->len);
	if (piece->record_end && piece->line_end) {
		if (rc == 0 && out->streams[s].shown)
			rc = put(out, s, "\n", 1);
		if (out->streams[s].skip)
			out->streams[s].skip--;
		out->streams[s].in_line = false;
	}
	return rc;
}

/* Of a block that ends at the end of the file: what is there in whole records. */
static size_t whole_len(const char *block, size_t len)
{
	const char *end = memrchr(block, '\n', len);

	return end ? (size_t)(end + 1 - block) : 0;
}

int sup_log_drain(int fd, bool growing, struct sup_log_parser *parser, struct sup_log_out *out,
		  struct cps_err *err)
{
	char block[BLOCK];

	for (;;) {
		ssize_t n = read(fd, block, sizeof(block));
		size_t use;
		int rc;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return cps_fail(err, errno, "read the log");
		use = (size_t)n;
		if (growing && use < sizeof(block))
			use = whole_len(block, use);
		rc = use ? sup_log_parser_feed(parser, block, use, sup_log_out_piece, out)
			 : sup_log_out_flush(out);
		if (rc < 0)
			return cps_fail(err, -rc, "show the log");
		if (use < (size_t)n && lseek(fd, (off_t)use - n, SEEK_CUR) < 0)
			return cps_fail(err, errno, "seek in the log");
		if (use == 0)
			return 0;
	}
}

static int start_find(const struct sup_log_files *files, const struct sup_log_query *query,
		      struct sup_log_start *ret, struct cps_err *err)
{
	*ret = (struct sup_log_start){ 0 };
	if (query->tail != SUP_LOG_ALL)
		return sup_log_tail_find(files, query, ret, err);
	/* a file last written before --since has nothing to show */
	while (query->has_since && ret->file + 1 < files->n &&
	       files->v[ret->file].mtime < query->since.tv_sec)
		ret->file++;
	return 0;
}

static int files_show(struct sup_log_files *files, struct sup_log_parser *parser,
		      struct sup_log_out *out, const struct sup_log_query *query,
		      struct cps_err *err)
{
	struct sup_log_start start;
	int rc = start_find(files, query, &start, err);

	if (rc < 0)
		return rc;
	for (int s = 0; s < SUP_LOG_STREAMS; s++)
		out->streams[s].skip = start.skip[s];
	for (size_t i = start.file; i < files->n && !rc; i++) {
		bool growing = query->follow && i + 1 == files->n;

		if (i == start.file && start.offset &&
		    lseek(files->v[i].fd, start.offset, SEEK_SET) < 0)
			return cps_fail(err, errno, "seek in the log");
		rc = sup_log_drain(files->v[i].fd, growing, parser, out, err);
		if (rc == 0 && !growing)
			rc = sup_log_parser_end(parser, sup_log_out_piece, out);
	}
	return rc;
}

int sup_log_show(const struct sup_log_query *query, int stdout_fd, int stderr_fd,
		 uint64_t *ret_garbage, struct cps_err *err)
{
	cleanup_log_parser struct sup_log_parser parser;
	cleanup_log_files struct sup_log_files files = { 0 };
	cleanup_free struct sup_log_out *out = calloc(1, sizeof(*out));
	cleanup_fd int watch = -1;
	int current = -1, rc;

	sup_log_parser_init(&parser);
	if (!out)
		return cps_fail(err, ENOMEM, "show the log");
	sup_log_out_init(out, query, stdout_fd, stderr_fd);
	if (query->follow) {
		watch = sup_log_watch(query, err);
		if (watch < 0)
			return watch;
	}
	rc = sup_log_files_open(query->path, &files, err);
	if (rc == 0)
		rc = files_show(&files, &parser, out, query, err);
	if (rc == 0 && query->follow && !out->past_until) {
		if (files.n)
			current = take_fd(&files.v[files.n - 1].fd);
		rc = sup_log_follow(watch, current, query, &parser, out, err);
	}
	if (rc == 0) {
		rc = sup_log_out_flush(out);
		if (rc < 0)
			return cps_fail(err, -rc, "show the log");
	}
	*ret_garbage = parser.garbage;
	return rc;
}
