/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OOM kills in the container's memory cgroup: the count in a file of the cgroup, read when the
 * container has exited (before that is told), and watched meanwhile for those who want to know at
 * once.
 */
#ifndef SHIM_OOM_H
#define SHIM_OOM_H

#include <stdbool.h>
#include <stdint.h>

#include <event2/event_struct.h>

struct event_base;

struct shim_oom {
	char *path;	/* NULL: no memory cgroup */
	uint64_t first; /* the count when the container was made */
	uint64_t told;	/* kills already told of, since then */
	int count_fd;	/* path, open: there is no other moment to be sure of a descriptor; or -1 */
	int fd;		/* eventfd (v1) or inotify (v2), or -1 */
	bool watching;
	unsigned looks; /* left, after a v1 notice: it comes before the kill */
	struct event event;
	struct event look_event;
	void (*killed)(void *owner);
	void *owner;
};

void shim_oom_init(struct shim_oom *o);
/* Without memory or descriptors the watch is silently absent; the count at the exit is not. */
void shim_oom_start(struct shim_oom *o, struct event_base *base, const char *path,
		    void (*killed)(void *owner), void *owner);
/* After the start: what the count was when the container was made, as a predecessor knew it. Kills
 * since then count as told. */
void shim_oom_resume(struct shim_oom *o, uint64_t first);
/* Kills since the start. */
uint64_t shim_oom_count(const struct shim_oom *o);
void shim_oom_stop(struct shim_oom *o); /* the watch; the count can still be asked for */
void shim_oom_done(struct shim_oom *o);

#endif
