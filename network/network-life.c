/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How networks come and go. Both: under the lock of networks/, and by rename(2).
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "bridge.h"
#include "choose.h"
#include "clock.h"
#include "dir.h"
#include "file.h"
#include "life.h"
#include "member.h"
#include "mode.h"
#include "network.h"
#include "own.h"
#include "rules.h"

#define TEMP_SIZE  80
#define RECORD_MAX ((size_t)1 << 20)

/* Which subnet a gateway that was named belongs to. */
static int gateway_assign(const char *text, struct net_network *network, struct cps_err *err)
{
	struct net_addr a;

	if (net_addr_parse(text, &a) < 0)
		return cps_failx(err, EINVAL, "gateway '%.60s' is no address", text);
	for (unsigned i = 0; i < network->nsubnets; i++) {
		if (!net_subnet_is_usable(&network->subnets[i], &a))
			continue;
		if (network->gateways[i].family)
			return cps_failx(err, EINVAL, "gateway '%s': its subnet has one", text);
		network->gateways[i] = a;
		return 0;
	}
	return cps_failx(err, EINVAL, "gateway '%s' is an address of none of the subnets", text);
}

static int subnets_read(const struct net_wish *wish, const struct net_used *used,
			struct net_network *network, struct cps_err *err)
{
	int rc = 0;

	if (wish->nsubnets > NET_SUBNETS_MAX)
		return cps_failx(err, EINVAL, "more than %d subnets", NET_SUBNETS_MAX);
	for (unsigned i = 0; i < wish->nsubnets && rc == 0; i++) {
		struct net_subnet *s = &network->subnets[i];
		const struct net_used *other;

		rc = net_subnet_parse(wish->subnets[i], s, err);
		if (rc < 0)
			return rc;
		for (unsigned j = 0; j < i; j++)
			if (net_subnet_overlaps(&network->subnets[j], s))
				return cps_failx(err, EINVAL, "subnets '%s' and '%s' overlap",
						 wish->subnets[j], wish->subnets[i]);
		other = net_used_find(used, s);
		if (other)
			return cps_failx(err, EADDRINUSE, "subnet '%s' is in use: %s",
					 wish->subnets[i], other->whose);
		network->nsubnets++;
	}
	if (wish->nsubnets == 0) {
		rc = net_subnet_choose(used, &network->subnets[0], err);
		network->nsubnets = 1;
	}
	for (unsigned i = 0; i < wish->ngateways && rc == 0; i++)
		rc = gateway_assign(wish->gateways[i], network, err);
	for (unsigned i = 0; i < network->nsubnets && rc == 0; i++) {
		if (!network->gateways[i].family)
			net_subnet_at(&network->subnets[i], 1, &network->gateways[i]);
		if (network->subnets[i].base.family == AF_INET6 && network->mtu < NET_MTU_MIN_IPV6)
			rc = cps_failx(err, EINVAL, "IPv6 wants an MTU of %d at least",
				       NET_MTU_MIN_IPV6);
	}
	return rc;
}

static int wish_check(const struct net_wish *wish, struct net_network *network, struct cps_err *err)
{
	int rc = net_driver_parse(wish->driver ? wish->driver : "bridge", &network->driver, err);

	if (rc < 0)
		return rc;
	network->mtu = wish->mtu ? wish->mtu : NET_MTU_DEFAULT;
	network->internal = wish->internal;
	if (network->mtu < NET_MTU_MIN || network->mtu > NET_MTU_MAX)
		return cps_failx(err, EINVAL, "an MTU is from %d to %d", NET_MTU_MIN, NET_MTU_MAX);
	if (network->driver != NET_DRIVER_BRIDGE &&
	    (wish->nsubnets || wish->ngateways || wish->mtu || wish->internal))
		return cps_failx(
			err, EINVAL,
			"subnets, gateways, an MTU and internal are for the driver bridge");
	for (unsigned i = 0; i < wish->nlabels; i++)
		if (!strchr(wish->labels[i], '=') || wish->labels[i][0] == '=')
			return cps_failx(err, EINVAL, "label '%.60s': NAME=VALUE is wanted",
					 wish->labels[i]);
	return 0;
}

static int record_write(int dir, const struct net_network *network, struct cps_err *err)
{
	cleanup_buf struct cps_buf buf = CPS_BUF_INIT;
	struct cps_jsonw w;

	cps_jsonw_init(&w, &buf, true);
	cps_jsonw_open(&w, NULL, '{');
	net_network_write(network, &w);
	cps_jsonw_close(&w, '}');
	cps_buf_puts(&buf, "\n");
	if (buf.failed)
		return cps_fail(err, ENOMEM, "write network.json");
	return cps_file_replace_durably(dir, "network.json", buf.data, buf.len, 0600, err);
}

