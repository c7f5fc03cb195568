/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nf_tables over netlink: elements of sets and maps, and a look at the chains. Messages are written
 * by hand: libnl-3 knows nothing of nf_tables, and sends one message at a time, while a transaction
 * is many messages in one sendmsg(2).
 */
#include <config.h>
#include "nft-table.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "own.h"

#define ANSWER_SECONDS 10
#define ROOM_MIN       (256 * 1024)

int net_nft_connect(struct cps_err *err)
{
	const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	const struct timeval patience = { .tv_sec = ANSWER_SECONDS };
	cleanup_fd int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	const int on = 1;

	if (fd < 0)
		return cps_fail(err, errno, "open a socket to the kernel's packet filter");
	/* errors without a copy of the message, and do not wait for ever */
	if (setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0 ||
	    connect(fd, (const struct sockaddr *)&kernel, sizeof(kernel)) < 0)
		return cps_fail(err, errno, "connect to the kernel's packet filter");
	return take_fd(&fd);
}

/* -- writing ------------------------------------------------------------------------- */

/* Starts something with a length in its first bytes; its place is what end() wants. */
static size_t message_start(struct net_nft_batch *b, uint16_t type, uint16_t flags, uint8_t family,
			    uint16_t subsys)
{
	struct {
		struct nlmsghdr head;
		struct nfgenmsg gen;
	} m = {
		{ 0, type, (uint16_t)(NLM_F_REQUEST | flags), ++b->seq, 0 },
		{ family, NFNETLINK_V0, htons(subsys) },
	};
	size_t at = b->buf.len;

	cps_buf_add(&b->buf, &m, sizeof(m));
	return at;
}

static void message_end(struct net_nft_batch *b, size_t at)
{
	uint32_t len = (uint32_t)(b->buf.len - at);

	if (!b->buf.failed)
		memcpy(b->buf.data + at, &len, sizeof(len));
}

static void attr_add(struct cps_buf *buf, uint16_t type, const void *data, size_t len)
{
	struct nlattr head = { (uint16_t)(sizeof(head) + len), type };

	cps_buf_add(buf, &head, sizeof(head));
	cps_buf_add(buf, data, len);
	cps_buf_add(buf, "\0\0\0", NLA_ALIGN(len) - len);
}

static void attr_str(struct cps_buf *buf, uint16_t type, const char *text)
{
	attr_add(buf, type, text, strlen(text) + 1);
}

static size_t nest_start(struct cps_buf *buf, uint16_t type)
{
	size_t at = buf->len;

	attr_add(buf, NLA_F_NESTED | type, NULL, 0);
	return at;
}

static void nest_end(struct cps_buf *buf, size_t at)
{
	uint16_t len = (uint16_t)(buf->len - at);

	if (!buf->failed)
		memcpy(buf->data + at, &len, sizeof(len));
}

static void value_add(struct cps_buf *buf, uint16_t type, const void *data, size_t len)
{
	size_t nest = nest_start(buf, type);

	attr_add(buf, NFTA_DATA_VALUE, data, len);
	nest_end(buf, nest);
}

/* e->key NULL: all elements */
static void element_message(struct net_nft_batch *b, uint16_t what, uint16_t flags,
			    const struct net_nft_element *e)
{
	size_t m = message_start(b, NFNL_SUBSYS_NFTABLES << 8 | what, flags, NFPROTO_INET, 0);
	struct cps_buf *buf = &b->buf;

	attr_str(buf, NFTA_SET_ELEM_LIST_TABLE, NET_NFT_TABLE);
	attr_str(buf, NFTA_SET_ELEM_LIST_SET, e->set);
	if (e->key) {
		size_t list = nest_start(buf, NFTA_SET_ELEM_LIST_ELEMENTS);
		size_t elem = nest_start(buf, NFTA_LIST_ELEM);

		value_add(buf, NFTA_SET_ELEM_KEY, e->key, e->key_len);
		if (e->key_end)
			value_add(buf, NFTA_SET_ELEM_KEY_END, e->key_end, e->key_len);
		if (e->value)
			value_add(buf, NFTA_SET_ELEM_DATA, e->value, e->value_len);
		nest_end(buf, elem);
		nest_end(buf, list);
	}
	message_end(b, m);
}

