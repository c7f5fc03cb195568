/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See mounts.h. A mount's name in the images is its destination as the config spells it, so that
 * both sides come to the same one.
 */
#include <config.h>

#include "mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "mount-fd.h"
#include "mountinfo.h"
#include "own.h"
#include "rootfs-priv.h"

#define NULL_DEVICE "/dev/null"

/* Where a path of the container leads in its tree, symlinks followed; ENOENT: nowhere. */
static int resolve(int root, const char *path, char *ret, size_t size, mode_t *ret_mode)
{
	cleanup_fd int fd = cps_open_in_root(root, path, O_PATH, 0);
	char self[40];
	struct stat st;
	ssize_t n;

	if (fd < 0)
		return fd;
	(void)snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	n = readlink(self, ret, size - 1);
	if (n < 0 || fstat(fd, &st) < 0)
		return -errno;
	ret[n] = '\0';
	*ret_mode = st.st_mode;
	return 0;
}

/* Key of the dump: where it is; value: its name. What is not there (any more) is nobody's. */
static void add_there(struct criu_message *m, int root, const char *path, const char *name)
{
	char at[PATH_MAX];
	mode_t mode;

	if (resolve(root, path, at, sizeof(at), &mode) == 0)
		criu_message_mount(m, at, name);
}

static const char *default_devices[] = { "/dev/null",	"/dev/zero",	"/dev/full",
					 "/dev/random", "/dev/urandom", "/dev/tty" };

typedef void add_device(struct criu_message *m, int root, const char *path);

/* In a user namespace devices are binds of the host's. */
static void each_device(struct criu_message *m, const struct rt_spec *spec, int root,
			add_device *add)
{
	if (!rt_has_own_users(spec))
		return;
	for (size_t i = 0; i < sizeof(default_devices) / sizeof(default_devices[0]); i++)
		add(m, root, default_devices[i]);
	for (size_t i = 0; i < spec->ndevices; i++)
		add(m, root, spec->devices[i].path);
}

static void add_device_there(struct criu_message *m, int root, const char *path)
{
	add_there(m, root, path, path);
}

static void add_device_here(struct criu_message *m, int root, const char *path)
{
	(void)root;
	criu_message_mount(m, path, path);
}

/* What the mount of type cgroup consists of: v1: a bind for each hierarchy on a tmpfs; v2: one bind
 * without a namespace of its own, and nothing of the host's with one. Calls back with the place
 * and the host's directory. */
typedef void add_group(struct criu_message *m, int root, const char *at, const char *host);

static void each_group(struct criu_message *m, const struct rt_spec *spec,
		       const struct rt_cgroup *cg, int root, const char *destination,
		       add_group *add)
{
	char at[PATH_MAX], host[RT_CGROUP_MOUNT_MAX + RT_CGROUP_PATH_MAX + 1];

	if (cg->layout == RT_CGROUP_V2 && spec->ns[RT_NS_CGROUP].wanted)
		return;
	for (unsigned i = 0; i < cg->ndirs; i++) {
		const struct rt_cgroup_dir *d = &cg->dirs[i];
		const char *name = d->controllers;

		(void)snprintf(host, sizeof(host), "%s%s", d->mount, d->path);
		if (cg->layout == RT_CGROUP_V2) {
			add(m, root, destination, host);
			return;
		}
		if (strncmp(name, "name=", 5) == 0)
			name += 5;
		if (name[0] &&
		    (size_t)snprintf(at, sizeof(at), "%s/%s", destination, name) < sizeof(at))
			add(m, root, at, host);
	}
}

static void add_group_there(struct criu_message *m, int root, const char *at, const char *host)
{
	(void)host;
	add_there(m, root, at, at);
}

static void add_group_here(struct criu_message *m, int root, const char *at, const char *host)
{
	(void)root;
	criu_message_mount(m, at, host);
}

enum kind { KIND_BIND, KIND_TREE, KIND_GROUP, KIND_OTHER }; /* KIND_TREE: a recursive bind */

static int kind_of(const struct rt_mount *mount, char *destination, enum kind *ret,
		   struct cps_err *err)
{
	struct rt_mount_opts o;
	int rc = rt_mount_opts_parse(&mount->options, &o, err);

