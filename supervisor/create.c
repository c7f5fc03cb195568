/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Creating a container. All options are checked before a process is made for it.
 */
#include <config.h>

#include "create.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "criu.h"
#include "delete.h"
#include "exit-command.h"
#include "file.h"
#include "foreground.h"
#include "join.h"
#include "own.h"
#include "proto.h"
#include "run-plan.h"

#define LOOK_MS	     20
#define SILENT_LOOKS 50

/* The pid file's path must mean the same to the shim, whose current directory is /. */
static int pid_file_write(const char *path, struct cps_jsonw *w, struct cps_err *err)
{
	char absolute[PATH_MAX];
	int rc;

	if (!path)
		return 0;
	rc = sup_path_absolute(path, absolute, err);
	if (rc == 0)
		cps_jsonw_str(w, "pid_file", absolute);
	return cps_wrap(err, rc, "--pid-file");
}

/* The runtime cannot tell where it came from: it runs from a copy. */
static int systemd_write(bool wanted, struct cps_jsonw *w, struct cps_err *err)
{
	char program[PATH_MAX];
	int rc;

	if (!wanted)
		return 0;
	rc = sup_program_find(NULL, "capsule-systemd", program, sizeof(program), err);
	if (rc == 0 && access(program, X_OK) < 0)
		rc = cps_fail(err, errno, "'%s'", program);
	if (rc == 0)
		cps_jsonw_str(w, "systemd", program);
	return cps_wrap(err, rc, "--systemd-cgroup");
}

static void health_write(const struct sup_health *h, struct cps_jsonw *w)
{
	const struct {
		const char *key;
		int64_t value;
	} numbers[] = {
		{ "interval_ms", h->interval },
		{ "timeout_ms", h->timeout },
		{ "start_period_ms", h->start },
		{ "retries", h->retries },
	};

	if (!h->args)
		return;
	cps_jsonw_open(w, "health", '{');
	cps_jsonw_strs(w, "args", h->args);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (numbers[i].value)
			cps_jsonw_i64(w, numbers[i].key, numbers[i].value);
	cps_jsonw_close(w, '}');
}

static void image_write(const struct sup_create_image *image, struct sup_request *r)
{
	sup_request_fd(r, "rootfs", image->rootfs);
	if (image->user)
		cps_jsonw_str(&r->w, "user", image->user);
	health_write(image->health, &r->w);
}

static int request_write(const struct sup_create *create, const char *stdin_kind,
			 const char *const *exit_command, struct sup_request *r,
			 struct cps_err *err)
{
	const char *dir = create->bundle ? create->bundle : ".";
	char bundle[PATH_MAX];
	int rc;

	if (!realpath(dir, bundle))
		return cps_fail(err, errno, "bundle '%s'", dir);
	sup_request_open(r, create->restore.criu ? CPS_OP_CREATE_RESTORED : CPS_OP_CREATE);
	cps_jsonw_str(&r->w, "bundle", bundle);
	cps_jsonw_str(&r->w, "stdin", stdin_kind);
	rc = sup_stop_options_write(create, &r->w, err);
	if (rc == 0)
		rc = pid_file_write(create->pid_file, &r->w, err);
	if (rc == 0)
		rc = systemd_write(create->systemd_cgroup, &r->w, err);
	if (rc == 0)
		rc = sup_log_options_write(&create->log, &r->w, err);
	if (rc == 0 && create->restore.criu)
		rc = sup_criu_write(create->restore.criu, create->restore.rows, create->restore.n,
				    &r->w, err);
	if (rc == 0 && create->image)
		image_write(create->image, r);
	if (exit_command)
		cps_jsonw_strs(&r->w, "exit_command", exit_command);
	return rc;
}

/* Hooks may take their time, or hang: -EINTR if the user has had enough of it. */
static int create_call(struct sup_client *client, struct sup_request *r, int signal_fd,
		       struct cps_err *err)
{
	uint32_t id = 0;
	int rc = sup_client_send(client, r, &id, err);

