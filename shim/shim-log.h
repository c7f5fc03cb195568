/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container's log: what its streams say, cut into lines, formatted by a driver, written to a
 * rotating file. No libevent here: the caller pauses reading while a log is blocked and calls
 * shim_log_retry() from a timer.
 *
 * What must hold: a record is in the file whole or not at all, whatever the disk does; the bytes of
 * a stream are in the log once and in order, or counted as dropped; memory does not grow with the
 * output; and all of that stays true when this process is killed at any instruction and another one
 * opens the log again (log-journal.h).
 */
#ifndef SHIM_LOG_H
#define SHIM_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "clock.h"
#include "err.h"
#include "json.h"
#include "scratch.h"

/* A line longer than this is logged in pieces, as containerd's CRI and Docker do. */
#define SHIM_PIECE_MAX 16384
/* A record that `lines` may write, and some bytes behind it that it may spoil. */
#define SHIM_LINE_ROOM 4096
/* The most that is read at once. */
#define SHIM_CHUNK_MAX 262144

enum shim_stream_name { SHIM_STDOUT, SHIM_STDERR, SHIM_STREAM_COUNT };

/* What all records of one batch have in common; a driver fills it once a batch. */
struct shim_stamp {
	char head[128];
	size_t head_len;
	char tail[128];
	size_t tail_len;
};

struct shim_log_driver {
	const char *name;
	/* Bytes that a piece of len bytes may become, the stamp's included. */
	size_t (*bound)(size_t len);
	void (*stamp)(struct shim_stamp *s, const struct timespec *t, enum shim_stream_name stream);
	/* Writes one record, its newline included, and returns the bytes. `end`: the piece is the
	 * last of its line, and the newline was there. */
	size_t (*format)(char *out, const struct shim_stamp *s, const char *data, size_t len,
			 bool end);
	/*
	 * The same for whole lines, the usual case in a hurry: formats them as long as room >=
	 * SHIM_LINE_ROOM is left, and returns the bytes. What it does not like (a longer line, one
	 * whose newline is not there, the last few bytes) it leaves. *ret_used: of data.
	 */
	size_t (*lines)(char *out, size_t room, const struct shim_stamp *s, const char *data,
			size_t len, size_t *ret_used, unsigned *ret_records);
	/* A piece is not cut within a UTF-8 sequence: the format cannot carry half of one. */
	bool whole_characters;
};

extern const struct shim_log_driver shim_log_cri;
extern const struct shim_log_driver shim_log_json;
/* NULL for a name that is none; "none" is not a driver but the absence of a log. */
const struct shim_log_driver *shim_log_driver_find(const char *name);

enum shim_log_mode {
	SHIM_LOG_BLOCK, /* a disk that cannot follow holds the container back */
	SHIM_LOG_DROP,	/* … makes the log lose bytes, which it counts */
};

struct shim_log_config {
	const struct shim_log_driver *driver; /* NULL: no log */
	char *path;			      /* absolute; owned */
	uint64_t max_size;		      /* of a file, bytes; 0: no bound */
	unsigned max_files; /* all of them, the current one included; at least 1 */
	enum shim_log_mode mode;
};

/* Reads the `log` member of a request (NULL: all defaults). default_path is copied. */
int shim_log_config_parse(const struct cps_json *node, const char *default_path,
			  struct shim_log_config *ret, struct cps_err *err);
void shim_log_config_done(struct shim_log_config *c);
/* Writes the object of the state and of shim.json. */
void shim_log_config_format(const struct shim_log_config *c, struct cps_jsonw *w, const char *key);

struct shim_log;

/* For whoever wants to know what a log is doing. */
struct shim_log_stats {
	bool blocked;
	bool kept;	  /* a kill of the shim would lose nothing */
	uint64_t held;	  /* bytes read that are not in the file: unfinished lines too */
	uint64_t dropped; /* bytes; this and `untold` in the whole life of the log, … */
	uint64_t untold;  /* of them, those that the log does not speak of yet */
	uint64_t read;	  /* bytes; … the others since it was opened by this process */
	uint64_t written; /* bytes */
	uint64_t records;
	uint64_t rotations;
};

/* The name of the journal in the log's directory. */
#define SHIM_LOG_JOURNAL "log.journal"

/*
 * config->driver must be there. `journal` (a constant, NULL: none) is a file in dirfd, which is
 * borrowed for the log's life: there the log keeps what it has read and not yet written. If it is
 * there, a shim was killed, and the log goes on where that one was: what it held is written, once.
 * The scratch buffer is borrowed, and used only within a call.
 */
int shim_log_open(const struct shim_log_config *config, int dirfd, const char *journal,
		  struct shim_scratch *scratch, struct shim_log **ret, struct cps_err *err);
/* All streams have ended, and nothing will come: the journal goes, unless something is left. */
void shim_log_over(struct shim_log *log);
/* Writes what it can of what is left, and frees it; NULL is allowed. The journal goes with it,
 * unless something is left. */
void shim_log_free(struct shim_log *log);
/* Frees it as a kill would: the streams have not ended, and another shim goes on. */
void shim_log_leave(struct shim_log *log);

/*
 * Reads from fd what there is, at most max bytes (SHIM_CHUNK_MAX does), and logs it. Not to be
 * called while the log is blocked. Returns the bytes, which are at *ret_data until the next call; 0
 * at the end; -errno, -EAGAIN if there is nothing.
 *
 * Of a FIFO nothing is lost if the shim is killed meanwhile, provided that nobody else reads it.
 */
ssize_t shim_log_read(struct shim_log *log, enum shim_stream_name stream, int fd, size_t max,
		      const char **ret_data);
/* The same for bytes that do not come from a descriptor: put here, *len at most (it may shrink) …
 */
char *shim_log_chunk(struct shim_log *log, size_t *len);
/* … and logged as said at `now`. */
void shim_log_feed(struct shim_log *log, enum shim_stream_name stream, const struct timespec *now,
		   size_t len);
/* The stream is at its end: an unterminated line is written as it is. */
void shim_log_end(struct shim_log *log, enum shim_stream_name stream, const struct timespec *now);

/* block mode: something is left to be written, nothing may be fed. */
bool shim_log_is_blocked(const struct shim_log *log);
/* Blocked, or bytes were dropped that the log does not speak of yet: call retry now and then. */
bool shim_log_wants_retry(const struct shim_log *log);
void shim_log_retry(struct shim_log *log, const struct timespec *now);
uint64_t shim_log_dropped(const struct shim_log *log); /* in all */
void shim_log_stats(const struct shim_log *log, struct shim_log_stats *ret);
/* What went wrong last, if anything; forgotten by the call. For the shim's own log. */
bool shim_log_complaint(struct shim_log *log, struct cps_err *ret);
/* Nothing was read for a while: gives memory back. NULL is allowed. */
void shim_log_trim(struct shim_log *log);

#endif
