/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capsule commit and capsule container export: a container's files as an image, and as an archive.
 * Archives are capsule-image's; we open the files and hand it descriptors.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "arena.h"
#include "command.h"
#include "container-root.h"
#include "container.h"
#include "idrange.h"
#include "image-program.h"
#include "name.h"
#include "own.h"

#define ARGS_MAX 600
#define READ_DIR (O_RDONLY | O_DIRECTORY | O_CLOEXEC)

struct commit {
	struct cps_opt_list changes;
	const char *message, *author;
};

struct args {
	const char *v[ARGS_MAX];
	unsigned n;
};

static void args_add(struct args *a, const char *option, const char *value)
{
	if (!value || a->n + 3 > ARGS_MAX)
		return;
	a->v[a->n++] = option;
	a->v[a->n++] = value;
}

/* The writable layer over the image's, or the whole tree where the image is a directory, which has
 * no layers. */
static int files_open(const struct sup_ctx *ctx, const char *id, struct cps_arena *a,
		      struct sto_record *ret_record, unsigned *ret_ids_first,
		      struct sup_container_root *root, struct cps_err *err)
{
	cleanup_sto struct sto s = STO_INIT;
	cleanup_fd int dir = -1;
	struct cps_err none;
	uint32_t first = 0;
	int fd, rc = sto_open(ctx->data_root, false, &s, err);

	if (rc == 0)
		rc = dir = sto_container_open(&s, id, err);
	if (rc >= 0)
		rc = sto_record_read(dir, a, ret_record, err);
	if (rc == -ENOENT)
		return cps_failx(err, ENOENT, "no container '%.64s' of an image", id);
	if (rc < 0)
		return rc;
	if (sto_idrange_find(&s, id, &first, &none) < 0)
		first = 0;
	*ret_ids_first = first;
	if (ret_record->image_id) {
		fd = openat(dir, STO_CONTAINER_UPPER, READ_DIR);
		return fd < 0 ? cps_fail(err, errno, "its writable layer") : fd;
	}
	rc = sup_container_root_open(ctx, id, root, err);
	if (rc < 0)
		return rc;
	fd = openat(root->fd, ".", READ_DIR);
	return fd < 0 ? cps_fail(err, errno, "its root file system") : fd;
}

static int commit(struct sup_ctx *ctx, const char *id, const char *name, const struct commit *c,
		  struct cps_err *err)
{
	cleanup_container_root struct sup_container_root root = SUP_CONTAINER_ROOT_INIT;
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	struct args args = { .v = { "commit-layer", "--container", id }, .n = 3 };
	cleanup_fd int fd = -1;
	struct sto_record r = { 0 };
	unsigned first = 0;
	char ids[16];
	int code = 0, rc;

	fd = rc = files_open(ctx, id, &a, &r, &first, &root, err);
	if (rc < 0)
		return rc;
	(void)snprintf(ids, sizeof(ids), "%u", first);
	args_add(&args, "--ids-first", ids);
	args_add(&args, r.manifest ? "--manifest" : "--base", r.manifest ? r.manifest : r.image_id);
	args_add(&args, "--message", c->message);
	args_add(&args, "--author", c->author);
	if (c->changes.count > ARGS_MAX / 4)
		return cps_failx(err, E2BIG, "more than %d changes", ARGS_MAX / 4);
	for (unsigned i = 0; i < c->changes.count; i++)
		args_add(&args, "--change", c->changes.values[i]);
	args_add(&args, "--", name);
	rc = sup_image_program_run(ctx, args.v, &fd, 1, &code, err);
	return rc < 0 ? rc : code;
}

static int commit_run(struct sup_ctx *ctx, const struct sup_command *self, int argc, char **argv,
		      struct cps_err *err)
{
	struct commit c = { 0 };
	cleanup_args struct sup_args args = { 0 };
	const struct cps_opt table[] = {
		{ "change", 'c', CPS_OPT_LIST, &c.changes, "CHANGE",
		  "of the configuration, as a Dockerfile has it: 'CMD [\"sh\"]'; repeatable" },
		{ "message", 'm', CPS_OPT_STR, &c.message, "TEXT", "for the image's history" },
		{ "author", 'a', CPS_OPT_STR, &c.author, "NAME", "who made it" },
		{ 0 },
	};
	int rc = sup_args_parse(self, table, argc, argv, 2, 2, &args, err);

