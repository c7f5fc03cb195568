/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What clang's analyser cannot see from one file (tidy.sh includes this before each): that errno
 * is positive after a failure, that the negation of it is negative, and that cps_fail() returns
 * something negative. Without this every failure is also followed as a success that wrote nothing
 * to its outputs. Here errno is one of the values that our code tells apart, each a path of its
 * own.
 */
#ifndef LINT_ANALYSER_H
#define LINT_ANALYSER_H

#include <config.h>
#include <errno.h>

#include "err.h"
#include "json.h"

int lint_any(void);

static inline int *lint_errno(void)
{
	int *location = __errno_location();

	switch (lint_any()) {
	case 0:
		*location = ENOENT;
		break;
	case 1:
		*location = EINTR;
		break;
	case 2:
		*location = EEXIST;
		break;
	case 3:
		*location = ENOSYS;
		break;
	default:
		*location = EIO;
		break;
	}
	return location;
}

static inline int lint_negative(int rc)
{
	if (rc >= 0)
		__builtin_unreachable();
	return rc;
}

#undef errno
#define errno (*lint_errno())

/* lib, which defines them, is compiled without the names being macros. */
#ifndef LINT_LIB
#define cps_fail(...)	     lint_negative(cps_fail(__VA_ARGS__))
#define cps_failx(...)	     lint_negative(cps_failx(__VA_ARGS__))
#define cps_json_fail(...)   lint_negative(cps_json_fail(__VA_ARGS__))
#define cps_wrap(e, rc, ...) ((void)cps_wrap(e, rc, __VA_ARGS__), (rc))
#endif

#endif
