/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Showing a container's log: all of it or its last lines, between two points in time, following
 * what is still being written. Read from the files; the shim is not asked.
 */
#ifndef SUP_LOG_READER_H
#define SUP_LOG_READER_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "err.h"
#include "log-files.h"
#include "log-record.h"

#define SUP_LOG_ALL (-1)

struct sup_log_query {
	const char *path; /* of LOG */
	int64_t tail;	  /* lines, or SUP_LOG_ALL */
	bool has_since, has_until;
	struct timespec since, until;
	bool timestamps;
	/* following; the writer has ended when dir/done_name is there, or when writer_pidfd says so
	 */
	bool follow;
	const char *done_dir;
	const char *done_name;
	int writer_pidfd; /* or -1 */
	/* Once that one has gone: the pidfd of who goes on writing (the caller's of it), -1:
	 * nobody. May be NULL. */
	int (*next_writer)(void *arg);
	void *next_arg;
};

/* Lines on their way out; order across the two streams is kept. */
struct sup_log_out {
	const struct sup_log_query *query;
	int fds[SUP_LOG_STREAMS];
	struct {
		bool in_line;  /* the last record was not the end of its line */
		bool shown;    /* that line passes the query */
		uint64_t skip; /* lines to drop yet (--tail) */
	} streams[SUP_LOG_STREAMS];
	bool past_until; /* a line later than --until has come */
	enum sup_log_stream pending_stream;
	size_t pending;
	char buf[16384];
};

void sup_log_out_init(struct sup_log_out *out, const struct sup_log_query *query, int stdout_fd,
		      int stderr_fd);
int sup_log_out_piece(void *out, const struct sup_log_piece *piece); /* a sup_log_sink */
int sup_log_out_flush(struct sup_log_out *out);

/* Where reading starts for the last lines: the file's index, the offset in it, and how many lines
 * of each stream to drop after that. */
struct sup_log_start {
	size_t file;
	off_t offset;
	uint64_t skip[SUP_LOG_STREAMS];
};

/* Reads backwards as far as needed, over as many files as needed. */
int sup_log_tail_find(const struct sup_log_files *files, const struct sup_log_query *query,
		      struct sup_log_start *ret, struct cps_err *err);

/* Feeds what the file has from its position on, to its end. growing: a record without its newline
 * yet is left for the next time, since a writer whose disk is full takes back what it began. */
int sup_log_drain(int fd, bool growing, struct sup_log_parser *parser, struct sup_log_out *out,
		  struct cps_err *err);

/* Goes on with `current` (owned; -1: none yet) and the files that come after it until the writer
 * has ended and all is shown. watch: from sup_log_watch, made before the files were opened. */
int sup_log_watch(const struct sup_log_query *query, struct cps_err *err);
int sup_log_follow(int watch, int current, const struct sup_log_query *query,
		   struct sup_log_parser *parser, struct sup_log_out *out, struct cps_err *err);

/* All of the above. *ret_garbage: records that were none. */
int sup_log_show(const struct sup_log_query *query, int stdout_fd, int stderr_fd,
		 uint64_t *ret_garbage, struct cps_err *err);

#endif
