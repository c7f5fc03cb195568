/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Points in time as options name them.
 */
#ifndef SUP_WHEN_H
#define SUP_WHEN_H

#include <time.h>

#include "err.h"

/* A time (RFC 3339), or how long ago (10m). option: without its dashes, for the message. */
int sup_when_parse(const char *option, const char *text, struct timespec *ret, struct cps_err *err);

#endif
