/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sending and receiving the packets of link C, descriptors included.
 */
#include <config.h>

#include "baton.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "own.h"

/* Room for exactly one descriptor, aligned as a control message wants it. */
union control {
	struct cmsghdr head;
	char room[CMSG_SPACE(sizeof(int))];
};

int rt_baton_open(int ret_pair[2], struct cps_err *err)
{
	/* A socket, not a pipe or an eventfd: it goes both ways, carries the terminal's descriptor,
	 * and its EOF tells that the other side is gone. */
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret_pair) < 0)
		return cps_fail(err, errno, "make a socket pair");
	return 0;
}

int rt_baton_send(int sock, const struct cps_gate_packet *p, int fd)
{
	struct iovec iov = { (void *)(uintptr_t)p, sizeof(*p) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	union control c;
	ssize_t n;

	if (fd >= 0) {
		memset(&c, 0, sizeof(c));
		c.head.cmsg_level = SOL_SOCKET;
		c.head.cmsg_type = SCM_RIGHTS;
		c.head.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&c.head), &fd, sizeof(int));
		msg.msg_control = &c;
		msg.msg_controllen = sizeof(c.room);
	}
	do
		n = sendmsg(sock, &msg, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

static int received_fd(struct msghdr *msg)
{
	int fd = -1;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
		    c->cmsg_len >= CMSG_LEN(sizeof(int)))
			memcpy(&fd, CMSG_DATA(c), sizeof(int));
	return fd;
}

int rt_baton_recv(int sock, struct cps_gate_packet *ret, int *ret_fd)
{
	struct cps_gate_packet p;
	struct iovec iov = { &p, sizeof(p) };
	union control c;
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = &c,
			      .msg_controllen = sizeof(c.room) };
	cleanup_fd int fd = -1;
	ssize_t n;

	/* ECONNRESET: the peer left with our packet unread. The kernel says so once, and before it
	 * hands out what the peer had sent: its last words are still to be read. */
	do
		n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && (errno == EINTR || errno == ECONNRESET));
	if (n == 0)
		return 0;
	if (n < 0)
		return -errno;
	fd = received_fd(&msg);
	if (n != sizeof(p) || (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)))
		return -EBADMSG;
	p.err.msg[sizeof(p.err.msg) - 1] = '\0'; /* it came over a socket: trust nothing of it */
	*ret = p;
	if (ret_fd)
		*ret_fd = take_fd(&fd);
	return 1;
}
