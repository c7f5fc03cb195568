/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packet rules: published ports, masquerade, isolation. All of it is the table `inet capsule`, and
 * no other table is ever touched.
 *
 * The table (sets, maps, chains, rules) is the same whatever runs, and made by the program `nft`.
 * Networks and ports are elements of its sets and maps; they come and go over netlink, all of one
 * call in one transaction: what is published costs no process, no rule, and no time per packet.
 *
 * Callers hold one lock over "write down what is meant to be" and the call here, for all networks
 * together (rules.h): net_nft_rebuild() makes the table what it is given.
 */
#ifndef NET_NFT_H
#define NET_NFT_H

#include <stdbool.h>

#include "buf.h"
#include "err.h"
#include "port.h"
#include "subnet.h"

#define NET_NFT_TABLE "capsule"

struct net_nft_network {
	const char *bridge; /* name of the interface */
	bool internal;	    /* reaches nothing outside, and is not reached from there */
	const struct net_subnet *subnets;
	unsigned nsubnets;
};

/* A container's place in a network. An address is "" or NULL where it has none of this family. */
struct net_nft_endpoint {
	const char *ip;
	const char *ip6;
	const struct net_port *ports; /* published towards these addresses */
	unsigned nports;
};

struct net_nft_state {
	const struct net_nft_network *networks;
	unsigned nnetworks;
	const struct net_nft_endpoint *endpoints;
	unsigned nendpoints;
};

/*
 * Takes away what is in *gone and adds what is in *come (either may be NULL), or does nothing. The
 * bridges of come exist: forwarding is switched on for them. To name a network in come that is
 * there already is harmless, and right for each container that joins it.
 *
 * -ESTALE: the table is missing, or is not as we made it (nft flush ruleset): nothing was done, and
 * net_nft_rebuild() with everything that should be is due. Taking away where there is no table at
 * all is no error. -EINVAL: a port of a family that the endpoint has no address of.
 */
int net_nft_change(const struct net_nft_state *gone, const struct net_nft_state *come,
		   struct cps_err *err);

/* Makes the table if it is missing or damaged, and its elements exactly *all. Connections that are
 * established stay. -ENOENT: there is no program `nft`. */
int net_nft_rebuild(const struct net_nft_state *all, struct cps_err *err);

/* How many elements the table has beyond *all; 0 if it is missing or damaged. */
int net_nft_surplus(const struct net_nft_state *all, unsigned *ret, struct cps_err *err);

/* Removes the table. No failure if there is none. */
int net_nft_delete(struct cps_err *err);

/* The document for `nft -j -f -` that makes the table anew, without elements; pure. */
void net_nft_ruleset(struct cps_buf *ret);

#endif
