/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Networks on disk, <data-root>/networks:
 *
 *   .lock                       flock(2): held while networks come and go
 *   .new-NAME .gone-NAME        what somebody was making or removing: a crash's, if nobody locks
 *   <name>/network.json         what it is; never changes
 *   <name>/lock                 flock(2): held while its members change; content: lease.h
 *   <name>/leases/<address>     symlinks to ids of containers      lease.h
 *   <name>/endpoints/<id>.json  its members                        endpoint.h
 *
 * A network appears and goes by rename(2), so that what has its name is whole.
 */
#ifndef NET_NETWORK_H
#define NET_NETWORK_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>

#include "arena.h"
#include "err.h"
#include "json.h"
#include "opt.h"
#include "subnet.h"

#define NET_DEFAULT	 "capsule_bridge0"
#define NET_SUBNETS_MAX	 4
#define NET_PATH_SIZE	 128
#define NET_MTU_DEFAULT	 1500
#define NET_MTU_MIN	 68
#define NET_MTU_MIN_IPV6 1280
#define NET_MTU_MAX	 65535

struct net {
	int fd;			  /* of networks/, O_PATH */
	char path[NET_PATH_SIZE]; /* its real one: interfaces that are ours say so by it */
};

#define NET_INIT          \
	{                 \
		-1,       \
		{         \
			0 \
		}         \
	}

enum net_driver { NET_DRIVER_BRIDGE, NET_DRIVER_HOST, NET_DRIVER_NONE };

struct net_network { /* strings live in the arena that it was loaded with */
	const char *name;
	enum net_driver driver;
	struct net_subnet subnets[NET_SUBNETS_MAX];
	struct net_addr gateways[NET_SUBNETS_MAX]; /* the bridge's own address in each */
	unsigned nsubnets;
	unsigned mtu;
	bool internal;		   /* no way out */
	char bridge[IFNAMSIZ];	   /* the interface; "" unless the driver is bridge */
	const char *created;	   /* RFC 3339 */
	const char *const *labels; /* K=V, NULL-terminated */
};

/* One network, open: its directory and, if asked for, its lock. */
struct net_dir {
	int fd;	  /* O_PATH */
	int lock; /* -1: not held */
};

#define NET_DIR_INIT   \
	{              \
		-1, -1 \
	}

/* What a user asks of a new network; NULL and 0: whatever suits. */
struct net_wish {
	const char *driver;
	const char *const *subnets; /* as given */
	unsigned nsubnets;
	const char *const *gateways; /* each within one of the subnets */
	unsigned ngateways;
	unsigned mtu;
	bool internal;
	const char *const *labels; /* K=V */
	unsigned nlabels;
};

/* Opens <data_root>/networks. create: makes both (0700) where they are missing; otherwise -ENOENT,
 * and there is no network yet. */
int net_open(const char *data_root, bool create, struct net *ret, struct cps_err *err);
void net_done(struct net *n);
#define cleanup_net __attribute__((cleanup(net_done)))

void net_dir_done(struct net_dir *d);
#define cleanup_net_dir __attribute__((cleanup(net_dir_done)))

/* Opens a network's directory; lock: waits for its lock, some seconds at the most (EBUSY).
 * -ENOENT: there is none of this name. */
int net_dir_open(const struct net *n, const char *name, bool lock, struct net_dir *ret,
		 struct cps_err *err);

/* Makes a network and its bridge. Without subnets one that is free is chosen; one that was asked
 * for and is in use by another network or a route of this machine is refused (EADDRINUSE). */
int net_network_create(const struct net *n, const char *name, const struct net_wish *wish,
		       struct cps_err *err);
/* -ENOENT: there is none of this name. */
int net_network_load(const struct net *n, const char *name, struct cps_arena *a,
		     struct net_network *ret, struct cps_err *err);
/* The same, and the default network is made if it is the one that is missing. What the user should
 * know about that is printed into *ret_notice, a line that ends in a newline. */
int net_network_want(const struct net *n, const char *name, struct cps_arena *a,
		     struct net_network *ret, struct cps_buf *ret_notice, struct cps_err *err);
/* Sorted names, NULL-terminated. */
int net_network_list(const struct net *n, struct cps_arena *a, const char ***ret_names,
		     size_t *ret_n, struct cps_err *err);
/* Removes it with its bridge. EBUSY: containers are on it; the message names one. -ENOENT. */
int net_network_delete(const struct net *n, const char *name, struct cps_err *err);

const char *net_driver_name(enum net_driver driver);
int net_driver_parse(const char *text, enum net_driver *ret, struct cps_err *err);

/* network.json. Pure; of a text that anybody may have written. */
int net_network_parse(struct cps_arena *a, const char *text, size_t len, struct net_network *ret,
		      struct cps_err *err);
void net_network_write(const struct net_network *network, struct cps_jsonw *w);

#endif
