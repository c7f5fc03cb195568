/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking over from shims that have died.
 *
 * Two of us may want to do that at once: the lock that a shim holds decides between their shims,
 * the one that comes too late is told so in answer to its hello (EALREADY), and talks to the other.
 */
#include <config.h>

#include "adopt.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "clock.h"
#include "file.h"
#include "own.h"
#include "proto.h"

#define LOOK_MS	  5
#define LISTEN_MS 10000 /* until another one's new shim listens */
#define WATCH_MS  2000	/* that a watch has to do it */
#define ROOM_MS	  5000	/* that a new shim may take to read what is restored */
#define AT_ONCE	  16	/* new shims of sup_adopt_all() */
#define LOST_MAX  8	/* shims in a row */
#define STEADY_MS 500	/* a shim that lived so long does not count */

bool sup_adopt_wanted(const struct sup_container *c)
{
	/* Without the record of a shim it is somebody else's, made by the runtime alone. */
	return !c->shim_alive && c->shim_json && !c->exit_json && !c->other_boot && c->init.pid &&
	       c->status != SUP_STATUS_BROKEN;
}

/* Why it gets no shim, if it gets none. */
static int adoptable_check(const struct sup_container *c, struct cps_err *err)
{
	if (sup_adopt_wanted(c))
		return 0;
	if (c->status == SUP_STATUS_STOPPED)
		return cps_failx(err, ESRCH, "the container is stopped%s",
				 c->other_boot ? ": the machine has been restarted since" : "");
	if (c->status != SUP_STATUS_BROKEN && !c->shim_json)
		return cps_failx(err, ECONNREFUSED,
				 "it has never had a shim: whoever made it by capsule-runtime "
				 "looks after it");
	return cps_failx(err, ECONNREFUSED, "it has no shim: %s; delete it with -f",
			 c->broken ? c->broken : "nothing of it can be taken over");
}

/* ---- one new shim ---- */

static int restore_send(struct sup_client *client, const struct sup_kept *kept, struct cps_err *err)
{
	cleanup_request struct sup_request r = { 0 };
	struct pollfd room = { .fd = client->sock, .events = POLLOUT };
	uint32_t ignored;

	/* Hundreds of jobs are more than the socket's queue holds. */
	if (poll(&room, 1, ROOM_MS) == 0)
		return cps_failx(err, ETIMEDOUT, "the new shim of container '%s' does not read",
				 client->id);
	sup_request_open(&r, CPS_OP_RESTORE);
	if (kept->exec)
		cps_jsonw_str(&r.w, "exec", kept->exec);
	for (unsigned i = 0; i < kept->nfds && i < SUP_KEPT_FDS; i++)
		sup_request_fd(&r, kept->names[i], kept->fds[i]);
	return sup_client_send(client, &r, &ignored, err);
}

/* Once it has said hello: what was kept, and the word. A shim that refuses to have something
 * restored adopts without it: its answer to that is not waited for. */
static int adopt_send(struct sup_client *client, const struct sup_adopt_how *how, uint32_t *ret_id,
		      struct cps_err *err)
{
	cleanup_request struct sup_request r = { 0 };
	int rc = 0;

	for (size_t i = 0; how && i < how->nkept && rc == 0; i++)
		rc = restore_send(client, &how->kept[i], err);
	sup_request_open(&r, CPS_OP_ADOPT);
	return rc < 0 ? rc : sup_client_send(client, &r, ret_id, err);
}

static int adopt_by_new(const struct sup_ctx *ctx, const char *id, const struct sup_adopt_how *how,
			struct sup_client *client, struct cps_err *err)
{
	cleanup_shim struct sup_shim shim = SUP_SHIM_INIT;
	uint32_t adopt = 0;
	int rc = sup_shim_spawn(ctx, id, true, &shim, client, err);

	if (rc < 0) { /* not to be taken for a container that is not there */
		err->num = ECONNREFUSED;
		return cps_wrap(err, -ECONNREFUSED, "start a new shim");
	}
	rc = sup_shim_greet(ctx, &shim, client, err);
	if (rc == 0)
		rc = adopt_send(client, how, &adopt, err);
	if (rc == 0)
		rc = sup_client_reply(client, adopt, SUP_REPLY_MS, NULL, NULL, err);
	if (rc < 0)
		cps_close(&client->sock);
	return rc;
}

/* ---- one container ---- */

