/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program as a child, by posix_spawn(3): it shares our memory until the exec, so that nothing is
 * copied.
 */
#ifndef CPS_CHILD_PROGRAM_H
#define CPS_CHILD_PROGRAM_H

#include <stdbool.h>
#include <sys/types.h>

struct cps_program {
	const char *file;
	const char *const *argv; /* NULL-terminated, as env */
	const char *const *env;	 /* NULL: ours */
	/* fds[0] becomes its descriptor first_fd, and so on, from the last to the first; -1:
	 * /dev/null. */
	const int *fds;
	unsigned nfds;
	int first_fd;
	bool own_signals; /* none is blocked, none ignored */
	/* A session of its own, in "/", with no other descriptors than these: it outlives us. */
	bool detached;
};

/* 0 or -errno. */
int cps_program_spawn(const struct cps_program *p, pid_t *ret_pid);
/* Waits for its end; *ret_status as of waitpid(2). 0 or -errno. */
int cps_program_wait(pid_t pid, int *ret_status);

#endif
