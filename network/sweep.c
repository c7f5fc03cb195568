/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Leftovers.
 */
#include <config.h>

#include "sweep.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>

#include "arena.h"
#include "bridge.h"
#include "dir.h"
#include "endpoint.h"
#include "file.h"
#include "lease.h"
#include "life.h"
#include "link.h"
#include "member.h"
#include "own.h"
#include "rules.h"

#define LOOKS	20 /* before what is found is believed: the kernel takes interfaces away later */
#define LOOK_MS 50

struct sweep {
	const struct net *net;
	struct net_nl nl;
	struct cps_buf *found;
	unsigned count;
	bool dry;	    /* nothing is removed */
	const char **names; /* of networks */
	size_t nnames;
	struct cps_arena arena;
};

static void sweep_done(struct sweep *s)
{
	net_nl_done(&s->nl);
	cps_arena_done(&s->arena);
}

/* ".new-NAME", ".gone-NAME": nobody is at them, since we hold the lock. */
static int directories_sweep(struct sweep *s, struct cps_err *err)
{
	cleanup_fd int fd = openat(s->net->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_dir DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *e;
	int rc = 0;

	if (!dir)
		return cps_fail(err, errno, "read the directory of networks");
	(void)take_fd(&fd);
	while (rc == 0 && (e = readdir(dir))) {
		bool is_gone = strncmp(e->d_name, NET_GONE, sizeof(NET_GONE) - 1) == 0;

		if (!is_gone && strncmp(e->d_name, NET_NEW, sizeof(NET_NEW) - 1) != 0)
			continue;
		s->count++;
		cps_buf_printf(s->found, "network %s: half made or half removed\n",
			       strchr(e->d_name, '-') + 1);
		if (s->dry)
			continue;
		if (is_gone)
			rc = net_network_finish(s->net, e->d_name + sizeof(NET_GONE) - 1, &s->nl,
						err);
		if (rc == 0)
			rc = cps_remove_tree(s->net->fd, e->d_name, err);
	}
	return rc;
}

static int members_sweep(struct sweep *s, const char *name, struct cps_err *err)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	struct net_dir d cleanup_net_dir = NET_DIR_INIT;
	struct net_network network;
	unsigned dropped = 0;
	int rc = net_network_load(s->net, name, &a, &network, err);

	if (rc == 0)
		rc = net_dir_open(s->net, name, true, &d, err);
	if (rc == 0)
		rc = net_members_reclaim(s->net, &d, s->dry ? NULL : &network, &s->nl, true,
					 &dropped, err);
	if (rc == 0 && dropped) {
		s->count += dropped;
		cps_buf_printf(
			s->found,
			"network %s: %u member%s or address%s of containers that have ended\n",
			name, dropped, dropped == 1 ? "" : "s", dropped == 1 ? "" : "es");
	}
	return rc;
}

struct links {
	const struct sweep *sweep;
	struct net_link *v;
	size_t n;
	size_t room;
	struct cps_arena arena;
	bool failed;
};

static void links_done(struct links *l)
{
	cps_arena_done(&l->arena);
}

static void one_link(const struct net_link *l, void *arg)
{
	struct links *links = arg;

	if (!net_link_is_ours(links->sweep->net, l))
		return;
	if (links->n == links->room) {
		size_t room = links->room ? links->room * 2 : 16;
		struct net_link *v = cps_arena_array(&links->arena, room, sizeof(*v));

		if (!v) {
			links->failed = true;
			return;
		}
		if (links->n)
			memcpy(v, links->v, links->n * sizeof(*v));
		links->v = v;
		links->room = room;
	}
	links->v[links->n++] = *l;
}

/* Is there a network that has it, as a bridge or as a member's interface? */
static bool is_wanted(const struct sweep *s, const struct net_link *l)
{
	for (size_t i = 0; i < s->nnames; i++) {
		cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
		struct net_dir d cleanup_net_dir = NET_DIR_INIT;
		char alias[NET_ALIAS_SIZE], owner[NET_OWNER_SIZE];
		struct net_endpoint e;
		struct net_addr address;
		struct cps_err ignored;
		size_t len;

		net_link_alias(s->net, s->names[i], NULL, alias);
		len = strlen(alias);
		if (strcmp(l->alias, alias) == 0)
			return true;
		if (strncmp(l->alias, alias, len) != 0 || l->alias[len] != ':' ||
		    net_addr_parse(l->alias + len + 1, &address) < 0 ||
		    net_dir_open(s->net, s->names[i], false, &d, &ignored) < 0)
			continue;
		return net_lease_owner(&d, &address, owner, sizeof(owner)) == 0 &&
		       net_endpoint_load(&d, owner, &a, &e, &ignored) == 0 &&
		       strcmp(e.host_interface, l->name) == 0;
	}
	return false;
}

