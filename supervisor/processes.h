/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The processes of a container, found through its cgroup and described from our own /proc: nothing
 * of the container is run or read.
 */
#ifndef SUP_PROCESSES_H
#define SUP_PROCESSES_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "arena.h"
#include "err.h"
#include "store.h"

struct sup_process {
	pid_t pid, ppid, pgid, sid;
	uid_t uid;
	char state;
	unsigned tty; /* device number; 0: none */
	long nice;
	unsigned threads;
	uint64_t cpu_seconds;
	uint64_t cpu_ticks, start_ticks; /* of sysconf(3)'s clock; the start since boot */
	uint64_t vsize;			 /* bytes */
	uint64_t rss_pages;
	const char *name;
	const char *command; /* arguments with blanks between; [name] if there are none */
};

/* The pids of all cgroups below the container's own, sorted; in the arena. */
int sup_processes_pids(const struct sup_container *c, struct cps_arena *a, pid_t **ret,
		       size_t *ret_n, struct cps_err *err);
/* -ESRCH: it has ended meanwhile. */
int sup_process_describe(pid_t pid, struct cps_arena *a, struct sup_process *ret);

#endif
