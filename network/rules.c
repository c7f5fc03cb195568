/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is written down, as the state of nft.h.
 */
#include <config.h>
#include "rules.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "dir.h"
#include "nft.h"
#include "own.h"
#include "publish.h"

#define LOCK_NAME ".rules.lock"

int net_rules_lock(const struct net *n, struct cps_err *err)
{
	int fd = net_lock(n->fd, LOCK_NAME, err);

	return fd < 0 ? cps_wrap(err, fd, "packet rules") : fd;
}

/* -- to the form of nft.h ------------------------------------------------------------ */

static struct net_nft_network network_form(const struct net_network *network)
{
	return (struct net_nft_network){ network->bridge, network->internal, network->subnets,
					 network->nsubnets };
}

/* The first address of each family; the texts live in the arena. */
static int endpoint_form(const struct net_endpoint *e, struct cps_arena *a,
			 struct net_nft_endpoint *ret, struct cps_err *err)
{
	*ret = (struct net_nft_endpoint){ .ports = e->ports, .nports = e->nports };
	for (unsigned i = e->naddresses; i-- > 0;) {
		char text[NET_ADDR_SIZE];
		const char **to = e->addresses[i].family == AF_INET6 ? &ret->ip6 : &ret->ip;

		net_addr_format(&e->addresses[i], text);
		*to = cps_arena_strdup(a, text);
		if (!*to)
			return cps_fail(err, ENOMEM, "packet rules");
	}
	return 0;
}

/* -- everything ---------------------------------------------------------------------- */

/* Calls `one` for all members that are written down, of all networks of the driver bridge. What
 * cannot be read, or goes meanwhile, is left out. */
typedef int member_fn(const struct net_network *network, const struct net_endpoint *e, void *arg,
		      struct cps_err *err);

struct visit {
	struct cps_arena *arena; /* what is loaded lives here */
	int (*network)(const struct net_network *network, void *arg, struct cps_err *err);
	member_fn *member;
	void *arg;
};

static int network_visit(const struct net *n, const char *name, const struct visit *v,
			 struct cps_err *err)
{
	struct net_dir d cleanup_net_dir = NET_DIR_INIT;
	struct net_network *network = cps_arena_alloc(v->arena, sizeof(*network));
	struct cps_err ignored;
	const char **ids = NULL;
	size_t count = 0;
	int rc = 0;

	if (!network)
		return cps_fail(err, ENOMEM, "packet rules");
	if (net_network_load(n, name, v->arena, network, &ignored) < 0 ||
	    network->driver != NET_DRIVER_BRIDGE || net_dir_open(n, name, false, &d, &ignored) < 0)
		return 0;
	if (v->network)
		rc = v->network(network, v->arg, err);
	if (rc == 0)
		rc = net_endpoint_list(&d, v->arena, &ids, &count, err);
	for (size_t i = 0; i < count && rc == 0; i++) {
		struct net_endpoint e;

		if (net_endpoint_load(&d, ids[i], v->arena, &e, &ignored) == 0 && e.nports)
			rc = v->member(network, &e, v->arg, err);
	}
	return rc;
}

static int visit_all(const struct net *n, const struct visit *v, struct cps_err *err)
{
	const char **names;
	size_t count;
	int rc = net_network_list(n, v->arena, &names, &count, err);

	for (size_t i = 0; i < count && rc == 0; i++)
		rc = network_visit(n, names[i], v, err);
	return rc;
}

struct whole {
	struct cps_arena *arena;
	struct cps_buf networks;  /* of struct net_nft_network */
	struct cps_buf endpoints; /* of struct net_nft_endpoint */
	const char *skip_network; /* leave this one out, or */
	const char *skip_id;	  /* this member of it; NULL */
};

static void whole_done(struct whole *w)
{
	cps_buf_done(&w->networks);
	cps_buf_done(&w->endpoints);
}

static int whole_network(const struct net_network *network, void *arg, struct cps_err *err)
{
	const struct net_nft_network form = network_form(network);
	struct whole *w = arg;

	if (w->skip_network && !w->skip_id && strcmp(w->skip_network, network->name) == 0)
		return 0;
	cps_buf_add(&w->networks, &form, sizeof(form));
	return w->networks.failed ? cps_fail(err, ENOMEM, "packet rules") : 0;
}

static int whole_member(const struct net_network *network, const struct net_endpoint *e, void *arg,
			struct cps_err *err)
{
	struct net_nft_endpoint form;
	struct whole *w = arg;
	int rc;

	if (w->skip_id && strcmp(w->skip_network, network->name) == 0 &&
	    strcmp(w->skip_id, e->id) == 0)
		return 0;
	rc = endpoint_form(e, w->arena, &form, err);
	if (rc < 0)
		return rc;
	cps_buf_add(&w->endpoints, &form, sizeof(form));
	return w->endpoints.failed ? cps_fail(err, ENOMEM, "packet rules") : 0;
}

