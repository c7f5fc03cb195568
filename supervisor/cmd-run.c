/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capsule run: create and start in one; in the foreground also delete, at the end.
 */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "create.h"
#include "delete.h"
#include "foreground.h"
#include "image-run.h"
#include "own.h"
#include "start.h"

/* `-d false NAME`: false is taken for the value of -d only if it cannot be the name, because
 * another argument is there. */
static void detach_word(int argc, char **argv, bool *detach, struct sup_args *args)
{
	for (int i = 2; args->n == 2 && i < argc; i++)
		if (argv[i] == args->v[0] && sup_is_detach_word(argv, i)) {
			*detach = strcmp(args->v[0], "true") == 0;
			args->v[0] = args->v[1];
			args->v[1] = NULL;
			args->n = 1;
		}
}

/* Its shim is our child: it is gone when we are, not a zombie for somebody else. */
static int run_delete(const struct sup_ctx *ctx, const char *id, struct sup_client *client,
		      struct sup_shim *shim, struct cps_err *err)
{
	cleanup_buf struct cps_buf warnings = CPS_BUF_INIT;
	int rc = sup_delete_own(ctx, id, client, &warnings, err);

	if (rc == 0)
		sup_shim_wait(shim);
	if (warnings.len)
		fprintf(stderr, "capsule: run %s: %s", id, warnings.data);
	return rc;
}

static int run_container(struct sup_ctx *ctx, const struct sup_create *create, const char *id,
			 bool detach, int *ret_code, struct cps_err *err)
{
	cleanup_client struct sup_client client = SUP_CLIENT_INIT;
	cleanup_shim struct sup_shim shim = SUP_SHIM_INIT;
	cleanup_fd int signal_fd = -1;
	struct cps_err ignored;
	char what[80];
	int rc;

	(void)snprintf(what, sizeof(what), "run %.64s", id);
	signal_fd = sup_signals_block(err);
	if (signal_fd < 0)
		return signal_fd;
	rc = sup_create_container(ctx, create, id, detach ? "null" : "fifo", signal_fd, &shim,
				  &client, err);
	if (rc < 0)
		return rc;
	rc = detach ? sup_start_detached(ctx, what, &client, false, err)
		    : sup_start_foreground(ctx, what, &client, signal_fd, true, ret_code, err);
	if (rc < 0) {
		/* a container that could not be started is of no use; one whose shim does not
		 * answer may be running, and is the user's to look at */
		if (!client.lost)
			(void)run_delete(ctx, id, &client, &shim, &ignored);
		return rc;
	}
	if (detach || rc == 1) /* the user has detached: it lives on */
		return 0;
	rc = run_delete(ctx, id, &client, &shim, err);
	if (rc < 0)
		return cps_wrap(err, rc, "delete it at its end");
	return *ret_code < 0 ? sup_exit_unknown(ctx, err) : 0;
}

static int run(struct sup_ctx *ctx, const struct sup_command *self, int argc, char **argv,
	       struct cps_err *err)
{
	cleanup_create struct sup_create create = { 0 };
	cleanup_args struct sup_args args = { 0 };
	struct cps_opt table[SUP_CREATE_OPTIONS + 2] = { 0 };
	bool detach = false;
	unsigned n;
	int rc, code = 0;

	if (sup_image_run_is_meant(ctx, argc, argv))
		return sup_image_run_command(ctx, self, argc, argv, err);
	n = sup_create_rows(&create, table);
	table[n] = (struct cps_opt){
		"detach", 'd',	CPS_OPT_FLAG,
		&detach,  NULL, "return once it runs; output goes to the log alone"
	};
	rc = sup_args_parse(self, table, argc, argv, 1, 2, &args, err);
	if (rc < 0 || args.done)
		return rc;
	detach_word(argc, argv, &detach, &args);
	if (args.n != 1)
		return cps_failx(err, EINVAL, "run: too many arguments; usage: capsule run %s",
				 self->usage);
	/* the argument may have been meant for an image's name */
	if (!create.bundle && access("config.json", F_OK) < 0 && errno == ENOENT)
		return cps_failx(err, ENOENT,
				 "run %.64s: there is no such image, and no config.json in the "
				 "current directory",
				 args.v[0]);
	rc = run_container(ctx, &create, args.v[0], detach, &code, err);
	if (rc < 0)
		return cps_wrap(err, rc, "run %.64s", args.v[0]);
	return code;
}

const struct sup_command sup_cmd_run = {
	.name = "run",
	.usage = "[-b DIR] [-d] [OPTION]... ID",
	.summary = "Creates and starts a container; in the foreground it is deleted at its end",
	.order = CPS_OPT_ANYWHERE,
	.run = run,
};
