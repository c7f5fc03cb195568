/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server, see server.h. A client that does not read its answers is not read from either.
 */
#include <config.h>
#include "server.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "own.h"
#include "ttrpc.h"

#define FRAMES_PER_WAKEUP  16
#define ACCEPTS_PER_WAKEUP 16
#define ACCEPT_PAUSE_MS	   1000
#define UNREAD_MAX	   1048576 /* bytes of answers, beyond which no request is taken */
#define TEXT_MAX	   1024	   /* of an error */

struct task_call {
	LIST_ENTRY(task_call) link;
	struct task_conn *conn; /* NULL: gone */
	uint32_t stream;
	ProtobufCMessage *request;
};

struct task_conn {
	LIST_ENTRY(task_conn) link;
	struct task_server *server;
	int fd;
	struct event read_event;
	struct event write_event;
	struct task_ttrpc_reader reader;
	uint32_t last; /* stream */
	struct cps_buf out;
	size_t sent; /* of out */
	struct task_calls calls;
	bool doomed; /* freed by its read callback */
};

static void conn_free(struct task_conn *c)
{
	struct task_call *call;

	(void)event_del(&c->read_event);
	(void)event_del(&c->write_event);
	while ((call = LIST_FIRST(&c->calls)) != NULL) {
		LIST_REMOVE(call, link);
		call->conn = NULL;
	}
	LIST_REMOVE(c, link);
	c->server->nconns--;
	task_ttrpc_reader_done(&c->reader);
	cps_buf_done(&c->out);
	cps_close(&c->fd);
	free(c);
}

static void conn_doom(struct task_conn *c)
{
	if (c->doomed)
		return;
	c->doomed = true;
	(void)event_del(&c->write_event);
	event_active(&c->read_event, EV_READ, 0);
}

/* ---- answers ---- */

static size_t unread(const struct task_conn *c)
{
	return c->out.len - c->sent;
}

static void conn_flush(struct task_conn *c)
{
	while (unread(c) > 0) {
		ssize_t n =
			send(c->fd, c->out.data + c->sent, unread(c), MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN) {
			conn_doom(c);
			return;
		}
		if (n < 0)
			break;
		c->sent += (size_t)n;
	}
	if (unread(c) == 0) {
		cps_buf_done(&c->out);
		c->sent = 0;
	} else {
		(void)event_add(&c->write_event, NULL);
	}
	if (unread(c) > UNREAD_MAX)
		(void)event_del(&c->read_event);
	else
		(void)event_add(&c->read_event, NULL);
}

static void conn_answer(struct task_conn *c, uint32_t stream, enum task_code code, const char *text,
			const ProtobufCMessage *m)
{
	if (c->doomed)
		return;
	/* What was sent need not be moved each time the buffer grows. */
	if (c->sent > 0 && c->sent >= c->out.len / 2) {
		memmove(c->out.data, c->out.data + c->sent, unread(c));
		c->out.len -= c->sent;
		c->sent = 0;
	}
	task_response_put(&c->out, stream, code, text, m);
	if (c->out.failed)
		conn_doom(c); /* half an answer is worse than none */
	else
		conn_flush(c);
}

static void call_end(struct task_call *call)
{
	if (call->conn)
		LIST_REMOVE(call, link);
	protobuf_c_message_free_unpacked(call->request, NULL);
	free(call);
}

void task_reply(struct task_call *call, const ProtobufCMessage *m)
{
	if (call->conn)
		conn_answer(call->conn, call->stream, TASK_OK, NULL, m);
	call_end(call);
}

void task_reply_empty(struct task_call *call)
{
	task_reply(call, NULL);
}

void task_error(struct task_call *call, enum task_code code, const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	task_text_clean(text);
	if (call->conn)
		conn_answer(call->conn, call->stream, code, text, NULL);
	call_end(call);
}

/* ---- requests ---- */

static void refuse(struct task_conn *c, uint32_t stream, enum task_code code, const char *what,
		   const char *name)
{
	char text[TEXT_MAX];

	(void)snprintf(text, sizeof(text), "%s%.256s", what, name);
	task_text_clean(text);
	conn_answer(c, stream, code, text, NULL);
}

static void call_run(struct task_conn *c, uint32_t stream, const struct task_method *m,
		     const Wire__Request *r)
{
	struct task_call *call = calloc(1, sizeof(*call));

	if (!call) {
		refuse(c, stream, TASK_RESOURCE_EXHAUSTED, "out of memory", "");
		return;
	}
	call->request = task_unpack(m->request, r->payload.data, r->payload.len);
	if (!call->request) {
		free(call);
		refuse(c, stream, TASK_INVALID_ARGUMENT, "malformed request of ", m->name);
		return;
	}
	call->conn = c;
	call->stream = stream;
	LIST_INSERT_HEAD(&c->calls, call, link);
	m->run(call, call->request, c->server->owner);
}