	if (rc == 0)
		rc = rt_path_clean(mount->destination, destination, err);
	if (rc < 0)
		return rc;
	*ret = KIND_OTHER;
	if (rt_mount_is_bind(mount, &o) && !o.remount)
		*ret = rt_mount_is_recursive(mount, &o) ? KIND_TREE : KIND_BIND;
	else if (mount->type && strncmp(mount->type, "cgroup", 6) == 0)
		*ret = KIND_GROUP;
	if (rt_mount_is_idmapped(mount, &o))
		return cps_failx(err, EOPNOTSUPP, "mounts: %s: CRIU knows no idmapped mounts",
				 destination);
	return 0;
}

static bool is_bind(enum kind kind)
{
	return kind == KIND_BIND || kind == KIND_TREE;
}

/* What came with a recursive bind: its name is where it is below the bind's. */
struct tree {
	struct criu_message *m;
	const char *name;   /* of the bind */
	const char *at;	    /* what mount points are told below: there, or here */
	const char *source; /* dump: on the host */
};

static void add_found(struct tree *t, const char *key, const char *value)
{
	if (key && value)
		criu_message_mount(t->m, key, value);
	else
		t->m->failed = true;
}

/* The container may have mounted something itself: only what the host has there too came from it.
 */
static void found_there(void *arg, const char *path)
{
	struct tree *t = arg;
	const char *rest = path + strlen(t->at);
	const char *host = cps_arena_printf(t->m->arena, "%s%s", t->source, rest);
	struct statx x;

	if (host && (statx(AT_FDCWD, host, AT_SYMLINK_NOFOLLOW, 0, &x) < 0 ||
		     !(x.stx_attributes & STATX_ATTR_MOUNT_ROOT)))
		return;
	add_found(t, path, cps_arena_printf(t->m->arena, "%s%s", t->name, rest));
}

static void found_here(void *arg, const char *path)
{
	struct tree *t = arg;

	add_found(t, cps_arena_printf(t->m->arena, "%s%s", t->name, path + strlen(t->at)), path);
}

static int tree_there(struct criu_message *m, const struct rt_mount *mount, int root,
		      const char *name, pid_t pid, struct cps_err *err)
{
	struct tree t = { m, name, NULL, mount->source };
	char at[PATH_MAX], file[40];
	mode_t mode;

	if (!mount->source || resolve(root, name, at, sizeof(at), &mode) < 0)
		return 0;
	t.at = at;
	(void)snprintf(file, sizeof(file), "/proc/%d/mountinfo", pid);
	return criu_mountinfo_below(file, at, found_there, &t, err);
}

static int tree_here(struct criu_message *m, const struct rt_mount *mount, const char *name,
		     struct cps_err *err)
{
	struct tree t = { m, name, NULL, NULL };
	char real[PATH_MAX];

	if (!realpath(mount->source, real))
		return cps_fail(err, errno, "mounts: %s: bind '%s'", name, mount->source);
	t.at = strcmp(real, "/") == 0 ? "" : real;
	return criu_mountinfo_below("/proc/self/mountinfo", real, found_here, &t, err);
}

static void dump_masks(struct criu_message *m, const struct rt_spec *spec, int root)
{
	for (size_t i = 0; i < spec->masked_paths.n; i++) {
		char at[PATH_MAX];
		mode_t mode;

		/* directories have a tmpfs over them, which is the container's own */
		if (resolve(root, spec->masked_paths.v[i], at, sizeof(at), &mode) == 0 &&
		    !S_ISDIR(mode))
			criu_message_mount(m, at, NULL_DEVICE);
	}
}

int criu_mounts_dump(struct criu_message *m, const struct rt_spec *spec, const struct rt_cgroup *cg,
		     pid_t pid, struct cps_err *err)
{
	cleanup_fd int root = -1;
	char path[PATH_MAX];
	int rc = 0;

	(void)snprintf(path, sizeof(path), "/proc/%d/root", pid);
	root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return cps_fail(err, errno, "open the container's root");
	for (size_t i = 0; rc == 0 && i < spec->nmounts; i++) {
		const struct rt_mount *mount = &spec->mounts[i];
		enum kind kind = KIND_OTHER;

		rc = kind_of(mount, path, &kind, err);
		if (rc == 0 && is_bind(kind))
			add_there(m, root, path, path);
		else if (rc == 0 && kind == KIND_GROUP)
			each_group(m, spec, cg, root, path, add_group_there);
	}
	/* behind those that the config names, for one of them may be on one of these */
	for (size_t i = 0; rc == 0 && i < spec->nmounts; i++) {
		enum kind kind = KIND_OTHER;

		rc = kind_of(&spec->mounts[i], path, &kind, err);
		if (rc == 0 && kind == KIND_TREE)
			rc = tree_there(m, &spec->mounts[i], root, path, pid, err);
	}
	dump_masks(m, spec, root);
	each_device(m, spec, root, add_device_there);
	return rc;
}

