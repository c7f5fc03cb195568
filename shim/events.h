/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The record of events of all containers, <root>/events.log: one line of JSON for each thing that
 * happened, appended by every shim (docs/protocol.md has the members). A line that cannot be
 * written is lost, and shim.log says so once: never does a container wait for it or fail by it.
 *
 * Written before anyone is told, so that who was told finds it there.
 */
#ifndef SHIM_EVENTS_H
#define SHIM_EVENTS_H

#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "json.h"

struct shim;
struct shim_exec;
struct shim_request;
struct shim_waiters;

/* pause, resume, by the first of those who wait for it */
void shim_events_done(struct shim *s, const char *event, const struct shim_waiters *who);
/* create, start, oom, exit, delete, adopt: with what is known of the container by then. */
void shim_events_life(struct shim *s, const char *event);
/* create-failed, start-failed. */
void shim_events_failed(struct shim *s, const char *event, const struct cps_err *why);
/* exec, exec-exit, exec-failed (why is NULL otherwise). */
void shim_events_exec(const struct shim_exec *x, const char *event, const struct cps_err *why);
/* health: its status has changed. */
void shim_events_health(struct shim *s, const char *status, uint64_t failing_streak);
/* A request that was taken: kill and stop are events, with who has asked. */
void shim_events_asked(const struct shim_request *r, const char *op);

/* An array of strings in about max bytes: long strings are cut, and what is left out is counted by
 * a last string, "… 17 more". */
void shim_args_format(const struct cps_json *args, size_t max, struct cps_jsonw *w,
		      const char *key);

#endif
