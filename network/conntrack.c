/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections that are to be forgotten: listed, then deleted one by one. The kernel leaves most of
 * the others out of the list (since Linux 5.8), and each is looked at here as well.
 */
#include <config.h>

#include "conntrack.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <string.h>
#include <sys/socket.h>

#include "netlink.h"
#include "own.h"

#define KERNEL_SIZE 160

/* Of CTA_FILTER_*_FLAGS: which parts of a tuple count. The kernel's header does not have them. */
enum { COUNTS_SOURCE = 1 << 0, COUNTS_PROTOCOL = 1 << 3 };

struct connection {
	struct net_addr to;   /* as it was sent */
	struct net_addr from; /* whoever answers */
	uint8_t protocol;
	uint16_t port; /* that it was sent to */
	uint32_t status;
};

struct hunt {
	const struct net_endpoint *e;
	bool (*is_meant)(const struct connection *c, const struct net_endpoint *e);
	struct cps_buf found; /* for each: struct found, and the attributes that name it */
};

struct found {
	uint8_t family;
	size_t len; /* of what follows */
};

static void hunt_done(struct hunt *h)
{
	cps_buf_done(&h->found);
}

/* -- reading ------------------------------------------------------------------------- */

static bool address_read(struct nlattr *attr, int family, struct net_addr *ret)
{
	const int len = family == AF_INET6 ? 16 : 4;

	if (!attr || nla_len(attr) < len)
		return false;
	*ret = (struct net_addr){ .family = family };
	memcpy(ret->bytes, nla_data(attr), (size_t)len);
	return true;
}

/* One direction; ret_port NULL: whatever. */
static bool tuple_read(struct nlattr *tuple, int family, int address, struct net_addr *ret,
		       uint8_t *ret_protocol, uint16_t *ret_port)
{
	struct nlattr *tb[CTA_TUPLE_MAX + 1], *ip[CTA_IP_MAX + 1], *proto[CTA_PROTO_MAX + 1];

	if (!tuple || nla_parse_nested(tb, CTA_TUPLE_MAX, tuple, NULL) < 0 || !tb[CTA_TUPLE_IP] ||
	    !tb[CTA_TUPLE_PROTO] || nla_parse_nested(ip, CTA_IP_MAX, tb[CTA_TUPLE_IP], NULL) < 0 ||
	    nla_parse_nested(proto, CTA_PROTO_MAX, tb[CTA_TUPLE_PROTO], NULL) < 0 ||
	    !address_read(ip[address], family, ret) || !proto[CTA_PROTO_NUM])
		return false;
	*ret_protocol = nla_get_u8(proto[CTA_PROTO_NUM]);
	if (ret_port)
		*ret_port = proto[CTA_PROTO_DST_PORT]
				    ? ntohs(nla_get_u16(proto[CTA_PROTO_DST_PORT]))
				    : 0;
	return true;
}

static void answer(const struct nlmsghdr *h, void *arg)
{
	static const int names[] = { CTA_TUPLE_ORIG, CTA_ZONE, CTA_ID };
	const struct nfgenmsg *gen = NLMSG_DATA(h);
	const bool v6 = gen->nfgen_family == AF_INET6;
	struct nlattr *tb[CTA_MAX + 1];
	struct found found = { .family = gen->nfgen_family };
	struct connection c = { 0 };
	struct hunt *hunt = arg;

	if (nlmsg_parse((struct nlmsghdr *)(uintptr_t)h, sizeof(*gen), tb, CTA_MAX, NULL) < 0 ||
	    !tuple_read(tb[CTA_TUPLE_ORIG], gen->nfgen_family, v6 ? CTA_IP_V6_DST : CTA_IP_V4_DST,
			&c.to, &c.protocol, &c.port) ||
	    !tuple_read(tb[CTA_TUPLE_REPLY], gen->nfgen_family, v6 ? CTA_IP_V6_SRC : CTA_IP_V4_SRC,
			&c.from, &c.protocol, NULL) ||
	    !tb[CTA_STATUS])
		return;
	c.status = ntohl(nla_get_u32(tb[CTA_STATUS]));
	if (!hunt->is_meant(&c, hunt->e))
		return;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		found.len += tb[names[i]] ? (size_t)nla_total_size(nla_len(tb[names[i]])) : 0;
	cps_buf_add(&hunt->found, &found, sizeof(found));
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (tb[names[i]])
			cps_buf_add(&hunt->found, tb[names[i]],
				    (size_t)nla_total_size(nla_len(tb[names[i]])));
}

