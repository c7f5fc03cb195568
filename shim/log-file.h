/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file below a log: appends whole records, rotates by rename.
 */
#ifndef SHIM_LOG_FILE_H
#define SHIM_LOG_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "err.h"

struct shim_log_file {
	char *path; /* owned */
	int fd;
	uint64_t size;
	uint64_t dev; /* which file it is */
	uint64_t ino;
	uint64_t max_size;  /* 0: no bound */
	unsigned max_files; /* the current one included */
};

/* Opens or makes the file, to append. */
int shim_log_file_open(struct shim_log_file *f, const char *path, uint64_t max_size,
		       unsigned max_files, struct cps_err *err);
void shim_log_file_close(struct shim_log_file *f);
/* A torn record at its end (a machine that went down) is ended by a newline. */
void shim_log_file_end_torn(struct shim_log_file *f);

/* Writes records, each ended by '\n'. Returns 0 with *ret_len == len, or -errno after *ret_len
 * bytes, which are whole records: what was written of the next one is taken back. */
int shim_log_file_append(struct shim_log_file *f, const char *data, size_t len, size_t *ret_len);

/*
 * Somebody was killed while he appended to the file dev/ino, of size `before`: takes a torn record
 * back, and counts the whole ones. If that file is not to be found, or was made shorter by a
 * stranger, they are 0: better twice in the log than not at all. buf is for its use.
 */
void shim_log_file_find_end(struct shim_log_file *f, uint64_t dev, uint64_t ino, uint64_t before,
			    char *buf, size_t size, unsigned *ret_records);

/* path -> path.1 -> path.2 …; the oldest goes. If it fails, the file goes on as it was. */
int shim_log_file_rotate(struct shim_log_file *f, struct cps_err *err);
/* Somebody may have been killed between the renames: does the rest. Before the file is opened. */
void shim_log_file_finish_rotation(const char *path, unsigned max_files);

#endif
