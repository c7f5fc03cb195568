/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses of interfaces, and routes.
 */
#include <config.h>

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "link.h"
#include "netlink.h"

#define KERNEL_SIZE 160

int net_link_add_address(const struct net_nl *nl, int index, const struct net_addr *a,
			 unsigned prefix, struct cps_err *err)
{
	const struct ifaddrmsg ifa = {
		.ifa_family = (uint8_t)a->family,
		.ifa_prefixlen = (uint8_t)prefix,
		.ifa_flags = a->family == AF_INET6 ? IFA_F_NODAD : 0,
		.ifa_index = (unsigned)index,
	};
	struct nl_msg *msg cleanup_msg =
		net_msg_new(RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, &ifa, sizeof(ifa));
	char text[NET_ADDR_SIZE];
	int len = (int)net_addr_len(a), rc;

	net_addr_format(a, text);
	if (!msg || nla_put(msg, IFA_LOCAL, len, a->bytes) < 0 ||
	    nla_put(msg, IFA_ADDRESS, len, a->bytes) < 0)
		return cps_fail(err, ENOMEM, "give an interface the address %s", text);
	if (a->family == AF_INET) {
		uint32_t host = ~0U >> prefix, broadcast;

		memcpy(&broadcast, a->bytes, sizeof(broadcast));
		broadcast |= htonl(host);
		if (nla_put(msg, IFA_BROADCAST, sizeof(broadcast), &broadcast) < 0)
			return cps_fail(err, ENOMEM, "give an interface the address %s", text);
	}
	rc = net_nl_do(nl, msg, err, "give an interface the address %s", text);
	return rc == -EEXIST ? 0 : rc;
}

int net_link_add_default(const struct net_nl *nl, int index, const struct net_addr *gateway,
			 struct cps_err *err)
{
	const struct rtmsg rt = {
		.rtm_family = (uint8_t)gateway->family,
		.rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = RTPROT_BOOT,
		.rtm_scope = RT_SCOPE_UNIVERSE,
		.rtm_type = RTN_UNICAST,
	};
	struct nl_msg *msg cleanup_msg =
		net_msg_new(RTM_NEWROUTE, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, &rt, sizeof(rt));
	char text[NET_ADDR_SIZE];
	int rc;

	net_addr_format(gateway, text);
	if (!msg || nla_put(msg, RTA_GATEWAY, (int)net_addr_len(gateway), gateway->bytes) < 0 ||
	    nla_put_u32(msg, RTA_OIF, (uint32_t)index) < 0)
		return cps_fail(err, ENOMEM, "route by %s", text);
	rc = net_nl_do(nl, msg, err, "route by %s", text);
	return rc == -EEXIST ? 0 : rc;
}

struct routes {
	int family;
	void (*one)(const struct net_route *r, void *arg);
	void *arg;
};

static void route_answer(const struct nlmsghdr *h, void *arg)
{
	const struct routes *routes = arg;
	const struct rtmsg *rt = nlmsg_data(h);
	struct nlattr *t[RTA_MAX + 1];
	struct net_route r = { .to = { .base = { .family = routes->family } } };

	if (h->nlmsg_type != RTM_NEWROUTE ||
	    nlmsg_parse((struct nlmsghdr *)h, sizeof(*rt), t, RTA_MAX, NULL) < 0 ||
	    rt->rtm_family != routes->family || rt->rtm_type != RTN_UNICAST)
		return;
	r.to.prefix = rt->rtm_dst_len;
	if (t[RTA_DST])
		(void)nla_memcpy(r.to.base.bytes, t[RTA_DST], (int)net_addr_len(&r.to.base));
	if (t[RTA_OIF])
		r.index = (int)nla_get_u32(t[RTA_OIF]);
	routes->one(&r, routes->arg);
}

int net_route_each(const struct net_nl *nl, int family,
		   void (*one)(const struct net_route *r, void *arg), void *arg,
		   struct cps_err *err)
{
	const struct rtmsg rt = { .rtm_family = (uint8_t)family };
	struct nl_msg *msg cleanup_msg = net_msg_new(RTM_GETROUTE, NLM_F_DUMP, &rt, sizeof(rt));
	struct routes routes = { family, one, arg };
	char kernel[KERNEL_SIZE];
	int rc = net_nl_call(nl, msg, route_answer, &routes, kernel, sizeof(kernel));

	/* a kernel without IPv6 has no routes of it */
	if (rc == -EAFNOSUPPORT || rc == -EOPNOTSUPP)
		return 0;
	return rc < 0 ? cps_fail(err, -rc, "list the routes") : 0;
}