void net_nft_batch_begin(struct net_nft_batch *b)
{
	*b = (struct net_nft_batch){ CPS_BUF_INIT, 0 };
	message_end(b, message_start(b, NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES));
}

void net_nft_batch_add(struct net_nft_batch *b, const struct net_nft_element *e)
{
	element_message(b, NFT_MSG_NEWSETELEM, NLM_F_CREATE, e);
}

void net_nft_batch_del(struct net_nft_batch *b, const struct net_nft_element *e)
{
	element_message(b, NFT_MSG_DELSETELEM, 0,
			&(struct net_nft_element){ .set = e->set,
						   .key = e->key,
						   .key_end = e->key_end,
						   .key_len = e->key_len });
}

void net_nft_batch_flush(struct net_nft_batch *b, const char *set)
{
	element_message(b, NFT_MSG_DELSETELEM, 0, &(struct net_nft_element){ .set = set });
}

void net_nft_batch_del_table(struct net_nft_batch *b)
{
	size_t m =
		message_start(b, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_DELTABLE, 0, NFPROTO_INET, 0);

	attr_str(&b->buf, NFTA_TABLE_NAME, NET_NFT_TABLE);
	message_end(b, m);
}

/* -- sending ------------------------------------------------------------------------- */

static int send_all(int fd, const struct cps_buf *buf, struct cps_err *err)
{
	const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	int room = buf->len > ROOM_MIN / 2 ? (int)buf->len * 2 : ROOM_MIN;
	ssize_t n;

	if (buf->failed)
		return cps_fail(err, ENOMEM, "message to the kernel's packet filter");
	/* one message for the kernel, however long. If this fails, what is short goes all the same
	 */
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room));
	n = sendto(fd, buf->data, buf->len, 0, (const struct sockaddr *)&kernel, sizeof(kernel));
	if (n < 0)
		return cps_fail(err, errno, "tell the kernel's packet filter");
	return 0;
}

/* What the kernel says of one message of a transaction, as our errors. */
static int complaint(int num, struct cps_err *err)
{
	switch (num) {
	case ENOENT: /* element, set, table */
	case EEXIST:
	case EBUSY: /* the key has another value */
		return -ESTALE;
	default:
		return cps_fail(err, num, "change the table 'inet " NET_NFT_TABLE "'");
	}
}

int net_nft_batch_commit(struct net_nft_batch *b, int fd, struct cps_err *err)
{
	_Alignas(struct nlmsghdr) char answer[8192];
	int rc, num = 0;

	message_end(b, message_start(b, NFNL_MSG_BATCH_END, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES));
	rc = send_all(fd, &b->buf, err);
	if (rc < 0)
		return rc;
	/* The work is done when sendto() returns; all complaints have been queued, and nothing
	 * else is: success is silence. */
	for (;;) {
		ssize_t n = recv(fd, answer, sizeof(answer), MSG_DONTWAIT);
		const struct nlmsghdr *m = (const struct nlmsghdr *)answer;

		if (n < 0 && errno == EINTR)
			continue;
		/* ENOBUFS: more complaints than there is room for */
		if (n < 0 && errno == ENOBUFS) {
			num = num ? num : ENOENT;
			continue;
		}
		if (n < 0)
			break;
		for (size_t left = (size_t)n; NLMSG_OK(m, left); m = NLMSG_NEXT(m, left))
			if (m->nlmsg_type == NLMSG_ERROR && !num)
				num = -((const struct nlmsgerr *)NLMSG_DATA(m))->error;
	}
	return num ? complaint(num, err) : 0;
}

/* -- looking ------------------------------------------------------------------------- */

static const void *attr_find(const struct nlmsghdr *m, uint16_t type, size_t len)
{
	const char *p = (const char *)NLMSG_DATA(m) + NLMSG_ALIGN(sizeof(struct nfgenmsg));
	const char *end = (const char *)m + m->nlmsg_len;

	while (p + sizeof(struct nlattr) <= end) {
		const struct nlattr *a = (const struct nlattr *)p;

		if (a->nla_len < sizeof(*a) || p + a->nla_len > end)
			break;
		if ((a->nla_type & NLA_TYPE_MASK) == type && a->nla_len >= sizeof(*a) + len)
			return a + 1;
		p += NLA_ALIGN(a->nla_len);
	}
	return NULL;
}

