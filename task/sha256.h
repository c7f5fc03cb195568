/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SHA-256 (FIPS 180-4) of short texts, as 64 hexadecimal digits: names for sockets.
 */
#ifndef TASK_SHA256_H
#define TASK_SHA256_H

#include <stddef.h>

#define TASK_SHA256_SIZE 65 /* with a NUL */

void task_sha256(const void *data, size_t len, char ret[TASK_SHA256_SIZE]);

#endif
