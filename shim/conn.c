/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clients, see conn.h. No send blocks, and what a client does not take is bounded.
 */
#include <config.h>
#include "conn.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "attach.h"
#include "ops.h"
#include "own.h"
#include "shim.h"

#define FRAMES_PER_WAKEUP 16

struct shim_packet {
	STAILQ_ENTRY(shim_packet) link;
	enum cps_frame_kind kind;
	uint32_t id;
	size_t len;
	unsigned nfds;
	int fds[CPS_FRAME_FDS_MAX]; /* owned */
	char json[];
};

static void packet_free(struct shim_packet *p)
{
	for (unsigned i = 0; i < p->nfds; i++)
		cps_close(&p->fds[i]);
	free(p);
}

static void conn_doom(struct shim_conn *c)
{
	if (c->doomed)
		return;
	c->doomed = true;
	event_active(&c->read_event, EV_READ, 0);
}

static void waiter_free(struct shim_waiter *w)
{
	LIST_REMOVE(w, of_owner);
	LIST_REMOVE(w, of_conn);
	w->conn->nwaiters--;
	free(w);
}

static void conn_free(struct shim_conn *c)
{
	struct shim_packet *p;
	struct shim_waiter *w;
	struct shim_attach *a;

	(void)event_del(&c->read_event);
	(void)event_del(&c->write_event);
	while ((w = LIST_FIRST(&c->waiters)) != NULL)
		waiter_free(w);
	while ((a = LIST_FIRST(&c->attaches)) != NULL)
		shim_attach_free(a);
	while ((p = STAILQ_FIRST(&c->queue)) != NULL) {
		STAILQ_REMOVE_HEAD(&c->queue, link);
		packet_free(p);
	}
	LIST_REMOVE(c, link);
	c->shim->nconns--;
	if (c->keeper)
		c->shim->nkeepers--;
	else
		c->shim->had_client = true;
	cps_close(&c->fd);
	free(c);
}

/* ---- sending ---- */

static void conn_queue(struct shim_conn *c, enum cps_frame_kind kind, uint32_t id, const char *json,
		       size_t len, const int *fds, unsigned nfds)
{
	struct shim_packet *p;

	if (c->queued > SHIM_CONN_QUEUE_MAX || nfds > CPS_FRAME_FDS_MAX) {
		shim_note(&c->shim->note, "client (pid %d) does not read its answers: dropped",
			  (int)c->peer_pid);
		conn_doom(c);
		return;
	}
	p = calloc(1, sizeof(*p) + len);
	if (!p) {
		conn_doom(c);
		return;
	}
	p->kind = kind;
	p->id = id;
	p->len = len;
	memcpy(p->json, json, len);
	for (; p->nfds < nfds; p->nfds++) {
		p->fds[p->nfds] = fcntl(fds[p->nfds], F_DUPFD_CLOEXEC, 3);
		if (p->fds[p->nfds] < 0) {
			packet_free(p);
			conn_doom(c);
			return;
		}
	}
	STAILQ_INSERT_TAIL(&c->queue, p, link);
	c->queued += sizeof(*p) + len;
	(void)event_add(&c->write_event, NULL);
}

void shim_conn_send(struct shim_conn *c, enum cps_frame_kind kind, uint32_t id, const char *json,
		    size_t len, const int *fds, unsigned nfds)
{
	struct cps_err err;
	int rc;

	if (c->doomed)
		return;
	if (c->take) {
		c->take(c->owner, kind, id, json, len);
		return;
	}
	if (STAILQ_EMPTY(&c->queue)) {
		rc = cps_frame_send(c->fd, kind, id, json, len, fds, nfds, MSG_DONTWAIT, &err);
		if (rc == 0)
			return;
		if (rc != -EAGAIN && rc != -ENOBUFS && rc != -ENOMEM) {
			conn_doom(c);
			return;
		}
	}
	conn_queue(c, kind, id, json, len, fds, nfds);
}

void shim_conn_ok(struct shim_conn *c, uint32_t id, const char *ok, const int *fds, unsigned nfds)
{
	cleanup_buf struct cps_buf b = CPS_BUF_INIT;
	struct cps_err err;

	cps_buf_puts(&b, "{\"ok\":");
	cps_buf_puts(&b, ok);
	cps_buf_puts(&b, "}");
	if (b.failed) {
		(void)cps_fail(&err, ENOMEM, "reply");
		shim_conn_error(c, id, &err, NULL);
	} else {
		shim_conn_send(c, CPS_FRAME_REPLY, id, b.data, b.len, fds, nfds);
	}
}

