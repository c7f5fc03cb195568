/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much of a disk a tree takes.
 */
#ifndef STO_USAGE_H
#define STO_USAGE_H

#include <stdint.h>

/* Bytes allocated to all that is below dirfd/name, on its file system, symlinks not followed; what
 * cannot be read counts nothing. A file with several names counts its part for each of them. */
uint64_t sto_usage(int dirfd, const char *name);

#endif
