/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See health-probe.h.
 */
#include <config.h>
#include "health-probe.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file.h"
#include "own.h"
#include "proto.h"
#include "runtime-link.h"
#include "shim.h"

#define LAST_CHUNKS 16 /* read at once when it has ended; others may have its pipe open */

void shim_probe_init(struct shim_probe *p, struct shim *s,
		     void (*done)(void *owner, int code, const struct cps_err *err), void *owner)
{
	*p = (struct shim_probe){ .shim = s, .out = -1, .done = done, .owner = owner };
	p->child.pidfd = -1;
}

bool shim_probe_runs(const struct shim_probe *p)
{
	return p->out >= 0;
}

/* ---- its output ---- */

static void tail_add(struct shim_probe *p, const char *data, size_t n)
{
	size_t keep;

	if (n > SHIM_PROBE_OUTPUT) {
		data += n - SHIM_PROBE_OUTPUT;
		n = SHIM_PROBE_OUTPUT;
	}
	keep = p->len + n > SHIM_PROBE_OUTPUT ? SHIM_PROBE_OUTPUT - n : p->len;
	memmove(p->tail, p->tail + p->len - keep, keep);
	memcpy(p->tail + keep, data, n);
	p->len = keep + n;
}

/* False: there is nothing now, or will be nothing any more. */
static bool chunk_read(struct shim_probe *p)
{
	char *chunk = p->shim->scratch.chunk;
	ssize_t n;

	do {
		n = read(p->out, chunk, SHIM_SCRATCH_CHUNK);
	} while (n < 0 && errno == EINTR);
	if (n > 0)
		tail_add(p, chunk, (size_t)n);
	else if (n == 0)
		(void)event_del(&p->out_event);
	return n > 0;
}

static void on_output(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)chunk_read(arg);
}

/* ---- its end ---- */

/* What it has started and left behind in its session too: a shell's command, mostly. */
static void group_kill(const struct shim_probe *p)
{
	if (!p->child.listed || p->child.exited)
		return;
	/* Our child, and not reaped: the pid is its own, and so is the group that it leads. */
	(void)kill(-p->child.pid, SIGKILL);
	(void)shim_child_signal(&p->child, SIGKILL);
}

static void probe_close(struct shim_probe *p)
{
	group_kill(p);
	shim_link_abandon(p->link);
	p->link = NULL;
	shim_child_remove(&p->child);
	if (p->out >= 0)
		(void)event_del(&p->out_event);
	cps_close(&p->out);
	cps_free_at(&p->tail);
	p->len = 0;
}

static void probe_end(struct shim_probe *p, int code, const struct cps_err *err)
{
	for (int i = 0; i < LAST_CHUNKS && chunk_read(p); i++)
		;
	p->done(p->owner, code, err);
	probe_close(p);
}

static void child_ended(struct shim_probe *p)
{
	struct shim_exit e;

	shim_child_exit(&p->child, &e);
	probe_end(p, e.code, NULL);
}

static void on_exit_of_child(void *owner)
{
	struct shim_probe *p = owner;

	if (!p->link) /* otherwise told by link_done() */
		child_ended(p);
}

static void spawned(void *owner, pid_t pid, int pidfd)
{
	struct shim_probe *p = owner;

	shim_child_add(p->shim, &p->child, pid, pidfd, on_exit_of_child, p);
}

static void link_done(void *owner, int rc, const struct cps_err *why, const char *step)
{
	struct shim_probe *p = owner;
	struct cps_err err;

	(void)step;
	p->link = NULL;
	if (rc < 0) {
		probe_end(p, -1, why);
	} else if (!p->child.listed) {
		(void)cps_failx(&err, EPROTO, "the runtime did not say which process it made");
		probe_end(p, -1, &err);
	} else if (p->child.exited) {
		child_ended(p);
	}
}

void shim_probe_kill(struct shim_probe *p)
{
	group_kill(p);
	if (p->link)
		shim_link_kill(p->link);
}

void shim_probe_stop(struct shim_probe *p)
{
	if (p->link)
		shim_link_kill(p->link);
	probe_close(p);
}

/* ---- its beginning ---- */

static int request_send(struct shim_probe *p, const int fds[4], struct cps_err *err)
{
	static const struct shim_link_ops ops = { .spawned = spawned, .done = link_done };
	cleanup_buf struct cps_buf b = CPS_BUF_INIT;
	struct cps_jsonw w;

	cps_jsonw_init(&w, &b, false);
	cps_jsonw_open(&w, NULL, '{');
	cps_jsonw_str(&w, "op", CPS_OP_EXEC);
	cps_jsonw_str(&w, "root", p->shim->root);
	cps_jsonw_str(&w, "id", p->shim->id);
	cps_jsonw_raw(&w, "fds", "[\"process\",\"stdin\",\"stdout\",\"stderr\"]");
	cps_jsonw_close(&w, '}');
	if (b.failed)
		return cps_fail(err, ENOMEM, "probe");
	return shim_link_start(p->shim, b.data, b.len, fds, 4, &ops, p, &p->link, err);
}

int shim_probe_start(struct shim_probe *p, const char *process, struct cps_err *err)
{
	cleanup_fd int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	cleanup_fd int memfd = -1;
	cleanup_fd int theirs = -1;
	int pair[2];
	int rc;

	if (null < 0 || pipe2(pair, O_CLOEXEC) < 0)
		return cps_fail(err, errno, "probe");
	p->out = pair[0];
	theirs = pair[1];
	(void)fcntl(p->out, F_SETFL, O_NONBLOCK);
	(void)event_assign(&p->out_event, p->shim->base, p->out, EV_READ | EV_PERSIST, on_output,
			   p);
	p->tail = malloc(SHIM_PROBE_OUTPUT);
	rc = !p->tail || event_add(&p->out_event, NULL) < 0 ? cps_fail(err, ENOMEM, "probe") : 0;
	if (rc == 0)
		rc = memfd = cps_memfd_sealed("process", process, strlen(process), err);
	if (rc >= 0) {
		const int fds[4] = { memfd, null, theirs, theirs };

		rc = request_send(p, fds, err);
	}
	if (rc < 0)
		probe_close(p);
	return rc;
}
