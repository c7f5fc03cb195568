/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Joining a network.
 */
#include <config.h>

#include "attach.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "bridge.h"
#include "conntrack.h"
#include "inside.h"
#include "lease.h"
#include "link.h"
#include "member.h"
#include "names.h"
#include "own.h"
#include "proc.h"
#include "rules.h"

#define INTERFACES_MAX 64

/* All that joining needs at hand. */
struct join {
	const struct net *net;
	const struct net_options *o;
	const struct net_network *network;
	struct net_dir dir;
	struct net_nl host;
	struct net_nl inside;
	int netns;  /* the caller's */
	int bridge; /* index */
	int rules;  /* the lock over packet rules, or -1 */
	struct net_endpoint e;
	struct cps_arena arena;
};

static void join_done(struct join *j)
{
	net_nl_done(&j->host);
	net_nl_done(&j->inside);
	net_dir_done(&j->dir);
	cps_close(&j->rules);
	cps_arena_done(&j->arena);
}

/* What an earlier container of this name has left gives way; one that lives does not. */
static int name_clear(const struct join *j, const char *id, struct cps_err *err)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	struct net_endpoint old;
	struct cps_err ignored;

	if (!net_endpoint_is_there(&j->dir, id))
		return 0;
	if (net_endpoint_load(&j->dir, id, &a, &old, &ignored) < 0) {
		net_endpoint_remove(&j->dir, id);
		return 0;
	}
	if (net_endpoint_is_alive(&old))
		return cps_failx(err, EEXIST, "it is on that network");
	net_member_drop(j->net, &j->dir, j->network, &j->host, &old, true);
	return 0;
}

static void addresses_drop(struct join *j)
{
	for (unsigned i = 0; i < j->e.naddresses; i++)
		net_lease_drop(&j->dir, &j->e.addresses[i]);
	j->e.naddresses = 0;
}

/* The address that was asked for in subnet i. family 0: none was, of this family; *ret_skip: it is
 * in another subnet. */
static int wanted_address(const struct join *j, unsigned i, struct net_addr *ret, bool *ret_skip,
			  struct cps_err *err)
{
	const struct net_subnet *s = &j->network->subnets[i];
	const char *text = s->base.family == AF_INET ? j->o->ip : j->o->ip6;

	*ret = (struct net_addr){ 0 };
	*ret_skip = false;
	if (!text)
		return 0;
	if (net_addr_parse(text, ret) < 0 || ret->family != s->base.family)
		return cps_failx(err, EINVAL, "'%.60s' is no IPv%d address", text,
				 s->base.family == AF_INET ? 4 : 6);
	*ret_skip = !net_subnet_contains(s, ret);
	if (!*ret_skip &&
	    (!net_subnet_is_usable(s, ret) || net_addr_is_equal(ret, &j->network->gateways[i])))
		return cps_failx(err, EINVAL, "the address %s is the network's own", text);
	return 0;
}

static int addresses_take(struct join *j, struct cps_err *err)
{
	const struct net_network *network = j->network;
	bool found4 = !j->o->ip, found6 = !j->o->ip6;
	int rc = 0;

	for (unsigned i = 0; i < network->nsubnets && rc == 0; i++) {
		struct net_addr *a = &j->e.addresses[j->e.naddresses];
		bool skip;

		rc = wanted_address(j, i, a, &skip, err);
		if (rc < 0 || skip)
			continue;
		if (a->family)
			rc = net_lease_take_fixed(&j->dir, a, j->e.id, err);
		else
			rc = net_lease_take(&j->dir, network, i, j->e.id, a, err);
		if (rc < 0)
			break;
		found4 |= a->family == AF_INET;
		found6 |= a->family == AF_INET6;
		j->e.prefixes[j->e.naddresses++] = network->subnets[i].prefix;
	}
	if (rc == 0 && (!found4 || !found6))
		rc = cps_failx(err, EINVAL, "the address %.60s is in none of the network's subnets",
			       found4 ? j->o->ip6 : j->o->ip);
	if (rc < 0)
		addresses_drop(j);
	return rc;
}

static int addresses_get(struct join *j, struct cps_err *err)
{
	struct cps_err ignored;
	unsigned dropped = 0;
	int rc = addresses_take(j, err);

	if (rc != -ENOSPC && rc != -EADDRINUSE)
		return rc;
	/* of containers that have ended, perhaps */
	if (net_members_reclaim(j->net, &j->dir, j->network, &j->host, false, &dropped, &ignored) ==
		    0 &&
	    dropped)
		rc = addresses_take(j, err);
	return rc;
}

