/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages of netlink, rtnetlink for the most part, for the files here that build them.
 */
#ifndef NET_NETLINK_H
#define NET_NETLINK_H

#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>

#include "err.h"
#include "link.h"

static inline void net_msg_free_at(struct nl_msg **msg)
{
	nlmsg_free(*msg); /* NULL is fine */
}

#define cleanup_msg __attribute__((cleanup(net_msg_free_at)))

/* A socket for nfnetlink(7)'s subsystems, in the network namespace that we are in. */
int net_nl_open_netfilter(struct net_nl *ret, struct cps_err *err);

/* Called for every answer that is neither an error nor the end. */
typedef void net_answer_fn(const struct nlmsghdr *h, void *arg);

/* A message with its family's header (len bytes) appended; NULL: out of memory. */
struct nl_msg *net_msg_new(int type, int flags, const void *header, size_t len);
/* Sends msg (NULL: ENOMEM) and takes all that comes in answer. 0 or -errno; kernel: what the kernel
 * says about it, "" if nothing. */
int net_nl_call(const struct net_nl *nl, struct nl_msg *msg, net_answer_fn *answer, void *arg,
		char *ret_kernel, size_t size);
/* The same for a request that has no answer but success, with a message: "<what>: <why>". */
int net_nl_do(const struct net_nl *nl, struct nl_msg *msg, struct cps_err *err, const char *fmt,
	      ...) __attribute__((format(printf, 4, 5)));

#endif