/* One look at it: 0: *client is connected. -EAGAIN: look again. */
static int adopt_try(const struct sup_ctx *ctx, int rootfd, const char *id,
		     const struct sup_adopt_how *how, bool leave_to_watch,
		     struct sup_client *client, struct cps_err *err)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	struct sup_container c;
	int rc = sup_client_open(client, rootfd, id, err);

	if (rc == 0)
		return 0;
	cps_close(&client->sock);
	if (rc != -ENOENT && rc != -ECONNREFUSED && !sup_client_is_gone(client, rc))
		return rc;
	rc = sup_container_load(rootfd, id, &a, &c, err);
	if (rc < 0)
		return rc;
	if (c.shim_alive)
		return -EAGAIN; /* it has just come, or is just going */
	rc = adoptable_check(&c, err);
	if (rc < 0)
		return rc;
	if (leave_to_watch && cps_lock_is_held(rootfd, SUP_WATCH_LOCK, LOCK_SH) > 0)
		return -EAGAIN;
	rc = adopt_by_new(ctx, id, how, client, err);
	return rc == -EALREADY || sup_client_is_gone(client, rc) ? -EAGAIN : rc;
}

static int reload(int rootfd, struct cps_arena *a, struct sup_container *c, struct cps_err *err)
{
	return sup_container_load(rootfd, c->id, a, c, err);
}

int sup_adopt(const struct sup_ctx *ctx, int rootfd, struct sup_container *c,
	      const struct sup_adopt_how *how, struct sup_client *client, struct cps_err *err)
{
	int64_t start = cps_monotonic_ms();
	int rc;

	for (;;) {
		int64_t spent = cps_monotonic_ms() - start;

		rc = adopt_try(ctx, rootfd, c->id, how, !(how && how->is_watch) && spent < WATCH_MS,
			       client, err);
		if (rc != -EAGAIN)
			break;
		if (spent > LISTEN_MS)
			return cps_failx(err, ETIMEDOUT,
					 "the shim of container '%s' does not listen", c->id);
		(void)poll(NULL, 0, LOOK_MS);
	}
	if (rc == 0 || rc == -ESRCH) /* it may have ended meanwhile */
		rc = reload(rootfd, &client->arena, c, err) < 0 ? -ENOENT : rc;
	return rc;
}

int sup_connect(const struct sup_ctx *ctx, const char *id, struct sup_container *ret_container,
		struct sup_client *c, struct cps_err *err)
{
	cleanup_fd int rootfd = -1;
	int rc = sup_container_open(ctx->root, id, &c->arena, &rootfd, ret_container, err);

	c->id = id;
	if (rc < 0)
		return rc;
	c->shim_pid = ret_container->shim.pid;
	if (!ret_container->shim_alive)
		rc = adoptable_check(ret_container, err);
	else
		rc = sup_client_open(c, rootfd, id, err);
	if (rc == 0 && c->sock >= 0)
		return 0;
	if (rc == 0 || rc == -ENOENT || (rc == -ECONNREFUSED && ret_container->shim_alive) ||
	    sup_client_is_gone(c, rc)) {
		cps_close(&c->sock);
		rc = sup_adopt(ctx, rootfd, ret_container, NULL, c, err);
	}
	return rc;
}

void sup_revive(const struct sup_ctx *ctx, int rootfd, struct cps_arena *a, struct sup_container *c)
{
	cleanup_client struct sup_client client = SUP_CLIENT_INIT;
	struct sup_container now = *c;
	struct cps_err err = { 0 };
	int rc;

	if (!sup_adopt_wanted(c))
		return;
	rc = sup_adopt(ctx, rootfd, &now, NULL, &client, &err);
	if (rc < 0 && rc != -ESRCH && rc != -ENOENT)
		fprintf(stderr, "capsule: %s: no new shim: %s\n", c->id, err.msg);
	(void)reload(rootfd, a, c, &err);
}

/* ---- many containers ---- */

struct adoption {
	const char *id;
	struct sup_shim shim;
	struct sup_client client;
	uint32_t request;
	int rc;
	struct cps_err err;
};

static void adoption_end(const struct sup_ctx *ctx, int rootfd, struct adoption *a,
			 void (*warn)(const char *, const struct cps_err *))
{
	struct sup_container c = { .id = a->id };

	if (a->rc == 0)
		a->rc = sup_client_reply(&a->client, a->request, SUP_REPLY_MS, NULL, NULL, &a->err);
	if (a->rc == -EALREADY || sup_client_is_gone(&a->client, a->rc)) {
		/* somebody else does it */
		cps_close(&a->client.sock);
		a->rc = sup_adopt(ctx, rootfd, &c, NULL, &a->client, &a->err);
	}
	if (a->rc < 0 && a->rc != -ESRCH && a->rc != -ENOENT)
		warn(a->id, &a->err);
	sup_client_done(&a->client);
	sup_shim_done(&a->shim);
}

