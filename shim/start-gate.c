/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starting by the gate, see start-gate.h.
 */
#include <config.h>
#include "start-gate.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "file.h"
#include "gate.h"
#include "own.h"
#include "proc.h"
#include "shim.h"

void shim_gate_close(struct shim *s)
{
	struct shim_gate *g = &s->ct.gate;

	if (!g->open)
		return;
	g->open = false;
	(void)event_del(&g->event);
	cps_close(&g->fd);
}

static void gate_failed(struct shim *s, int num, const char *why)
{
	(void)cps_failx(&s->ct.failed, num, "%s", why);
	shim_gate_close(s);
	shim_news(s, SHIM_E_START_FAILED);
}

void shim_gate_drain(struct shim *s)
{
	struct shim_gate *g = &s->ct.gate;
	struct cps_gate_packet p;

	while (g->open) {
		int rc = cps_gate_recv(g->fd, MSG_DONTWAIT, &p);

		if (rc == -EAGAIN)
			return;
		if (rc == 1 && p.kind == CPS_GATE_ACCEPTED) {
			g->accepted = true;
			continue;
		}
		if (rc == 1 && p.kind == CPS_GATE_FAILED) {
			gate_failed(s, p.err.num > 0 ? p.err.num : EIO, p.err.msg);
		} else if (rc == 0 && g->accepted &&
			   cps_proc_has_execed(s->ct.init.pid, s->ct.init_start) == 0) {
			/* it cannot be reaped before we come to it: the answer is certain */
			gate_failed(s, EIO, "start: " CPS_GATE_DIED);
		} else if (rc == 0 && g->accepted) {
			shim_gate_close(s);
			/* nobody will listen there again */
			(void)unlinkat(s->dir, CPS_GATE_SOCKET, 0);
			shim_news(s, SHIM_E_START_DONE);
		} else if (rc == 0) {
			gate_failed(s, ESRCH,
				    "start: the container's init ended before it was started");
		} else {
			gate_failed(s, EPROTO, "start: the gate said what is no packet");
		}
		return;
	}
}

static void on_gate(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	shim_gate_drain(arg);
}

int shim_gate_open(struct shim *s, struct cps_err *err)
{
	struct shim_gate *g = &s->ct.gate;
	cleanup_fd int fd = cps_sock_connect(s->dir, CPS_GATE_SOCKET, SOCK_NONBLOCK);
	int rc;

	if (fd < 0)
		return cps_fail(err, -fd, "start: connect to the gate");
	(void)event_assign(&g->event, s->base, fd, EV_READ | EV_PERSIST, on_gate, s);
	if (event_add(&g->event, NULL) < 0)
		return cps_failx(err, ENOMEM, "start: no room in the event loop");
	rc = cps_gate_send(fd, CPS_GATE_GO, 0, NULL);
	if (rc < 0) {
		(void)event_del(&g->event);
		return cps_fail(err, -rc, "start: send to the gate");
	}
	g->fd = take_fd(&fd);
	g->open = true;
	g->accepted = false;
	return 0;
}
