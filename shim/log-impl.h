/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of a log share, and nobody else sees:
 *
 *   log.c          its life, reading, the end of a stream, retries
 *   log-cut.c      from a chunk to pieces
 *   log-write.c    from pieces to records in the file
 *   log-recover.c  what a shim that was killed left in the journal
 */
#ifndef SHIM_LOG_IMPL_H
#define SHIM_LOG_IMPL_H

#include "log-file.h"
#include "log-journal.h"
#include "shim-log.h"

struct shim_log {
	const struct shim_log_driver *driver;
	enum shim_log_mode mode;
	size_t record_max; /* what the longest piece may become */
	struct shim_log_file file;
	struct shim_scratch *scratch;
	uint64_t rotate_at; /* file size; above the bound after a rotation that failed */
	struct shim_journal journal;
	struct shim_log_state state; /* now; the journal has that of the last commit */
	bool blocked; /* block: what is held waits for the disk, and the container for us */
	struct shim_log_stats stats; /* read, written, records, rotations */
	struct cps_err complaint;
};

struct shim_piece {
	const char *data;
	size_t len;
	bool end; /* of the line */
};

/* Takes the next piece of the chunk, and state.pos moves on. False: what is left is an unfinished
 * line, or nothing. Deterministic: from the same state the same pieces come again, for nothing is
 * overwritten but what is behind the line in its carry. */
bool shim_log_cut(struct shim_log *log, struct shim_piece *p);
/* What shim_log_cut() left is put behind the unfinished line. */
void shim_log_keep_rest(struct shim_log *log);

void shim_log_commit(struct shim_log *log, enum shim_log_phase phase);

/* Writes what the chunk holds. < 0: all before state.pos is in the file, nothing behind it. */
int shim_log_write_chunk(struct shim_log *log, const struct timespec *now);
/* Writes the unfinished line of state.stream as a record. < 0: it is not in the file. */
int shim_log_write_line(struct shim_log *log, const struct timespec *now);
/* Says how much was dropped. */
void shim_log_write_notice(struct shim_log *log, const struct timespec *now);
/* So many of the chunk's records are in the file: goes on behind them. */
void shim_log_skip(struct shim_log *log, unsigned records);

/* The chunk is held: writes it, or blocks, or drops what is left. */
void shim_log_settle_chunk(struct shim_log *log);
/* log->state is what was found in the journal. */
void shim_log_recover(struct shim_log *log);

#endif
