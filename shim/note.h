/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shim's own log, <state dir>/shim.log: what an operator would want to know, bounded. The file
 * is made by the first note; most shims never write one.
 */
#ifndef SHIM_NOTE_H
#define SHIM_NOTE_H

#include <stdint.h>
#include <time.h>

#include "err.h"

struct shim_note {
	int dir; /* borrowed; -1: there is no file */
	/* Who else hears each line, if anybody. */
	void (*tell)(void *owner, const struct timespec *at, const char *text);
	void *owner;
	/* the last one, so that what repeats itself is counted and not written */
	uint32_t last; /* hash of its text; 0: none */
	uint32_t repeated;
	int64_t since_s; /* when it was written */
	/* and a bound for those that differ a little each time */
	int64_t window_s;
	uint32_t in_window;
};

/* Never fails: what cannot be noted is lost. The same text again is counted; how often is told by
 * the next other one, or after a minute. Of others, 50 in ten seconds are written. */
void shim_note(struct shim_note *n, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