/* CRIU takes paths only, and works in another directory than the bundle. */
static int add_source(struct criu_message *m, const char *name, const char *source,
		      struct cps_err *err)
{
	char real[PATH_MAX];

	if (!source || !realpath(source, real))
		return cps_fail(err, source ? errno : EINVAL, "mounts: %s: bind '%s'", name,
				source ? source : "");
	criu_message_mount(m, name, real);
	return 0;
}

int criu_mounts_restore(struct criu_message *m, const struct rt_spec *spec,
			const struct rt_cgroup *cg, struct cps_err *err)
{
	char path[PATH_MAX];
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < spec->nmounts; i++) {
		const struct rt_mount *mount = &spec->mounts[i];
		enum kind kind = KIND_OTHER;

		rc = kind_of(mount, path, &kind, err);
		if (rc == 0 && is_bind(kind))
			rc = add_source(m, path, mount->source, err);
		else if (rc == 0 && kind == KIND_GROUP)
			each_group(m, spec, cg, -1, path, add_group_here);
	}
	for (size_t i = 0; rc == 0 && i < spec->nmounts; i++) {
		enum kind kind = KIND_OTHER;

		rc = kind_of(&spec->mounts[i], path, &kind, err);
		if (rc == 0 && kind == KIND_TREE)
			rc = tree_here(m, &spec->mounts[i], path, err);
	}
	criu_message_mount(m, NULL_DEVICE, NULL_DEVICE);
	each_device(m, spec, -1, add_device_here);
	return rc;
}

/* -- mount points --------------------------------------------------------------------------- */

static bool is_below(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	return strncmp(path, dir, n) == 0 && path[n] == '/';
}

/* The mount that a place is in: the innermost of those before it. */
static int find_below(const struct rt_spec *spec, size_t before, const char *place,
		      const struct rt_mount **ret, enum kind *ret_kind, size_t *ret_len,
		      struct cps_err *err)
{
	char path[PATH_MAX];

	*ret = NULL;
	*ret_len = 0;
	for (size_t i = 0; i < before; i++) {
		enum kind kind = KIND_OTHER;
		int rc = kind_of(&spec->mounts[i], path, &kind, err);

		if (rc < 0)
			return rc;
		if (!is_below(place, path) || strlen(path) < *ret_len)
			continue;
		*ret = &spec->mounts[i];
		*ret_kind = kind;
		*ret_len = strlen(path);
	}
	return 0;
}

static bool wants_directory(const struct rt_mount *mount, enum kind kind)
{
	struct stat st;

	return !is_bind(kind) || !mount->source || stat(mount->source, &st) < 0 ||
	       S_ISDIR(st.st_mode);
}

/* In the root, or in the host's directory that is bound over a part of it; what is in a file system
 * of the container's own is CRIU's to bring back. */
static int make_point(const struct rt_spec *spec, size_t i, int root, struct cps_err *err)
{
	const struct rt_mount *above = NULL;
	enum kind kind = KIND_OTHER, above_kind = KIND_OTHER;
	cleanup_fd int other = -1;
	cleanup_fd int place = -1;
	char path[PATH_MAX];
	size_t len = 0;
	bool made;
	int rc = kind_of(&spec->mounts[i], path, &kind, err);

	if (rc == 0)
		rc = find_below(spec, i, path, &above, &above_kind, &len, err);
	if (rc < 0 || (above && !is_bind(above_kind)))
		return rc;
	if (above) {
		other = open(above->source, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (other < 0)
			return cps_fail(err, errno, "mounts: open '%s'", above->source);
	}
	place = rt_dest_open(above ? other : root, path + len,
			     wants_directory(&spec->mounts[i], kind), false, &made, err);
	return place < 0 ? cps_wrap(err, place, "mounts: %s", path) : 0;
}

int criu_mount_points(const struct rt_spec *spec, struct cps_err *err)
{
	cleanup_fd int root = open(spec->root_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int rc = 0;

	if (root < 0)
		return cps_fail(err, errno, "root file system '%s'", spec->root_path);
	for (size_t i = 0; rc == 0 && i < spec->nmounts; i++)
		rc = make_point(spec, i, root, err);
	return rc;
}
