/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What crashes have left of networks, found and removed; and what somebody else has taken away,
 * made again. Only what is ours: files below networks/, and interfaces whose alias has its path.
 */
#ifndef NET_SWEEP_H
#define NET_SWEEP_H

#include "buf.h"
#include "err.h"
#include "network.h"

/* Removes what is left over, and adds a line to *ret_found for each thing: directories that were
 * never or no longer networks, members and leases of containers that have ended, interfaces without
 * a member, bridges without a network, entries of the packet rules without either. */
int net_sweep(const struct net *n, struct cps_buf *ret_found, unsigned *ret_count,
	      struct cps_err *err);

/* What net_sweep() would remove. What a container that ends just now, or has just ended, has for a
 * moment is no leftover: it is looked at for a second. */
int net_check(const struct net *n, struct cps_buf *ret_found, unsigned *ret_count,
	      struct cps_err *err);

/* Bridges, the members' places on them and the packet rules are as they should be. */
int net_repair(const struct net *n, struct cps_err *err);

#endif
