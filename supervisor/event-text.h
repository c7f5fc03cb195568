/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One event: from a line of events.log, and as a line for people. Pure.
 */
#ifndef SUP_EVENT_TEXT_H
#define SUP_EVENT_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "arena.h"
#include "buf.h"
#include "json.h"

struct sup_event {
	const struct cps_json *json; /* the object; all below points into it */
	const char *time;
	const char *id;
	const char *event;
	struct timespec at;
	const char *line; /* the object's own text: a piece of what was parsed */
	size_t len;
};

/* A line that begins with a torn one is found out by how lines begin. False: no event. */
bool sup_event_parse(struct cps_arena *a, const char *line, size_t len, struct sup_event *ret);

/* "TIME  ID  EVENT  details", no newline. Words of events that are not known yet are shown as they
 * are; control characters as '?'. */
void sup_event_text(const struct sup_event *e, struct cps_buf *out);

#endif