/* Its directory, whole, under the name that it has from now on. */
static int directory_make(const struct net *n, const struct net_network *network,
			  struct cps_err *err)
{
	cleanup_fd int dir = -1;
	char temp[TEMP_SIZE];
	int rc;

	(void)snprintf(temp, sizeof(temp), NET_NEW "%.64s", network->name);
	/* we hold the lock, so it is a crash's */
	rc = cps_remove_tree(n->fd, temp, err);
	if (rc < 0)
		return rc;
	if (mkdirat(n->fd, temp, 0700) < 0)
		return cps_fail(err, errno, "make its directory");
	dir = openat(n->fd, temp, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 || mkdirat(dir, "leases", 0700) < 0 || mkdirat(dir, "endpoints", 0700) < 0)
		return cps_fail(err, errno, "make its directory");
	rc = record_write(dir, network, err);
	if (rc < 0)
		return rc;
	if (renameat(n->fd, temp, n->fd, network->name) < 0)
		return cps_fail(err, errno, "name its directory");
	return cps_dir_sync(n->fd, ".", err);
}

/* What stays behind says something of an interface that there is not. */
static void rules_drop(const struct net *n, const struct net_network *network)
{
	struct cps_err ignored;
	cleanup_fd int lock = net_rules_lock(n, &ignored);

	if (lock >= 0)
		(void)net_rules_remove(n, network, NULL, &ignored);
}