/* The answer about chain number seq - 1: 1, it has its rules; 0, it is not as it was; -errno. */
static int chain_judge(const struct nlmsghdr *m)
{
	const void *use;
	uint32_t rules;

	if (m->nlmsg_type == NLMSG_ERROR)
		return ((const struct nlmsgerr *)NLMSG_DATA(m))->error;
	if (m->nlmsg_seq < 1 || m->nlmsg_seq > NET_NFT_CHAINS)
		return 0;
	use = attr_find(m, NFTA_CHAIN_USE, sizeof(rules));
	if (!use)
		return 0;
	memcpy(&rules, use, sizeof(rules));
	return ntohl(rules) == net_nft_chains[m->nlmsg_seq - 1].rules;
}

static void chains_ask(struct net_nft_batch *b)
{
	for (int i = 0; i < NET_NFT_CHAINS; i++) {
		size_t m = message_start(b, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETCHAIN, 0,
					 NFPROTO_INET, 0);

		attr_str(&b->buf, NFTA_CHAIN_TABLE, NET_NFT_TABLE);
		attr_str(&b->buf, NFTA_CHAIN_NAME, net_nft_chains[i].name);
		message_end(b, m);
	}
}

int net_nft_check(int fd, struct cps_err *err)
{
	cleanup_nft_batch struct net_nft_batch b = { CPS_BUF_INIT, 0 };
	unsigned good = 0, missing = 0;
	int rc;

	chains_ask(&b);
	rc = send_all(fd, &b.buf, err);
	if (rc < 0)
		return rc;
	for (unsigned seen = 0; seen < NET_NFT_CHAINS;) {
		_Alignas(struct nlmsghdr) char answer[8192];
		const struct nlmsghdr *m = (const struct nlmsghdr *)answer;
		ssize_t n = recv(fd, answer, sizeof(answer), 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return cps_fail(err, errno, "ask the kernel's packet filter for our table");
		for (size_t left = (size_t)n; NLMSG_OK(m, left); m = NLMSG_NEXT(m, left)) {
			rc = chain_judge(m);
			if (rc < 0 && rc != -ENOENT)
				return cps_fail(err, -rc,
						"look at the table 'inet " NET_NFT_TABLE "'");
			good += rc > 0;
			missing += rc == -ENOENT;
			seen++;
		}
	}
	if (missing == NET_NFT_CHAINS)
		return -ENOENT;
	return good == NET_NFT_CHAINS ? 0 : -ESTALE;
}

/* Of one message of a list: its elements. */
static unsigned elements_count(const struct nlmsghdr *m)
{
	const char *list = attr_find(m, NFTA_SET_ELEM_LIST_ELEMENTS, 0);
	struct nlattr head;
	unsigned n = 0;

	if (!list)
		return 0;
	memcpy(&head, list - sizeof(head), sizeof(head));
	for (size_t at = 0, len = head.nla_len - sizeof(head); at + sizeof(head) <= len; n++) {
		struct nlattr elem;

		memcpy(&elem, list + at, sizeof(elem));
		if (elem.nla_len < sizeof(elem))
			break;
		at += NLA_ALIGN(elem.nla_len);
	}
	return n;
}

int net_nft_count(int fd, const char *set, unsigned *count, struct cps_err *err)
{
	cleanup_nft_batch struct net_nft_batch b = { CPS_BUF_INIT, 0 };
	int rc;

	element_message(&b, NFT_MSG_GETSETELEM, NLM_F_DUMP,
			&(struct net_nft_element){ .set = set });
	rc = send_all(fd, &b.buf, err);
	while (rc == 0) {
		_Alignas(struct nlmsghdr) char answer[32768];
		const struct nlmsghdr *m = (const struct nlmsghdr *)answer;
		ssize_t n = recv(fd, answer, sizeof(answer), 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return cps_fail(err, errno, "list the set %s", set);
		for (size_t left = (size_t)n; NLMSG_OK(m, left); m = NLMSG_NEXT(m, left)) {
			if (m->nlmsg_type == NLMSG_DONE)
				return 0;
			if (m->nlmsg_type == NLMSG_ERROR)
				return cps_fail(err,
						-((const struct nlmsgerr *)NLMSG_DATA(m))->error,
						"list the set %s", set);
			*count += elements_count(m);
		}
	}
	return rc;
}
