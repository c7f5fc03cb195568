/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Interfaces.
 */
#include <config.h>

#include "link.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <string.h>
#include <sys/socket.h>

#include "netlink.h"
#include "opt.h"

#define KERNEL_SIZE 160

bool net_link_is_name(const char *text)
{
	return strlen(text) < IFNAMSIZ && cps_is_name(text);
}

static void text_copy(char *to, size_t size, const struct nlattr *from)
{
	if (from)
		(void)nla_strlcpy(to, from, size);
}

static void link_read(const struct nlmsghdr *h, struct net_link *ret)
{
	const struct ifinfomsg *ifi = nlmsg_data(h);
	struct nlattr *t[IFLA_MAX + 1], *info[IFLA_INFO_MAX + 1];
	struct net_link l = { 0 };

	ret->index = 0;
	if (h->nlmsg_type != RTM_NEWLINK ||
	    nlmsg_parse((struct nlmsghdr *)h, sizeof(*ifi), t, IFLA_MAX, NULL) < 0)
		return;
	l.index = ifi->ifi_index;
	l.up = ifi->ifi_flags & IFF_UP;
	text_copy(l.name, sizeof(l.name), t[IFLA_IFNAME]);
	text_copy(l.alias, sizeof(l.alias), t[IFLA_IFALIAS]);
	if (t[IFLA_MASTER])
		l.master = (int)nla_get_u32(t[IFLA_MASTER]);
	if (t[IFLA_LINKINFO] && nla_parse_nested(info, IFLA_INFO_MAX, t[IFLA_LINKINFO], NULL) == 0)
		text_copy(l.kind, sizeof(l.kind), info[IFLA_INFO_KIND]);
	if (t[IFLA_STATS64])
		(void)nla_memcpy(&l.stats, t[IFLA_STATS64], sizeof(l.stats));
	*ret = l;
}

static void get_answer(const struct nlmsghdr *h, void *arg)
{
	link_read(h, arg);
}

int net_link_get(const struct net_nl *nl, const char *name, struct net_link *ret,
		 struct cps_err *err)
{
	const struct ifinfomsg ifi = { 0 };
	struct nl_msg *msg cleanup_msg = net_msg_new(RTM_GETLINK, NLM_F_ACK, &ifi, sizeof(ifi));
	struct net_link l = { 0 };
	char kernel[KERNEL_SIZE];
	int rc = -ENOMEM;

	if (msg && nla_put_string(msg, IFLA_IFNAME, name) == 0)
		rc = net_nl_call(nl, msg, get_answer, &l, kernel, sizeof(kernel));
	if (rc == -ENODEV)
		return rc;
	if (rc == 0 && !l.index)
		rc = -EPROTO;
	if (rc < 0)
		return cps_fail(err, -rc, "look at the interface %s", name);
	*ret = l;
	return 0;
}

struct each {
	void (*one)(const struct net_link *l, void *arg);
	void *arg;
};

static void each_answer(const struct nlmsghdr *h, void *arg)
{
	const struct each *each = arg;
	struct net_link l;

	link_read(h, &l);
	if (l.index)
		each->one(&l, each->arg);
}

int net_link_each(const struct net_nl *nl, void (*one)(const struct net_link *l, void *arg),
		  void *arg, struct cps_err *err)
{
	const struct ifinfomsg ifi = { 0 };
	struct nl_msg *msg cleanup_msg = net_msg_new(RTM_GETLINK, NLM_F_DUMP, &ifi, sizeof(ifi));
	struct each each = { one, arg };
	char kernel[KERNEL_SIZE];
	int rc = net_nl_call(nl, msg, each_answer, &each, kernel, sizeof(kernel));

	return rc < 0 ? cps_fail(err, -rc, "list the interfaces") : 0;
}

int net_link_add_bridge(const struct net_nl *nl, const char *name, const uint8_t mac[NET_MAC_LEN],
			unsigned mtu, struct cps_err *err)
{
	const struct ifinfomsg ifi = { 0 };
	struct nl_msg *msg cleanup_msg =
		net_msg_new(RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, &ifi, sizeof(ifi));
	struct nlattr *info, *data;

	if (!msg)
		return cps_fail(err, ENOMEM, "make the bridge %s", name);
	NLA_PUT_STRING(msg, IFLA_IFNAME, name);
	NLA_PUT(msg, IFLA_ADDRESS, NET_MAC_LEN, mac);
	NLA_PUT_U32(msg, IFLA_MTU, mtu);
	info = nla_nest_start(msg, IFLA_LINKINFO);
	if (!info)
		goto nla_put_failure;
	NLA_PUT_STRING(msg, IFLA_INFO_KIND, "bridge");
	data = nla_nest_start(msg, IFLA_INFO_DATA);
	if (!data)
		goto nla_put_failure;
	/* nobody queries for multicast groups on it */
	NLA_PUT_U8(msg, IFLA_BR_MCAST_SNOOPING, 0);
	nla_nest_end(msg, data);
	nla_nest_end(msg, info);
	return net_nl_do(nl, msg, err, "make the bridge %s", name);
nla_put_failure:
	return cps_fail(err, ENOBUFS, "make the bridge %s", name);
}

/* The attributes of one end. One queue: there is one for every processor otherwise, in memory that
 * each container would pay for. */
static int end_put(struct nl_msg *msg, const char *name, unsigned mtu)
{
	NLA_PUT_STRING(msg, IFLA_IFNAME, name);
	NLA_PUT_U32(msg, IFLA_MTU, mtu);
	NLA_PUT_U32(msg, IFLA_NUM_TX_QUEUES, 1);
	NLA_PUT_U32(msg, IFLA_NUM_RX_QUEUES, 1);
	return 0;
nla_put_failure:
	return -ENOBUFS;
}

