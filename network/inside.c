/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container's network namespace, seen from outside of it.
 */
#include <config.h>

#include "inside.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>

#include "own.h"
#include "proc.h"

int net_inside_is_ours(const struct stat *theirs)
{
	struct stat ours;

	if (stat("/proc/self/ns/net", &ours) < 0)
		return -errno;
	return ours.st_ino == theirs->st_ino && ours.st_dev == theirs->st_dev;
}

int net_inside_open(const struct net_process *init, struct cps_err *err)
{
	cleanup_fd int pidfd = cps_pidfd_open_verified(init->pid, init->start_time);
	cleanup_fd int fd = -1;
	struct pollfd p = { .events = POLLIN };
	struct stat theirs;
	char path[40];
	int rc;

	if (pidfd < 0)
		return cps_fail(err, -pidfd, "the container's process %d", (int)init->pid);
	(void)snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)init->pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return cps_fail(err, errno, "open '%s'", path);
	/* its pid was its own all the time */
	p.fd = pidfd;
	if (poll(&p, 1, 0) != 0)
		return cps_fail(err, ESRCH, "the container's process %d", (int)init->pid);
	rc = fstat(fd, &theirs) < 0 ? -errno : net_inside_is_ours(&theirs);
	if (rc < 0)
		return cps_fail(err, -rc, "look at the network namespace");
	if (rc)
		return cps_failx(err, EINVAL,
				 "the container has the host's network and can join none");
	return take_fd(&fd);
}

int net_inside_routes_add(const struct net_nl *inside, const struct net_network *network,
			  const struct net_endpoint *e, int index, struct cps_err *err)
{
	int rc = 0;

	if (network->internal)
		return 0;
	for (unsigned i = 0; i < network->nsubnets && rc == 0; i++)
		for (unsigned k = 0; k < e->naddresses && rc == 0; k++)
			if (net_subnet_contains(&network->subnets[i], &e->addresses[k]))
				rc = net_link_add_default(inside, index, &network->gateways[i],
							  err);
	return rc;
}