static void dispatch(struct task_conn *c, uint32_t stream, const Wire__Request *r)
{
	const struct task_service *s = c->server->services;
	const struct task_method *m;

	while (s->name && strcmp(s->name, r->service) != 0)
		s++;
	if (!s->name) {
		refuse(c, stream, TASK_UNIMPLEMENTED, "service ", r->service);
		return;
	}
	for (m = s->methods; m->name && strcmp(m->name, r->method) != 0; m++)
		;
	if (!m->name)
		refuse(c, stream, TASK_UNIMPLEMENTED, "method ", r->method);
	else
		call_run(c, stream, m, r);
}

static void frame_handle(struct task_conn *c)
{
	const struct task_ttrpc_header *h = &c->reader.head;
	cleanup_message Wire__Request *r = NULL;

	if (h->len > TASK_TTRPC_MAX) {
		refuse(c, h->stream, TASK_RESOURCE_EXHAUSTED, "the message is too long", "");
		return;
	}
	if (h->type == TASK_TTRPC_DATA) {
		refuse(c, h->stream, TASK_INVALID_ARGUMENT, "no such stream", "");
		return;
	}
	if (h->type != TASK_TTRPC_REQUEST)
		return; /* of a later version: it says that it can be left alone */
	if (h->stream % 2 == 0 || h->stream <= c->last) {
		refuse(c, h->stream, TASK_INVALID_ARGUMENT, "a stream's number must be odd and new",
		       "");
		return;
	}
	c->last = h->stream;
	r = task_unpack(&wire__request__descriptor, c->reader.data.data, c->reader.data.len);
	if (!r)
		refuse(c, h->stream, TASK_INVALID_ARGUMENT, "malformed request", "");
	else
		dispatch(c, h->stream, r);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct task_conn *c = arg;

	(void)what;
	for (int i = 0; i < FRAMES_PER_WAKEUP && !c->doomed && unread(c) <= UNREAD_MAX; i++) {
		int rc = task_ttrpc_read(&c->reader, fd);

		if (rc == -EAGAIN)
			break;
		if (rc <= 0)
			c->doomed = true;
		else
			frame_handle(c);
	}
	if (c->doomed)
		conn_free(c);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	conn_flush(arg);
}

/* ---- connections ---- */

/* As containerd does it: the same user and group, as the kernel saw them at connect. */
static bool peer_is_ours(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 && peer.uid == geteuid() &&
	       peer.gid == getegid();
}

void task_server_add(struct task_server *s, int fd)
{
	struct task_conn *c = peer_is_ours(fd) ? calloc(1, sizeof(*c)) : NULL;

	if (!c || fcntl(fd, F_SETFL, O_NONBLOCK) < 0) {
		free(c);
		(void)close(fd);
		return;
	}
	c->server = s;
	c->fd = fd;
	LIST_INIT(&c->calls);
	LIST_INSERT_HEAD(&s->conns, c, link);
	s->nconns++;
	(void)event_assign(&c->read_event, s->base, fd, EV_READ | EV_PERSIST, on_readable, c);
	(void)event_assign(&c->write_event, s->base, fd, EV_WRITE, on_writable, c);
	if (event_add(&c->read_event, NULL) < 0)
		conn_free(c); /* the poller refused it */
}

static void on_accept_retry(evutil_socket_t fd, short what, void *arg)
{
	struct task_server *s = arg;

	(void)fd;
	(void)what;
	(void)event_add(&s->event, NULL);
}

static void on_listen(evutil_socket_t fd, short what, void *arg)
{
	struct timeval pause = { .tv_sec = ACCEPT_PAUSE_MS / 1000 };
	struct task_server *s = arg;

	(void)what;
	for (int i = 0; i < ACCEPTS_PER_WAKEUP; i++) {
		int conn = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (conn >= 0) {
			task_server_add(s, conn);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
			/* The client stays in line; asking again at once would spin. */
			(void)event_del(&s->event);
			(void)event_add(&s->retry, &pause);
		}
		if (errno != ECONNABORTED && errno != EINTR)
			return;
	}
}

int task_server_start(struct task_server *s, struct event_base *base, int fd,
		      const struct task_service *services, void *owner, struct cps_err *err)
{
	*s = (struct task_server){ .base = base, .fd = fd, .services = services, .owner = owner };
	LIST_INIT(&s->conns);
	(void)event_assign(&s->event, base, fd, EV_READ | EV_PERSIST, on_listen, s);
	(void)event_assign(&s->retry, base, -1, 0, on_accept_retry, s);
	if (fd >= 0 && event_add(&s->event, NULL) < 0)
		return cps_failx(err, ENOMEM, "serve: no room in the event loop");
	return 0;
}

void task_server_done(struct task_server *s)
{
	struct task_conn *c;

	(void)event_del(&s->event);
	(void)event_del(&s->retry);
	while ((c = LIST_FIRST(&s->conns)) != NULL)
		conn_free(c);
	cps_close(&s->fd);
}

bool task_server_is_flushed(const struct task_server *s)
{
	const struct task_conn *c;

	LIST_FOREACH(c, &s->conns, link)
	{
		if (unread(c) > 0)
			return false;
	}
	return true;
}
