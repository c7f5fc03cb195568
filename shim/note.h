/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shim's own log, <state dir>/shim.log: what an operator would want to know, bounded. The file
 * is made by the first note; most shims never write one.
 */
#ifndef SHIM_NOTE_H
#define SHIM_NOTE_H

#include "err.h"

struct shim_note {
	int dir; /* borrowed; -1: notes go nowhere */
};

/* Never fails: what cannot be noted is lost. */
void shim_note(const struct shim_note *n, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