/* Calls `use` with all of it, but for what is to be skipped. */
static int with_whole(const struct net *n, const char *skip_network, const char *skip_id,
		      int (*use)(const struct net_nft_state *all, void *arg, struct cps_err *err),
		      void *arg, struct cps_err *err)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	__attribute__((cleanup(whole_done))) struct whole w = { &a, CPS_BUF_INIT, CPS_BUF_INIT,
								skip_network, skip_id };
	const struct visit v = { &a, whole_network, whole_member, &w };
	struct net_nft_state state;
	int rc = visit_all(n, &v, err);

	if (rc < 0)
		return rc;
	state = (struct net_nft_state){
		.networks = (const void *)w.networks.data,
		.nnetworks = (unsigned)(w.networks.len / sizeof(struct net_nft_network)),
		.endpoints = (const void *)w.endpoints.data,
		.nendpoints = (unsigned)(w.endpoints.len / sizeof(struct net_nft_endpoint)),
	};
	return use(&state, arg, err);
}

static int rebuild_use(const struct net_nft_state *all, void *arg, struct cps_err *err)
{
	(void)arg;
	return net_nft_rebuild(all, err);
}

static int rebuild(const struct net *n, const char *skip_network, const char *skip_id,
		   struct cps_err *err)
{
	return with_whole(n, skip_network, skip_id, rebuild_use, NULL, err);
}

static int surplus_use(const struct net_nft_state *all, void *arg, struct cps_err *err)
{
	return net_nft_surplus(all, arg, err);
}

int net_rules_surplus(const struct net *n, bool remove, unsigned *ret, struct cps_err *err)
{
	cleanup_fd int lock = net_rules_lock(n, err);
	int rc = lock < 0 ? lock : with_whole(n, NULL, NULL, surplus_use, ret, err);

	return rc == 0 && *ret && remove ? rebuild(n, NULL, NULL, err) : rc;
}

int net_nft_repair(const struct net *n, struct cps_err *err)
{
	cleanup_fd int lock = net_rules_lock(n, err);

	return lock < 0 ? lock : rebuild(n, NULL, NULL, err);
}

/* -- one ----------------------------------------------------------------------------- */

static int other_check(const struct net_network *network, const struct net_endpoint *other,
		       void *arg, struct cps_err *err)
{
	const struct net_endpoint *e = arg;

	(void)network;
	/* what its own name had before is being replaced */
	if (strcmp(other->id, e->id) == 0)
		return 0;
	return net_ports_check_other(e->ports, e->nports, other->ports, other->nports, other->id,
				     err);
}

int net_rules_check(const struct net *n, const struct net_endpoint *e, struct cps_err *err)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	const struct visit v = { &a, NULL, other_check, (void *)(uintptr_t)e };
	int rc;

	if (!e->nports)
		return 0;
	rc = net_ports_check(e->ports, e->nports, err);
	if (rc == 0)
		rc = visit_all(n, &v, err);
	return rc < 0 ? rc : net_ports_check_host(e->ports, e->nports, err);
}

int net_rules_add(const struct net *n, const struct net_network *network,
		  const struct net_endpoint *e, struct cps_err *err)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	const struct net_nft_network nw = network_form(network);
	struct net_nft_endpoint ep;
	const struct net_nft_state come = { &nw, 1, &ep, e && e->nports ? 1 : 0 };
	int rc = come.nendpoints ? endpoint_form(e, &a, &ep, err) : 0;

	if (rc == 0)
		rc = net_nft_change(NULL, &come, err);
	return rc == -ESTALE ? rebuild(n, NULL, NULL, err) : rc;
}

static int another(const struct net_network *network, void *arg, struct cps_err *err)
{
	(void)network;
	(void)err;
	*(bool *)arg = true;
	return 0;
}

static int nothing_of_it(const struct net_network *network, const struct net_endpoint *e, void *arg,
			 struct cps_err *err)
{
	(void)network;
	(void)e;
	(void)arg;
	(void)err;
	return 0;
}

/* Is any network left that has something in the table? */
static bool is_any_left(const struct net *n)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	bool found = false;
	const struct visit v = { &a, another, nothing_of_it, &found };
	struct cps_err ignored;

	return visit_all(n, &v, &ignored) < 0 || found;
}

int net_rules_remove(const struct net *n, const struct net_network *network,
		     const struct net_endpoint *e, struct cps_err *err)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	const struct net_nft_network nw = network_form(network);
	struct net_nft_endpoint ep;
	const struct net_nft_state gone = { &nw, e ? 0 : 1, &ep, e ? 1 : 0 };
	int rc = e ? endpoint_form(e, &a, &ep, err) : 0;

	if (rc < 0 || (e && !e->nports))
		return rc;
	if (!e && !is_any_left(n))
		return net_nft_delete(err);
	rc = net_nft_change(&gone, NULL, err);
	/* one element is missing, and so nothing was taken away */
	return rc == -ESTALE ? rebuild(n, network->name, e ? e->id : NULL, err) : rc;
}
