/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One run of a probe: a process that is executed in the container like any other, by the runtime,
 * with its output to us. Of that the end is kept, nothing else; it is no job and no session, has no
 * id, and is told of to nobody but its owner.
 */
#ifndef SHIM_HEALTH_PROBE_H
#define SHIM_HEALTH_PROBE_H

#include <stdbool.h>
#include <stddef.h>

#include <event2/event_struct.h>

#include "err.h"
#include "reap.h"

#define SHIM_PROBE_OUTPUT 4096

struct shim;
struct shim_link;

struct shim_probe {
	struct shim *shim;
	struct shim_link *link; /* the runtime, while it is at work */
	struct shim_child child;
	int out; /* the reading end of its output; -1: no probe runs */
	struct event out_event;
	char *tail; /* the end of what it wrote, SHIM_PROBE_OUTPUT bytes */
	size_t len;
	/* It has ended: with this status, or (err) could not be run. The output is there still. */
	void (*done)(void *owner, int code, const struct cps_err *err);
	void *owner;
};

void shim_probe_init(struct shim_probe *p, struct shim *s,
		     void (*done)(void *owner, int code, const struct cps_err *err), void *owner);
/* process: an OCI process object's text, as `exec` takes it. */
int shim_probe_start(struct shim_probe *p, const char *process, struct cps_err *err);
bool shim_probe_runs(const struct shim_probe *p);
/* It has had its time; done() follows when it is gone. */
void shim_probe_kill(struct shim_probe *p);
/* Nobody is told any more; what runs of it is killed. */
void shim_probe_stop(struct shim_probe *p);

#endif
