/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The part of `capsule cp` that has to do with archives: `cp ID:PATH -` and `cp - ID:DIR`. capsule
 * has opened what is named in the container and hands over its descriptor. Nobody types these.
 */
#include <config.h>

#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "own.h"
#include "stream.h"
#include "tar-write.h"
#include "unpack.h"

#define FD_OBJECT 3

static int object_check(struct cps_err *err)
{
	return fcntl(FD_OBJECT, F_SETFD, FD_CLOEXEC) < 0
		       ? cps_failx(err, EINVAL, "it is `capsule cp` that runs this")
		       : 0;
}

static int pack(struct img_ctx *ctx, const struct img_command *self, int argc, char **argv,
		struct cps_err *err)
{
	cleanup_args struct img_args args = { 0 };
	struct img_tar tar = { .root = FD_OBJECT, .out = STDOUT_FILENO, .tell_mounts = true };
	int64_t ids_first = 0;
	const struct cps_opt table[] = {
		{ "ids-first", 0, CPS_OPT_NUM, &ids_first, "N", "what is 0 in the container" },
		{ 0 },
	};
	int rc = img_args_parse(ctx, self, table, argc, argv, 1, 1, &args, err);

	if (rc < 0 || args.done)
		return rc;
	(void)signal(SIGPIPE, SIG_IGN);
	rc = object_check(err);
	if (rc < 0)
		return rc;
	tar.top = args.v[0];
	tar.ids_first = (uint32_t)ids_first;
	return cps_wrap(err, img_tar_write(&tar, err), "cp");
}

static int unpack(struct img_ctx *ctx, const struct img_command *self, int argc, char **argv,
		  struct cps_err *err)
{
	cleanup_archive struct archive *tar = NULL;
	cleanup_args struct img_args args = { 0 };
	struct img_tree tree = { .archive = false };
	int64_t uid = 0, gid = 0;
	uint64_t bytes;
	const struct cps_opt table[] = {
		{ "archive", 'a', CPS_OPT_FLAG, &tree.archive, NULL, "owners as in the archive" },
		{ "uid", 0, CPS_OPT_NUM, &uid, "N", "of the container's root" },
		{ "gid", 0, CPS_OPT_NUM, &gid, "N", "likewise" },
		{ 0 },
	};
	int rc = img_args_parse(ctx, self, table, argc, argv, 0, 0, &args, err);

	if (rc < 0 || args.done)
		return rc;
	rc = object_check(err);
	if (rc < 0)
		return rc;
	tree.uid = (uid_t)uid;
	tree.gid = (gid_t)gid;
	tar = img_tar_open_fd(STDIN_FILENO, err);
	rc = tar ? img_unpack(tar, FD_OBJECT, &tree, &bytes, err) : -err->num;
	return cps_wrap(err, rc, "cp");
}

const struct img_command img_cmd_pack = {
	.name = "pack-tree",
	.usage = "[OPTION]... NAME",
	.run = pack,
};

const struct img_command img_cmd_unpack = {
	.name = "unpack-tree",
	.usage = "[OPTION]...",
	.run = unpack,
};
