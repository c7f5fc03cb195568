/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sockets of rtnetlink, and the exchange of messages.
 */
#include <config.h>

#include "netlink.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "own.h"

#define RECEIVE_SIZE 32768
#define WHAT_SIZE    160
#define KERNEL_SIZE  160

static int nl_open(int protocol, struct net_nl *ret, struct cps_err *err)
{
	struct nl_sock *sock = nl_socket_alloc();
	const int on = 1;
	int rc;

	if (!sock)
		return cps_fail(err, ENOMEM, "netlink");
	rc = nl_connect(sock, protocol); /* close-on-exec */
	if (rc < 0) {
		nl_socket_free(sock);
		return cps_failx(err, EIO, "netlink: %s", nl_geterror(rc));
	}
	nl_socket_disable_msg_peek(sock);
	(void)nl_socket_set_msg_buf_size(sock, RECEIVE_SIZE);
	/* errors with a text; older kernels have none */
	(void)setsockopt(nl_socket_get_fd(sock), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	(void)setsockopt(nl_socket_get_fd(sock), SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	ret->sock = sock;
	return 0;
}

int net_nl_open(struct net_nl *ret, struct cps_err *err)
{
	return nl_open(NETLINK_ROUTE, ret, err);
}

int net_nl_open_netfilter(struct net_nl *ret, struct cps_err *err)
{
	return nl_open(NETLINK_NETFILTER, ret, err);
}

int net_nl_open_in(int netns_fd, struct net_nl *ret, struct cps_err *err)
{
	cleanup_fd int ours = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	int rc;

	if (ours < 0)
		return cps_fail(err, errno, "open our network namespace");
	if (setns(netns_fd, CLONE_NEWNET) < 0)
		return cps_fail(err, errno, "join the container's network namespace");
	rc = net_nl_open(ret, err);
	if (setns(ours, CLONE_NEWNET) < 0) {
		/* what we did from here on, we would do to the container */
		net_nl_done(ret);
		return cps_fail(err, errno, "come back from the container's network namespace");
	}
	return rc;
}

void net_nl_done(struct net_nl *nl)
{
	if (nl->sock)
		nl_socket_free(nl->sock);
	nl->sock = NULL;
}

struct nl_msg *net_msg_new(int type, int flags, const void *header, size_t len)
{
	struct nl_msg *msg = nlmsg_alloc_simple(type, NLM_F_REQUEST | flags);

	if (msg && nlmsg_append(msg, (void *)header, len, NLMSG_ALIGNTO) < 0) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

/* 1: it was the answer's end, with *ret_rc. */
static int error_read(struct nlmsghdr *h, int *ret_rc, char *kernel, size_t size)
{
	const struct nlmsgerr *e = nlmsg_data(h);
	struct nlattr *text;

	if (nlmsg_datalen(h) < (int)sizeof(*e))
		return 0;
	*ret_rc = e->error;
	if (!(h->nlmsg_flags & NLM_F_ACK_TLVS) || !(h->nlmsg_flags & NLM_F_CAPPED))
		return 1;
	text = nlmsg_find_attr(h, sizeof(*e), NLMSGERR_ATTR_MSG);
	if (text)
		(void)snprintf(kernel, size, "%.*s", nla_len(text), (const char *)nla_data(text));
	return 1;
}

/* 1: the answer's end has come. */
static int part_read(unsigned char *buf, int len, net_answer_fn *answer, void *arg, int *ret_rc,
		     char *kernel, size_t size)
{
	for (struct nlmsghdr *h = (struct nlmsghdr *)buf; nlmsg_ok(h, len);
	     h = nlmsg_next(h, &len)) {
		if (h->nlmsg_type == NLMSG_DONE)
			return 1;
		if (h->nlmsg_type == NLMSG_ERROR && error_read(h, ret_rc, kernel, size))
			return 1;
		if (h->nlmsg_type != NLMSG_ERROR && answer)
			answer(h, arg);
	}
	return 0;
}

int net_nl_call(const struct net_nl *nl, struct nl_msg *msg, net_answer_fn *answer, void *arg,
		char *ret_kernel, size_t size)
{
	int rc = 0, sent;

	ret_kernel[0] = '\0';
	if (!msg)
		return -ENOMEM;
	nl_complete_msg(nl->sock, msg);
	sent = nl_send(nl->sock, msg);
	if (sent < 0)
		return -EIO;
	for (int end = 0; !end;) {
		cleanup_free unsigned char *buf = NULL;
		struct sockaddr_nl from;
		int len = nl_recv(nl->sock, &from, &buf, NULL);

		if (len <= 0)
			return -EIO;
		end = part_read(buf, len, answer, arg, &rc, ret_kernel, size);
	}
	return rc;
}

int net_nl_do(const struct net_nl *nl, struct nl_msg *msg, struct cps_err *err, const char *fmt,
	      ...)
{
	char what[WHAT_SIZE], kernel[KERNEL_SIZE];
	va_list args;
	int rc = net_nl_call(nl, msg, NULL, NULL, kernel, sizeof(kernel));

	if (rc == 0)
		return 0;
	va_start(args, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	return kernel[0] ? cps_fail(err, -rc, "%s: %s", what, kernel)
			 : cps_fail(err, -rc, "%s", what);
}
