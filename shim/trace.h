/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the shim has done lately: the last transitions of its machines, and counters. Fixed in size
 * (552 bytes in all), for `debug` alone: nothing decides by it.
 */
#ifndef SHIM_TRACE_H
#define SHIM_TRACE_H

#include <stdint.h>

#include "json.h"

#define SHIM_TRACE_STEPS 32

struct shim_table;

/* One cell that was run, or a request that was refused. */
struct shim_step {
	uint32_t at_s; /* since the epoch; enough until 2106 */
	uint16_t at_ms;
	int16_t rc;   /* of the action */
	uint32_t tag; /* 0: the container's machine, else of an exec session: its id's beginning */
	uint8_t state;
	uint8_t event;
	uint8_t next;
	uint8_t times; /* the same, in a row; 255: or more */
};

struct shim_trace {
	struct shim_step steps[SHIM_TRACE_STEPS];
	uint32_t count; /* of all there were; the next goes to count % SHIM_TRACE_STEPS */
	uint32_t connections;
	uint32_t requests;
	uint32_t rejected; /* frames that were none */
	uint32_t execs;
	uint32_t reaped; /* children that were known */
	uint32_t orphans;
	uint64_t wakeups;
};

/* A step that is about to be done; NULL (trace is NULL: nobody wants to know) is allowed below. */
struct shim_step *shim_trace_add(struct shim_trace *t, uint32_t tag, unsigned state, unsigned event,
				 unsigned next);
void shim_trace_result(struct shim_step *s, int rc);
/* The tag of an exec session; never 0. */
uint32_t shim_trace_tag(const char *exec_id);

/* An array, oldest first. */
void shim_trace_format(const struct shim_trace *t, struct cps_jsonw *w, const char *key);
void shim_trace_format_counters(const struct shim_trace *t, struct cps_jsonw *w, const char *key);

#endif
