/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The baton: link C (docs/protocol.md) between the runtime and the process that it cloned. lib's
 * gate.h has the packet; here it may carry a descriptor, the terminal's.
 */
#ifndef RT_BATON_H
#define RT_BATON_H

#include "err.h"
#include "gate.h"

int rt_baton_open(int ret_pair[2], struct cps_err *err);
/* Sends one packet, with a descriptor unless fd is -1. 0 or -errno. */
int rt_baton_send(int sock, const struct cps_gate_packet *p, int fd);
/* 1 and the packet (*ret_fd: the descriptor that came with it, or -1), 0 at EOF, or -errno;
 * -EBADMSG: no packet of ours. */
int rt_baton_recv(int sock, struct cps_gate_packet *ret, int *ret_fd);

#endif
