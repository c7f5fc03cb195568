/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loopback device of the namespace that we are in. ioctl rather than netlink: one call, no
 * message to build; the kernel gives lo its addresses when it comes up.
 */
#include <config.h>

#include "net.h"

#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "own.h"

int rt_loopback_up(struct cps_err *err)
{
	struct ifreq r = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	cleanup_fd int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (s < 0)
		return cps_fail(err, errno, "make a socket");
	if (ioctl(s, SIOCSIFFLAGS, &r) < 0)
		return cps_fail(err, errno, "bring lo up");
	return 0;
}