void shim_conn_error(struct shim_conn *c, uint32_t id, const struct cps_err *why, const char *step)
{
	static const char bare[] =
		"{\"error\":{\"errno\":12,\"message\":\"Cannot allocate memory\"}}";
	cleanup_buf struct cps_buf b = CPS_BUF_INIT;
	struct cps_jsonw w;

	cps_jsonw_init(&w, &b, false);
	cps_jsonw_open(&w, NULL, '{');
	cps_jsonw_open(&w, "error", '{');
	cps_jsonw_i64(&w, "errno", why->num);
	if (step && step[0])
		cps_jsonw_str(&w, "step", step);
	cps_jsonw_str(&w, "message", why->msg);
	cps_jsonw_close(&w, '}');
	cps_jsonw_close(&w, '}');
	if (b.failed)
		shim_conn_send(c, CPS_FRAME_REPLY, id, bare, sizeof(bare) - 1, NULL, 0);
	else
		shim_conn_send(c, CPS_FRAME_REPLY, id, b.data, b.len, NULL, 0);
}

bool shim_conns_only_keepers(const struct shim *s)
{
	return s->nconns == s->nkeepers;
}

void shim_conn_keeper(struct shim_conn *c)
{
	struct shim *s = c->shim;

	c->subscribed = true;
	if (c->keeper)
		return;
	c->keeper = true;
	s->nkeepers++;
	/* The last one that was more may have left while this one had not said what it is; a shim
	 * that nobody has talked to yet waits. */
	if (s->had_client && shim_conns_only_keepers(s))
		shim_news(s, SHIM_E_CLIENTS_GONE);
}

void shim_broadcast(struct shim *s, const char *json, size_t len)
{
	struct shim_conn *c;

	LIST_FOREACH(c, &s->conns, link)
	{
		if (c->subscribed)
			shim_conn_send(c, CPS_FRAME_EVENT, 0, json, len, NULL, 0);
	}
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct shim_conn *c = arg;
	struct shim_packet *p;
	struct cps_err err;

	(void)what;
	while (!c->doomed && (p = STAILQ_FIRST(&c->queue)) != NULL) {
		int rc = cps_frame_send(fd, p->kind, p->id, p->json, p->len, p->fds, p->nfds,
					MSG_DONTWAIT, &err);

		if (rc == -EAGAIN || rc == -ENOBUFS || rc == -ENOMEM) {
			(void)event_add(&c->write_event, NULL);
			return;
		}
		if (rc < 0)
			conn_doom(c);
		STAILQ_REMOVE_HEAD(&c->queue, link);
		c->queued -= sizeof(*p) + p->len;
		packet_free(p);
	}
}

/* ---- receiving ---- */

/* One frame. False: there is none, or the connection is over. */
static bool conn_receive(struct shim_conn *c)
{
	cleanup_arena struct cps_arena arena = CPS_ARENA_INIT;
	cleanup_frame struct cps_frame f = { .nfds = 0 };
	struct cps_err err;
	int rc = cps_frame_recv(c->fd, MSG_DONTWAIT, &arena, &f, &err);

	if (rc == -EAGAIN)
		return false;
	if (rc == -ENOMEM) {
		shim_note(&c->shim->note, "client dropped: %s", err.msg);
		conn_doom(c);
		return false;
	}
	if (rc <= 0 || f.kind != CPS_FRAME_REQUEST) {
		if (rc == -EBADMSG || rc == 1) {
			c->shim->trace.rejected++;
			shim_note(&c->shim->note, "client dropped: %s",
				  rc == 1 ? "a frame that is no request" : err.msg);
		}
		conn_doom(c);
		return false;
	}
	shim_ops_handle(c, &f);
	return true;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct shim_conn *c = arg;
	struct shim *s = c->shim;

	(void)fd;
	(void)what;
	for (int i = 0; i < FRAMES_PER_WAKEUP && !c->doomed; i++) {
		if (!conn_receive(c))
			break;
	}
	if (!c->doomed)
		return;
	conn_free(c);
	if (shim_conns_only_keepers(s))
		shim_news(s, SHIM_E_CLIENTS_GONE);
}

/* Only root and our own user: SO_PEERCRED is what the kernel saw at connect. */
static int peer_check(int fd, struct ucred *ret, struct cps_err *err)
{
	socklen_t len = sizeof(*ret);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, ret, &len) < 0)
		return cps_fail(err, errno, "SO_PEERCRED");
	if (ret->uid != 0 && ret->uid != geteuid())
		return cps_failx(err, EPERM, "uid %u may not talk to this shim",
				 (unsigned)ret->uid);
	return 0;
}

