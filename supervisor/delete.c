/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Removing a container.
 */
#include <config.h>

#include "delete.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "adopt.h"
#include "clock.h"
#include "file.h"
#include "join.h"
#include "lines.h"
#include "name.h"
#include "own.h"
#include "proc.h"
#include "proto.h"
#include "runtime-run.h"

#define SHIM_EXIT_MS 5000
#define FINISH_MAX   8	 /* shims that die over one container */
#define GOING_MS     100 /* between two looks at one that is being deleted by another */

int sup_delete_by_shim(struct sup_client *client, bool force, struct cps_err *err)
{
	cleanup_request struct sup_request r = { 0 };
	cleanup_frame struct cps_frame last = { 0 };
	struct cps_err ignored;
	int rc;

	sup_request_open(&r, CPS_OP_DELETE);
	cps_jsonw_bool(&r.w, "force", force);
	rc = sup_client_call(client, &r, SUP_REPLY_MS, NULL, NULL, err);
	if (rc < 0)
		return rc;
	/* everything is gone but the shim itself, which closes the connection by leaving */
	while (sup_client_recv(client, SHIM_EXIT_MS, &last, &ignored) > 0)
		cps_frame_done(&last);
	return 0;
}

/* A shim that does not answer would go on writing into a directory that is to disappear. */
static int shim_kill(const struct sup_container *c, struct cps_err *err)
{
	cleanup_fd int pidfd = -1;
	struct pollfd p = { .events = POLLIN };

	if (!c->shim.pid)
		return 0;
	pidfd = cps_pidfd_open_verified(c->shim.pid, c->shim.start_time);
	if (pidfd < 0)
		return 0; /* gone */
	(void)cps_pidfd_signal(pidfd, SIGKILL);
	p.fd = pidfd;
	if (poll(&p, 1, SHIM_EXIT_MS) != 1)
		return cps_failx(err, EBUSY, "its shim (pid %d) does not die", (int)c->shim.pid);
	return 0;
}

/* What its shim would have put on record. Lost if that is not to be. */
static void event_record(int rootfd, const char *id)
{
	cleanup_buf struct cps_buf b = CPS_BUF_INIT;
	char at[CPS_TIME_SIZE];
	struct cps_err ignored;
	struct timespec now;
	struct cps_jsonw w;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	cps_time_format(&now, false, at);
	cps_jsonw_init(&w, &b, false);
	cps_jsonw_open(&w, NULL, '{');
	cps_jsonw_str(&w, "time", at);
	cps_jsonw_str(&w, "event", CPS_EVLOG_DELETE);
	cps_jsonw_str(&w, "id", id);
	cps_jsonw_open(&w, "by", '{');
	cps_jsonw_i64(&w, "pid", getpid());
	cps_jsonw_u64(&w, "uid", getuid());
	cps_jsonw_close(&w, '}');
	cps_jsonw_close(&w, '}');
	cps_buf_puts(&b, "\n");
	if (!b.failed)
		(void)cps_lines_append(rootfd, CPS_EVLOG_FILE, CPS_EVLOG_MAX, b.data, b.len,
				       &ignored);
}

/* Of a container without a shim that answers. */
static int delete_remains(const struct sup_ctx *ctx, const struct sup_container *c, bool force,
			  struct cps_buf *ret_warnings, struct cps_err *err)
{
	const char *const args[] = { "delete", "--force", c->id, NULL };
	cleanup_fd int rootfd = -1;
	int rc;

	if (!force && c->status != SUP_STATUS_STOPPED)
		return cps_failx(err, EBUSY, "the container is %s%s%s; use -f",
				 sup_status_name(c->status), c->broken ? ": " : "",
				 c->broken ? c->broken : "");
	rc = shim_kill(c, err);
	if (rc == 0)
		rc = sup_runtime_run(ctx, args, ret_warnings, err);
	if (rc < 0)
		return rc;
	rootfd = sup_store_open(ctx->root, err);
	if (rootfd < 0)
		return rootfd;
	rc = cps_remove_tree(rootfd, c->id, err);
	if (rc == 0)
		event_record(rootfd, c->id);
	return rc;
}

/* After a shim died over `delete`. Has it got so far that the rest is only to be swept up? What has
 * a process goes on to live if its end was not asked for. */
