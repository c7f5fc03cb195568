/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See rtnl.h.
 */
#include <config.h>

#include "rtnl.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#define ANSWER_SIZE 32768 /* what the kernel packs a dump into, at most */

/* The i-th byte behind the start, which is aligned for every structure of netlink. */
static const void *at(const void *start, size_t i)
{
	return (const char *)start + i;
}

void rt_rtnl_start(struct rt_rtnl *m, int type, int flags, const void *head, size_t len)
{
	memset(m, 0, sizeof(*m));
	m->h.nlmsg_type = (uint16_t)type;
	m->h.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	m->h.nlmsg_len = (uint32_t)(NLMSG_HDRLEN + len);
	memcpy(m->bytes + NLMSG_HDRLEN, head, len);
}

void rt_rtnl_put(struct rt_rtnl *m, int type, const void *data, size_t len)
{
	size_t from = NLMSG_ALIGN(m->h.nlmsg_len);
	const struct rtattr a = { .rta_len = (uint16_t)(sizeof(a) + len),
				  .rta_type = (uint16_t)type };

	if (from + sizeof(a) + len > sizeof(m->bytes)) {
		m->overflow = true;
		return;
	}
	memcpy(m->bytes + from, &a, sizeof(a));
	memcpy(m->bytes + from + sizeof(a), data, len);
	m->h.nlmsg_len = (uint32_t)(from + sizeof(a) + len);
}

int rt_rtnl_open(void)
{
	int sock = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	return sock < 0 ? -errno : sock;
}

/* 1: the answer is complete. */
static int read_part(const char *buf, size_t len, uint32_t seq, rt_rtnl_answer *each, void *arg)
{
	while (len >= sizeof(struct nlmsghdr)) {
		const struct nlmsghdr *h = (const void *)buf;
		size_t step = NLMSG_ALIGN((size_t)h->nlmsg_len);

		if (h->nlmsg_len < sizeof(*h) || h->nlmsg_len > len)
			return -EBADMSG;
		if (h->nlmsg_seq == seq) {
			if (h->nlmsg_type == NLMSG_DONE)
				return 1;
			if (h->nlmsg_type == NLMSG_ERROR) {
				const struct nlmsgerr *e = at(h, NLMSG_HDRLEN);

				if (h->nlmsg_len < NLMSG_HDRLEN + sizeof(e->error))
					return -EBADMSG;
				return e->error ? e->error : 1;
			}
			if (each)
				each(h, arg);
		}
		if (step >= len)
			break;
		buf += step;
		len -= step;
	}
	return 0;
}

int rt_rtnl_do(int sock, struct rt_rtnl *m, rt_rtnl_answer *each, void *arg)
{
	static uint32_t seq;
	_Alignas(struct nlmsghdr) char buf[ANSWER_SIZE];
	int rc = 0;

	if (m->overflow)
		return -EMSGSIZE;
	m->h.nlmsg_seq = ++seq;
	/* a dump has an end of its own */
	if ((m->h.nlmsg_flags & NLM_F_DUMP) != NLM_F_DUMP)
		m->h.nlmsg_flags |= NLM_F_ACK;
	if (send(sock, m->bytes, m->h.nlmsg_len, 0) < 0)
		return -errno;
	while (rc == 0) {
		ssize_t n = recv(sock, buf, sizeof(buf), MSG_TRUNC);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if ((size_t)n > sizeof(buf))
			return -EMSGSIZE;
		rc = read_part(buf, (size_t)n, m->h.nlmsg_seq, each, arg);
	}
	return rc < 0 ? rc : 0;
}

const struct rtattr *rt_rtnl_attr(const struct nlmsghdr *h, size_t head_len, int type, size_t min)
{
	size_t pos = NLMSG_HDRLEN + NLMSG_ALIGN(head_len);

	while (pos + sizeof(struct rtattr) <= h->nlmsg_len) {
		const struct rtattr *a = at(h, pos);

		if (a->rta_len < sizeof(*a) || a->rta_len > h->nlmsg_len - pos)
			return NULL;
		if ((a->rta_type & NLA_TYPE_MASK) == type)
			return a->rta_len >= sizeof(*a) + min ? a : NULL;
		pos += NLMSG_ALIGN((size_t)a->rta_len);
	}
	return NULL;
}
