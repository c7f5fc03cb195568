/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log that containerd has for a bundle: a FIFO, of which it passes on what it reads.
 */
#ifndef TASK_BUNDLE_LOG_H
#define TASK_BUNDLE_LOG_H

#include <time.h>

/* A line of it, as containerd's own lines are. Never waits; where nobody reads, it is lost. */
void task_log(const char *bundle, const char *ns, const char *id, const struct timespec *at,
	      const char *text);

#endif
