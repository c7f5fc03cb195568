/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which subnet a new network gets: none that this machine uses already.
 */
#ifndef NET_CHOOSE_H
#define NET_CHOOSE_H

#include "arena.h"
#include "err.h"
#include "link.h"
#include "network.h"
#include "subnet.h"

#define NET_WHOSE_SIZE 80

struct net_used { /* a subnet in use, and by what: "the network web", "a route by eth0" */
	struct net_subnet subnet;
	char whose[NET_WHOSE_SIZE];
	struct net_used *next;
};

/* All that this machine's routes and the networks of n use. Lives in the arena. */
int net_used_list(const struct net *n, const struct net_nl *nl, struct cps_arena *a,
		  const struct net_used **ret, struct cps_err *err);

/* Pure: the first of the list that overlaps s; NULL: it is free. */
const struct net_used *net_used_find(const struct net_used *used, const struct net_subnet *s);
/* Pure: the default, or the next one that is free: 192.168.1.0/24 to 192.168.254.0/24, then
 * 10.64.0.0/24 to 10.127.254.0/24. ENOSPC. */
int net_subnet_choose(const struct net_used *used, struct net_subnet *ret, struct cps_err *err);

#endif
