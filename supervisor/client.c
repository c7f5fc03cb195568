/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client's end of link A: hello, requests with descriptors, replies matched by id.
 */
#include <config.h>

#include "client.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "clock.h"
#include "command.h"
#include "file.h"
#include "own.h"
#include "proto.h"

#define CONNECT_RETRY_MS 5

void sup_request_open(struct sup_request *r, const char *op)
{
	memset(r, 0, sizeof(*r));
	cps_jsonw_init(&r->w, &r->buf, false);
	cps_jsonw_open(&r->w, NULL, '{');
	cps_jsonw_str(&r->w, "op", op);
}

void sup_request_hello(struct sup_request *r)
{
	sup_request_open(r, CPS_OP_HELLO);
	cps_jsonw_u64(&r->w, "protocol", CPS_PROTOCOL);
	cps_jsonw_str(&r->w, "version", PACKAGE_VERSION);
}

void sup_request_fd(struct sup_request *r, const char *name, int fd)
{
	r->fd_names[r->nfds] = name;
	r->fds[r->nfds++] = fd;
}

void sup_request_done(struct sup_request *r)
{
	cps_buf_done(&r->buf);
}

int sup_client_send(struct sup_client *c, struct sup_request *r, uint32_t *ret_id,
		    struct cps_err *err)
{
	uint32_t id = ++c->last_id;
	int rc;

	if (r->nfds)
		cps_jsonw_nstrs(&r->w, "fds", r->fd_names, r->nfds);
	cps_jsonw_close(&r->w, '}');
	if (r->buf.failed)
		return cps_fail(err, ENOMEM, "request to the shim");
	if (r->buf.len > CPS_FRAME_JSON_MAX)
		return cps_failx(err, EMSGSIZE, "the request is larger than %d bytes",
				 CPS_FRAME_JSON_MAX);
	/* a shim that reads nothing must not hang us: its buffer holds what we ever send at once */
	rc = cps_frame_send(c->sock, CPS_FRAME_REQUEST, id, r->buf.data, r->buf.len, r->fds,
			    r->nfds, MSG_DONTWAIT, err);
	if (rc < 0) {
		c->lost = true;
		return cps_wrap(err, rc, "shim of container '%s'", c->id);
	}
	*ret_id = id;
	return 0;
}

