/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Leases of addresses.
 */
#include <config.h>

#include "lease.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "own.h"

#define LEASE_PATH_SIZE (NET_ADDR_SIZE + sizeof("leases/"))
#define HINT_SIZE	(NET_SUBNETS_MAX * 21 + 1)

static void lease_path(const struct net_addr *a, char buf[LEASE_PATH_SIZE])
{
	char text[NET_ADDR_SIZE];

	net_addr_format(a, text);
	(void)snprintf(buf, LEASE_PATH_SIZE, "leases/%s", text);
}

/* 0 or -errno, no message: the caller knows what it means. */
static int take(const struct net_dir *d, const struct net_addr *a, const char *id)
{
	char path[LEASE_PATH_SIZE];

	lease_path(a, path);
	return symlinkat(id, d->fd, path) < 0 ? -errno : 0;
}

uint64_t net_lease_next(const struct net_subnet *s, const struct net_addr *gateway, uint64_t from)
{
	uint64_t count = net_subnet_count(s);
	struct net_addr a;

	/* base, broadcast and gateway may lie side by side, and there is a fourth address */
	for (unsigned tries = 0; tries < 4; tries++, from++) {
		if (from >= count)
			from = 0;
		net_subnet_at(s, from, &a);
		if (net_subnet_is_usable(s, &a) && !net_addr_is_equal(&a, gateway))
			break;
	}
	return from;
}

/* A number for each subnet. */
static void hints_read(const struct net_dir *d, uint64_t hints[NET_SUBNETS_MAX])
{
	char buf[HINT_SIZE] = { 0 };
	char *at = buf;

	memset(hints, 0, NET_SUBNETS_MAX * sizeof(*hints));
	if (pread(d->lock, buf, sizeof(buf) - 1, 0) <= 0)
		return;
	for (unsigned i = 0; i < NET_SUBNETS_MAX; i++)
		hints[i] = strtoull(at, &at, 10);
}

static void hints_write(const struct net_dir *d, const uint64_t hints[NET_SUBNETS_MAX])
{
	char buf[HINT_SIZE];
	int n = 0;

	for (unsigned i = 0; i < NET_SUBNETS_MAX; i++)
		n += snprintf(buf + n, sizeof(buf) - (size_t)n, "%llu ",
			      (unsigned long long)hints[i]);
	/* always as long as the longest, so that nothing of an older one shows behind it */
	while (n < (int)sizeof(buf) - 1)
		buf[n++] = ' ';
	if (pwrite(d->lock, buf, (size_t)n, 0) != n)
		return; /* a hint */
}

int net_lease_take(const struct net_dir *d, const struct net_network *network, unsigned i,
		   const char *id, struct net_addr *ret, struct cps_err *err)
{
	const struct net_subnet *s = &network->subnets[i];
	uint64_t hints[NET_SUBNETS_MAX], first, at;
	char text[NET_SUBNET_SIZE];
	struct net_addr a;
	int rc;

	hints_read(d, hints);
	at = first = net_lease_next(s, &network->gateways[i], hints[i]);
	do {
		net_subnet_at(s, at, &a);
		rc = take(d, &a, id);
		at = net_lease_next(s, &network->gateways[i], at + 1);
	} while (rc == -EEXIST && at != first);
	net_subnet_format(s, text);
	if (rc == -EEXIST)
		return cps_failx(err, ENOSPC, "all addresses of %s are taken", text);
	if (rc < 0)
		return cps_fail(err, -rc, "take an address of %s", text);
	hints[i] = at;
	hints_write(d, hints);
	*ret = a;
	return 0;
}

int net_lease_take_fixed(const struct net_dir *d, const struct net_addr *a, const char *id,
			 struct cps_err *err)
{
	char text[NET_ADDR_SIZE], owner[NET_OWNER_SIZE];
	int rc = take(d, a, id);

	if (rc == 0)
		return 0;
	net_addr_format(a, text);
	if (rc != -EEXIST)
		return cps_fail(err, -rc, "take the address %s", text);
	if (net_lease_owner(d, a, owner, sizeof(owner)) < 0)
		(void)snprintf(owner, sizeof(owner), "?");
	return cps_failx(err, EADDRINUSE, "the address %s is %.64s's", text, owner);
}

int net_lease_owner(const struct net_dir *d, const struct net_addr *a, char *buf, size_t size)
{
	char path[LEASE_PATH_SIZE];
	ssize_t n;

	lease_path(a, path);
	n = readlinkat(d->fd, path, buf, size - 1);
	if (n < 0)
		return -errno;
	buf[n] = '\0';
	return 0;
}

void net_lease_drop(const struct net_dir *d, const struct net_addr *a)
{
	char path[LEASE_PATH_SIZE];

	lease_path(a, path);
	/* what stays is found by net_sweep() */
	(void)unlinkat(d->fd, path, 0);
}
