/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capsule cp: files and trees between the host and a container, running or not. The container's
 * side is a descriptor of its root and what openat2(2) finds within it; nothing of the container is
 * executed, and nothing that it does to its files meanwhile leads elsewhere.
 *
 * "-" is a tar archive, which is capsule-image's work: we open what is named in the container.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command.h"
#include "container-root.h"
#include "copy.h"
#include "file.h"
#include "image-program.h"
#include "name.h"
#include "own.h"

/* One of the two sides. */
struct side {
	const char *path;
	int root; /* the container's; -1: the host's */
	char id[65];
};

struct options {
	bool archive, follow;
};

static bool is_stream(const struct side *s)
{
	return s->id[0] == '\0' && strcmp(s->path, "-") == 0;
}

/* "ID:PATH", unless it is clearly a path: "./a:b", "/a:b". */
static int side_parse(const char *text, struct side *ret, struct cps_err *err)
{
	const char *colon = strchr(text, ':');

	ret->root = -1;
	ret->path = text;
	ret->id[0] = '\0';
	if (text[0] == '\0')
		return cps_failx(err, EINVAL, "a path is empty");
	if (text[0] == '/' || text[0] == '.' || !colon)
		return 0;
	(void)snprintf(ret->id, sizeof(ret->id), "%.*s",
		       (int)(colon - text < 65 ? colon - text : 65), text);
	ret->path = colon[1] ? colon + 1 : "/";
	return sup_id_check(ret->id, err);
}

