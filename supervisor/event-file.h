/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The record of events in the root directory, events.log and before it events.log.1: read from its
 * beginning, and followed. lib/lines.h says how it is written.
 */
#ifndef SUP_EVENT_FILE_H
#define SUP_EVENT_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"

/* One line without its newline, valid during the call. NULL: no more for now. < 0 ends the reading
 * with *err filled. */
typedef int sup_event_sink(void *arg, const char *line, size_t len, struct cps_err *err);

/* Gives the sink all whole lines there are. follow: goes on with what comes, and waits for a root
 * directory or file that is not there yet; it returns only if something fails. */
int sup_events_read(const char *root, bool follow, sup_event_sink *sink, void *arg,
		    struct cps_err *err);

#endif