/* -- asking -------------------------------------------------------------------------- */

static struct nl_msg *message_new(int what, int flags, uint8_t family)
{
	const struct nfgenmsg gen = { .nfgen_family = family, .version = NFNETLINK_V0 };

	return net_msg_new(NFNL_SUBSYS_CTNETLINK << 8 | what, flags, &gen, sizeof(gen));
}

static int filter_put(struct nl_msg *msg, int which, uint32_t flags)
{
	struct nlattr *filter = nla_nest_start(msg, CTA_FILTER | NLA_F_NESTED);

	if (!filter || nla_put_u32(msg, which, flags) < 0)
		return -ENOBUFS;
	nla_nest_end(msg, filter);
	return 0;
}

/* Answers come from this address. Of IPv6 the kernel (6.18) leaves out the very ones that are asked
 * for, so all are listed. */
static int source_put(struct nl_msg *msg, const struct net_addr *a)
{
	struct nlattr *tuple, *ip;

	if (a->family == AF_INET6)
		return 0;
	tuple = nla_nest_start(msg, CTA_TUPLE_REPLY | NLA_F_NESTED);
	ip = tuple ? nla_nest_start(msg, CTA_TUPLE_IP | NLA_F_NESTED) : NULL;
	if (!ip || nla_put(msg, CTA_IP_V4_SRC, (int)net_addr_len(a), a->bytes) < 0)
		return -ENOBUFS;
	nla_nest_end(msg, ip);
	nla_nest_end(msg, tuple);
	return filter_put(msg, CTA_FILTER_REPLY_FLAGS, COUNTS_SOURCE);
}

static int protocol_put(struct nl_msg *msg, uint8_t protocol)
{
	struct nlattr *tuple = nla_nest_start(msg, CTA_TUPLE_ORIG | NLA_F_NESTED);
	struct nlattr *proto = tuple ? nla_nest_start(msg, CTA_TUPLE_PROTO | NLA_F_NESTED) : NULL;

	if (!proto || nla_put_u8(msg, CTA_PROTO_NUM, protocol) < 0)
		return -ENOBUFS;
	nla_nest_end(msg, proto);
	nla_nest_end(msg, tuple);
	return filter_put(msg, CTA_FILTER_ORIG_FLAGS, COUNTS_PROTOCOL);
}

/* -- deleting ------------------------------------------------------------------------ */

static int one_delete(const struct net_nl *nl, const struct found *f, const char *attrs,
		      struct cps_err *err)
{
	struct nl_msg *msg cleanup_msg = message_new(IPCTNL_MSG_CT_DELETE, NLM_F_ACK, f->family);
	char kernel[KERNEL_SIZE];
	int rc;

	if (!msg || nlmsg_append(msg, (void *)(uintptr_t)attrs, f->len, NLMSG_ALIGNTO) < 0)
		return cps_fail(err, ENOMEM, "forget a connection");
	rc = net_nl_call(nl, msg, NULL, NULL, kernel, sizeof(kernel));
	return rc == 0 || rc == -ENOENT ? 0 : cps_fail(err, -rc, "forget a connection");
}

