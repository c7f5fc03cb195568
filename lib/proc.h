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
/* Has the process executed a program since it was forked? 1 or 0; of one that has ended too, until
 * it is reaped. -ESRCH: it is gone, or started at another time (0: whenever). It tells what end of
 * file on a close-on-exec descriptor cannot: whether that was execve, or death. */
int cps_proc_has_execed(pid_t pid, uint64_t start_ticks);
/* Does the process that started then live? A zombie has ended, whoever is to reap it. */
bool cps_proc_is_alive(pid_t pid, uint64_t start_ticks);
/* Is it on its way out, before or after its descriptors were closed, or gone? A zombie is. */
bool cps_proc_is_ending(pid_t pid);
/* State letter of /proc/PID/stat ('Z' zombie …) or 0 if there is no such process. */
char cps_proc_state(pid_t pid);
/* /proc/sys/kernel/random/boot_id without the newline; 37 bytes with the NUL. */
int cps_boot_id(char ret_id[37], struct cps_err *err);

/* pidfd of the process that is pid AND started then; -ESRCH if that one is gone. */
int cps_pidfd_open_verified(pid_t pid, uint64_t start_ticks);

/*
 * How a process ended that is not our child, as waitpid(2) would have it. pidfd: of pid, opened
 * before it was reaped. 0 and *ret_status; -EAGAIN: it lives, or is gone and nobody says how for
 * the moment (between its end and its being reaped, if we may not look): ask again in a moment;
 * -ENODATA: it was reaped, and this kernel does not tell (before Linux 6.15).
 */
int cps_pidfd_exit_status(int pidfd, pid_t pid, int *ret_status);

/* "TERM", "SIGTERM", "15", "RTMIN+3" -> number; any case. -EINVAL: no such signal. */
int cps_signal_parse(const char *text, int *ret_signal);
const char *cps_signal_name(int signal); /* "SIGTERM"; "SIGRTMIN+3" is not spelled: NULL */

#endif
