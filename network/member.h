/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Members of a network that are to go: taken off it on request, or because they have ended. All
 * calls: under the network's lock.
 */
#ifndef NET_MEMBER_H
#define NET_MEMBER_H

#include <stdbool.h>

#include "endpoint.h"
#include "err.h"
#include "link.h"
#include "network.h"

/* Everything that a member has on this network. links: its interfaces too; else they are left to
 * the end of its namespace. What fails is left for net_sweep(), and nobody is held up by it. */
void net_member_drop(const struct net *n, const struct net_dir *d,
		     const struct net_network *network, const struct net_nl *nl,
		     const struct net_endpoint *e, bool links);

/* Our end of its veth pair, if that is still the one that its address had. */
void net_member_link_delete(const struct net *n, const struct net_network *network,
			    const struct net_nl *nl, const struct net_endpoint *e);

/* Drops the members whose containers have ended, files that nobody can read or that were only
 * begun, and leases that no member has. links: as above. network NULL: drops none of them.
 * *ret_dropped: how many of these there were. */
int net_members_reclaim(const struct net *n, const struct net_dir *d,
			const struct net_network *network, const struct net_nl *nl, bool links,
			unsigned *ret_dropped, struct cps_err *err);

/* EBUSY if a container is left, which the message names. */
int net_members_none(const struct net *n, const struct net_dir *d,
		     const struct net_network *network, const struct net_nl *nl,
		     struct cps_err *err);

#endif
