/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starting by the gate (link C of docs/protocol.md): GO is sent, and what init answers becomes
 * news for the machine.
 */
#ifndef SHIM_START_GATE_H
#define SHIM_START_GATE_H

#include <stdbool.h>

#include <event2/event_struct.h>

#include "err.h"

struct shim;

struct shim_gate {
	bool open;
	bool accepted;
	int fd;
	struct event event;
};

/* Connects and sends GO. */
int shim_gate_open(struct shim *s, struct cps_err *err);
/* Reads what init has said; for reap.c, before it reaps. */
void shim_gate_drain(struct shim *s);
void shim_gate_close(struct shim *s);

#endif
