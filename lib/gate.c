/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sending and receiving the one packet of link C. Nothing here allocates or parses.
 */
#include <config.h>

#include "gate.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

int cps_gate_send(int sock, enum cps_gate_kind kind, uint32_t step, const struct cps_err *err)
{
	struct cps_gate_packet p = { .kind = kind, .step = step };
	ssize_t n;

	if (err)
		p.err = *err;
	do {
		n = send(sock, &p, sizeof(p), MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return n == (ssize_t)sizeof(p) ? 0 : -EMSGSIZE;
}

int cps_gate_recv(int sock, int flags, struct cps_gate_packet *ret)
{
	struct cps_gate_packet p;
	ssize_t n;

	do {
		n = recv(sock, &p, sizeof(p), flags | MSG_TRUNC);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if (n == 0)
		return 0;
	if (n != (ssize_t)sizeof(p))
		return -EBADMSG;
	p.err.msg[sizeof(p.err.msg) - 1] = '\0';
	*ret = p;
	return 1;
}
