/* SPDX-License-Identifier: Apache-2.0 */
/*
 * linux.netDevices: network devices of the runtime's network namespace that are moved to the
 * container's, with their permanent global addresses, and brought up there. They stay there: with
 * the namespace's end the kernel deletes what is virtual, and gives hardware back to the host.
 */
#ifndef RT_NET_DEVICES_H
#define RT_NET_DEVICES_H

#include "arena.h"
#include "err.h"
#include "spec.h"

struct rt_net_device_moved; /* net-devices.c */

struct rt_net_devices {
	int ours, theirs; /* sockets of rtnetlink in the two namespaces */
	size_t n;	  /* devices that have been touched */
	struct rt_net_device_moved *v;
};

#define RT_NET_DEVICES_INIT                         \
	{                                           \
		.ours = -1, .theirs = -1, .v = NULL \
	}

/* netns: the container's namespace. What was done when it fails is in *d, for the return. */
int rt_net_devices_move(const struct rt_spec *spec, int netns, struct cps_arena *a,
			struct rt_net_devices *d, struct cps_err *err);
/* Brings back what was moved, as it was; for a container that is not to be, after all. */
void rt_net_devices_return(struct rt_net_devices *d);
/* Lets go of the namespaces. */
void rt_net_devices_done(struct rt_net_devices *d);

#endif
