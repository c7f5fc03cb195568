/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See start.h. Connections that end without GO are probes; one that says nothing is dropped after a
 * while, so that it cannot keep the container from being started.
 */
#include <config.h>

#include "start.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "baton.h"
#include "file.h"
#include "gate.h"
#include "own.h"
#include "proc.h"

#define GATE_BACKLOG	16
#define GATE_SILENCE_MS 2000

int rt_gate_open(int dir, struct cps_err *err)
{
	int fd = cps_sock_listen(dir, CPS_GATE_SOCKET, 0, GATE_BACKLOG);

	return fd < 0 ? cps_fail(err, -fd, "listen on '%s'", CPS_GATE_SOCKET) : fd;
}

static bool says_go(int conn)
{
	struct pollfd p = { .fd = conn, .events = POLLIN };
	struct cps_gate_packet b;

	return poll(&p, 1, GATE_SILENCE_MS) > 0 && cps_gate_recv(conn, 0, &b) == 1 &&
	       b.kind == CPS_GATE_GO;
}

int rt_gate_wait(int gate, struct cps_err *err)
{
	for (;;) {
		cleanup_fd int conn = accept4(gate, NULL, NULL, SOCK_CLOEXEC);

		if (conn < 0 && (errno == EINTR || errno == ECONNABORTED))
			continue;
		if (conn < 0)
			return cps_fail(err, errno, "accept at the gate");
		/* A starter that is gone before it hears ACCEPTED has not started anything. */
		if (says_go(conn) && cps_gate_send(conn, CPS_GATE_ACCEPTED, 0, NULL) == 0)
			return take_fd(&conn);
	}
}

bool rt_gate_is_open(int dir)
{
	/* Once it has been opened it is no more; to see that is cheaper than a socket for it. */
	if (faccessat(dir, CPS_GATE_SOCKET, F_OK, 0) < 0 && errno == ENOENT)
		return false;
	return cps_sock_is_listening(dir, CPS_GATE_SOCKET);
}

/* What init says until it is gone: 0 and *accepted, or its error. */
static int hear_out(int conn, int (*listener)(void *arg, int *fd, struct cps_err *err), void *arg,
		    bool *accepted, struct cps_err *err)
{
	struct cps_gate_packet b;
	int rc;

	for (;;) {
		cleanup_fd int fd = -1;

		rc = rt_baton_recv(conn, &b, &fd);
		if (rc <= 0)
			break;
		if (b.kind == CPS_GATE_FAILED) {
			*err = b.err;
			return b.err.num > 0 ? -b.err.num : -EIO;
		}
		if (b.kind == CPS_GATE_LISTENER) {
			rc = listener(arg, &fd, err);
			if (rc < 0)
				return rc;
		}
		*accepted = *accepted || b.kind == CPS_GATE_ACCEPTED;
	}
	if (rc < 0 && rc != -EPIPE)
		return cps_fail(err, -rc, "speak at the gate");
	return 0;
}

int rt_gate_start(int dir, pid_t pid, uint64_t start_time,
		  int (*listener)(void *arg, int *fd, struct cps_err *err), void *arg,
		  struct cps_err *err)
{
	cleanup_fd int conn = cps_sock_connect(dir, CPS_GATE_SOCKET, 0);
	bool accepted = false;
	int rc;

	if (conn == -ECONNREFUSED || conn == -ENOENT)
		return cps_failx(err, ESRCH, "nobody waits at the gate");
	if (conn < 0)
		return cps_fail(err, -conn, "connect to '%s'", CPS_GATE_SOCKET);
	rc = cps_gate_send(conn, CPS_GATE_GO, 0, NULL);
	if (rc < 0 && rc != -EPIPE && rc != -ECONNRESET)
		return cps_fail(err, -rc, "speak at the gate");
	rc = rc < 0 ? 0 : hear_out(conn, listener, arg, &accepted, err);
	if (rc < 0)
		return rc;
	if (!accepted)
		return cps_failx(err, EBUSY, "somebody else has started it, or it is gone");
	(void)unlinkat(dir, CPS_GATE_SOCKET, 0); /* nobody will listen there again */
	/* Gone and reaped already: then it is its parent who knows. */
	if (cps_proc_has_execed(pid, start_time) == 0)
		return cps_failx(err, EIO, CPS_GATE_DIED);
	return 0;
}
