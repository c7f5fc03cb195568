/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HOME, for processes whose config does not give it.
 */
#ifndef RT_HOME_H
#define RT_HOME_H

#include <sys/types.h>

#include "arena.h"
#include "err.h"

/* "HOME=…" by the container's own /etc/passwd (we are in its tree); "HOME=/" if that does not say.
 * The file is hostile: read bounded, and only if it is a file. */
int rt_home_find(uid_t uid, struct cps_arena *a, const char **ret_home, struct cps_err *err);
/* The same from a text, for tests: the field, or NULL. */
const char *rt_home_parse(const char *passwd, uid_t uid, size_t *ret_len);

#endif
