/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Switches of forwarding.
 */
#include <config.h>
#include "forward.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "file.h"
#include "own.h"

#define IPV4	  "/proc/sys/net/ipv4/ip_forward"
#define IPV6	  "/proc/sys/net/ipv6/conf"
#define VALUE_MAX 16

/* The first character of a switch, or 0 if it cannot be read. */
static char value(int dirfd, const char *path)
{
	cleanup_free char *text = NULL;
	struct cps_err ignored;
	size_t len;

	return cps_file_read(dirfd, path, VALUE_MAX, &text, &len, &ignored) == 0 ? text[0] : 0;
}

static int switch_on(const char *path, struct cps_err *err)
{
	return value(AT_FDCWD, path) == '1' ? 0 : cps_file_put(AT_FDCWD, path, "1", err);
}

static int routes_keep(struct cps_err *err)
{
	cleanup_dir DIR *dir = opendir(IPV6);
	const struct dirent *e;

	if (!dir)
		return cps_fail(err, errno, "open %s", IPV6);
	while ((e = readdir(dir))) {
		char path[sizeof(e->d_name) + sizeof("/accept_ra")];
		struct cps_err ignored;

		if (e->d_name[0] == '.')
			continue;
		(void)snprintf(path, sizeof(path), "%s/accept_ra", e->d_name);
		/* an interface that goes meanwhile needs no routes */
		if (value(dirfd(dir), path) == '1')
			(void)cps_file_put(dirfd(dir), path, "2", &ignored);
	}
	return 0;
}

static int allow_ipv6(struct cps_err *err)
{
	int rc;

	if (value(AT_FDCWD, IPV6 "/all/forwarding") == '1')
		return 0;
	rc = routes_keep(err);
	return rc < 0 ? rc : switch_on(IPV6 "/all/forwarding", err);
}

int net_forward_allow(const struct net_nft_network *network, struct cps_err *err)
{
	char path[64 + IFNAMSIZ];
	int rc;

	if (!if_nametoindex(network->bridge))
		return 0;
	(void)snprintf(path, sizeof(path), "/proc/sys/net/ipv4/conf/%s/route_localnet",
		       network->bridge);
	rc = switch_on(path, err);
	for (unsigned i = 0; i < network->nsubnets && rc == 0 && !network->internal; i++)
		rc = network->subnets[i].base.family == AF_INET6 ? allow_ipv6(err)
								 : switch_on(IPV4, err);
	return cps_wrap(err, rc, "forwarding for '%s'", network->bridge);
}
