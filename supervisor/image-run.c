/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capsule image run: what is on disk, then the shim and its `create`, then the network, then
 * `start`. What fails is undone from there backwards, by what `delete` does.
 */
#include <config.h>

#include "image-run.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "adopt.h"
#include "create.h"
#include "delete.h"
#include "exit-command.h"
#include "file.h"
#include "foreground.h"
#include "image-prepare.h"
#include "join.h"
#include "own.h"
#include "proto.h"
#include "start.h"

#define ID_BYTES 6

struct life {
	struct sup_client client;
	struct sup_shim shim;
};

static void life_done(struct life *l)
{
	sup_client_done(&l->client);
	sup_shim_done(&l->shim);
}

/* Twelve hexadecimal digits, as Docker shows them. */
static int id_make(char buf[2 * ID_BYTES + 1], struct cps_err *err)
{
	unsigned char bytes[ID_BYTES];

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return cps_fail(err, errno, "make up a name");
	for (unsigned i = 0; i < ID_BYTES; i++)
		(void)snprintf(buf + 2 * i, 3, "%02x", bytes[i]);
	return 0;
}

/* --rm of one that nobody waits for goes by itself; one that somebody waits for is his to delete.
 * Any other leaves its network. */
static int exit_command(const struct sup_ctx *ctx, const struct sup_run *run,
			struct sup_prepared *p, const char *words[SUP_EXIT_COMMAND_WORDS],
			struct sup_create *c, struct cps_err *err)
{
	int rc = 0;

	if (run->rm && run->detach)
		rc = sup_exit_command_delete(ctx, p->plan.id, &p->arena, words, err);
	else if (!run->rm && p->plan.mode.kind == NET_MODE_NETWORK)
		rc = sup_exit_command_release(ctx, p->plan.id, &p->arena, words, err);
	else
		return 0;
	c->exit_command = words;
	return rc;
}

static int create(struct sup_ctx *ctx, struct sup_run *run, struct sup_prepared *p, int signal_fd,
		  struct life *life, struct cps_err *err)
{
	const char *words[SUP_EXIT_COMMAND_WORDS];
	struct sup_create_image image = {
		.rootfs = p->rootfs,
		.user = p->plan.user,
		.health = &p->plan.health,
	};
	struct sup_create c = run->create;
	int rc = cps_mkdir_all(ctx->root, 0700, err);

	if (rc == 0)
		rc = exit_command(ctx, run, p, words, &c, err);
	if (rc < 0)
		return rc;
	c.network = "none"; /* we join ourselves */
	c.ports = (struct cps_opt_list){ 0 };
	c.bundle = p->plan.container_dir;
	c.image = &image;
	c.log.path = cps_arena_printf(&p->arena, "%s/log", p->plan.container_dir);
	if (!c.log.path)
		return cps_fail(err, ENOMEM, "log");
	if (!c.stop_signal)
		c.stop_signal = p->config.stop_signal;
	rc = sup_create_container(ctx, &c, p->plan.id, run->interactive ? "fifo" : "null",
				  signal_fd, &life->shim, &life->client, err);
	/* it is the container's now, and goes with it */
	cps_close(&p->rootfs);
	return rc;
}

static int start(struct sup_ctx *ctx, const struct sup_run *run, const char *what,
		 struct life *life, int signal_fd, int *ret_code, struct cps_err *err)
{
	if (run->detach)
		return sup_start_detached(ctx, what, &life->client, false, err);
	return sup_start_foreground(ctx, what, &life->client, signal_fd, run->interactive, ret_code,
				    err);
}

static int delete_own(const struct sup_ctx *ctx, const char *id, struct life *life,
		      struct cps_err *err)
{
	cleanup_buf struct cps_buf warnings = CPS_BUF_INIT;
	int rc = sup_delete_own(ctx, id, &life->client, &warnings, err);

	if (rc == 0)
		sup_shim_wait(&life->shim);
	if (warnings.len)
		fprintf(stderr, "capsule: run %s: %s", id, warnings.data);
	return rc;
}

static void at_exit_write(struct sup_request *r, const void *arg)
{
	cps_jsonw_strs(&r->w, "command", (const char *const *)arg);
}

/* --rm, and the user has detached: from now on it is deleted as one begun with -d is. */
static int rm_leave(struct sup_ctx *ctx, const char *what, const char *id, struct life *life,
		    struct cps_err *err)
{
	const char *args[SUP_EXIT_COMMAND_WORDS];
	const struct sup_question q = { .what = what,
					.op = CPS_OP_AT_EXIT,
					.write = at_exit_write,
					.arg = args,
					.timeout_ms = SUP_HELLO_MS };
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	struct sup_container c = { 0 };
	int rc = sup_exit_command_delete(ctx, id, &a, args, err);

