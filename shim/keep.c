/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keepers, see keep.h. Descriptors are passed, nothing is remembered of them: without a keeper this
 * costs nothing.
 */
#include <config.h>
#include "keep.h"

#include <errno.h>

#include "conn.h"
#include "exec-run.h"
#include "ops.h"
#include "proto.h"
#include "shim.h"

#define KEPT_MAX 3

struct kept {
	const char *names[KEPT_MAX];
	int fds[KEPT_MAX];
	unsigned n;
};

static void kept_add(struct kept *k, const char *name, int fd)
{
	if (fd < 0)
		return;
	k->names[k->n] = name;
	k->fds[k->n++] = fd;
}

/* Not stdin: its reader must see the end when the last of those who write to it goes, and a keeper
 * would be one that never does. */
static void kept_find(struct kept *k, const struct shim_child *child, const struct shim_io *io)
{
	k->n = 0;
	if (child->listed)
		kept_add(k, "pidfd", child->pidfd);
	if (io->terminal) {
		kept_add(k, "console", io->streams[SHIM_STDOUT].fd);
	} else {
		kept_add(k, "stdout", io->streams[SHIM_STDOUT].fd);
		kept_add(k, "stderr", io->streams[SHIM_STDERR].fd);
	}
}

/* Of the container, or of a job. What has an exit on record needs none. */
static void kept_of(struct kept *k, const struct shim *s, const struct shim_exec *x)
{
	k->n = 0;
	if (x && x->run && x->machine.state != SHIM_EXEC_EXITED)
		kept_find(k, &x->run->child, &x->run->io);
	else if (!x && s->machine.state < SHIM_EXITED)
		kept_find(k, &s->ct.init, &s->ct.io);
}

static void kept_format(const struct kept *k, struct cps_jsonw *w)
{
	if (k->n > 0)
		cps_jsonw_nstrs(w, "fds", k->names, k->n);
}

static void event_format(const struct shim_exec *x, const struct kept *k, struct cps_buf *b)
{
	struct cps_jsonw w;

	cps_jsonw_init(&w, b, false);
	cps_jsonw_open(&w, NULL, '{');
	cps_jsonw_str(&w, "event", x ? CPS_EVENT_EXEC_STARTED : CPS_EVENT_CREATED);
	if (x)
		cps_jsonw_str(&w, "exec", x->id);
	if (k)
		kept_format(k, &w);
	cps_jsonw_close(&w, '}');
}

static void event_send(struct shim_conn *c, const struct shim_exec *x)
{
	cleanup_buf struct cps_buf b = CPS_BUF_INIT;
	struct kept k = { .n = 0 };

	if (c->keeper && (!x || x->detach))
		kept_of(&k, c->shim, x);
	event_format(x, &k, &b);
	if (!b.failed)
		shim_conn_send(c, CPS_FRAME_EVENT, 0, b.data, b.len, k.fds, k.n);
}

void shim_keep_tell(struct shim *s, const struct shim_exec *x)
{
	struct shim_conn *c;

	LIST_FOREACH(c, &s->conns, link)
	{
		if (c->subscribed)
			event_send(c, x);
	}
}

static void reply(struct shim_request *r)
{
	cleanup_buf struct cps_buf b = CPS_BUF_INIT;
	struct cps_jsonw w;
	struct kept k;

	kept_of(&k, r->shim, NULL);
	cps_jsonw_init(&w, &b, false);
	cps_jsonw_open(&w, NULL, '{');
	kept_format(&k, &w);
	cps_jsonw_close(&w, '}');
	if (b.failed) {
		struct cps_err err;

		(void)cps_fail(&err, ENOMEM, "keep");
		shim_conn_error(r->conn, r->id, &err, NULL);
		return;
	}
	shim_conn_ok(r->conn, r->id, b.data, k.fds, k.n);
}

void shim_keep(struct shim_request *r)
{
	const struct shim_exec *x;

	reply(r);
	shim_conn_keeper(r->conn);
	TAILQ_FOREACH(x, &r->shim->execs, link)
	{
		if (x->detach && (x->machine.state == SHIM_EXEC_RUNNING ||
				  x->machine.state == SHIM_EXEC_DRAINING))
			event_send(r->conn, x);
	}
}
