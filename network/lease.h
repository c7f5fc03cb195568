/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses that are taken: <network>/leases/<address>, a symlink whose target is the id of the
 * container. symlink(2) makes it whole or not at all and fails where it is, so that no address is
 * given twice, locks or no locks.
 *
 * The content of the network's lock file tells where the search for the next address begins: after
 * the one that was given last, so that an address rests for as long as there are others. It is a
 * hint, and may be lost or wrong.
 *
 * All calls: under the network's lock. A lease is believed as long as an endpoint has it.
 */
#ifndef NET_LEASE_H
#define NET_LEASE_H

#include <stdint.h>

#include "err.h"
#include "network.h"
#include "subnet.h"

#define NET_OWNER_SIZE 65 /* of an id, with the NUL */

/* A free address of network->subnets[i] for id. ENOSPC: all are taken. */
int net_lease_take(const struct net_dir *d, const struct net_network *network, unsigned i,
		   const char *id, struct net_addr *ret, struct cps_err *err);
/* This one; EADDRINUSE: it is taken. */
int net_lease_take_fixed(const struct net_dir *d, const struct net_addr *a, const char *id,
			 struct cps_err *err);
/* Whose it is: the id is written into buf. -ENOENT: nobody's. */
int net_lease_owner(const struct net_dir *d, const struct net_addr *a, char *buf, size_t size);
/* No failure if it is nobody's. */
void net_lease_drop(const struct net_dir *d, const struct net_addr *a);

/* Pure: the first usable offset of a subnet at or after `from`, wrapping once. */
uint64_t net_lease_next(const struct net_subnet *s, const struct net_addr *gateway, uint64_t from);

#endif
