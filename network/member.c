/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Members that go.
 */
#include <config.h>

#include "member.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "bridge.h"
#include "conntrack.h"
#include "lease.h"
#include "names.h"
#include "own.h"
#include "rules.h"

void net_member_link_delete(const struct net *n, const struct net_network *network,
			    const struct net_nl *nl, const struct net_endpoint *e)
{
	char alias[NET_ALIAS_SIZE];
	struct cps_err ignored;
	struct net_link l;

	if (net_link_get(nl, e->host_interface, &l, &ignored) < 0)
		return;
	net_link_alias(n, network->name, &e->addresses[0], alias);
	/* without an alias: a crash's, before it was marked */
	if (strcmp(l.kind, "veth") == 0 && (!l.alias[0] || strcmp(l.alias, alias) == 0))
		(void)net_link_delete(nl, l.index, &ignored);
}

static void rules_drop(const struct net *n, const struct net_network *network,
		       const struct net_endpoint *e)
{
	cleanup_fd int lock = -1;
	struct cps_err ignored;

	if (!e->nports)
		return;
	lock = net_rules_lock(n, &ignored);
	if (lock >= 0)
		(void)net_rules_remove(n, network, e, &ignored);
	cps_close(&lock);
	/* a kernel that cannot forget translates what is on its way until it is silent */
	(void)net_conntrack_withdrawn(e, &ignored);
}

void net_member_drop(const struct net *n, const struct net_dir *d,
		     const struct net_network *network, const struct net_nl *nl,
		     const struct net_endpoint *e, bool links)
{
	struct cps_err ignored;

	/* before its address can be another's */
	rules_drop(n, network, e);
	if (links)
		net_member_link_delete(n, network, nl, e);
	for (unsigned i = 0; i < e->naddresses; i++) {
		char owner[NET_OWNER_SIZE];

		if (net_lease_owner(d, &e->addresses[i], owner, sizeof(owner)) == 0 &&
		    strcmp(owner, e->id) == 0)
			net_lease_drop(d, &e->addresses[i]);
	}
	/* last: as long as it is there, the rest can be found */
	net_endpoint_remove(d, e->id);
	(void)net_names_update(n, d, network, e->id, &ignored);
}

static bool has_address(const struct net_endpoint *e, const struct net_addr *a)
{
	for (unsigned i = 0; i < e->naddresses; i++)
		if (net_addr_is_equal(&e->addresses[i], a))
			return true;
	return false;
}

/* Of one lease: has its owner this address? */
static bool is_owned(const struct net_dir *d, const struct net_addr *a)
{
	cleanup_arena struct cps_arena arena = CPS_ARENA_INIT;
	char owner[NET_OWNER_SIZE];
	struct net_endpoint e;
	struct cps_err ignored;

	return net_lease_owner(d, a, owner, sizeof(owner)) == 0 &&
	       net_endpoint_load(d, owner, &arena, &e, &ignored) == 0 && has_address(&e, a);
}

static int leases_reclaim(const struct net_dir *d, bool dry, unsigned *dropped, struct cps_err *err)
{
	cleanup_fd int fd = openat(d->fd, "leases", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_dir DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *e;

	if (!dir)
		return cps_fail(err, errno, "read the leases");
	(void)take_fd(&fd);
	while ((e = readdir(dir))) {
		struct net_addr a;

		if (e->d_name[0] == '.' || net_addr_parse(e->d_name, &a) < 0 || is_owned(d, &a))
			continue;
		*dropped += 1;
		if (!dry)
			net_lease_drop(d, &a);
	}
	return 0;
}

int net_members_reclaim(const struct net *n, const struct net_dir *d,
			const struct net_network *network, const struct net_nl *nl, bool links,
			unsigned *ret_dropped, struct cps_err *err)
{
	cleanup_arena struct cps_arena names = CPS_ARENA_INIT;
	const char **ids;
	size_t count;
	unsigned dropped = 0;
	int rc = net_endpoint_list(d, &names, &ids, &count, err);

	for (size_t i = 0; i < count && rc == 0; i++) {
		cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
		struct net_endpoint e;
		struct cps_err ignored;
		bool is_readable = net_endpoint_load(d, ids[i], &a, &e, &ignored) == 0;

		if (is_readable && net_endpoint_is_alive(&e))
			continue;
		dropped++;
		if (!network)
			continue;
		if (is_readable)
			net_member_drop(n, d, network, nl, &e, links);
		else
			net_endpoint_remove(d, ids[i]);
	}
	if (rc == 0)
		rc = net_endpoint_temps_remove(d, !network, &dropped, err);
	if (rc == 0)
		rc = leases_reclaim(d, !network, &dropped, err);
	if (rc == 0)
		*ret_dropped = dropped;
	return rc;
}

int net_members_none(const struct net *n, const struct net_dir *d,
		     const struct net_network *network, const struct net_nl *nl,
		     struct cps_err *err)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	unsigned ignored;
	const char **ids;
	size_t count;
	int rc = net_members_reclaim(n, d, network, nl, true, &ignored, err);

	if (rc == 0)
		rc = net_endpoint_list(d, &a, &ids, &count, err);
	if (rc == 0 && count)
		rc = cps_failx(err, EBUSY, "%zu container%s on it, as %s", count,
			       count == 1 ? " is" : "s are", ids[0]);
	return rc;
}
