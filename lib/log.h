/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program's own messages. Only main() and the reporting ends of a program use this; library
 * and topic code returns errors instead. The level is the one mutable global of the project.
 *
 *	PLAIN	capsule: warning: …		TEXT on a terminal, too
 *	TEXT	time="…" level=warning msg="…"
 *	JSON	{"level":"warning","msg":"…","time":"…"}
 *
 * With a file, all goes there (PLAIN as TEXT), one O_APPEND write a line, as runc does it, and
 * errors to stderr as well, bare.
 */
#ifndef CPS_LOG_H
#define CPS_LOG_H

#include <stdbool.h>

#include "err.h"

enum cps_log_level { CPS_LOG_ERROR, CPS_LOG_WARN, CPS_LOG_INFO, CPS_LOG_DEBUG };
enum cps_log_format { CPS_LOG_PLAIN, CPS_LOG_TEXT, CPS_LOG_JSON };

/* path NULL: stderr only. The program's name starts PLAIN lines. */
int cps_log_open(const char *program, const char *path, enum cps_log_format format,
		 enum cps_log_level level, struct cps_err *err);
bool cps_log_wants(enum cps_log_level level);
void cps_log(enum cps_log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int cps_log_fd(void); /* the file's fd (close-on-exec) or -1 */

#endif
