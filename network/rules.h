/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packet rules of what is written down: from networks and their members on disk to the table.
 *
 * One lock, networks/.rules.lock, is held while ports are looked at, written down and put into the
 * table, and while the table is rebuilt, so that nobody's ports are lost in between. It is taken
 * inside a network's lock, never the other way round.
 */
#ifndef NET_RULES_H
#define NET_RULES_H

#include "endpoint.h"
#include "err.h"
#include "network.h"

/* Takes the lock; returns the descriptor that holds it. */
int net_rules_lock(const struct net *n, struct cps_err *err);

/* May this member, whose ports are not written down yet, have them? EADDRINUSE: another container
 * or a process of the host has one; the message names it. With the lock. */
int net_rules_check(const struct net *n, const struct net_endpoint *e, struct cps_err *err);

/* The network's bridge and this member's ports (NULL: none) are in the table. A table that is
 * missing or damaged is made anew, with everything. With the lock, and after both are written down.
 */
int net_rules_add(const struct net *n, const struct net_network *network,
		  const struct net_endpoint *e, struct cps_err *err);

/* They are not: a member's ports (e), before it is struck off, or the network itself (NULL), after
 * it is; the table goes with the last one. With the lock. What a failure leaves, net_nft_repair()
 * finds. */
int net_rules_remove(const struct net *n, const struct net_network *network,
		     const struct net_endpoint *e, struct cps_err *err);

/* How many entries the table has beyond what is written down; remove: they go. A table that is
 * missing has none, one that is damaged is net_nft_repair()'s. Takes the lock. */
int net_rules_surplus(const struct net *n, bool remove, unsigned *ret, struct cps_err *err);

/* Makes the table from what is written down, whatever is in it: `capsule network repair`. */
int net_nft_repair(const struct net *n, struct cps_err *err);

#endif
