/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Leaving networks, and what there is to say about the ones that a container is on.
 */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "attach.h"
#include "inside.h"
#include "link.h"
#include "member.h"
#include "own.h"

/* One network. 0 too if it is not on it. force: though its process lives, and interfaces too. */
static int leave(const struct net *n, const char *name, const char *id, bool force,
		 struct cps_err *err)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	struct net_dir d cleanup_net_dir = NET_DIR_INIT;
	struct net_nl nl cleanup_nl = NET_NL_INIT;
	struct net_network network;
	struct net_endpoint e;
	int rc = net_network_load(n, name, &a, &network, err);

	if (rc == 0)
		rc = net_dir_open(n, name, true, &d, err);
	if (rc == 0 && !net_endpoint_is_there(&d, id))
		return 0;
	if (rc == 0)
		rc = net_endpoint_load(&d, id, &a, &e, err);
	if (rc < 0)
		return rc;
	if (!force && net_endpoint_is_alive(&e))
		return 0;
	rc = net_nl_open(&nl, err);
	if (rc == 0)
		net_member_drop(n, &d, &network, &nl, &e, force);
	return rc;
}

/* Without a lock: is it worth taking one? */
static bool is_on(const struct net *n, const char *name, const char *id)
{
	struct net_dir d cleanup_net_dir = NET_DIR_INIT;
	struct cps_err ignored;

	return net_dir_open(n, name, false, &d, &ignored) == 0 && net_endpoint_is_there(&d, id);
}

int net_detach(const struct net *n, const char *id, struct cps_err *err)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	const char **names;
	size_t count;
	int rc = net_network_list(n, &a, &names, &count, err), failed = 0;

	if (rc < 0)
		return rc;
	/* those that can be left are, whatever the others say */
	for (size_t i = 0; i < count; i++) {
		struct cps_err one;

		if (!is_on(n, names[i], id))
			continue;
		rc = leave(n, names[i], id, false, &one);
		if (rc < 0 && rc != -ENOENT) {
			failed = rc;
			*err = one;
		}
	}
	return failed;
}

/* Calls `one` for each network that the container is on. One that has ended is on none, though
 * nobody may have struck it off yet. */
static int memberships(const struct net *n, const char *id,
		       void (*one)(const struct net_network *network, const struct net_endpoint *e,
				   void *arg),
		       void *arg, struct cps_err *err)
{
	cleanup_arena struct cps_arena names_arena = CPS_ARENA_INIT;
	const char **names;
	size_t count;
	int rc = net_network_list(n, &names_arena, &names, &count, err);

	for (size_t i = 0; i < count && rc == 0; i++) {
		cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
		struct net_dir d cleanup_net_dir = NET_DIR_INIT;
		struct net_network network;
		struct net_endpoint e;
		struct cps_err ignored;

		/* what goes meanwhile, or is damaged, has nothing to say */
		if (is_on(n, names[i], id) &&
		    net_network_load(n, names[i], &a, &network, &ignored) == 0 &&
		    net_dir_open(n, names[i], false, &d, &ignored) == 0 &&
		    net_endpoint_load(&d, id, &a, &e, &ignored) == 0 && net_endpoint_is_alive(&e))
			one(&network, &e, arg);
	}
	return rc;
}

/* By the networks that are left; an interface that has gone takes its routes with it. */
static void one_way_out(const struct net_network *network, const struct net_endpoint *e, void *arg)
{
	cleanup_fd int netns = -1;
	struct net_nl inside cleanup_nl = NET_NL_INIT;
	struct net_link l;
	struct cps_err ignored;

	(void)arg;
	netns = net_inside_open(&e->init, &ignored);
	if (netns >= 0 && net_nl_open_in(netns, &inside, &ignored) == 0 &&
	    net_link_get(&inside, e->interface, &l, &ignored) == 0)
		(void)net_inside_routes_add(&inside, network, e, l.index, &ignored);
}

int net_disconnect(const struct net *n, const char *id, const char *network, struct cps_err *err)
{
	struct net_dir d cleanup_net_dir = NET_DIR_INIT;
	int rc = net_dir_open(n, network, false, &d, err);

	if (rc < 0)
		return rc;
	if (!net_endpoint_is_there(&d, id))
		return cps_failx(err, ENOENT, "container %s is not on the network %s", id, network);
	rc = leave(n, network, id, true, err);
	return rc < 0 ? rc : memberships(n, id, one_way_out, NULL, err);
}

struct address {
	char *buf;
	size_t size;
	bool found;
	bool first; /* of the container's first interface */
};

static void one_address(const struct net_network *network, const struct net_endpoint *e, void *arg)
{
	struct address *a = arg;
	char text[NET_ADDR_SIZE];

	(void)network; /* of any */
	if (!e->naddresses || a->first)
		return;
	net_addr_format(&e->addresses[0], text);
	(void)snprintf(a->buf, a->size, "%s", text);
	a->found = true;
	a->first = strcmp(e->interface, "eth0") == 0;
}

int net_address(const struct net *n, const char *id, char *buf, size_t size)
{
	struct address a = { .buf = buf, .size = size };
	struct cps_err ignored;
	int rc = memberships(n, id, one_address, &a, &ignored);

	return rc < 0 ? rc : a.found ? 0 : -ENOENT;
}

static void one_description(const struct net_network *network, const struct net_endpoint *e,
			    void *arg)
{
	struct cps_jsonw *w = arg;
	char text[NET_ADDR_SIZE];

	cps_jsonw_open(w, network->name, '{');
	net_endpoint_write(e, w);
	cps_jsonw_open(w, "gateways", '[');
	for (unsigned i = 0; i < network->nsubnets; i++) {
		net_addr_format(&network->gateways[i], text);
		cps_jsonw_str(w, NULL, text);
	}
	cps_jsonw_close(w, ']');
	cps_jsonw_close(w, '}');
}

int net_describe(const struct net *n, const char *id, struct cps_jsonw *w, struct cps_err *err)
{
	int rc;

	cps_jsonw_open(w, "networks", '{');
	rc = memberships(n, id, one_description, w, err);
	cps_jsonw_close(w, '}');
	return rc;
}
