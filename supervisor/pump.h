/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One direction of copying between two descriptors that are not ours to make non-blocking: poll
 * says when each end is ready, and at most what is sure to fit is written.
 */
#ifndef SUP_PUMP_H
#define SUP_PUMP_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

#define SUP_PUMP_SIZE 65536

struct sup_pump {
	int from;
	int to;
	size_t start, len; /* what has been read and not written */
	size_t write_max;
	bool active; /* false once both ends are done */
	char buf[SUP_PUMP_SIZE];
};

enum sup_pump_result {
	SUP_PUMP_OK,
	SUP_PUMP_READ,	 /* new bytes are in buf[start..start+len), not written yet */
	SUP_PUMP_ENDED,	 /* the end of `from` was reached and all of it is written */
	SUP_PUMP_BROKEN, /* nobody reads `to` any more */
};

void sup_pump_init(struct sup_pump *p, int from, int to);
/* The same bytes to another place; what was read and not written yet goes there. */
void sup_pump_redirect(struct sup_pump *p, int to);
/* What to poll for; fd -1 if nothing. */
struct pollfd sup_pump_want(const struct sup_pump *p);
/* After poll said so: one read or one write. */
enum sup_pump_result sup_pump_step(struct sup_pump *p, short revents);

#endif
