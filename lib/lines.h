/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bounded file of lines that many processes append to, none waiting for another.
 *
 * Every line is one open(2) and one write(2) with O_APPEND, so that lines never mix and nobody
 * holds a descriptor of a file that has been renamed away. Whoever takes the file beyond its bound
 * renames it to NAME.1, under flock(2) of the file so that it is renamed once; the file that was
 * NAME.1 is gone then. A process that had the file open in that moment writes into NAME.1: a reader
 * that follows keeps reading the old file, too.
 */
#ifndef CPS_LINES_H
#define CPS_LINES_H

#include <stddef.h>
#include <stdint.h>

#include "err.h"

/* The most that is sure to stay in one piece, newline included (bytes). */
#define CPS_LINE_MAX 4096

/* Appends `line` of len bytes, which ends in a newline, to dirfd/name (0600). max: bytes, beyond
 * which the file is renamed. -errno: the line is lost, or, where the disk became full within it
 * (ENOSPC), torn: the next line then follows a piece of it. */
int cps_lines_append(int dirfd, const char *name, uint64_t max, const char *line, size_t len,
		     struct cps_err *err);

#endif
