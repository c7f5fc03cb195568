/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Points in time as text, RFC 3339 in UTC with nanoseconds, and the clock for bounds and pauses.
 */
#ifndef CPS_CLOCK_H
#define CPS_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define CPS_TIME_SIZE 36 /* "2026-11-21T20:45:35.123456789Z" and a NUL fit well */

/* All nine digits (`cri` logs), or trailing zeros trimmed (Go's RFC3339Nano: json-file, state). */
void cps_time_format(const struct timespec *t, bool trim, char buf[CPS_TIME_SIZE]);
/* Parses RFC 3339 with optional fraction and offset. 0 or -EINVAL. */
int cps_time_parse(const char *text, struct timespec *ret);
/* "90s", "1m30s", "500ms", "2h", or plain seconds "90"; *ret_ms in milliseconds. 0 or -EINVAL. */
int cps_duration_parse(const char *text, int64_t *ret_ms);

/* CLOCK_MONOTONIC, in milliseconds. */
int64_t cps_monotonic_ms(void);

#endif
