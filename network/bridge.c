/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bridges.
 */
#include <config.h>

#include "bridge.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define FNV_BASIS 0xcbf29ce484222325U
#define FNV_PRIME 0x100000001b3U

void net_link_alias(const struct net *n, const char *network, const struct net_addr *address,
		    char buf[NET_ALIAS_SIZE])
{
	char text[NET_ADDR_SIZE] = "";

	if (address)
		net_addr_format(address, text);
	(void)snprintf(buf, NET_ALIAS_SIZE, "capsule:%s:%s%s%s", n->path, network,
		       address ? ":" : "", text);
}

bool net_link_is_ours(const struct net *n, const struct net_link *l)
{
	char ours[NET_ALIAS_SIZE];

	net_link_alias(n, "", NULL, ours);
	return strncmp(l->alias, ours, strlen(ours)) == 0;
}

static uint64_t hash(const char *text)
{
	uint64_t h = FNV_BASIS;

	for (; *text; text++)
		h = (h ^ (uint8_t)*text) * FNV_PRIME;
	return h;
}

void net_mac_of(const struct net_addr *a, uint8_t ret[NET_MAC_LEN])
{
	size_t len = net_addr_len(a);

	ret[0] = 0x02; /* locally administered, one station */
	ret[1] = a->family == AF_INET ? 0x63 : 0x66;
	memcpy(ret + 2, a->bytes + len - 4, 4);
}

void net_mac_link_local(const uint8_t mac[NET_MAC_LEN], struct net_addr *ret)
{
	*ret = (struct net_addr){
		.family = AF_INET6,
		.bytes = { 0xfe, 0x80, 0, 0, 0, 0, 0, 0, mac[0] ^ 2, mac[1], mac[2], 0xff, 0xfe,
			   mac[3], mac[4], mac[5] },
	};
}

void net_veth_name(const char *alias, char ret[IFNAMSIZ])
{
	(void)snprintf(ret, IFNAMSIZ, "cps%012llx",
		       (unsigned long long)hash(alias) & 0xffffffffffffU);
}

int net_bridge_name(const struct net *n, const char *network, const struct net_nl *nl,
		    char ret[IFNAMSIZ], struct cps_err *err)
{
	char alias[NET_ALIAS_SIZE];
	struct net_link l;
	int rc = -EEXIST;

	if (net_link_is_name(network)) {
		rc = net_link_get(nl, network, &l, err);
		(void)snprintf(ret, IFNAMSIZ, "%s", network);
	}
	net_link_alias(n, network, NULL, alias);
	if (rc == 0 && strcmp(l.alias, alias) == 0 && strcmp(l.kind, "bridge") == 0)
		return 0; /* of a network of this name that a crash has cut short */
	for (unsigned i = 0; i < 16 && rc != -ENODEV; i++) {
		if (rc < 0 && rc != -EEXIST)
			return rc;
		(void)snprintf(ret, IFNAMSIZ, "cpsbr%08x", (unsigned)hash(alias) + i);
		rc = net_link_get(nl, ret, &l, err);
		if (rc == 0 && strcmp(l.alias, alias) == 0)
			return 0;
	}
	return rc == -ENODEV ? 0 : cps_failx(err, EEXIST, "no name is free for its bridge");
}

/* Ports that a bridge has lost because it was removed. */
static int ports_return(const struct net_dir *d, const struct net_nl *nl, int bridge,
			struct cps_err *err)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	const char **ids;
	size_t n;
	int rc = net_endpoint_list(d, &a, &ids, &n, err);

	for (size_t i = 0; i < n && rc == 0; i++) {
		struct cps_err ignored;
		struct net_endpoint e;
		struct net_link l;

		/* one that is damaged or has gone is net_sweep()'s */
		if (net_endpoint_load(d, ids[i], &a, &e, &ignored) < 0 ||
		    net_link_get(nl, e.host_interface, &l, &ignored) < 0)
			continue;
		rc = net_link_set_master(nl, l.index, bridge, err);
	}
	return rc;
}

static int bridge_make(const struct net_network *network, const struct net_nl *nl,
		       struct net_link *ret, struct cps_err *err)
{
	uint8_t mac[NET_MAC_LEN];
	int rc;

