/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container joins a network, and leaves it.
 *
 * Joining: an address of each of the network's subnets, a veth pair of which one end is made in the
 * container's network namespace, with that address and a route out, and the other is a port of the
 * network's bridge. All by netlink, in about a millisecond. Under the network's lock, so 50 that
 * join at once do so one after the other.
 */
#ifndef NET_ATTACH_H
#define NET_ATTACH_H

#include "buf.h"
#include "endpoint.h"
#include "err.h"
#include "json.h"
#include "network.h"
#include "port.h"

struct net_options {
	const char *network; /* NULL: the default */
	const char *ip;	     /* to have these addresses and no others; NULL: free ones */
	const char *ip6;
	const char *hostname;	    /* NULL: the id */
	const char *name;	    /* the container's, besides its id; NULL */
	const char *const *aliases; /* further names on this network */
	unsigned naliases;
	const struct net_alias *links; /* other containers, and the names it wants for them */
	unsigned nlinks;
	const struct net_port *ports; /* to publish */
	unsigned nports;
	const char *const *dns; /* addresses of name servers; none: the host's */
	unsigned ndns;
	const char *const *add_hosts; /* NAME:ADDRESS, further lines of /etc/hosts */
	unsigned nadd_hosts;
};

/* Puts container id, whose first process is `init` and has a network namespace of its own, on a
 * network. The default network is made on first use, bridges that have gone are made again; what
 * the user should know about that is added to *ret_notice, in lines. Networks of the drivers host
 * and none have nothing to join, and ports are refused there. On failure nothing is left.
 * EADDRINUSE: the address that was asked for is taken; EEXIST: it is on that network already;
 * ESRCH: the process is gone. */
int net_attach(const struct net *n, const char *id, const struct net_process *init,
	       const struct net_options *o, struct cps_buf *ret_notice, struct cps_err *err);

/* Takes a container that has ended off all networks: addresses, ports, its names in the others'
 * hosts. Idempotent, and nothing there is no error. One whose first process lives is left alone:
 * somebody has made another one of this name. Its interfaces are the kernel's to remove, with its
 * namespace, and nobody waits for that.
 *
 * Its shim has this done at its end, and who deletes it does it once more. Where neither could,
 * net_attach() does when it comes upon such a container's address, port or id, and net_sweep(). */
int net_detach(const struct net *n, const char *id, struct cps_err *err);

/* Takes a container that runs off one network, interfaces included; if that was its way out,
 * another network of its becomes it. ENOENT: it is not on it. */
int net_disconnect(const struct net *n, const char *id, const char *network, struct cps_err *err);

/* All networks that the container is on know it by this name from now on, instead of the one that
 * it was given before; the id: by none but that. Others' hosts are written anew. */
int net_rename(const struct net *n, const char *id, const char *name, struct cps_err *err);

/* The first address of a container as text; -ENOENT: it has none, or has ended. */
int net_address(const struct net *n, const char *id, char *buf, size_t size);

/* Adds "networks": { NAME: { addresses, gateway, mac, interface, … } }, for those it is on; none
 * once it has ended. */
int net_describe(const struct net *n, const char *id, struct cps_jsonw *w, struct cps_err *err);

#endif