static int peer_put(struct nl_msg *msg, const struct net_veth *v)
{
	struct ifinfomsg ifi = { 0 };
	struct nlattr *peer = nla_nest_start(msg, VETH_INFO_PEER);

	if (!peer || nlmsg_append(msg, &ifi, sizeof(ifi), NLMSG_ALIGNTO) < 0 ||
	    end_put(msg, v->peer, v->mtu) < 0)
		return -ENOBUFS;
	NLA_PUT(msg, IFLA_ADDRESS, NET_MAC_LEN, v->peer_mac);
	NLA_PUT_U32(msg, IFLA_NET_NS_FD, (uint32_t)v->peer_netns);
	nla_nest_end(msg, peer);
	return 0;
nla_put_failure:
	return -ENOBUFS;
}

int net_link_add_veth(const struct net_nl *nl, const struct net_veth *v, struct cps_err *err)
{
	const struct ifinfomsg ifi = { 0 };
	struct nl_msg *msg cleanup_msg =
		net_msg_new(RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, &ifi, sizeof(ifi));
	struct nlattr *info, *data;

	if (!msg || end_put(msg, v->name, v->mtu) < 0)
		goto nla_put_failure;
	NLA_PUT_U32(msg, IFLA_MASTER, (uint32_t)v->master);
	info = nla_nest_start(msg, IFLA_LINKINFO);
	if (!info)
		goto nla_put_failure;
	NLA_PUT_STRING(msg, IFLA_INFO_KIND, "veth");
	data = nla_nest_start(msg, IFLA_INFO_DATA);
	if (!data || peer_put(msg, v) < 0)
		goto nla_put_failure;
	nla_nest_end(msg, data);
	nla_nest_end(msg, info);
	return net_nl_do(nl, msg, err, "make the interface %s", v->name);
nla_put_failure:
	return cps_fail(err, ENOBUFS, "make the interface %s", v->name);
}

static struct nl_msg *set_new(int index, unsigned flags)
{
	const struct ifinfomsg ifi = {
		.ifi_index = index,
		.ifi_flags = flags,
		.ifi_change = flags,
	};

	return net_msg_new(RTM_SETLINK, NLM_F_ACK, &ifi, sizeof(ifi));
}

int net_link_quiet(const struct net_nl *nl, int index, struct cps_err *err)
{
	struct nl_msg *msg cleanup_msg = set_new(index, 0);
	struct nlattr *spec, *inet6;
	char kernel[KERNEL_SIZE];
	int rc = -ENOBUFS;

	if (!msg)
		goto nla_put_failure;
	spec = nla_nest_start(msg, IFLA_AF_SPEC);
	inet6 = spec ? nla_nest_start(msg, AF_INET6) : NULL;
	if (!inet6)
		goto nla_put_failure;
	NLA_PUT_U8(msg, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
	nla_nest_end(msg, inet6);
	nla_nest_end(msg, spec);
	rc = net_nl_call(nl, msg, NULL, NULL, kernel, sizeof(kernel));
	/* a kernel without IPv6, or one where it is switched off, gives it none either */
	if (rc == 0 || rc == -EAFNOSUPPORT || rc == -EINVAL)
		return 0;
nla_put_failure:
	return cps_fail(err, -rc, "keep IPv6 from giving addresses by itself");
}

int net_link_mark(const struct net_nl *nl, int index, const char *alias, struct cps_err *err)
{
	struct nl_msg *msg cleanup_msg = set_new(index, 0);

	if (!msg || nla_put_string(msg, IFLA_IFALIAS, alias) < 0)
		return cps_fail(err, ENOMEM, "mark an interface as ours");
	return net_nl_do(nl, msg, err, "mark an interface as ours");
}

int net_link_up(const struct net_nl *nl, int index, struct cps_err *err)
{
	struct nl_msg *msg cleanup_msg = set_new(index, IFF_UP);

	return net_nl_do(nl, msg, err, "bring an interface up");
}

int net_link_set_master(const struct net_nl *nl, int index, int master, struct cps_err *err)
{
	struct nl_msg *msg cleanup_msg = set_new(index, 0);

	if (!msg || nla_put_u32(msg, IFLA_MASTER, (uint32_t)master) < 0)
		return cps_fail(err, ENOMEM, "give a bridge a port");
	return net_nl_do(nl, msg, err, "give a bridge a port");
}

int net_link_hairpin(const struct net_nl *nl, int index, struct cps_err *err)
{
	const struct ifinfomsg ifi = { .ifi_family = AF_BRIDGE, .ifi_index = index };
	struct nl_msg *msg cleanup_msg = net_msg_new(RTM_SETLINK, NLM_F_ACK, &ifi, sizeof(ifi));
	struct nlattr *port = msg ? nla_nest_start(msg, IFLA_PROTINFO | NLA_F_NESTED) : NULL;

	if (!port || nla_put_u8(msg, IFLA_BRPORT_MODE, 1) < 0)
		return cps_fail(err, ENOMEM, "let a bridge send back");
	nla_nest_end(msg, port);
	return net_nl_do(nl, msg, err, "let a bridge send back");
}

int net_link_delete(const struct net_nl *nl, int index, struct cps_err *err)
{
	const struct ifinfomsg ifi = { .ifi_index = index };
	struct nl_msg *msg cleanup_msg = net_msg_new(RTM_DELLINK, NLM_F_ACK, &ifi, sizeof(ifi));

	return net_nl_do(nl, msg, err, "remove an interface");
}