	if (rc < 0)
		return rc;
	client->interrupt = signal_fd;
	do
		rc = sup_client_reply(client, id, SUP_NO_TIMEOUT, NULL, NULL, err);
	while (rc == -EINTR && !sup_signals_end(signal_fd));
	client->interrupt = -1;
	return rc;
}

/* A runtime that its shim has left behind works on, and holds the directory's lock: it is let
 * finish, or undo what it did, since a hook of its may be in the middle of something. */
static void runtime_wait(const struct sup_ctx *ctx, const char *id, int signal_fd)
{
	struct pollfd p = { .fd = signal_fd, .events = POLLIN };
	struct cps_err ignored;
	cleanup_fd int rootfd = sup_store_open(ctx->root, &ignored);
	int looks = 0;

	while (rootfd >= 0 && cps_lock_is_held(rootfd, id, LOCK_SH) > 0) {
		if (++looks == SILENT_LOOKS)
			fprintf(stderr,
				"capsule: %s: its shim has died; waiting for what it had begun\n",
				id);
		if (poll(&p, 1, LOOK_MS) == 1 && sup_signals_end(signal_fd))
			return;
	}
}

/* Its shim has died over it. Whoever asked for it is told that it failed, and so there is none. */
static int cut_short(const struct sup_ctx *ctx, const char *id, int signal_fd, struct cps_err *err)
{
	cleanup_buf struct cps_buf ignored = CPS_BUF_INIT;
	int rc;

	runtime_wait(ctx, id, signal_fd);
	rc = sup_delete(ctx, id, true, &ignored, err);
	if (rc < 0)
		return cps_wrap(err, rc, "its shim has died, and it cannot be deleted");
	return cps_failx(err, ECONNRESET,
			 "its shim has died while it was made; what there was of it is deleted");
}

static int shim_create(struct sup_ctx *ctx, const char *id, struct sup_request *r, int signal_fd,
		       struct sup_shim *shim, struct sup_client *client, struct cps_err *err)
{
	struct cps_err ignored;
	int rc = sup_shim_start(ctx, id, shim, client, err);

	if (rc < 0)
		return rc;
	rc = create_call(client, r, signal_fd, err);
	if (rc == -EINTR)
		(void)sup_delete_by_shim(client, true, &ignored);
	if (rc < 0) {
		ctx->exit_code = sup_client_exit_code(client, err);
		sup_shim_discard(ctx, id, shim, client);
	}
	return sup_client_is_gone(client, rc) ? cut_short(ctx, id, signal_fd, err) : rc;
}

/* Without the network that was asked for there is no container. */
static int join_or_delete(const struct sup_ctx *ctx, const char *id, const struct net_options *o,
			  struct sup_shim *shim, struct sup_client *client, struct cps_err *err)
{
	cleanup_buf struct cps_buf warnings = CPS_BUF_INIT;
	struct cps_err ignored;
	int rc = sup_join(ctx, id, o, err);

	if (rc == 0)
		return 0;
	if (sup_delete_by_shim(client, true, &ignored) < 0)
		(void)sup_delete(ctx, id, true, &warnings, &ignored);
	sup_shim_wait(shim);
	return rc;
}

int sup_create_container(struct sup_ctx *ctx, const struct sup_create *create, const char *id,
			 const char *stdin_kind, int signal_fd, struct sup_shim *shim,
			 struct sup_client *client, struct cps_err *err)
{
	cleanup_request struct sup_request r = { 0 };
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	const char *release[SUP_EXIT_COMMAND_WORDS];
	const char *const *exit_command = create->exit_command;
	struct sup_join join = { 0 };
	int rc = sup_id_check(id, err);

	if (rc == 0)
		rc = sup_join_plan(ctx, create->bundle ? create->bundle : ".", create->network,
				   &create->ports, &a, &join, err);
	if (rc == 0 && join.wanted) {
		rc = sup_exit_command_release(ctx, id, &a, release, err);
		exit_command = release;
	}
	if (rc == 0)
		rc = request_write(create, stdin_kind, exit_command, &r, err);
	if (rc == 0)
		rc = shim_create(ctx, id, &r, signal_fd, shim, client, err);
	if (rc == 0 && join.wanted)
		rc = join_or_delete(ctx, id, &join.o, shim, client, err);
	return rc;
}
