/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The packet of link C (docs/protocol.md): one fixed struct, since between clone and execve there
 * is neither parser nor allocation. The runtime and a container's init exchange it on the baton;
 * whoever starts the container exchanges it with init at the gate, `<root>/<id>/gate.sock`.
 *
 * The gate, seen by who starts: connect, send GO, receive ACCEPTED, then EOF (the connection is
 * close-on-exec: execve happened, or else cps_proc_has_execed says that it did not) or FAILED with
 * the reason.
 */
#ifndef CPS_GATE_H
#define CPS_GATE_H

#include <stdint.h>

#include "err.h"

#define CPS_GATE_SOCKET "gate.sock"

enum cps_gate_kind {
	CPS_GATE_DONE = 1,     /* baton: my rows are run, it is your turn */
	CPS_GATE_FAILED = 2,   /* baton and gate: row `step` failed, `err` says why */
	CPS_GATE_GO = 3,       /* gate, to init: go on to execve */
	CPS_GATE_ACCEPTED = 4, /* gate, from init: this connection is the one that starts it */
	CPS_GATE_LISTENER =
		5, /* baton and gate, from init: with the listener of its seccomp filter */
};

/* What a starter says when the end of file was not execve's (cps_proc_has_execed). */
#define CPS_GATE_DIED "the container's first process died before it could execute its program"

struct cps_gate_packet {
	uint32_t kind;
	uint32_t step; /* row number of the table; 0 on the gate */
	struct cps_err err;
};

/* Sends one packet; err may be NULL. 0 or -errno. Safe between clone and execve. */
int cps_gate_send(int sock, enum cps_gate_kind kind, uint32_t step, const struct cps_err *err);

/* Receives one packet, its message made NUL-terminated. 1, 0 at EOF, -errno (-EAGAIN with
 * MSG_DONTWAIT and nothing there; -EBADMSG: not a packet of ours). */
int cps_gate_recv(int sock, int flags, struct cps_gate_packet *ret);

#endif