/* Each step for all of them before the next: they come up side by side. */
static void adopt_some(const struct sup_ctx *ctx, int rootfd, const char *const *ids, size_t n,
		       void (*warn)(const char *, const struct cps_err *))
{
	struct adoption v[AT_ONCE];

	for (size_t i = 0; i < n; i++) {
		v[i] = (struct adoption){ .id = ids[i],
					  .shim = SUP_SHIM_INIT,
					  .client = SUP_CLIENT_INIT };
		v[i].rc = sup_shim_spawn(ctx, ids[i], true, &v[i].shim, &v[i].client, &v[i].err);
	}
	for (size_t i = 0; i < n; i++) {
		if (v[i].rc == 0)
			v[i].rc = sup_shim_greet(ctx, &v[i].shim, &v[i].client, &v[i].err);
		if (v[i].rc == 0)
			v[i].rc = adopt_send(&v[i].client, NULL, &v[i].request, &v[i].err);
	}
	for (size_t i = 0; i < n; i++)
		adoption_end(ctx, rootfd, &v[i], warn);
}

/* Most containers have a shim that lives or have ended: that is told without reading anything. */
static bool is_wanted(int rootfd, const char *id)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	struct sup_container c;
	struct cps_err ignored;
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/shim.lock", id);
	if (cps_lock_is_held(rootfd, path, LOCK_SH) > 0)
		return false;
	(void)snprintf(path, sizeof(path), "%s/exit.json", id);
	if (faccessat(rootfd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return false;
	return sup_container_load(rootfd, id, &a, &c, &ignored) == 0 && sup_adopt_wanted(&c);
}

void sup_adopt_all(const struct sup_ctx *ctx, int rootfd, const char *const *ids, size_t n,
		   void (*warn)(const char *id, const struct cps_err *why))
{
	int64_t end = cps_monotonic_ms() + WATCH_MS;
	const char *some[AT_ONCE];
	size_t k = 0;

	for (size_t i = 0; i < n; i++) {
		while (is_wanted(rootfd, ids[i]) && cps_monotonic_ms() < end &&
		       cps_lock_is_held(rootfd, SUP_WATCH_LOCK, LOCK_SH) > 0)
			(void)poll(NULL, 0, LOOK_MS);
		if (is_wanted(rootfd, ids[i]))
			some[k++] = ids[i];
		if (k == AT_ONCE || (k && i + 1 == n)) {
			adopt_some(ctx, rootfd, some, k, warn);
			k = 0;
		}
	}
}

/* ---- going on ---- */

int sup_reconnect(const struct sup_ctx *ctx, const char *what, int rc, struct sup_patience *p,
		  struct sup_container *c, struct sup_client *client, struct cps_err *err)
{
	struct cps_err why = *err;
	const char *id = client->id;
	int64_t now = cps_monotonic_ms();

	if (!sup_client_is_gone(client, rc))
		return rc;
	if (now - p->since_ms > STEADY_MS)
		p->lost = 0;
	if (++p->lost > LOST_MAX) {
		*err = why;
		return rc;
	}
	cps_close(&client->sock);
	client->lost = false;
	rc = sup_connect(ctx, id, c, client, err);
	p->since_ms = cps_monotonic_ms();
	if (rc == 0)
		fprintf(stderr, "capsule: %s: its shim has died, another one has taken over\n",
			what);
	return rc;
}

int sup_ask(const struct sup_ctx *ctx, const struct sup_question *q, struct sup_container *c,
	    struct sup_client *client, const struct cps_json **ret_ok, struct cps_err *err)
{
	struct sup_patience patience = { 0 };
	int rc;

	do {
		cleanup_request struct sup_request r = { 0 };

		sup_request_open(&r, q->op);
		if (q->write)
			q->write(&r, q->arg);
		rc = sup_client_call(client, &r, q->timeout_ms, NULL, ret_ok, err);
		if (!sup_client_is_gone(client, rc))
			return rc;
		rc = sup_reconnect(ctx, q->what, rc, &patience, c, client, err);
	} while (rc == 0);
	return rc;
}