	if (rc == 0)
		rc = sup_ask(ctx, &q, &c, &life->client, NULL, err);
	if (rc < 0 && life->client.sock < 0 && c.id && c.status == SUP_STATUS_STOPPED)
		rc = delete_own(ctx, id, life, err);
	return cps_wrap(err, rc, "--rm: it is not deleted at its end");
}

/* Prepared, created, on its network: only the start is left. The directory's lock is given back,
 * since the container may end, and be deleted, at once. */
static int make(struct sup_ctx *ctx, struct sup_run *run, const char *id, int signal_fd,
		struct life *life, struct cps_err *err)
{
	cleanup_prepared struct sup_prepared p = SUP_PREPARED_INIT;
	struct cps_err ignored;
	int rc = sup_prepare(ctx, run, id, &p, err);

	if (rc < 0)
		return rc;
	rc = create(ctx, run, &p, signal_fd, life, err);
	if (rc == 0 && p.plan.mode.kind == NET_MODE_NETWORK) {
		rc = sup_join(ctx, id, &p.plan.net, err);
		cps_close(&p.dir);
		if (rc < 0)
			(void)delete_own(ctx, id, life, &ignored);
		return rc;
	}
	cps_close(&p.dir);
	if (rc < 0)
		(void)sup_data_release(ctx, id, &ignored);
	return rc;
}

int sup_image_run(struct sup_ctx *ctx, struct sup_run *run, struct cps_err *err)
{
	__attribute__((cleanup(life_done))) struct life life = { SUP_CLIENT_INIT, SUP_SHIM_INIT };
	cleanup_fd int signal_fd = -1;
	char made_up[2 * ID_BYTES + 1], what[80];
	const char *id = run->id ? run->id : made_up;
	struct cps_err ignored;
	int rc = run->id ? sup_id_check(id, err) : id_make(made_up, err), code = 0;

	if (rc < 0)
		return rc;
	(void)snprintf(what, sizeof(what), "run %.64s", id);
	rc = signal_fd = sup_signals_block(err);
	if (rc >= 0)
		rc = make(ctx, run, id, signal_fd, &life, err);
	if (rc < 0)
		return cps_wrap(err, rc, "%s", what);
	rc = start(ctx, run, what, &life, signal_fd, &code, err);
	if (rc < 0) {
		/* of no use; one whose shim does not answer is the user's to look at */
		if (!life.client.lost)
			(void)delete_own(ctx, id, &life, &ignored);
		return cps_wrap(err, rc, "%s", what);
	}
	if (rc == 1)
		return run->rm ? cps_wrap(err, rm_leave(ctx, what, id, &life, err), "%s", what) : 0;
	if (run->detach) {
		if (!run->id)
			puts(id);
		return 0;
	}
	if (run->rm)
		rc = cps_wrap(err, delete_own(ctx, id, &life, err), "%s: delete it at its end",
			      what);
	if (rc == 0 && code < 0)
		rc = sup_exit_unknown(ctx, err);
	return rc < 0 ? rc : code;
}

bool sup_image_run_is_meant(const struct sup_ctx *ctx, int argc, char **argv)
{
	cleanup_run struct sup_run run = { 0 };
	struct cps_opt rows[SUP_RUN_OPTIONS];
	struct cps_err ignored;
	int n = argc;

	sup_run_rows(&run, rows);
	do {
		cleanup_free char **args = NULL;

		argv += argc - n;
		argc = n;
		if (cps_opt_parse(rows, CPS_OPT_FIRST_ONLY, argc, argv, &args, &n, &ignored) < 0)
			return false;
	} while (n > 1 && sup_is_detach_word(argv, argc - n));
	return n > 0 && !run.create.bundle && sup_image_is_there(ctx, argv[argc - n]);
}

int sup_image_run_command(struct sup_ctx *ctx, const struct sup_command *self, int argc,
			  char **argv, struct cps_err *err)
{
	cleanup_run struct sup_run run = { 0 };
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	struct sup_command image_run = *self;
	struct cps_opt rows[SUP_RUN_OPTIONS];
	int rc, n = argc;

	image_run.order = CPS_OPT_FIRST_ONLY;
	sup_run_rows(&run, rows);
	/* `-d false IMAGE`: the value of -d is taken for the image, and options may follow it */
	do {
		cleanup_args struct sup_args args = { 0 };

		argv += argc - n;
		argc = n;
		rc = sup_args_parse(&image_run, rows, argc, argv, 1, -1, &args, err);
		if (rc < 0 || args.done)
			return rc;
		n = args.n;
		if (sup_is_detach_word(argv, argc - n))
			run.detach = strcmp(args.v[0], "true") == 0;
	} while (n > 1 && sup_is_detach_word(argv, argc - n));
	rc = sup_run_arguments(&run, rows, &a, argv + argc - n, n, err);
	if (rc == 0)
		rc = sup_run_resolve(ctx, &run, &a, err);
	if (rc < 0)
		return cps_wrap(err, rc, "%s", self->name);
	return sup_image_run(ctx, &run, err);
}