static struct shim_conn *conn_new(struct shim *s, int fd)
{
	struct shim_conn *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->shim = s;
	c->fd = fd;
	STAILQ_INIT(&c->queue);
	LIST_INIT(&c->waiters);
	LIST_INIT(&c->attaches);
	(void)event_assign(&c->read_event, s->base, fd, EV_READ | EV_PERSIST, on_readable, c);
	(void)event_assign(&c->write_event, s->base, fd, EV_WRITE, on_writable, c);
	LIST_INSERT_HEAD(&s->conns, c, link);
	s->nconns++;
	return c;
}

struct shim_conn *shim_conn_inside(struct shim *s, shim_conn_take *take, void *owner)
{
	struct shim_conn *c = conn_new(s, -1);

	if (!c)
		return NULL;
	c->take = take;
	c->owner = owner;
	c->peer_pid = getpid();
	c->peer_uid = geteuid();
	c->greeted = true;
	c->subscribed = true;
	return c;
}

int shim_conn_ask(struct shim_conn *c, uint32_t id, const char *json, size_t len, int *fds,
		  unsigned nfds, struct cps_err *err)
{
	cleanup_arena struct cps_arena arena = CPS_ARENA_INIT;
	cleanup_frame struct cps_frame f = { .kind = CPS_FRAME_REQUEST, .id = id };
	int rc;

	for (unsigned i = 0; i < nfds; i++) {
		if (i < CPS_FRAME_FDS_MAX)
			f.fds[f.nfds++] = take_fd(&fds[i]);
		else
			cps_close(&fds[i]);
	}
	rc = cps_json_parse(&arena, json, len, &f.body, err);
	if (rc == 0)
		shim_ops_handle(c, &f);
	return rc;
}

void shim_conn_open(struct shim *s, int fd)
{
	struct shim_conn *c = NULL;
	struct ucred peer = { .uid = 0 };
	struct cps_err err;
	int rc = peer_check(fd, &peer, &err);

	if (rc == 0 && s->nconns >= SHIM_CONNS_MAX)
		rc = cps_failx(&err, EBUSY, "the shim has %d clients, no more are taken",
			       SHIM_CONNS_MAX);
	if (rc == 0) {
		c = conn_new(s, fd);
		if (!c)
			rc = cps_fail(&err, ENOMEM, "connect");
	}
	if (rc < 0) {
		struct cps_err ignored;

		(void)cps_reply_error(fd, 0, &err, NULL, MSG_DONTWAIT, &ignored);
		(void)close(fd);
		return;
	}
	(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	c->peer_pid = peer.pid;
	c->peer_uid = peer.uid;
	s->trace.connections++;
	if (event_add(&c->read_event, NULL) < 0)
		conn_free(c); /* the poller refused it */
}

void shim_conns_close_all(struct shim *s)
{
	struct shim_conn *c;

	while ((c = LIST_FIRST(&s->conns)) != NULL)
		conn_free(c);
}

/* ---- those who wait ---- */

int shim_waiter_add(struct shim_waiters *list, struct shim_conn *c, uint32_t id,
		    struct cps_err *err)
{
	struct shim_waiter *w;

	if (c->nwaiters >= SHIM_CONN_WAITS_MAX && !c->take)
		return cps_failx(err, EBUSY, "%d requests of this connection wait already",
				 SHIM_CONN_WAITS_MAX);
	w = calloc(1, sizeof(*w));
	if (!w)
		return cps_fail(err, ENOMEM, "wait");
	w->conn = c;
	w->id = id;
	LIST_INSERT_HEAD(list, w, of_owner);
	LIST_INSERT_HEAD(&c->waiters, w, of_conn);
	c->nwaiters++;
	return 0;
}

void shim_waiter_drop(struct shim_waiters *list)
{
	if (!LIST_EMPTY(list))
		waiter_free(LIST_FIRST(list));
}

void shim_waiters_ok(struct shim_waiters *list, const char *ok, const int *fds, unsigned nfds)
{
	struct shim_waiter *w;

	while ((w = LIST_FIRST(list)) != NULL) {
		shim_conn_ok(w->conn, w->id, ok, fds, nfds);
		waiter_free(w);
	}
}

void shim_waiters_error(struct shim_waiters *list, const struct cps_err *why, const char *step)
{
	struct shim_waiter *w;

	while ((w = LIST_FIRST(list)) != NULL) {
		shim_conn_error(w->conn, w->id, why, step);
		waiter_free(w);
	}
}