/* Files say what is meant to be, and are there before the interface: so first those, then these. */
static int links_sweep(struct sweep *s, struct cps_err *err)
{
	__attribute__((cleanup(links_done))) struct links links = { .sweep = s };
	int rc = net_link_each(&s->nl, one_link, &links, err);

	if (rc == 0 && links.failed)
		rc = cps_fail(err, ENOMEM, "list the interfaces");
	for (size_t i = 0; rc == 0 && i < links.n; i++) {
		struct cps_err ignored;

		if (is_wanted(s, &links.v[i]))
			continue;
		s->count++;
		cps_buf_printf(s->found, "interface %s: of no network or container\n",
			       links.v[i].name);
		/* one that has gone meanwhile is what we wanted */
		if (!s->dry)
			(void)net_link_delete(&s->nl, links.v[i].index, &ignored);
	}
	return rc;
}

static int rules_sweep(struct sweep *s, struct cps_err *err)
{
	unsigned n = 0;
	int rc = net_rules_surplus(s->net, !s->dry, &n, err);

	if (rc == 0 && n) {
		s->count += n;
		cps_buf_printf(s->found, "packet rules: %u entr%s of no network or container\n", n,
			       n == 1 ? "y" : "ies");
	}
	return rc;
}

static int sweep(const struct net *n, bool dry, struct cps_buf *ret_found, unsigned *ret_count,
		 struct cps_err *err)
{
	__attribute__((cleanup(sweep_done))) struct sweep s = {
		.net = n,
		.nl = NET_NL_INIT,
		.found = ret_found,
		.dry = dry,
		.arena = CPS_ARENA_INIT,
	};
	cleanup_fd int lock = net_lock(n->fd, ".lock", err);
	int rc = lock < 0 ? lock : net_nl_open(&s.nl, err);

	if (rc == 0)
		rc = directories_sweep(&s, err);
	if (rc == 0)
		rc = net_network_list(n, &s.arena, &s.names, &s.nnames, err);
	for (size_t i = 0; rc == 0 && i < s.nnames; i++)
		rc = members_sweep(&s, s.names[i], err);
	if (rc == 0)
		rc = links_sweep(&s, err);
	if (rc == 0)
		rc = rules_sweep(&s, err);
	if (rc == 0)
		*ret_count = s.count;
	return rc;
}

int net_sweep(const struct net *n, struct cps_buf *ret_found, unsigned *ret_count,
	      struct cps_err *err)
{
	return sweep(n, false, ret_found, ret_count, err);
}

int net_check(const struct net *n, struct cps_buf *ret_found, unsigned *ret_count,
	      struct cps_err *err)
{
	int rc;

	for (unsigned looks = 0;; looks++) {
		cps_buf_done(ret_found);
		*ret_found = (struct cps_buf)CPS_BUF_INIT;
		rc = sweep(n, true, ret_found, ret_count, err);
		if (rc < 0 || *ret_count == 0 || looks == LOOKS)
			return rc;
		(void)poll(NULL, 0, LOOK_MS);
	}
}

static int repair_one(const struct net *n, const char *name, const struct net_nl *nl,
		      struct cps_err *err)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	struct net_dir d cleanup_net_dir = NET_DIR_INIT;
	struct net_network network;
	int index, rc = net_network_load(n, name, &a, &network, err);

	if (rc < 0 || network.driver != NET_DRIVER_BRIDGE)
		return rc;
	rc = net_dir_open(n, name, true, &d, err);
	return rc < 0 ? rc : net_bridge_repair(n, &d, &network, nl, &index, err);
}

int net_repair(const struct net *n, struct cps_err *err)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	struct net_nl nl cleanup_nl = NET_NL_INIT;
	const char **names;
	size_t count;
	int rc = net_network_list(n, &a, &names, &count, err);

	if (rc == 0)
		rc = net_nl_open(&nl, err);
	for (size_t i = 0; rc == 0 && i < count; i++)
		rc = repair_one(n, names[i], &nl, err);
	return rc < 0 ? rc : net_nft_repair(n, err);
}
