/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Published ports as they are written: [IP:]HOST:CONTAINER[/tcp|/udp], each side one port or a
 * range FIRST-LAST of the same length. An IPv6 address stands in brackets.
 */
#ifndef NET_PORT_H
#define NET_PORT_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "err.h"

#define NET_ADDR_SIZE INET6_ADDRSTRLEN

struct net_port {
	char ip[NET_ADDR_SIZE]; /* of the host, normalised; "": every address */
	uint16_t host;		/* first of the range */
	uint16_t container;	/* likewise */
	uint16_t count;		/* of ports; at least 1 */
	uint8_t protocol;	/* IPPROTO_TCP or IPPROTO_UDP */
};

/* EINVAL: the message names what is wrong with which part. */
int net_port_parse(const char *text, struct net_port *ret, struct cps_err *err);
/* "127.0.0.1:8080->80/tcp", "0.0.0.0:7000-7009->7000-7009/udp": as `list` and `port` show it. */
void net_port_format(const struct net_port *p, char *buf, size_t size);
/* Would both want the same port of the host? */
bool net_port_collides(const struct net_port *a, const struct net_port *b);

#endif
