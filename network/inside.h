/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container's network namespace, seen from outside of it.
 */
#ifndef NET_INSIDE_H
#define NET_INSIDE_H

#include <sys/stat.h>

#include "endpoint.h"
#include "err.h"
#include "link.h"
#include "network.h"

/* The network namespace of the process that is pid and started then; the descriptor. ESRCH: it has
 * ended. EINVAL: it is the one that we are in. */
int net_inside_open(const struct net_process *init, struct cps_err *err);

/* Is the network namespace that stat(2) says this of the one that we are in? 1, 0, or -errno. */
int net_inside_is_ours(const struct stat *theirs);

/* The ways out by this member's interface, which is number index there: each of the network's
 * subnets leads out by its gateway, and the first of a family counts. An internal network has none.
 */
int net_inside_routes_add(const struct net_nl *inside, const struct net_network *network,
			  const struct net_endpoint *e, int index, struct cps_err *err);

#endif
