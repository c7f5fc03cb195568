/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Choosing a subnet.
 */
#include <config.h>

#include "choose.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

struct collect {
	struct cps_arena *arena;
	struct net_used *list;
	bool failed;
};

static void used_add(struct collect *c, const struct net_subnet *s, const char *what,
		     const char *name)
{
	struct net_used *used = cps_arena_alloc(c->arena, sizeof(*used));

	if (!used) {
		c->failed = true;
		return;
	}
	used->subnet = *s;
	(void)snprintf(used->whose, sizeof(used->whose), "%s %s", what, name);
	used->next = c->list;
	c->list = used;
}

/* Not fe80::/10 and ff00::/8, which every interface has, nor what leads everywhere. */
static bool is_of_interest(const struct net_subnet *s)
{
	const uint8_t *b = s->base.bytes;

	return s->prefix != 0 && (s->base.family != AF_INET6 ||
				  (b[0] != 0xff && !(b[0] == 0xfe && (b[1] & 0xc0) == 0x80)));
}

static void one_route(const struct net_route *r, void *arg)
{
	char name[IFNAMSIZ] = "?";

	if (!is_of_interest(&r->to))
		return;
	if (r->index)
		(void)if_indextoname((unsigned)r->index, name);
	used_add(arg, &r->to, "a route by", name);
}

int net_used_list(const struct net *n, const struct net_nl *nl, struct cps_arena *a,
		  const struct net_used **ret, struct cps_err *err)
{
	struct collect c = { .arena = a };
	const char **names;
	size_t count;
	int rc = net_route_each(nl, AF_INET, one_route, &c, err);

	if (rc == 0)
		rc = net_route_each(nl, AF_INET6, one_route, &c, err);
	if (rc == 0)
		rc = net_network_list(n, a, &names, &count, err);
	for (size_t i = 0; rc == 0 && i < count; i++) {
		struct net_network other;
		struct cps_err ignored;

		/* what cannot be read has no say in this */
		if (net_network_load(n, names[i], a, &other, &ignored) < 0)
			continue;
		for (unsigned s = 0; s < other.nsubnets; s++)
			used_add(&c, &other.subnets[s], "the network", other.name);
	}
	if (rc == 0 && c.failed)
		rc = cps_fail(err, ENOMEM, "list the subnets in use");
	if (rc == 0)
		*ret = c.list;
	return rc;
}

const struct net_used *net_used_find(const struct net_used *used, const struct net_subnet *s)
{
	for (; used; used = used->next)
		if (net_subnet_overlaps(&used->subnet, s))
			return used;
	return NULL;
}

int net_subnet_choose(const struct net_used *used, struct net_subnet *ret, struct cps_err *err)
{
	struct net_subnet s = { .base = { .family = AF_INET }, .prefix = 24 };

	for (unsigned i = 1; i < 255; i++) {
		memcpy(s.base.bytes, (uint8_t[]){ 192, 168, (uint8_t)i, 0 }, 4);
		if (!net_used_find(used, &s)) {
			*ret = s;
			return 0;
		}
	}
	for (unsigned i = 64 * 256; i < 128 * 256 - 1; i++) {
		memcpy(s.base.bytes, (uint8_t[]){ 10, (uint8_t)(i / 256), (uint8_t)i, 0 }, 4);
		if (!net_used_find(used, &s)) {
			*ret = s;
			return 0;
		}
	}
	return cps_failx(err, ENOSPC,
			 "no subnet is free among 192.168.1.0/24 … and 10.64.0.0/24 …; name one");
}
