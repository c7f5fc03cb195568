/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether we run for somebody who is not the machine's root: as another user, or as root of a user
 * namespace that is not the machine's.
 */
#ifndef RT_ROOTLESS_H
#define RT_ROOTLESS_H

#include <stdbool.h>

#include "err.h"

enum rt_rootless { RT_ROOTLESS_AUTO, RT_ROOTLESS_YES, RT_ROOTLESS_NO };

/* "auto", "true", "false", as --rootless has them; EINVAL for anything else. */
int rt_rootless_parse(const char *text, enum rt_rootless *ret, struct cps_err *err);

/* Do we start as anybody but root of whatever user namespace we are in? Costs no system call. */
bool rt_is_unprivileged(void);
/* Are we root of nothing but a user namespace, or not even that? AUTO asks the kernel, so only
 * where it matters: when something was refused. */
bool rt_is_rootless(enum rt_rootless said);

#endif