/* Those of the list that msg (NULL: ENOMEM) asks for, and that are meant. */
static int hunt(const struct net_nl *nl, struct nl_msg *msg, struct hunt *h, struct cps_err *err)
{
	char kernel[KERNEL_SIZE];
	int rc = net_nl_call(nl, msg, answer, h, kernel, sizeof(kernel));

	if (rc < 0 || h->found.failed)
		return cps_fail(err, rc < 0 ? -rc : ENOMEM, "list the kernel's connections");
	for (size_t at = 0; at < h->found.len && rc == 0;) {
		struct found f;

		memcpy(&f, h->found.data + at, sizeof(f));
		rc = one_delete(nl, &f, h->found.data + at + sizeof(f), err);
		at += sizeof(f) + f.len;
	}
	return rc;
}

/* -- the two occasions --------------------------------------------------------------- */

static bool is_of(const struct net_endpoint *e, const struct net_addr *a)
{
	for (unsigned i = 0; i < e->naddresses; i++)
		if (net_addr_is_equal(&e->addresses[i], a))
			return true;
	return false;
}

static bool came_by_its_port(const struct connection *c, const struct net_endpoint *e)
{
	return (c->status & IPS_DST_NAT) && is_of(e, &c->from);
}

int net_conntrack_withdrawn(const struct net_endpoint *e, struct cps_err *err)
{
	struct net_nl nl cleanup_nl = NET_NL_INIT;
	int rc = net_nl_open_netfilter(&nl, err);

	for (unsigned i = 0; i < e->naddresses && rc == 0; i++) {
		__attribute__((cleanup(hunt_done))) struct hunt h = { e, came_by_its_port,
								      CPS_BUF_INIT };
		struct nl_msg *msg cleanup_msg =
			message_new(IPCTNL_MSG_CT_GET, NLM_F_DUMP, (uint8_t)e->addresses[i].family);

		if (!msg || source_put(msg, &e->addresses[i]) < 0)
			return cps_fail(err, ENOMEM, "list the kernel's connections");
		rc = hunt(&nl, msg, &h, err);
	}
	return rc;
}

/* Is it the host's own? Nobody may bind to another's. */
static bool is_local(const struct net_addr *a)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} addr = { .any.sa_family = (sa_family_t)a->family };
	cleanup_fd int fd = socket(a->family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	const bool v6 = a->family == AF_INET6;

	memcpy(v6 ? (void *)&addr.v6.sin6_addr : (void *)&addr.v4.sin_addr, a->bytes,
	       net_addr_len(a));
	return fd >= 0 && bind(fd, &addr.any, v6 ? sizeof(addr.v6) : sizeof(addr.v4)) == 0;
}

static bool went_to_the_host(const struct connection *c, const struct net_endpoint *e)
{
	if (c->protocol != IPPROTO_UDP || (c->status & IPS_DST_NAT))
		return false;
	for (unsigned i = 0; i < e->nports; i++) {
		const struct net_port *p = &e->ports[i];
		struct net_addr only;

		if (p->protocol == IPPROTO_UDP && c->port >= p->host &&
		    c->port - p->host < p->count &&
		    (!p->ip[0] ||
		     (net_addr_parse(p->ip, &only) == 0 && net_addr_is_equal(&only, &c->to))))
			return is_local(&c->to);
	}
	return false;
}

int net_conntrack_published(const struct net_endpoint *e, struct cps_err *err)
{
	static const uint8_t families[] = { AF_INET, AF_INET6 };
	struct net_nl nl cleanup_nl = NET_NL_INIT;
	bool udp = false;
	int rc;

	for (unsigned i = 0; i < e->nports; i++)
		udp |= e->ports[i].protocol == IPPROTO_UDP;
	if (!udp)
		return 0;
	rc = net_nl_open_netfilter(&nl, err);
	for (size_t i = 0; i < sizeof(families) && rc == 0; i++) {
		__attribute__((cleanup(hunt_done))) struct hunt h = { e, went_to_the_host,
								      CPS_BUF_INIT };
		struct nl_msg *msg cleanup_msg =
			message_new(IPCTNL_MSG_CT_GET, NLM_F_DUMP, families[i]);

		if (!msg || protocol_put(msg, IPPROTO_UDP) < 0)
			return cps_fail(err, ENOMEM, "list the kernel's connections");
		rc = hunt(&nl, msg, &h, err);
	}
	return rc;
}