static int interface_choose(struct join *j, struct cps_err *err)
{
	struct net_link l;
	int rc = 0;

	for (unsigned i = 0; i < INTERFACES_MAX && rc == 0; i++) {
		(void)snprintf(j->e.interface, sizeof(j->e.interface), "eth%u", i);
		rc = net_link_get(&j->inside, j->e.interface, &l, err);
	}
	return rc == -ENODEV ? 0 : rc < 0 ? rc : cps_failx(err, ENOSPC, "too many interfaces");
}

static int endpoint_make(struct join *j, const char *id, const struct net_process *init,
			 struct cps_err *err)
{
	const struct net_options *o = j->o;
	const char **aliases = cps_arena_array(&j->arena, o->naliases + 1, sizeof(*aliases));
	char boot_id[37], alias[NET_ALIAS_SIZE];
	int rc = cps_boot_id(boot_id, err);

	if (rc < 0)
		return rc;
	j->e.boot_id = cps_arena_strdup(&j->arena, boot_id);
	if (!aliases || !j->e.boot_id)
		return cps_fail(err, ENOMEM, "endpoint of %s", id);
	if (o->naliases)
		memcpy(aliases, o->aliases, o->naliases * sizeof(*aliases));
	j->e.id = id;
	j->e.init = *init;
	j->e.hostname = o->hostname ? o->hostname : id;
	j->e.name = o->name;
	j->e.aliases = aliases;
	j->e.links = o->links;
	j->e.nlinks = o->nlinks;
	j->e.ports = o->ports;
	j->e.nports = o->nports;
	rc = interface_choose(j, err);
	if (rc == 0)
		rc = addresses_get(j, err);
	if (rc < 0)
		return rc;
	net_mac_of(&j->e.addresses[0], j->e.mac);
	net_link_alias(j->net, j->network->name, &j->e.addresses[0], alias);
	net_veth_name(alias, j->e.host_interface);
	/* nobody gets one of these ports between the look at them and their being written down */
	rc = j->rules = net_rules_lock(j->net, err);
	if (rc >= 0)
		rc = net_rules_check(j->net, &j->e, err);
	if (rc == 0)
		rc = net_endpoint_save(&j->dir, &j->e, err);
	if (rc < 0)
		addresses_drop(j);
	return rc;
}

/* Its name comes from its address, so where it is taken, a container that has ended had the
 * address, and somebody keeps its namespace: this one loses the interface now. */
static int veth_make(const struct join *j, struct cps_err *err)
{
	const struct net_veth v = {
		.name = j->e.host_interface,
		.master = j->bridge,
		.mtu = j->network->mtu,
		.peer = j->e.interface,
		.peer_mac = j->e.mac,
		.peer_netns = j->netns,
	};
	int rc = net_link_add_veth(&j->host, &v, err);

	if (rc != -EEXIST)
		return rc;
	net_member_link_delete(j->net, j->network, &j->host, &j->e);
	return net_link_add_veth(&j->host, &v, err);
}

static int host_end_up(const struct join *j, struct cps_err *err)
{
	char alias[NET_ALIAS_SIZE];
	struct net_link l;
	int rc = net_link_get(&j->host, j->e.host_interface, &l, err);

	if (rc == -ENODEV)
		return cps_fail(err, ENODEV, "%s", j->e.host_interface);
	net_link_alias(j->net, j->network->name, &j->e.addresses[0], alias);
	if (rc == 0)
		rc = net_link_mark(&j->host, l.index, alias, err);
	if (rc == 0)
		rc = net_link_quiet(&j->host, l.index, err);
	if (rc == 0 && j->e.nports)
		rc = net_link_hairpin(&j->host, l.index, err);
	return rc < 0 ? rc : net_link_up(&j->host, l.index, err);
}

static int container_end_up(const struct join *j, struct cps_err *err)
{
	struct net_link l;
	bool has_ipv6 = false;
	int rc = net_link_get(&j->inside, j->e.interface, &l, err);

	if (rc == -ENODEV)
		return cps_fail(err, ENODEV, "%s", j->e.interface);
	if (rc == 0)
		rc = net_link_quiet(&j->inside, l.index, err);
	if (rc == 0)
		rc = net_link_up(&j->inside, l.index, err);
	for (unsigned i = 0; i < j->e.naddresses && rc == 0; i++) {
		has_ipv6 |= j->e.addresses[i].family == AF_INET6;
		rc = net_link_add_address(&j->inside, l.index, &j->e.addresses[i], j->e.prefixes[i],
					  err);
	}
	if (rc == 0 && has_ipv6) {
		struct net_addr local;

		net_mac_link_local(j->e.mac, &local);
		rc = net_link_add_address(&j->inside, l.index, &local, 64, err);
	}
	if (rc == 0)
		rc = net_inside_routes_add(&j->inside, j->network, &j->e, l.index, err);
	return rc;
}

