/* SPDX-License-Identifier: Apache-2.0 */
/*
 * May these ports be published? Not if another container has them, and not if a process of the host
 * listens there: packets would be taken from it without a word.
 *
 * Both are looked at when a container is attached. A process of the host that begins to listen
 * later is not prevented from it; it sees the connections of nobody, as long as the container is
 * there.
 */
#ifndef NET_PUBLISH_H
#define NET_PUBLISH_H

#include "err.h"
#include "port.h"

/* -EINVAL: two of them want the same port of the host, or one is at ::1. */
int net_ports_check(const struct net_port *ports, unsigned n, struct cps_err *err);

/* -EADDRINUSE: the container `owner` has one of them. */
int net_ports_check_other(const struct net_port *ports, unsigned n, const struct net_port *others,
			  unsigned nothers, const char *owner, struct cps_err *err);

/* -EADDRINUSE: a process of the host has one of them; the message names it if it is to be found.
 * -EADDRNOTAVAIL: the host has no such address. To be called in the host's network namespace. */
int net_ports_check_host(const struct net_port *ports, unsigned n, struct cps_err *err);

#endif
