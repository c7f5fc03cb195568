/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames on a SEQPACKET socket. What must hold: whatever arrives, every descriptor that the kernel
 * has put into our table is either handed out in a frame that is right in every part, or closed.
 */
#include <config.h>
#include "frame.h"

#include <endian.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "buf.h"
#include "own.h"

#define MAGIC 0x31535043u /* "CPS1", little endian */

struct header {
	uint32_t magic;
	uint16_t kind;
	uint16_t nfds;
	uint32_t id;
	uint32_t length;
};
_Static_assert(sizeof(struct header) == CPS_FRAME_HEADER, "the header has no holes");

/* Room for exactly as many descriptors as a frame may have: more set MSG_CTRUNC. */
union control {
	struct cmsghdr align;
	char space[CMSG_SPACE(CPS_FRAME_FDS_MAX * sizeof(int))];
};

int cps_frame_send(int sock, enum cps_frame_kind kind, uint32_t id, const char *json, size_t len,
		   const int *fds, unsigned nfds, int flags, struct cps_err *err)
{
	struct header header = {
		.magic = htole32(MAGIC),
		.kind = htole16((uint16_t)kind),
		.nfds = htole16((uint16_t)nfds),
		.id = htole32(id),
		.length = htole32((uint32_t)len),
	};
	struct iovec parts[2] = {
		{ .iov_base = &header, .iov_len = sizeof(header) },
		{ .iov_base = (void *)json, .iov_len = len },
	};
	union control control = { 0 };
	struct msghdr msg = { .msg_iov = parts, .msg_iovlen = 2 };
	ssize_t n;

	if (len > CPS_FRAME_JSON_MAX)
		return cps_failx(err, EMSGSIZE, "a frame of %zu bytes: at most %d may be sent", len,
				 CPS_FRAME_JSON_MAX);
	if (nfds > CPS_FRAME_FDS_MAX)
		return cps_failx(err, EMSGSIZE,
				 "a frame with %u descriptors: at most %d may be sent", nfds,
				 CPS_FRAME_FDS_MAX);
	if (nfds > 0) {
		struct cmsghdr *c;

		msg.msg_control = control.space;
		msg.msg_controllen = CMSG_SPACE(nfds * sizeof(int));
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(nfds * sizeof(int));
		memcpy(CMSG_DATA(c), fds, nfds * sizeof(int));
	}

	do {
		n = sendmsg(sock, &msg, flags | MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return cps_fail(err, errno, "send a frame");
	if ((size_t)n != sizeof(header) + len) /* a packet goes whole or not at all */
		return cps_failx(err, EIO, "send a frame: the socket does not keep packets whole");
	return 0;
}

static int malformed(struct cps_err *err, const char *why)
{
	return cps_failx(err, EBADMSG, "malformed frame: %s", why);
}

static const struct cps_json *fd_names(enum cps_frame_kind kind, const struct cps_json *body)
{
	return cps_json_get(kind == CPS_FRAME_REPLY ? cps_json_get(body, "ok") : body, "fds");
}

/* The names must be strings that differ, and as many as descriptors. */
static int fd_names_check(const struct cps_json *names, unsigned nfds, struct cps_err *err)
{
	if ((names ? names->count : 0) != nfds)
		return malformed(err, "\"fds\" does not name the descriptors that came with it");
	if (!names)
		return 0;
	if (names->type != CPS_JSON_ARRAY)
		return malformed(err, "\"fds\" is no array");
	for (const struct cps_json *n = names->first; n; n = n->next) {
		if (n->type != CPS_JSON_STRING)
			return malformed(err, "\"fds\" has an entry that is no string");
		for (const struct cps_json *o = names->first; o != n; o = o->next) {
			if (strcmp(o->text, n->text) == 0)
				return malformed(err, "\"fds\" has a name twice");
		}
	}
	return 0;
}

int cps_frame_decode(struct cps_arena *a, const void *packet, size_t len, unsigned nfds,
		     struct cps_frame *ret, struct cps_err *err)
{
	const struct cps_json *body = NULL;
	enum cps_frame_kind kind;
	struct header header;
	int rc;

	if (len < sizeof(header))
		return malformed(err, "shorter than its header");
	memcpy(&header, packet, sizeof(header));
	if (le32toh(header.magic) != MAGIC)
		return malformed(err, "no magic");
	kind = le16toh(header.kind);
	if (kind < CPS_FRAME_REQUEST || kind > CPS_FRAME_EVENT)
		return malformed(err, "unknown kind");
	if (le32toh(header.length) != len - sizeof(header) ||
	    le32toh(header.length) > CPS_FRAME_JSON_MAX)
		return malformed(err, "wrong length");
	if (le16toh(header.nfds) != nfds || nfds > CPS_FRAME_FDS_MAX)
		return malformed(err, "the count of descriptors differs from what arrived");

	rc = cps_json_parse(a, (const char *)packet + sizeof(header), len - sizeof(header), &body,
			    err);
	if (rc == -ENOMEM)
		return rc;
	if (rc < 0)
		return cps_wrap(err, -EBADMSG, "malformed frame");
	if (body->type != CPS_JSON_OBJECT)
		return malformed(err, "the body is no object");
	rc = fd_names_check(fd_names(kind, body), nfds, err);
	if (rc < 0)
		return rc;

	ret->kind = kind;
	ret->id = le32toh(header.id);
	ret->body = body;
	ret->nfds = nfds;
	for (unsigned i = 0; i < CPS_FRAME_FDS_MAX; i++)
		ret->fds[i] = -1;
	return 0;
}

/* Collects the descriptors of all control messages; one more than there is room for cannot be. */
static unsigned fds_collect(struct msghdr *msg, int fds[CPS_FRAME_FDS_MAX])
{
	unsigned count = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		size_t n;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
			if (count < CPS_FRAME_FDS_MAX)
				fds[count++] = fd;
			else
				cps_close(&fd);
		}
	}
	return count;
}