static bool is_begun(const struct sup_container *c)
{
	return !sup_has_process(c) && !c->shim_alive;
}

static int finish(const struct sup_ctx *ctx, const char *id, bool force, struct sup_patience *p,
		  struct cps_buf *ret_warnings, struct cps_err *err)
{
	cleanup_client struct sup_client client = SUP_CLIENT_INIT;
	cleanup_fd int rootfd = -1;
	struct sup_container c = { 0 };
	char what[80];
	int rc;

	(void)snprintf(what, sizeof(what), "delete %.64s", id);
	rc = sup_container_open(ctx->root, id, &client.arena, &rootfd, &c, err);
	if (rc == -ENOENT)
		return 0;
	if (rc == 0 && is_begun(&c))
		return delete_remains(ctx, &c, true, ret_warnings, err);
	client.id = id;
	client.lost = true;
	if (rc == 0)
		rc = sup_reconnect(ctx, what, -ECONNRESET, p, &c, &client, err);
	if (rc == 0)
		return sup_delete_by_shim(&client, force, err);
	if (rc == -ENOENT && !sup_store_has(ctx->root, id))
		return 0;
	/* it was just going when we looked */
	if (client.sock < 0 && rootfd >= 0 &&
	    sup_container_load(rootfd, id, &client.arena, &c, err) == 0 && is_begun(&c))
		return delete_remains(ctx, &c, true, ret_warnings, err);
	if (rc == -ENOENT)
		(void)poll(NULL, 0, GOING_MS);
	return rc;
}

static int container_delete(const struct sup_ctx *ctx, const char *id, bool force,
			    struct cps_buf *ret_warnings, struct cps_err *err)
{
	cleanup_client struct sup_client client = SUP_CLIENT_INIT;
	struct sup_patience patience = { 0 };
	struct sup_container c = { 0 };
	int rc = sup_connect(ctx, id, &c, &client, err);

	if (rc == 0) {
		rc = sup_delete_by_shim(&client, force, err);
		for (int i = 0; i < FINISH_MAX && (rc == -ECONNRESET || rc == -EPIPE); i++)
			rc = finish(ctx, id, force, &patience, ret_warnings, err);
		/* one that does not answer */
		return rc < 0 && force && client.lost
			       ? delete_remains(ctx, &c, true, ret_warnings, err)
			       : rc;
	}
	if (rc == -ENOENT && force) {
		/* As `rm -f`: what is not there needs no deleting. But when we say that it is gone,
		 * it is, though somebody else may be at it. */
		for (int i = 0; i < FINISH_MAX && rc == -ENOENT && sup_store_has(ctx->root, id);
		     i++)
			rc = finish(ctx, id, force, &patience, ret_warnings, err);
		if (rc == 0 || !sup_store_has(ctx->root, id))
			return 0;
	} else if (rc == -ENOENT || (c.shim_alive && !force)) {
		return rc;
	}
	if (!c.id)
		return rc;
	return delete_remains(ctx, &c, force, ret_warnings, err);
}

int sup_delete(const struct sup_ctx *ctx, const char *id, bool force, struct cps_buf *ret_warnings,
	       struct cps_err *err)
{
	char name[SUP_NAME_SIZE];
	bool named = sup_name_of(ctx, id, name);
	int rc = container_delete(ctx, id, force, ret_warnings, err);

	if (rc < 0)
		return rc;
	if (named)
		sup_name_release(ctx->root, name);
	sup_leave(ctx, id, ret_warnings);
	return sup_data_release(ctx, id, err);
}

int sup_delete_own(const struct sup_ctx *ctx, const char *id, struct sup_client *client,
		   struct cps_buf *ret_warnings, struct cps_err *err)
{
	char name[SUP_NAME_SIZE];
	bool named = sup_name_of(ctx, id, name);
	int rc = -ECONNRESET;

	if (client->sock >= 0)
		rc = sup_delete_by_shim(client, true, err);
	if (rc == -ECONNRESET || rc == -EPIPE)
		return sup_delete(ctx, id, true, ret_warnings, err);
	if (rc < 0)
		return rc;
	if (named)
		sup_name_release(ctx->root, name);
	sup_leave(ctx, id, ret_warnings);
	return sup_data_release(ctx, id, err);
}