	net_mac_of(&network->gateways[0], mac);
	rc = net_link_add_bridge(nl, network->bridge, mac, network->mtu, err);
	if (rc < 0 && rc != -EEXIST)
		return rc;
	rc = net_link_get(nl, network->bridge, ret, err);
	return rc == -ENODEV ? cps_failx(err, ENODEV, "%s: it has gone again", network->bridge)
			     : rc;
}

static int bridge_configure(const struct net_dir *d, const struct net_network *network,
			    const struct net_nl *nl, const struct net_link *l, struct cps_err *err)
{
	bool has_ipv6 = false;
	int rc = net_link_quiet(nl, l->index, err);

	if (rc == 0)
		rc = net_link_up(nl, l->index, err);
	for (unsigned i = 0; i < network->nsubnets && rc == 0; i++) {
		has_ipv6 |= network->gateways[i].family == AF_INET6;
		rc = net_link_add_address(nl, l->index, &network->gateways[i],
					  network->subnets[i].prefix, err);
	}
	/* the kernel asks for a neighbour by it, on behalf of those outside */
	if (rc == 0 && has_ipv6) {
		struct net_addr local;
		uint8_t mac[NET_MAC_LEN];

		net_mac_of(&network->gateways[0], mac);
		net_mac_link_local(mac, &local);
		rc = net_link_add_address(nl, l->index, &local, 64, err);
	}
	if (rc == 0)
		rc = ports_return(d, nl, l->index, err);
	return rc;
}

static int bridge_ensure(const struct net *n, const struct net_dir *d,
			 const struct net_network *network, const struct net_nl *nl, bool trust,
			 int *ret_index, struct cps_err *err)
{
	char alias[NET_ALIAS_SIZE];
	struct net_link l = { 0 };
	int rc = net_link_get(nl, network->bridge, &l, err);

	net_link_alias(n, network->name, NULL, alias);
	if (rc == 0 && trust && l.up && strcmp(l.alias, alias) == 0) {
		*ret_index = l.index;
		return 0;
	}
	if (rc == -ENODEV)
		rc = bridge_make(network, nl, &l, err);
	/* one without an alias may be what a crash has left of our own making of it */
	if (rc == 0 &&
	    (strcmp(l.kind, "bridge") != 0 || (l.alias[0] && strcmp(l.alias, alias) != 0)))
		rc = cps_failx(err, EEXIST,
			       "there is an interface %s that is not this network's bridge",
			       network->bridge);
	if (rc == 0)
		rc = bridge_configure(d, network, nl, &l, err);
	/* last: who finds it marked finds it ready */
	if (rc == 0)
		rc = net_link_mark(nl, l.index, alias, err);
	if (rc < 0)
		return cps_wrap(err, rc, "bridge %s", network->bridge);
	*ret_index = l.index;
	return 0;
}

int net_bridge_ensure(const struct net *n, const struct net_dir *d,
		      const struct net_network *network, const struct net_nl *nl, int *ret_index,
		      struct cps_err *err)
{
	return bridge_ensure(n, d, network, nl, true, ret_index, err);
}

int net_bridge_repair(const struct net *n, const struct net_dir *d,
		      const struct net_network *network, const struct net_nl *nl, int *ret_index,
		      struct cps_err *err)
{
	return bridge_ensure(n, d, network, nl, false, ret_index, err);
}

int net_bridge_delete(const struct net *n, const struct net_network *network,
		      const struct net_nl *nl, struct cps_err *err)
{
	char alias[NET_ALIAS_SIZE];
	struct net_link l;
	int rc = net_link_get(nl, network->bridge, &l, err);

	if (rc == -ENODEV)
		return 0;
	net_link_alias(n, network->name, NULL, alias);
	/* without an alias: a crash's, before it was marked */
	if (rc < 0 || strcmp(l.kind, "bridge") != 0 || (l.alias[0] && strcmp(l.alias, alias) != 0))
		return rc;
	rc = net_link_delete(nl, l.index, err);
	return cps_wrap(err, rc, "bridge %s", network->bridge);
}
