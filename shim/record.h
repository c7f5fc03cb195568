/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small files that the shim writes about itself and its container: shim.json, which is what a
 * successor would need, and the pid file that callers ask for.
 */
#ifndef SHIM_RECORD_H
#define SHIM_RECORD_H

#include <sys/types.h>

#include "err.h"

struct shim;

int shim_record_save(struct shim *s, struct cps_err *err);
/* As runc does it: digits only, no newline, by rename. */
int shim_pid_file_write(const char *path, pid_t pid, struct cps_err *err);

#endif
