/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What has gone through the interfaces of a container, in its own network namespace, whoever made
 * them: /proc/PID/net/dev (proc(5)), which costs no socket and no change of namespace.
 */
#ifndef NET_COUNTERS_H
#define NET_COUNTERS_H

#include <net/if.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "endpoint.h"
#include "err.h"

struct net_counters { /* since the interface was made; rx is what the container has received */
	char interface[IFNAMSIZ];
	uint64_t rx_bytes;
	uint64_t rx_packets;
	uint64_t rx_errors;
	uint64_t rx_dropped;
	uint64_t tx_bytes;
	uint64_t tx_packets;
	uint64_t tx_errors;
	uint64_t tx_dropped;
};

/* The counters of all interfaces but lo, in the order in which they were made. *ret (it lives in
 * the arena) and *ret_n; none: it has no interface, or the network namespace that we are in, whose
 * counters are not its own. -ESRCH: its first process has ended. */
int net_counters_read(const struct net_process *init, struct cps_arena *a,
		      const struct net_counters **ret, size_t *ret_n, struct cps_err *err);

/* The file's content. Pure; lines that are none are passed over. -ENOMEM. */
int net_counters_parse(const char *text, struct cps_arena *a, const struct net_counters **ret,
		       size_t *ret_n);

#endif
