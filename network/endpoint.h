/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Members of networks on disk: <network>/endpoints/<id>.json says which container is on it, with
 * which addresses, interfaces, names and published ports. It is written before the interfaces are
 * made and removed after they have gone, so that what a crash leaves can be found.
 *
 * An endpoint is alive as long as its container's first process is. It goes when that has ended, or
 * at the latest when somebody needs what it has.
 */
#ifndef NET_ENDPOINT_H
#define NET_ENDPOINT_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "arena.h"
#include "err.h"
#include "json.h"
#include "network.h"
#include "port.h"
#include "subnet.h"

#define NET_MAC_LEN 6

struct net_process {
	pid_t pid;
	uint64_t start_time; /* in clock ticks since boot, as /proc/PID/stat has it */
};

struct net_alias { /* of --link ID:ALIAS */
	const char *id;
	const char *alias;
};

struct net_endpoint { /* strings and arrays live in the arena that it was loaded with */
	const char *id;
	struct net_process init;
	const char *boot_id;
	struct net_addr addresses[NET_SUBNETS_MAX]; /* one in each subnet that has one for it */
	unsigned prefixes[NET_SUBNETS_MAX];
	unsigned naddresses;
	uint8_t mac[NET_MAC_LEN];
	char host_interface[IFNAMSIZ]; /* our end of the veth pair */
	char interface[IFNAMSIZ];      /* the container's: eth0, eth1 … */
	const char *hostname;
	const char *name;	    /* of the container, besides its id; NULL */
	const char *const *aliases; /* further names, NULL-terminated */
	const struct net_alias *links;
	unsigned nlinks;
	const struct net_port *ports;
	unsigned nports;
};

/* -ENOENT: the container is not on this network. */
int net_endpoint_load(const struct net_dir *d, const char *id, struct cps_arena *a,
		      struct net_endpoint *ret, struct cps_err *err);
/* Those two: under the network's lock. */
int net_endpoint_save(const struct net_dir *d, const struct net_endpoint *e, struct cps_err *err);
void net_endpoint_remove(const struct net_dir *d, const char *id);
/* Sorted ids of all members, the dead ones too. */
int net_endpoint_list(const struct net_dir *d, struct cps_arena *a, const char ***ret_ids,
		      size_t *ret_n, struct cps_err *err);
/* Removes what crashes have left of net_endpoint_save(), under the network's lock; dry: only counts
 * it. *count grows by how many there were. */
int net_endpoint_temps_remove(const struct net_dir *d, bool dry, unsigned *count,
			      struct cps_err *err);
bool net_endpoint_is_there(const struct net_dir *d, const char *id);

/* Does its container's first process live? */
bool net_endpoint_is_alive(const struct net_endpoint *e);

/* The file's content. Pure; of a text that anybody may have written. */
int net_endpoint_parse(struct cps_arena *a, const char *text, size_t len, struct net_endpoint *ret,
		       struct cps_err *err);
void net_endpoint_write(const struct net_endpoint *e, struct cps_jsonw *w);

#endif
