/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Published ports: reading and writing them.
 */
#include <config.h>
#include "port.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "opt.h"

#define TEXT_MAX 128

/* "80" or "80-89" */
static int range_parse(const char *text, const char *side, uint16_t *ret_first, uint16_t *ret_count,
		       struct cps_err *err)
{
	char buf[TEXT_MAX];
	int64_t first, last;
	char *dash;

	(void)snprintf(buf, sizeof(buf), "%s", text);
	dash = strchr(buf, '-');
	if (dash)
		*dash++ = '\0';
	if (cps_num_parse(buf, 1, 65535, &first) < 0 ||
	    (dash && cps_num_parse(dash, 1, 65535, &last) < 0))
		return cps_failx(err, EINVAL, "'%s' is no port of the %s (1 to 65535)", text, side);
	if (!dash)
		last = first;
	if (last < first)
		return cps_failx(err, EINVAL, "'%s': the range ends before it begins", text);
	*ret_first = (uint16_t)first;
	*ret_count = (uint16_t)(last - first + 1);
	return 0;
}

static int protocol_parse(char *slash, uint8_t *ret, struct cps_err *err)
{
	*ret = IPPROTO_TCP;
	if (!slash)
		return 0;
	*slash++ = '\0';
	if (strcmp(slash, "udp") == 0)
		*ret = IPPROTO_UDP;
	else if (strcmp(slash, "tcp") != 0)
		return cps_failx(err, EINVAL, "'%s' is no protocol: tcp or udp", slash);
	return 0;
}

static int ip_parse(char *text, char ret[NET_ADDR_SIZE], struct cps_err *err)
{
	unsigned char addr[sizeof(struct in6_addr)];
	size_t len = strlen(text);
	int family = AF_INET;

	if (len >= 2 && text[0] == '[' && text[len - 1] == ']') {
		text[len - 1] = '\0';
		text++;
		family = AF_INET6;
	}
	if (inet_pton(family, text, addr) != 1)
		return cps_failx(err, EINVAL, "'%s' is no address", text);
	(void)inet_ntop(family, addr, ret, NET_ADDR_SIZE);
	/* "every address", spelled out */
	if (strcmp(ret, "0.0.0.0") == 0 || strcmp(ret, "::") == 0)
		ret[0] = '\0';
	return 0;
}

int net_port_parse(const char *text, struct net_port *ret, struct cps_err *err)
{
	struct net_port p = { 0 };
	char buf[TEXT_MAX];
	uint16_t container_count;
	char *container, *host;
	int rc;

	if (strlen(text) >= sizeof(buf))
		return cps_failx(err, EINVAL, "port '%.40s…' is too long", text);
	(void)snprintf(buf, sizeof(buf), "%s", text);
	rc = protocol_parse(strchr(buf, '/'), &p.protocol, err);
	container = strrchr(buf, ':');
	if (rc == 0 && !container)
		rc = cps_failx(err, EINVAL, "HOST:CONTAINER is wanted");
	if (rc < 0)
		return cps_wrap(err, rc, "port '%s'", text);
	*container++ = '\0';
	host = strrchr(buf, ':');
	if (host && buf[0] == '[' && host < strrchr(buf, ']'))
		host = NULL; /* nothing but an address */
	if (host) {
		*host++ = '\0';
		rc = ip_parse(buf, p.ip, err);
	}
	if (rc == 0)
		rc = range_parse(host ? host : buf, "host", &p.host, &p.count, err);
	if (rc == 0)
		rc = range_parse(container, "container", &p.container, &container_count, err);
	if (rc == 0 && container_count != p.count)
		rc = cps_failx(err, EINVAL, "the ranges differ in length");
	if (rc < 0)
		return cps_wrap(err, rc, "port '%s'", text);
	*ret = p;
	return 0;
}

void net_port_format(const struct net_port *p, char *buf, size_t size)
{
	bool v6 = strchr(p->ip, ':');
	char host[16], container[16];

	(void)snprintf(host, sizeof(host), p->count > 1 ? "%u-%u" : "%u", p->host,
		       p->host + p->count - 1U);
	(void)snprintf(container, sizeof(container), p->count > 1 ? "%u-%u" : "%u", p->container,
		       p->container + p->count - 1U);
	(void)snprintf(buf, size, "%s%s%s:%s->%s/%s", v6 ? "[" : "", p->ip[0] ? p->ip : "0.0.0.0",
		       v6 ? "]" : "", host, container, p->protocol == IPPROTO_UDP ? "udp" : "tcp");
}

bool net_port_collides(const struct net_port *a, const struct net_port *b)
{
	return a->protocol == b->protocol && a->host < b->host + b->count &&
	       b->host < a->host + a->count &&
	       (!a->ip[0] || !b->ip[0] || strcmp(a->ip, b->ip) == 0);
}
