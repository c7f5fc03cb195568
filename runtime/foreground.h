/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The foreground of `run` and `exec`: signals are passed on, a terminal is relayed, and the
 * process's status is ours.
 */
#ifndef RT_FOREGROUND_H
#define RT_FOREGROUND_H

#include "err.h"

/* Before the clone: from now on signals wait for rt_foreground_wait. */
void rt_foreground_begin(void);
/* Init, for a terminal that will be relayed: line ends are made once, by the terminal that shows
 * them; and if our output is a file, they are what the program wrote. */
void rt_foreground_terminal(int slave);
/* Waits for our child behind pidfd; console is its pty's master, or -1. *ret_status: as a shell
 * says it, 128+N for a signal. */
int rt_foreground_wait(int pidfd, int console, int *ret_status, struct cps_err *err);

#endif
