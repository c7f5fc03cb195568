/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is mounted below a directory, as mountinfo has it (proc(5)).
 */
#ifndef CRIU_MOUNTINFO_H
#define CRIU_MOUNTINFO_H

#include "err.h"

#define CRIU_MOUNTINFO_MAX (4u << 20)

typedef void criu_mountinfo_found(void *arg, const char *path);

/* Calls back for each mount point of that file below dir, not dir itself. */
int criu_mountinfo_below(const char *file, const char *dir, criu_mountinfo_found *found, void *arg,
			 struct cps_err *err);
/* The same of its text, which is changed. Pure. */
void criu_mountinfo_scan(char *text, const char *dir, criu_mountinfo_found *found, void *arg);

#endif
