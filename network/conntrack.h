/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections that the kernel remembers, and goes on to translate as it did when they began: what
 * is published now counts for a packet only if none of them knows it. A datagram has no end that
 * the kernel could see, so who keeps its port and goes on sending keeps the connection. Netlink
 * again, ctnetlink (linux/netfilter/nfnetlink_conntrack.h).
 */
#ifndef NET_CONNTRACK_H
#define NET_CONNTRACK_H

#include "endpoint.h"
#include "err.h"

/* Forgets what came to this member by its published ports; after these have been withdrawn. */
int net_conntrack_withdrawn(const struct net_endpoint *e, struct cps_err *err);

/* Forgets what has been sent to its published ports of UDP so far and went to the host itself,
 * which was nobody; after these have been published. */
int net_conntrack_published(const struct net_endpoint *e, struct cps_err *err);

#endif