static int side_open(const struct side *s, const char *path, int flags)
{
	int fd;

	if (s->root >= 0)
		return cps_open_in_root(s->root, path, flags, 0);
	fd = open(path, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static bool ends_with(const char *path, const char *end)
{
	size_t n = strlen(path), m = strlen(end);

	return n >= m && strcmp(path + n - m, end) == 0;
}

/* The last component, without slashes behind it; false: there is none that could name a file. */
static bool base_name(const char *path, char ret[NAME_MAX + 1])
{
	size_t end = strlen(path), start;

	while (end > 0 && path[end - 1] == '/')
		end--;
	for (start = end; start > 0 && path[start - 1] != '/';)
		start--;
	if (end == start || end - start > NAME_MAX)
		return false;
	memcpy(ret, path + start, end - start);
	ret[end - start] = '\0';
	return strcmp(ret, ".") != 0 && strcmp(ret, "..") != 0;
}

/* The directory that the last component of path is to be made in. */
static int parent_open(const struct side *s, struct cps_err *err)
{
	char path[PATH_MAX];
	size_t end = strlen(s->path);
	int fd;

	if (end >= sizeof(path) - 1)
		return cps_fail(err, ENAMETOOLONG, "'%.60s…'", s->path);
	while (end > 0 && s->path[end - 1] == '/')
		end--;
	while (end > 0 && s->path[end - 1] != '/')
		end--;
	(void)snprintf(path, sizeof(path), "%.*s", (int)end, s->path);
	fd = side_open(s, end ? path : s->root >= 0 ? "/" : ".", O_PATH | O_DIRECTORY);
	return fd < 0 ? cps_fail(err, -fd, "the directory of '%s'", s->path) : fd;
}

/* What is there is a directory: the source goes into it, or its entries do. */
static int copy_into(int from, const struct side *src, bool is_dir, int to,
		     const struct sto_copy *how, struct cps_err *err)
{
	char name[NAME_MAX + 1];

	if (base_name(src->path, name))
		return sto_copy_object(from, to, name, how, err);
	if (!is_dir)
		return cps_failx(err, EINVAL, "'%s' has no name", src->path);
	return sto_copy_entries(from, to, how, err);
}

static int copy_as(int from, const struct side *dst, bool is_dir, const struct sto_copy *how,
		   struct cps_err *err)
{
	cleanup_fd int parent = -1;
	char name[NAME_MAX + 1];

	if (!base_name(dst->path, name) || (!is_dir && ends_with(dst->path, "/")))
		return cps_failx(err, ENOENT, "'%s' is no directory that is there", dst->path);
	parent = parent_open(dst, err);
	return parent < 0 ? parent : sto_copy_object(from, parent, name, how, err);
}

static int copy(const struct side *src, const struct side *dst, const struct options *o,
		const struct sto_copy *how, struct cps_err *err)
{
	cleanup_fd int from = side_open(src, src->path, O_PATH | (o->follow ? 0 : O_NOFOLLOW));
	cleanup_fd int to = -1;
	struct stat st, there;
	bool is_dir;

	if (from < 0 || fstat(from, &st) < 0)
		return cps_fail(err, from < 0 ? -from : errno, "'%s'", src->path);
	is_dir = S_ISDIR(st.st_mode);
	to = side_open(dst, dst->path, O_PATH);
	if (to == -ENOENT)
		return copy_as(from, dst, is_dir, how, err);
	if (to < 0 || fstat(to, &there) < 0)
		return cps_fail(err, to < 0 ? -to : errno, "'%s'", dst->path);
	if (!S_ISDIR(there.st_mode))
		return is_dir ? cps_failx(err, ENOTDIR,
					  "'%s' is a directory, and '%s' is there and none",
					  src->path, dst->path)
			      : copy_as(from, dst, false, how, err);
	if (is_dir && ends_with(src->path, "/."))
		return sto_copy_entries(from, to, how, err);
	return copy_into(from, src, is_dir, to, how, err);
}

/* What is named, under its own name, or what is in it: "." */
static int stream_out(const struct sup_ctx *ctx, const struct side *src, uid_t uid,
		      const struct options *o, int *ret_code, struct cps_err *err)
{
	cleanup_fd int fd = side_open(src, src->path, O_PATH | (o->follow ? 0 : O_NOFOLLOW));
	char name[NAME_MAX + 1], ids[16];
	const char *const args[] = { "pack-tree", "--ids-first", ids, "--", name, NULL };

	if (fd < 0)
		return cps_fail(err, -fd, "'%s'", src->path);
	if (isatty(STDOUT_FILENO))
		return cps_failx(err, EINVAL, "no archive is written to a terminal");
	if (!base_name(src->path, name))
		(void)snprintf(name, sizeof(name), ".");
	(void)snprintf(ids, sizeof(ids), "%u", (unsigned)uid);
	return sup_image_program_run(ctx, args, &fd, 1, ret_code, err);
}

static int stream_in(const struct sup_ctx *ctx, const struct side *dst, const struct sto_copy *how,
		     int *ret_code, struct cps_err *err)
{
	cleanup_fd int fd = side_open(dst, dst->path, O_PATH | O_DIRECTORY);
	char uid[16], gid[16];
	const char *args[] = { "unpack-tree", "--uid", uid, "--gid", gid, NULL, NULL };

	if (fd < 0)
		return cps_fail(err, -fd, "the directory '%s'", dst->path);
	if (how->archive)
		args[5] = "--archive";
	(void)snprintf(uid, sizeof(uid), "%u", (unsigned)how->uid);
	(void)snprintf(gid, sizeof(gid), "%u", (unsigned)how->gid);
	return sup_image_program_run(ctx, args, &fd, 1, ret_code, err);
}

static void tell_skipped(void *arg, const char *name, const char *why)
{
	(void)arg;
	fprintf(stderr, "capsule: cp: '%s' is %s and left out\n", name, why);
}

static int cp(const struct sup_ctx *ctx, struct side *src, struct side *dst,
	      const struct options *o, int *ret_code, struct cps_err *err)
{
	cleanup_container_root struct sup_container_root root = SUP_CONTAINER_ROOT_INIT;
	struct sto_copy how = {
		.archive = o->archive, .uid = geteuid(), .gid = getegid(), .skipped = tell_skipped
	};
	struct rlimit files;
	int rc;

	if ((src->id[0] == '\0') == (dst->id[0] == '\0'))
		return cps_failx(err, EINVAL, "one of the two has to be ID:PATH");
	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
		files.rlim_cur = files.rlim_max; /* four for each level of a tree */
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
	rc = sup_container_root_open(ctx, sup_name_id(ctx, src->id[0] ? src->id : dst->id), &root,
				     err);
	if (rc < 0)
		return rc;
	if (dst->id[0]) {
		dst->root = root.fd;
		how.uid = root.uid;
		how.gid = root.gid;
	} else {
		src->root = root.fd;
	}
	if (is_stream(src))
		return stream_in(ctx, dst, &how, ret_code, err);
	if (is_stream(dst))
		return stream_out(ctx, src, root.uid, o, ret_code, err);
	return copy(src, dst, o, &how, err);
}

static int run(struct sup_ctx *ctx, const struct sup_command *self, int argc, char **argv,
	       struct cps_err *err)
{
	cleanup_args struct sup_args args = { 0 };
	struct options o = { 0 };
	struct side src, dst;
	int code = 0;
	const struct cps_opt table[] = {
		{ "archive", 'a', CPS_OPT_FLAG, &o.archive, NULL,
		  "keep owners, set-id bits, devices, all attributes" },
		{ "follow-link", 'L', CPS_OPT_FLAG, &o.follow, NULL,
		  "a symlink SRC means what it leads to" },
		{ 0 },
	};
	int rc = sup_args_parse(self, table, argc, argv, 2, 2, &args, err);

	if (rc < 0 || args.done)
		return rc;
	rc = side_parse(args.v[0], &src, err);
	if (rc == 0)
		rc = side_parse(args.v[1], &dst, err);
	if (rc == 0)
		rc = cp(ctx, &src, &dst, &o, &code, err);
	return rc < 0 ? cps_wrap(err, rc, "cp") : code;
}

const struct sup_command sup_cmd_cp = {
	.name = "cp",
	.usage = "[-aL] ID:PATH PATH|- | PATH|- ID:PATH",
	.summary = "Copies files between the host and a container; - is a tar archive",
	.order = CPS_OPT_ANYWHERE,
	.run = run,
};
