/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bridge of a network: made when it is wanted, made again when somebody has removed it. An
 * interface is ours if its alias says so: "capsule:<path of networks/>:<network>" of a bridge, with
 * ":<address>" of a container's interface.
 */
#ifndef NET_BRIDGE_H
#define NET_BRIDGE_H

#include "endpoint.h"
#include "err.h"
#include "link.h"
#include "network.h"

/* The alias of a network's bridge (address NULL), or of a container's interface on it. */
void net_link_alias(const struct net *n, const char *network, const struct net_addr *address,
		    char buf[NET_ALIAS_SIZE]);
/* Does this interface belong to any network of n? */
bool net_link_is_ours(const struct net *n, const struct net_link *l);

/* Locally administered and always the same for an address, so that who has it in an ARP table is
 * right though the address has gone to another container. */
void net_mac_of(const struct net_addr *a, uint8_t ret[NET_MAC_LEN]);

/* fe80::/64 and the MAC's EUI-64, as the kernel would choose it. */
void net_mac_link_local(const uint8_t mac[NET_MAC_LEN], struct net_addr *ret);
/* The name of our end of a container's veth pair: always the same for an alias. */
void net_veth_name(const char *alias, char ret[IFNAMSIZ]);

/* A name for the bridge of a new network: `network` itself if it can be and is free. */
int net_bridge_name(const struct net *n, const char *network, const struct net_nl *nl,
		    char ret[IFNAMSIZ], struct cps_err *err);
/* The bridge is there, up and has its addresses; after it had gone it has its ports again. Under
 * the network's lock. */
int net_bridge_ensure(const struct net *n, const struct net_dir *d,
		      const struct net_network *network, const struct net_nl *nl, int *ret_index,
		      struct cps_err *err);
/* The same, and looks at everything though the bridge seems to be whole: its addresses, the ports.
 */
int net_bridge_repair(const struct net *n, const struct net_dir *d,
		      const struct net_network *network, const struct net_nl *nl, int *ret_index,
		      struct cps_err *err);
/* No failure if it is not there, or not ours. */
int net_bridge_delete(const struct net *n, const struct net_network *network,
		      const struct net_nl *nl, struct cps_err *err);

#endif
