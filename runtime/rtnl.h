/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rtnetlink(7), as little of it as the runtime needs: it is static and small, and links no library
 * for the few containers that are given network devices. One request, one answer.
 */
#ifndef RT_RTNL_H
#define RT_RTNL_H

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <stddef.h>

struct rt_rtnl { /* a request */
	union {
		struct nlmsghdr h;
		char bytes[256];
	};
	bool overflow; /* an attribute did not fit */
};

/* head: the structure that messages of this type begin with (struct ifinfomsg, …). */
void rt_rtnl_start(struct rt_rtnl *m, int type, int flags, const void *head, size_t len);
void rt_rtnl_put(struct rt_rtnl *m, int type, const void *data, size_t len);

/* A socket in the network namespace that we are in; -errno. */
int rt_rtnl_open(void);

/* Sends it and reads the whole answer; -errno, also the kernel's. each (may be NULL) is called for
 * every message of the answer. */
typedef void rt_rtnl_answer(const struct nlmsghdr *h, void *arg);
int rt_rtnl_do(int sock, struct rt_rtnl *m, rt_rtnl_answer *each, void *arg);

/* The attribute of this type in a message whose head has head_len bytes; NULL: it has none, or less
 * than min bytes of it. */
const struct rtattr *rt_rtnl_attr(const struct nlmsghdr *h, size_t head_len, int type, size_t min);

#endif