static int packet_check(const struct msghdr *msg, struct cps_arena *a, const void *packet,
			size_t len, unsigned nfds, struct cps_frame *ret, struct cps_err *err)
{
	if (msg->msg_flags & MSG_TRUNC)
		return malformed(err, "too long");
	if (msg->msg_flags & MSG_CTRUNC)
		return malformed(err, "too many descriptors");
	return cps_frame_decode(a, packet, len, nfds, ret, err);
}

int cps_frame_recv(int sock, int flags, struct cps_arena *a, struct cps_frame *ret,
		   struct cps_err *err)
{
	char packet[CPS_FRAME_HEADER + CPS_FRAME_JSON_MAX];
	union control control;
	struct iovec part = { .iov_base = packet, .iov_len = sizeof(packet) };
	struct msghdr msg = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control.space,
		.msg_controllen = sizeof(control.space),
	};
	int fds[CPS_FRAME_FDS_MAX];
	unsigned nfds;
	ssize_t n;
	int rc;

	do {
		n = recvmsg(sock, &msg, flags | MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return cps_fail(err, errno, "receive a frame");

	nfds = fds_collect(&msg, fds);
	if (n == 0 && nfds == 0 && !(msg.msg_flags & MSG_CTRUNC))
		return 0; /* an empty packet looks the same, and whoever sends one may go, too */
	rc = packet_check(&msg, a, packet, (size_t)n, nfds, ret, err);
	if (rc < 0) {
		for (unsigned i = 0; i < nfds; i++)
			cps_close(&fds[i]);
		return rc;
	}
	memcpy(ret->fds, fds, nfds * sizeof(int));
	return 1;
}

int cps_frame_take_fd(struct cps_frame *f, const char *name)
{
	const struct cps_json *names = fd_names(f->kind, f->body);

	if (!names)
		return -1;
	for (const struct cps_json *n = names->first; n; n = n->next) {
		if (n->index < f->nfds && strcmp(n->text, name) == 0)
			return take_fd(&f->fds[n->index]);
	}
	return -1;
}

void cps_frame_done(struct cps_frame *f)
{
	for (unsigned i = 0; i < f->nfds; i++)
		cps_close(&f->fds[i]);
	f->nfds = 0;
}

int cps_reply_ok(int sock, uint32_t id, const char *ok, const int *fds, unsigned nfds, int flags,
		 struct cps_err *err)
{
	cleanup_buf struct cps_buf b = CPS_BUF_INIT;

	cps_buf_puts(&b, "{\"ok\":");
	cps_buf_puts(&b, ok);
	cps_buf_puts(&b, "}");
	if (b.failed)
		return cps_fail(err, ENOMEM, "reply");
	return cps_frame_send(sock, CPS_FRAME_REPLY, id, b.data, b.len, fds, nfds, flags, err);
}

int cps_reply_error(int sock, uint32_t id, const struct cps_err *why, const char *step, int flags,
		    struct cps_err *err)
{
	/* Without memory for the whole story, the peer hears at least what it is about. */
	static const char bare[] =
		"{\"error\":{\"errno\":12,\"message\":\"Cannot allocate memory\"}}";
	cleanup_buf struct cps_buf b = CPS_BUF_INIT;
	struct cps_jsonw w;

	cps_jsonw_init(&w, &b, false);
	cps_jsonw_open(&w, NULL, '{');
	cps_jsonw_open(&w, "error", '{');
	cps_jsonw_i64(&w, "errno", why->num);
	if (step)
		cps_jsonw_str(&w, "step", step);
	cps_jsonw_str(&w, "message", why->msg);
	cps_jsonw_close(&w, '}');
	cps_jsonw_close(&w, '}');
	return cps_frame_send(sock, CPS_FRAME_REPLY, id, b.failed ? bare : b.data,
			      b.failed ? sizeof(bare) - 1 : b.len, NULL, 0, flags, err);
}

int cps_reply_check(const struct cps_frame *f, const struct cps_json **ret_ok, struct cps_err *err)
{
	const struct cps_json *error = cps_json_get(f->body, "error");
	const struct cps_json *ok = cps_json_get(f->body, "ok");
	const char *message = NULL;
	int64_t num = 0;
	int rc;

	if (f->kind != CPS_FRAME_REPLY || (error != NULL) == (ok != NULL))
		return cps_failx(err, EBADMSG, "no reply: either \"ok\" or \"error\" is needed");
	if (ok) {
		rc = cps_json_want(ok, CPS_JSON_OBJECT, err);
		if (rc < 0)
			return cps_wrap(err, -EBADMSG, "reply");
		*ret_ok = ok;
		return 0;
	}
	rc = cps_json_i64(cps_json_get(error, "errno"), 1, 4095, &num, err);
	if (rc == 0)
		rc = cps_json_str(cps_json_get(error, "message"), &message, err);
	if (rc < 0)
		return cps_wrap(err, -EBADMSG, "reply: error");
	return cps_failx(err, (int)num, "%s", message);
}