	if (rc == 0 && !args.done)
		rc = sup_id_check(args.v[0], err);
	if (rc == 0 && !args.done)
		rc = commit(ctx, sup_name_id(ctx, args.v[0]), args.v[1], &c, err);
	sup_opt_list_done(&c.changes);
	return cps_wrap(err, rc, "commit");
}

/* "-", or a file that is there when it is whole. */
static int out_open(const char *path, char temp[PATH_MAX], struct cps_err *err)
{
	int n, fd;

	if (strcmp(path, "-") == 0) {
		if (isatty(STDOUT_FILENO))
			return cps_failx(err, EINVAL, "an archive is nothing for a terminal");
		fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
		return fd < 0 ? cps_fail(err, errno, "standard output") : fd;
	}
	n = snprintf(temp, PATH_MAX, "%s.part", path);
	if (n < 0 || n >= PATH_MAX)
		return cps_fail(err, ENAMETOOLONG, "'%.60s…'", path);
	fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	return fd < 0 ? cps_fail(err, errno, "create '%s'", temp) : fd;
}

static int export(struct sup_ctx *ctx, const char *id, const char *path, struct cps_err *err)
{
	cleanup_container_root struct sup_container_root root = SUP_CONTAINER_ROOT_INIT;
	cleanup_fd int in = -1, out = -1;
	char temp[PATH_MAX] = "", ids[16];
	int fds[2], code = 0;
	int rc = sup_container_root_open(ctx, id, &root, err);

	if (rc < 0)
		return rc;
	in = openat(root.fd, ".", READ_DIR);
	if (in < 0)
		return cps_fail(err, errno, "its root file system");
	out = out_open(path, temp, err);
	if (out < 0)
		return out;
	(void)snprintf(ids, sizeof(ids), "%u", (unsigned)root.uid);
	fds[0] = in;
	fds[1] = out;
	rc = sup_image_program_run(
		ctx, (const char *const[]){ "export-tree", "--ids-first", ids, id, NULL }, fds, 2,
		&code, err);
	if (temp[0] && rc == 0 && code == 0 && rename(temp, path) < 0)
		rc = cps_fail(err, errno, "rename '%s'", temp);
	if (temp[0] && (rc < 0 || code != 0))
		(void)unlink(temp);
	return rc < 0 ? rc : code;
}

static int export_run(struct sup_ctx *ctx, const struct sup_command *self, int argc, char **argv,
		      struct cps_err *err)
{
	cleanup_args struct sup_args args = { 0 };
	const struct cps_opt table[] = { { 0 } };
	int rc = sup_args_parse(self, table, argc, argv, 1, 2, &args, err);

	if (rc < 0 || args.done)
		return rc;
	rc = export(ctx, sup_name_id(ctx, args.v[0]), args.n > 1 ? args.v[1] : "-", err);
	return cps_wrap(err, rc, "container export");
}

static const struct sup_command cmd_export = {
	.name = "container export",
	.usage = "ID [FILE|-]",
	.summary = "Writes all of a container's files as a tar archive",
	.order = CPS_OPT_ANYWHERE,
	.run = export_run,
};

static int container_run(struct sup_ctx *ctx, const struct sup_command *self, int argc, char **argv,
			 struct cps_err *err)
{
	static const struct sup_command *const commands[] = { &cmd_export };

	return sup_group_run(ctx, self, commands, 1, argc, argv, err);
}

const struct sup_command sup_cmd_container = {
	.name = "container",
	.usage = "COMMAND [ARGUMENT]...",
	.summary = "A container's files as an archive",
	.order = CPS_OPT_FIRST_ONLY,
	.run = container_run,
};

const struct sup_command sup_cmd_commit = {
	.name = "commit",
	.usage = "[-c CHANGE]... [-m TEXT] [-a NAME] ID NAME",
	.summary = "Makes an image of a container's files",
	.order = CPS_OPT_ANYWHERE,
	.run = commit_run,
};
