/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a network needs of the kernel's switches, in the network namespace that we are in.
 *
 * The bridge's route_localnet: the host's own 127.0.0.1 reaches published ports (the table bars
 * everybody else from it). net.ipv4.ip_forward and, where there is an IPv6 subnet,
 * net.ipv6.conf.all.forwarding, unless the network is internal; interfaces that learn routes from
 * router advertisements would stop doing so and are told to go on (accept_ra 2).
 */
#ifndef NET_FORWARD_H
#define NET_FORWARD_H

#include "err.h"
#include "nft.h"

/* Idempotent; what stands right is not written. A bridge that is not there needs nothing. */
int net_forward_allow(const struct net_nft_network *network, struct cps_err *err);

#endif
