/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses and subnets.
 */
#include <config.h>

#include "subnet.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "opt.h"

#define OFFSET_BITS_MAX 63

int net_addr_parse(const char *text, struct net_addr *ret)
{
	struct net_addr a = { .family = strchr(text, ':') ? AF_INET6 : AF_INET };

	if (inet_pton(a.family, text, a.bytes) != 1)
		return -EINVAL;
	*ret = a;
	return 0;
}

void net_addr_format(const struct net_addr *a, char buf[NET_ADDR_SIZE])
{
	if (!inet_ntop(a->family, a->bytes, buf, NET_ADDR_SIZE))
		buf[0] = '\0';
}

size_t net_addr_len(const struct net_addr *a)
{
	return a->family == AF_INET ? 4 : 16;
}

bool net_addr_is_equal(const struct net_addr *a, const struct net_addr *b)
{
	return a->family == b->family && memcmp(a->bytes, b->bytes, net_addr_len(a)) == 0;
}

/* The first `prefix` bits of both are the same. */
static bool prefix_matches(const struct net_addr *a, const struct net_addr *b, unsigned prefix)
{
	size_t whole = prefix / 8;
	unsigned mask = 0xff00U >> (prefix % 8);

	return a->family == b->family && memcmp(a->bytes, b->bytes, whole) == 0 &&
	       (prefix % 8 == 0 || ((a->bytes[whole] ^ b->bytes[whole]) & mask & 0xff) == 0);
}

bool net_subnet_contains(const struct net_subnet *s, const struct net_addr *a)
{
	return prefix_matches(&s->base, a, s->prefix);
}

bool net_subnet_overlaps(const struct net_subnet *a, const struct net_subnet *b)
{
	return prefix_matches(&a->base, &b->base, a->prefix < b->prefix ? a->prefix : b->prefix);
}

/* What no network of containers can be, whatever its prefix. */
static bool is_special(const struct net_addr *a)
{
	const uint8_t *b = a->bytes;

	if (a->family == AF_INET)
		return b[0] == 0 || b[0] == 127 || b[0] >= 224 || (b[0] == 169 && b[1] == 254);
	/* ::/16 with the loopback, the mapped addresses and the translation's; fe80::/10; ff00::/8
	 */
	return (b[0] == 0 && b[1] == 0) || (b[0] == 0xfe && (b[1] & 0xc0) == 0x80) || b[0] == 0xff;
}

static unsigned host_bits(const struct net_subnet *s)
{
	return (unsigned)net_addr_len(&s->base) * 8 - s->prefix;
}

static void mask(struct net_subnet *s)
{
	for (unsigned bit = s->prefix; bit < net_addr_len(&s->base) * 8; bit++)
		s->base.bytes[bit / 8] &= (uint8_t) ~(0x80U >> (bit % 8));
}

int net_subnet_parse(const char *text, struct net_subnet *ret, struct cps_err *err)
{
	char buf[NET_SUBNET_SIZE], masked[NET_SUBNET_SIZE];
	struct net_subnet s = { 0 };
	struct net_addr given;
	int64_t prefix;
	char *slash;
	bool v4;

	if (strlen(text) >= sizeof(buf))
		return cps_failx(err, EINVAL, "'%.60s' is no subnet", text);
	memcpy(buf, text, strlen(text) + 1);
	slash = strchr(buf, '/');
	if (!slash)
		return cps_failx(err, EINVAL, "'%s' is no subnet: ADDRESS/PREFIX is wanted", text);
	*slash++ = '\0';
	if (net_addr_parse(buf, &given) < 0)
		return cps_failx(err, EINVAL, "subnet '%s': '%s' is no address", text, buf);
	v4 = given.family == AF_INET;
	if (cps_num_parse(slash, v4 ? 8 : 16, v4 ? 30 : 126, &prefix) < 0)
		return cps_failx(err, EINVAL, "subnet '%s': '%s' is no prefix from %s", text, slash,
				 v4 ? "8 to 30" : "16 to 126");
	s.base = given;
	s.prefix = (unsigned)prefix;
	mask(&s);
	net_subnet_format(&s, masked);
	if (!net_addr_is_equal(&s.base, &given))
		return cps_failx(err, EINVAL, "subnet '%s' has host bits set; '%s' is meant?", text,
				 masked);
	if (is_special(&given))
		return cps_failx(err, EINVAL, "subnet '%s' is not for addresses of containers",
				 text);
	*ret = s;
	return 0;
}

void net_subnet_format(const struct net_subnet *s, char buf[NET_SUBNET_SIZE])
{
	char addr[NET_ADDR_SIZE];

	net_addr_format(&s->base, addr);
	(void)snprintf(buf, NET_SUBNET_SIZE, "%s/%u", addr, s->prefix);
}

uint64_t net_subnet_count(const struct net_subnet *s)
{
	unsigned bits = host_bits(s);

	return (uint64_t)1 << (bits < OFFSET_BITS_MAX ? bits : OFFSET_BITS_MAX);
}

void net_subnet_at(const struct net_subnet *s, uint64_t offset, struct net_addr *ret)
{
	*ret = s->base;
	for (size_t i = net_addr_len(&s->base); i-- > 0 && offset; offset >>= 8)
		ret->bytes[i] |= (uint8_t)offset;
}

uint64_t net_subnet_offset(const struct net_subnet *s, const struct net_addr *a)
{
	size_t len = net_addr_len(a);
	uint64_t offset = 0;

	for (size_t i = len > 8 ? len - 8 : 0; i < len; i++)
		offset = offset << 8 | (uint8_t)(a->bytes[i] ^ s->base.bytes[i]);
	return offset;
}

bool net_subnet_is_usable(const struct net_subnet *s, const struct net_addr *a)
{
	if (!net_subnet_contains(s, a) || net_addr_is_equal(a, &s->base))
		return false;
	return a->family == AF_INET6 || net_subnet_offset(s, a) != net_subnet_count(s) - 1;
}