static int join_begun(struct join *j, const char *id, const struct net_process *init,
		      struct cps_err *err)
{
	struct cps_err ignored;
	int rc = net_dir_open(j->net, j->network->name, true, &j->dir, err);

	if (rc == 0)
		rc = net_nl_open(&j->host, err);
	if (rc == 0)
		rc = net_nl_open_in(j->netns, &j->inside, err);
	if (rc == 0)
		rc = name_clear(j, id, err);
	if (rc == 0)
		rc = net_bridge_ensure(j->net, &j->dir, j->network, &j->host, &j->bridge, err);
	if (rc == 0)
		rc = endpoint_make(j, id, init, err);
	if (rc < 0)
		return rc;
	rc = net_rules_add(j->net, j->network, &j->e, err);
	cps_close(&j->rules);
	if (rc == 0) /* a kernel that cannot forget has who sent before wait until it was silent */
		(void)net_conntrack_published(&j->e, &ignored);
	if (rc == 0)
		rc = veth_make(j, err);
	if (rc == 0)
		rc = host_end_up(j, err);
	if (rc == 0)
		rc = container_end_up(j, err);
	if (rc == 0)
		rc = net_names_update(j->net, &j->dir, j->network, id, err);
	if (rc < 0)
		net_member_drop(j->net, &j->dir, j->network, &j->host, &j->e, true);
	return rc;
}

static int join_network(const struct net *n, const struct net_network *network, int netns,
			const char *id, const struct net_process *init, const struct net_options *o,
			struct cps_err *err)
{
	__attribute__((cleanup(join_done))) struct join j = {
		.net = n,
		.o = o,
		.network = network,
		.dir = NET_DIR_INIT,
		.host = NET_NL_INIT,
		.inside = NET_NL_INIT,
		.netns = netns,
		.rules = -1,
		.arena = CPS_ARENA_INIT,
	};

	return join_begun(&j, id, init, err);
}

/* Takes containers that have ended off all networks, those whose shims could not, or have not yet.
 * No lock is held: they may be on any network. */
static void ended_release(const struct net *n)
{
	cleanup_arena struct cps_arena names_arena = CPS_ARENA_INIT;
	struct net_nl nl cleanup_nl = NET_NL_INIT;
	const char **names = NULL;
	size_t count = 0;
	struct cps_err ignored;

	if (net_network_list(n, &names_arena, &names, &count, &ignored) < 0 ||
	    net_nl_open(&nl, &ignored) < 0)
		return;
	for (size_t i = 0; i < count; i++) {
		cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
		struct net_dir d cleanup_net_dir = NET_DIR_INIT;
		struct net_network network;
		unsigned dropped;

		if (net_network_load(n, names[i], &a, &network, &ignored) == 0 &&
		    net_dir_open(n, names[i], true, &d, &ignored) == 0)
			(void)net_members_reclaim(n, &d, &network, &nl, false, &dropped, &ignored);
	}
}

int net_attach(const struct net *n, const char *id, const struct net_process *init,
	       const struct net_options *o, struct cps_buf *ret_notice, struct cps_err *err)
{
	const char *name = o->network ? o->network : NET_DEFAULT;
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	struct net_network network;
	cleanup_fd int netns = -1;
	int rc = net_network_want(n, name, &a, &network, ret_notice, err);

	if (rc < 0)
		return rc;
	if (network.driver != NET_DRIVER_BRIDGE)
		return o->nports
			       ? cps_failx(err, EINVAL,
					   "network %s: ports are published on a bridge only", name)
			       : 0;
	rc = netns = net_inside_open(init, err);
	if (rc >= 0)
		rc = join_network(n, &network, netns, id, init, o, err);
	/* a port of a container that has ended, perhaps */
	if (rc == -EADDRINUSE && o->nports) {
		ended_release(n);
		rc = join_network(n, &network, netns, id, init, o, err);
	}
	return cps_wrap(err, rc, "network %s", name);
}
