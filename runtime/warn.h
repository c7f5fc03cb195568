/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Warnings that do not stop the work, collected and reported only when the work has succeeded:
 * callers of a failing create parse its log as exactly one error. Bounded, and without pointers, so
 * that it can live in the page that the runtime and init share.
 */
#ifndef RT_WARN_H
#define RT_WARN_H

#include <stdbool.h>
#include <stdint.h>

struct rt_warn {
	bool debug;    /* also take notes that only --debug shows */
	uint32_t used; /* bytes of text: NUL-terminated strings one after the other */
	uint32_t lost; /* warnings that did not fit */
	char text[3072];
};

/* By convention the text ends in "…, ignoring" or says what was done instead. w may be NULL. */
void rt_warn(struct rt_warn *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void rt_note(struct rt_warn *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Walks: start with *pos 0; NULL at the end. */
const char *rt_warn_next(const struct rt_warn *w, uint32_t *pos);

#endif
