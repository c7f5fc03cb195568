/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The word behind --network, and what it means for a container's namespaces. Pure.
 */
#ifndef NET_MODE_H
#define NET_MODE_H

#include <stdbool.h>
#include <sys/types.h>

#include "err.h"

enum net_mode_kind {
	NET_MODE_NETWORK,   /* NAME, "bridge" or nothing: a network */
	NET_MODE_HOST,	    /* "host" */
	NET_MODE_NONE,	    /* "none": a namespace with nothing but lo */
	NET_MODE_CONTAINER, /* "container:ID" */
};

struct net_mode {
	enum net_mode_kind kind;
	const char *name; /* of the network, or the other container's id; borrowed; else NULL */
};

#define NET_NS_PATH_SIZE 32

/* The namespaces that config.json asks for. */
struct net_namespaces {
	bool network;			     /* has a "network" */
	char network_path[NET_NS_PATH_SIZE]; /* "": a new one */
	/* A network namespace belongs to a user namespace, outside of which nobody has rights over
	 * it, so who shares the one shares the other. "": says nothing about it */
	char user_path[NET_NS_PATH_SIZE];
};

/* word: NULL is the default network. EINVAL. */
int net_mode_parse(const char *word, struct net_mode *ret, struct cps_err *err);
/* Is it no name for a network, because it means something else there? */
bool net_mode_is_reserved(const char *name);

/* other: the first process of the container that is meant by container:ID, and whether it has a
 * user namespace of its own; else 0 and false. */
void net_mode_namespaces(const struct net_mode *m, pid_t other, bool other_has_user,
			 struct net_namespaces *ret);

#endif
