/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Networks that are half made or half removed, for the files here that come upon them.
 */
#ifndef NET_LIFE_H
#define NET_LIFE_H

#include "err.h"
#include "link.h"
#include "network.h"

#define NET_NEW	 ".new-"
#define NET_GONE ".gone-"

/* Finishes the removal of a network that somebody had begun, if so: bridge, rules, directory. Under
 * the lock of networks/. */
int net_network_finish(const struct net *n, const char *name, const struct net_nl *nl,
		       struct cps_err *err);

#endif
