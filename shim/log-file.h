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
	uint64_t max_size;  /* 0: no bound */
	unsigned max_files; /* the current one included */
};

/* Opens or makes the file, to append. A torn record at its end (a machine that went down) is ended
 * by a newline. */
int shim_log_file_open(struct shim_log_file *f, const char *path, uint64_t max_size,
		       unsigned max_files, struct cps_err *err);
void shim_log_file_close(struct shim_log_file *f);

/* Writes records, each ended by '\n'. Returns 0 with *ret_len == len, or -errno after *ret_len
 * bytes, which are whole records: what was written of the next one is taken back. */
int shim_log_file_append(struct shim_log_file *f, const char *data, size_t len, size_t *ret_len);

/* path -> path.1 -> path.2 …; the oldest goes. If it fails, the file goes on as it was. */
int shim_log_file_rotate(struct shim_log_file *f, struct cps_err *err);

#endif