int net_network_finish(const struct net *n, const char *name, const struct net_nl *nl,
		       struct cps_err *err)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	cleanup_free char *text = NULL;
	char temp[TEMP_SIZE], path[TEMP_SIZE + sizeof("/network.json")];
	struct net_network network;
	struct cps_err ignored;
	size_t len;

	(void)snprintf(temp, sizeof(temp), NET_GONE "%.64s", name);
	if (faccessat(n->fd, temp, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	(void)snprintf(path, sizeof(path), "%s/network.json", temp);
	/* where the record has gone already, so have bridge and rules */
	if (cps_file_read(n->fd, path, RECORD_MAX, &text, &len, &ignored) == 0 &&
	    net_network_parse(&a, text, len, &network, &ignored) == 0 &&
	    strcmp(network.name, name) == 0 && network.driver == NET_DRIVER_BRIDGE) {
		int rc = net_bridge_delete(n, &network, nl, err);

		if (rc < 0)
			return rc;
		rules_drop(n, &network);
	}
	return cps_remove_tree(n->fd, temp, err);
}

static int bridge_up(const struct net *n, const struct net_network *network,
		     const struct net_nl *nl, struct cps_err *err)
{
	struct net_dir d cleanup_net_dir = NET_DIR_INIT;
	int rc = net_dir_open(n, network->name, true, &d, err), index;

	return rc < 0 ? rc : net_bridge_ensure(n, &d, network, nl, &index, err);
}

/* Under the lock of networks/. */
static int network_make(const struct net *n, const char *name, const struct net_wish *wish,
			struct cps_arena *a, struct net_network *ret, struct cps_err *err)
{
	struct net_nl nl cleanup_nl = NET_NL_INIT;
	struct net_network network = { .name = name };
	const struct net_used *used = NULL;
	char created[CPS_TIME_SIZE];
	struct timespec now;
	int rc;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	cps_time_format(&now, true, created);
	network.created = cps_arena_strdup(a, created);
	if (!network.created)
		return cps_fail(err, ENOMEM, "network %s", name);
	network.labels = cps_arena_array(a, wish->nlabels + 1, sizeof(*network.labels));
	if (!network.labels)
		return cps_fail(err, ENOMEM, "network %s", name);
	if (wish->nlabels)
		memcpy((void *)network.labels, wish->labels, wish->nlabels * sizeof(*wish->labels));
	rc = wish_check(wish, &network, err);
	if (rc == 0)
		rc = net_nl_open(&nl, err);
	/* its bridge would have our name */
	if (rc == 0)
		rc = net_network_finish(n, name, &nl, err);
	if (rc == 0 && network.driver == NET_DRIVER_BRIDGE) {
		rc = net_used_list(n, &nl, a, &used, err);
		if (rc == 0)
			rc = subnets_read(wish, used, &network, err);
		if (rc == 0)
			rc = net_bridge_name(n, name, &nl, network.bridge, err);
	}
	if (rc == 0)
		rc = directory_make(n, &network, err);
	if (rc == 0 && network.driver == NET_DRIVER_BRIDGE) {
		rc = bridge_up(n, &network, &nl, err);
		if (rc < 0) {
			struct cps_err ignored;

			/* in this order: an interface without a network is one that nobody knows */
			(void)net_bridge_delete(n, &network, &nl, &ignored);
			(void)cps_remove_tree(n->fd, name, &ignored);
		}
	}
	if (rc == 0)
		*ret = network;
	return rc;
}

int net_network_create(const struct net *n, const char *name, const struct net_wish *wish,
		       struct cps_err *err)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	cleanup_fd int lock = -1;
	struct net_network network;

	if (!cps_is_name(name) || net_mode_is_reserved(name))
		return cps_failx(err, EINVAL, "'%.80s' is no name for a network", name);
	lock = net_lock(n->fd, ".lock", err);
	if (lock < 0)
		return lock;
	if (faccessat(n->fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return cps_failx(err, EEXIST, "there is a network '%s'", name);
	return network_make(n, name, wish, &a, &network, err);
}

static void notice_write(const struct net_network *network, const struct net_used *used,
			 const struct net_subnet *wanted, struct cps_buf *notice)
{
	const struct net_used *other = net_used_find(used, wanted);
	char there[NET_SUBNET_SIZE], instead[NET_SUBNET_SIZE];

	net_subnet_format(wanted, there);
	net_subnet_format(&network->subnets[0], instead);
	cps_buf_printf(notice, "network %s: %s is in use (%s); it has %s instead\n", network->name,
		       there, other ? other->whose : "meanwhile free again", instead);
}

static int default_make(const struct net *n, struct cps_arena *a, struct net_network *ret,
			struct cps_buf *notice, struct cps_err *err)
{
	cleanup_fd int lock = net_lock(n->fd, ".lock", err);
	struct net_nl nl cleanup_nl = NET_NL_INIT;
	const struct net_wish wish = { 0 };
	const struct net_used *used = NULL;
	struct net_subnet wanted;
	int rc;

	if (lock < 0)
		return lock;
	/* somebody else may have been first */
	rc = net_network_load(n, NET_DEFAULT, a, ret, err);
	if (rc != -ENOENT)
		return rc;
	rc = net_nl_open(&nl, err);
	/* before ours is among them */
	if (rc == 0)
		rc = net_used_list(n, &nl, a, &used, err);
	if (rc == 0)
		rc = net_subnet_choose(NULL, &wanted, err);
	if (rc == 0)
		rc = network_make(n, NET_DEFAULT, &wish, a, ret, err);
	if (rc == 0 && !net_addr_is_equal(&wanted.base, &ret->subnets[0].base))
		notice_write(ret, used, &wanted, notice);
	return cps_wrap(err, rc, "network %s", NET_DEFAULT);
}

int net_network_want(const struct net *n, const char *name, struct cps_arena *a,
		     struct net_network *ret, struct cps_buf *ret_notice, struct cps_err *err)
{
	int rc = net_network_load(n, name, a, ret, err);

	if (rc != -ENOENT || strcmp(name, NET_DEFAULT) != 0)
		return rc;
	return default_make(n, a, ret, ret_notice, err);
}

int net_network_delete(const struct net *n, const char *name, struct cps_err *err)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	struct net_dir d cleanup_net_dir = NET_DIR_INIT;
	struct net_nl nl cleanup_nl = NET_NL_INIT;
	struct net_network network;
	char temp[TEMP_SIZE];
	cleanup_fd int lock = net_lock(n->fd, ".lock", err);
	int rc = lock;

	if (rc >= 0)
		rc = net_network_load(n, name, &a, &network, err);
	if (rc == 0)
		rc = net_dir_open(n, name, true, &d, err);
	if (rc == 0)
		rc = net_nl_open(&nl, err);
	if (rc == 0)
		rc = net_members_none(n, &d, &network, &nl, err);
	if (rc < 0)
		return rc;
	rc = net_network_finish(n, name, &nl, err); /* of an earlier one, and a crash's */
	if (rc < 0)
		return rc;
	(void)snprintf(temp, sizeof(temp), NET_GONE "%.64s", name);
	if (renameat(n->fd, name, n->fd, temp) < 0)
		return cps_fail(err, errno, "network %s", name);
	return net_network_finish(n, name, &nl, err);
}
