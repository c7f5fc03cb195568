/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For the analyser only (tidy.sh includes it before each file). It cannot know that errno is
 * positive after a failure, nor that the negation of something positive is negative, so that every
 * `return -errno;` would also be a success with nothing written to the outputs. Here errno is one
 * of the values that our code tells apart, each followed as a path of its own.
 */
#ifndef LINT_ERRNO_H
#define LINT_ERRNO_H

#include <config.h>
#include <errno.h>

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

#undef errno
#define errno (*lint_errno())

#endif
