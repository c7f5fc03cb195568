/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses and subnets, IPv4 and IPv6, as values: parsing, formatting, arithmetic. Pure.
 */
#ifndef NET_SUBNET_H
#define NET_SUBNET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "port.h"

#define NET_SUBNET_SIZE (NET_ADDR_SIZE + 4) /* with "/128" */

struct net_addr {
	int family;	   /* AF_INET or AF_INET6; 0: none */
	uint8_t bytes[16]; /* in network order; of an IPv4 address the first four */
};

struct net_subnet {
	struct net_addr base; /* host bits are 0 */
	unsigned prefix;
};

int net_addr_parse(const char *text, struct net_addr *ret); /* 0 or -EINVAL */
void net_addr_format(const struct net_addr *a, char buf[NET_ADDR_SIZE]);
bool net_addr_is_equal(const struct net_addr *a, const struct net_addr *b);
size_t net_addr_len(const struct net_addr *a); /* 4 or 16 */

/* "192.168.1.0/24", "fd00:1::/64". EINVAL: not of that form, host bits are set, no room for
 * containers (prefixes 8 to 30, 16 to 126), or not for unicast within a network (loopback, link
 * local, multicast). */
int net_subnet_parse(const char *text, struct net_subnet *ret, struct cps_err *err);
void net_subnet_format(const struct net_subnet *s, char buf[NET_SUBNET_SIZE]);
bool net_subnet_contains(const struct net_subnet *s, const struct net_addr *a);
bool net_subnet_overlaps(const struct net_subnet *a, const struct net_subnet *b);

/* How many addresses there are, the unusable ones included; IPv6: at most 2^63. */
uint64_t net_subnet_count(const struct net_subnet *s);
/* The address at this offset from the base, which is below the count. */
void net_subnet_at(const struct net_subnet *s, uint64_t offset, struct net_addr *ret);
/* The other way round, of an address within it. */
uint64_t net_subnet_offset(const struct net_subnet *s, const struct net_addr *a);
/* May an interface have this address? Not the base (the network; in IPv6 every router of it), not
 * the last one of an IPv4 subnet (broadcast). */
bool net_subnet_is_usable(const struct net_subnet *s, const struct net_addr *a);

#endif
