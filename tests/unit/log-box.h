/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A log in a directory of its own, for tests: what is said to it, what is in its files. A full disk
 * is RLIMIT_FSIZE: write(2) then comes back short and fails with EFBIG.
 */
#ifndef LOG_BOX_H
#define LOG_BOX_H

#include <stdint.h>

#include "shim-log.h"

/* The moment at which all is said. */
#define LOG_BOX_AT  "2026-11-21T20:55:35.123456789Z"
#define LOG_BOX_NOW 1795294535, 123456789

struct log_box {
	int dir;
	char path[96];
	struct shim_scratch scratch;
};

/* The directory is removed when the test ends. */
void log_box_init(struct log_box *b);
void log_box_done(struct log_box *b);
struct shim_log *log_box_open(struct log_box *b, const struct shim_log_driver *driver,
			      uint64_t max_size, unsigned max_files, enum shim_log_mode mode);
void log_box_feed(struct shim_log *log, enum shim_stream_name stream, const char *data, size_t len);
/* The file of that number, NUL behind it, to be freed; NULL if there is none. */
char *log_box_content(const struct log_box *b, unsigned number, size_t *ret_len);
void log_box_check(const struct log_box *b, const char *expected);
/* The log's files, the current one included. */
unsigned log_box_files(const struct log_box *b);
void log_box_remove_files(const struct log_box *b);
/* No file grows beyond it; 0: the end of that. */
void log_box_disk(uint64_t bytes);

/* What the log says of one stream, put together again. */
struct log_box_text {
	char *data; /* to be freed */
	size_t len;
	size_t room;
};

/* All files, oldest first (json-file: of text that needs no escapes): ret[] is what each stream
 * said, *ret_told what the log says was dropped. A record that is none fails the test. */
void log_box_read(const struct log_box *b, struct log_box_text ret[SHIM_STREAM_COUNT],
		  uint64_t *ret_told);

#endif
