/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Interfaces, addresses and routes by netlink (rtnetlink(7)): one request, one answer. libnl-3
 * builds and sends the messages.
 */
#ifndef NET_LINK_H
#define NET_LINK_H

#include <linux/if_link.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "endpoint.h"
#include "err.h"
#include "subnet.h"

#define NET_KIND_SIZE  16
#define NET_ALIAS_SIZE 256 /* the kernel's IFALIASZ */

struct nl_sock;

struct net_nl {
	struct nl_sock *sock;
};

#define NET_NL_INIT  \
	{            \
		NULL \
	}

struct net_link {
	int index;
	int master; /* index of its bridge, or 0 */
	bool up;
	char name[IFNAMSIZ];
	char kind[NET_KIND_SIZE];   /* "bridge", "veth"; "": another */
	char alias[NET_ALIAS_SIZE]; /* free text, by which we know ours */
	struct rtnl_link_stats64 stats;
};

struct net_route {
	struct net_subnet to; /* prefix 0: the default */
	int index;	      /* of the interface, or 0 */
};

/* A socket in the network namespace that we are in. */
int net_nl_open(struct net_nl *ret, struct cps_err *err);
/* In that of netns_fd: joins it for a moment, so no other thread may be about. */
int net_nl_open_in(int netns_fd, struct net_nl *ret, struct cps_err *err);
void net_nl_done(struct net_nl *nl);
#define cleanup_nl __attribute__((cleanup(net_nl_done)))

/* 1 to 15 of a-z A-Z 0-9 _ . -, the first a letter or a digit. */
bool net_link_is_name(const char *text);

/* -ENODEV: there is none of this name (no message). */
int net_link_get(const struct net_nl *nl, const char *name, struct net_link *ret,
		 struct cps_err *err);
/* Calls `one` for all interfaces; it may not use nl. */
int net_link_each(const struct net_nl *nl, void (*one)(const struct net_link *l, void *arg),
		  void *arg, struct cps_err *err);

/* Makes a bridge, down. Its MAC stays what it is, whatever ports it gets. */
int net_link_add_bridge(const struct net_nl *nl, const char *name, const uint8_t mac[NET_MAC_LEN],
			unsigned mtu, struct cps_err *err);

struct net_veth {
	const char *name; /* here */
	int master;	  /* index of its bridge */
	unsigned mtu;
	const char *peer; /* there */
	const uint8_t *peer_mac;
	int peer_netns; /* descriptor of the namespace */
};

/* Makes both ends, down. EEXIST: one of the names is taken. */
int net_link_add_veth(const struct net_nl *nl, const struct net_veth *v, struct cps_err *err);

/* Keeps IPv6 from giving it addresses by itself. */
int net_link_quiet(const struct net_nl *nl, int index, struct cps_err *err);
/* Says whose it is. */
int net_link_mark(const struct net_nl *nl, int index, const char *alias, struct cps_err *err);
int net_link_up(const struct net_nl *nl, int index, struct cps_err *err);
int net_link_set_master(const struct net_nl *nl, int index, int master, struct cps_err *err);
/* The bridge may send out of this port what came in by it: a container that asks for a port of its
 * own, where the kernel translates on bridges (br_netfilter). */
int net_link_hairpin(const struct net_nl *nl, int index, struct cps_err *err);
/* An end of a veth pair takes the other one with it. Takes the kernel some 20 ms. */
int net_link_delete(const struct net_nl *nl, int index, struct cps_err *err);

/* EEXIST is no error. IPv6 addresses are used at once, without looking for duplicates. */
int net_link_add_address(const struct net_nl *nl, int index, const struct net_addr *a,
			 unsigned prefix, struct cps_err *err);
/* EEXIST is no error: there is a default route already. */
int net_link_add_default(const struct net_nl *nl, int index, const struct net_addr *gateway,
			 struct cps_err *err);

/* Calls `one` for all unicast routes of a family, those of our own addresses not counted. */
int net_route_each(const struct net_nl *nl, int family,
		   void (*one)(const struct net_route *r, void *arg), void *arg,
		   struct cps_err *err);

#endif
