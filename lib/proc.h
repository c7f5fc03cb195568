/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes: pidfds, identity across pid reuse (pid + start time + boot id), signals by name.
 */
#ifndef CPS_PROC_H
#define CPS_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "err.h"

int cps_pidfd_open(pid_t pid);		     /* fd (close-on-exec) or -errno */
int cps_pidfd_signal(int pidfd, int signal); /* 0 or -errno */

/* Field 22 of /proc/PID/stat, in clock ticks since boot. -ESRCH if there is no such process. */
int cps_proc_start_time(pid_t pid, uint64_t *ret_ticks);
/* State letter of /proc/PID/stat ('Z' zombie …) or 0 if there is no such process. */
char cps_proc_state(pid_t pid);
/* /proc/sys/kernel/random/boot_id without the newline; 37 bytes with the NUL. */
int cps_boot_id(char ret_id[37], struct cps_err *err);

/* pidfd of the process that is pid AND started then; -ESRCH if that one is gone. */
int cps_pidfd_open_verified(pid_t pid, uint64_t start_ticks);

/* "TERM", "SIGTERM", "15", "RTMIN+3" -> number; any case. -EINVAL: no such signal. */
int cps_signal_parse(const char *text, int *ret_signal);
const char *cps_signal_name(int signal); /* "SIGTERM"; "SIGRTMIN+3" is not spelled: NULL */

#endif