/* Until the socket can be read: 0, or -ETIMEDOUT, -EINTR. */
static int wait_readable(struct sup_client *c, int timeout_ms, struct cps_err *err)
{
	struct pollfd p[2] = { { .fd = c->sock, .events = POLLIN },
			       { .fd = c->interrupt, .events = POLLIN } };
	int64_t end = cps_monotonic_ms() + timeout_ms;
	int n;

	do {
		int64_t left = end - cps_monotonic_ms();

		n = poll(p, 2, timeout_ms < 0 ? -1 : left < 0 ? 0 : (int)left);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return cps_fail(err, errno, "wait for the shim");
	if (n == 0)
		return cps_failx(err, ETIMEDOUT,
				 "the shim of container '%s' (pid %d) did not answer within %d s",
				 c->id, (int)c->shim_pid, timeout_ms / 1000);
	return p[0].revents ? 0 : cps_failx(err, EINTR, "interrupted by a signal");
}

int sup_client_recv(struct sup_client *c, int timeout_ms, struct cps_frame *ret,
		    struct cps_err *err)
{
	int rc = wait_readable(c, timeout_ms, err);

	if (rc < 0) {
		c->lost = rc != -EINTR;
		return rc;
	}
	rc = cps_frame_recv(c->sock, 0, &c->arena, ret, err);
	c->lost = rc <= 0;
	if (rc == -ECONNRESET)
		return 0;
	return rc < 0 ? cps_wrap(err, rc, "shim of container '%s'", c->id) : rc;
}

int sup_client_check(struct sup_client *c, const struct cps_frame *f,
		     const struct cps_json **ret_ok, struct cps_err *err)
{
	const struct cps_json *ok = NULL;
	const char *step = NULL;
	struct cps_err ignored;
	int rc = cps_reply_check(f, &ok, err);

	c->step[0] = '\0';
	if (rc < 0) {
		if (cps_json_str(cps_json_get(cps_json_get(f->body, "error"), "step"), &step,
				 &ignored) == 0 &&
		    step)
			strncat(c->step, step, sizeof(c->step) - 1);
		return rc;
	}
	if (ret_ok)
		*ret_ok = ok;
	return 0;
}

int sup_client_reply(struct sup_client *c, uint32_t id, int timeout_ms, struct cps_frame *ret_frame,
		     const struct cps_json **ret_ok, struct cps_err *err)
{
	int64_t end = cps_monotonic_ms() + timeout_ms;

	for (;;) {
		cleanup_frame struct cps_frame f = { 0 };
		int64_t left = end - cps_monotonic_ms();
		int rc = sup_client_recv(c,
					 timeout_ms < 0 ? SUP_NO_TIMEOUT
					 : left < 0	? 0
							: (int)left,
					 &f, err);

		if (rc < 0)
			return rc;
		if (rc == 0)
			return cps_failx(err, ECONNRESET,
					 "the shim of container '%s' closed the connection", c->id);
		if (f.kind != CPS_FRAME_REPLY || f.id != id)
			continue;
		rc = sup_client_check(c, &f, ret_ok, err);
		if (rc == 0 && ret_frame) {
			*ret_frame = f;
			f.nfds = 0;
		}
		return rc;
	}
}

int sup_client_call(struct sup_client *c, struct sup_request *r, int timeout_ms,
		    struct cps_frame *ret_frame, const struct cps_json **ret_ok,
		    struct cps_err *err)
{
	uint32_t id = 0;
	int rc = sup_client_send(c, r, &id, err);

	if (rc < 0)
		return rc;
	return sup_client_reply(c, id, timeout_ms, ret_frame, ret_ok, err);
}

int sup_client_hello(struct sup_client *c, struct cps_err *err)
{
	cleanup_request struct sup_request r = { 0 };
	const struct cps_json *ok = NULL;
	int64_t pid;
	int rc;

	sup_request_hello(&r);
	rc = sup_client_call(c, &r, SUP_HELLO_MS, NULL, &ok, err);
	if (rc < 0)
		return rc;
	rc = cps_json_i64(cps_json_get(ok, "pid"), 1, INT32_MAX, &pid, err);
	if (rc < 0)
		return cps_wrap(err, rc, "hello of the shim of container '%s'", c->id);
	c->shim_pid = (pid_t)pid;
	return 0;
}

int sup_client_open(struct sup_client *c, int rootfd, const char *id, struct cps_err *err)
{
	int64_t end = cps_monotonic_ms() + SUP_HELLO_MS;
	cleanup_fd int dir = -1;
	int rc;

	c->id = id;
	dir = openat(rootfd, id, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return errno == ENOENT ? cps_failx(err, ENOENT, "no such container: '%s'", id)
				       : cps_fail(err, errno, "open the state of '%s'", id);
	for (;;) {
		rc = cps_sock_connect(dir, "shim.sock", SOCK_NONBLOCK);
		if (rc != -EAGAIN) /* its queue of clients is full: it is slow, or stuck */
			break;
		if (cps_monotonic_ms() > end)
			return cps_failx(err, ETIMEDOUT,
					 "the shim of container '%s' accepts no connection", id);
		(void)poll(NULL, 0, CONNECT_RETRY_MS);
	}
	if (rc == -ENOENT || rc == -ECONNREFUSED)
		return cps_failx(err, -rc, "container '%s' has no shim: it has died or was killed",
				 id);
	if (rc < 0)
		return cps_fail(err, -rc, "connect to the shim of container '%s'", id);
	c->sock = rc;
	return sup_client_hello(c, err);
}

bool sup_client_is_gone(const struct sup_client *c, int rc)
{
	return c->lost && (rc == -ECONNRESET || rc == -EPIPE || rc == -ENOTCONN);
}

void sup_client_done(struct sup_client *c)
{
	cps_close(&c->sock);
	cps_arena_done(&c->arena);
}

/* The row of the runtime's table that failed: as the reply names it, or as the message begins. */
static bool is_failed_row(const struct sup_client *c, const struct cps_err *err, const char *row)
{
	size_t len = strlen(row);

	if (c->step[0])
		return strcmp(c->step, row) == 0;
	return strncmp(err->msg, row, len) == 0 && err->msg[len] == ':';
}

int sup_client_exit_code(const struct sup_client *c, const struct cps_err *err)
{
	if (c->lost || (!is_failed_row(c, err, "find-program") && !is_failed_row(c, err, "exec")))
		return SUP_EXIT_FAILURE;
	switch (err->num) {
	case ENOENT:
	case ENOTDIR:
		return SUP_EXIT_NOT_FOUND;
	case EBUSY:  /* "exec: the container is stopped" */
	case ECHILD: /* it was killed, with its container perhaps */
	case ESRCH:
		return SUP_EXIT_FAILURE;
	default:
		return SUP_EXIT_NOT_EXECUTABLE;
	}
}

int sup_exit_object_code(const struct cps_json *exit)
{
	const struct cps_json *known = cps_json_get(exit, "known");
	struct cps_err ignored;
	int64_t code;

	if (known && known->type == CPS_JSON_BOOL && !known->boolean)
		return -1;
	if (cps_json_i64(cps_json_get(exit, "code"), 0, 255, &code, &ignored) < 0)
		return -1;
	return (int)code;
}
