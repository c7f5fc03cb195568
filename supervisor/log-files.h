/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of one log: LOG is written, LOG.1 was before it, LOG.2 before that. They are opened
 * from the newest to the oldest, so a rotation meanwhile can show one file twice but hide none;
 * doubles are told by their inodes.
 */
#ifndef SUP_LOG_FILES_H
#define SUP_LOG_FILES_H

#include <stddef.h>
#include <sys/types.h>

#include "err.h"

#define SUP_LOG_FILES_MAX 1000

struct sup_log_file {
	int fd; /* owned */
	dev_t dev;
	ino_t ino;
	off_t size; /* when it was opened */
	time_t mtime;
};

struct sup_log_files {
	size_t n;
	struct sup_log_file *v; /* oldest first */
};

/* base is the path of LOG. No file at all: n is 0. */
int sup_log_files_open(const char *base, struct sup_log_files *ret, struct cps_err *err);
void sup_log_files_done(struct sup_log_files *f);

#define cleanup_log_files __attribute__((cleanup(sup_log_files_done)))

#endif
