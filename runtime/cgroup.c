/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Control groups: where a container's are, and what both layouts have in common. Which files exist
 * and how directories come to be is the business of cgroup-v1.c and cgroup-v2.c.
 *
 * This is on the path of every create: a path is written out once and used once, mountinfo is never
 * read, and parents are made only when the kernel says that they are missing.
 */
#include <config.h>

#include "cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "cgroup-impl.h"
#include "cgroup-values.h"
#include "file.h"
#include "opt.h"
#include "own.h"

#define CGROUP_ROOT "/sys/fs/cgroup"

const struct rt_cgroup_ops *rt_cgroup_ops(const struct rt_cgroup *cg)
{
	return cg->layout == RT_CGROUP_V2 ? &rt_cgroup_v2_ops : &rt_cgroup_v1_ops;
}

const struct rt_cgroup_dir *rt_cgroup_find(const struct rt_cgroup *cg, const char *controller)
{
	if (cg->layout == RT_CGROUP_V2)
		return cg->ndirs ? &cg->dirs[0] : NULL;
	for (unsigned i = 0; i < cg->ndirs; i++)
		if (cps_list_has(cg->dirs[i].controllers, controller))
			return &cg->dirs[i];
	return NULL;
}

const char *rt_cgroup_file(const struct rt_cgroup_dir *dir, const char *file,
			   char buf[RT_CGROUP_FILE])
{
	(void)snprintf(buf, RT_CGROUP_FILE, "%s%s%s%s", dir->mount, dir->path, file ? "/" : "",
		       file ? file : "");
	return buf;
}

/* -- where ---------------------------------------------------------------------------------- */

static bool is_fs(const char *path, unsigned long magic)
{
	struct statfs st;

	return statfs(path, &st) == 0 && (unsigned long)st.f_type == magic;
}

int rt_cgroup_path_append(char *path, size_t size, const char *more, struct cps_err *err)
{
	size_t len = strlen(path);

	for (const char *p = more; *p;) {
		size_t n = strcspn(p, "/");

		if (n == 2 && p[0] == '.' && p[1] == '.')
			return cps_failx(err, EINVAL, "cgroup path '%s': '..' is not allowed",
					 more);
		if (memchr(p, '\n', n))
			return cps_failx(err, EINVAL, "cgroup path: a line feed is not allowed");
		if (n > NAME_MAX || len + 1 + n >= size)
			return cps_failx(err, ENAMETOOLONG, "cgroup path '%.64s…' is too long",
					 more);
		if (n > 0 && !(n == 1 && p[0] == '.')) {
			path[len++] = '/';
			memcpy(path + len, p, n);
			len += n;
		}
		p += n;
		p += *p == '/';
	}
	path[len] = '\0';
	return 0;
}

/* The caller's own group as the base of a relative path. Inside a container that shares its host's
 * cgroup namespace, /proc/self/cgroup has names that its mounts do not show: then the mount's root
 * is our own group. On v2 groups with processes may have no children with controllers, so that it
 * is the parent's. */
static int base_of(const struct rt_cgroup *cg, const char *mount, const char *own, char *path,
		   size_t size, struct cps_err *err)
{
	struct rt_cgroup_dir dir = { .mount = mount, .path = path };
	char full[RT_CGROUP_FILE];
	char *slash;
	int rc;

	if (strncmp(own, "/..", 3) == 0)
		return 0; /* outside of our own cgroup namespace: what we see is below its root */
	rc = rt_cgroup_path_append(path, size, own, err);
	if (rc < 0)
		return rc;
	if (access(rt_cgroup_file(&dir, NULL, full), F_OK) < 0)
		path[0] = '\0';
	slash = strrchr(path, '/');
	if (cg->layout == RT_CGROUP_V2 && slash)
		*slash = '\0';
	return 0;
}

/* Mounts are found by name: /sys/fs/cgroup/cpu,cpuacct or, where the mount is called otherwise,
 * the link or directory with its first controller's name. */
static bool find_mount(const struct rt_cgroup *cg, const char *name, char *ret, size_t max)
{
	if (cg->layout == RT_CGROUP_V2) {
		(void)snprintf(ret, max, CGROUP_ROOT);
		return true;
	}
	if (!name[0]) {
		(void)snprintf(ret, max, CGROUP_ROOT "/unified");
		return is_fs(ret, CGROUP2_SUPER_MAGIC);
	}
	if (strncmp(name, "name=", 5) == 0)
		name += 5;
	(void)snprintf(ret, max, CGROUP_ROOT "/%s", name);
	if (is_fs(ret, CGROUP_SUPER_MAGIC))
		return true;
	if (!strchr(name, ','))
		return false;
	(void)snprintf(ret, max, CGROUP_ROOT "/%.*s", (int)strcspn(name, ","), name);
	return is_fs(ret, CGROUP_SUPER_MAGIC);
}

/* One line of /proc/self/cgroup, "4:memory:/own": becomes a directory if it is mounted. */
static int add_hierarchy(struct rt_cgroup *cg, char *line, const char *where, struct cps_arena *a,
			 struct cps_err *err)
{
	struct rt_cgroup_dir *dir = &cg->dirs[cg->ndirs];
	char mount[RT_CGROUP_MOUNT_MAX + 1], path[RT_CGROUP_PATH_MAX + 1] = "";
	char *controllers = strchr(line, ':');
	char *own = controllers ? strchr(controllers + 1, ':') : NULL;
	int rc;

	if (!own)
		return cps_failx(err, EBADMSG, "/proc/self/cgroup: '%.64s' is no line of it", line);
	*own++ = '\0';
	controllers++;
	if (cg->layout == RT_CGROUP_V2 && controllers[0])
		return 0; /* a v1 hierarchy that nobody mounted at its place */
	if (cg->ndirs == RT_CGROUP_MAX)
		return cps_failx(err, E2BIG, "more than %d cgroup hierarchies", RT_CGROUP_MAX);
	if (strlen(controllers) > RT_CGROUP_CONTROLLERS_MAX)
		return cps_failx(err, ENAMETOOLONG, "/proc/self/cgroup: '%.80s' is too long",
				 controllers);
	if (!find_mount(cg, controllers, mount, sizeof(mount)))
		return 0;
	if (where[0] != '/') {
		rc = base_of(cg, mount, own, path, sizeof(path), err);
		if (rc < 0)
			return rc;
	}
	rc = rt_cgroup_path_append(path, sizeof(path), where, err);
	if (rc < 0)
		return rc;
	dir->made = dir->systemds = false;
	dir->controllers = cps_arena_strdup(a, controllers);
	dir->mount = cps_arena_strdup(a, mount);
	dir->path = cps_arena_strdup(a, path);
	if (!dir->controllers || !dir->mount || !dir->path)
		return cps_fail(err, ENOMEM, "cgroup path");
	cg->ndirs++;
	return 0;
}

/* The container's path as the config says, or parent/id; checked, so that a bad one is refused on
 * every layout and before anything is read. */
static int choose_path(const char *cgroups_path, const char *parent, const char *id, char *ret,
		       size_t size, struct cps_err *err)
{
	char checked[1024] = "";
	int n, rc;

	if (cgroups_path && cgroups_path[0])
		n = snprintf(ret, size, "%s", cgroups_path);
	else
		n = snprintf(ret, size, "%s%s%s", parent ? parent : "",
			     parent && parent[0] ? "/" : "", id);
	if (n < 0 || (size_t)n >= size)
		return cps_failx(err, ENAMETOOLONG, "cgroup path '%.64s…' is too long", ret);
	rc = rt_cgroup_path_append(checked, sizeof(checked), ret, err);
	if (rc < 0)
		return rc;
	if (!checked[0]) /* the root group has no limits and is everybody's */
		return cps_failx(err, EINVAL, "cgroup path '%s' names no group", ret);
	return 0;
}

enum rt_cgroup_layout rt_cgroup_layout_here(void)
{
	return is_fs(CGROUP_ROOT, CGROUP2_SUPER_MAGIC) ? RT_CGROUP_V2 : RT_CGROUP_V1;
}

int rt_cgroup_init(struct rt_cgroup *cg, const char *cgroups_path, const char *parent,
		   const char *id, struct cps_arena *a, struct cps_err *err)
{
	cleanup_free char *text = NULL;
	char where[1024];
	char *line, *save = NULL;
	size_t len;
	int rc;

	cg->ndirs = 0;
	cg->layout = rt_cgroup_layout_here();
	rc = choose_path(cgroups_path, parent, id, where, sizeof(where), err);
	if (rc < 0)
		return rc;
	rc = cps_file_read(AT_FDCWD, "/proc/self/cgroup", 65536, &text, &len, err);
	if (rc < 0)
		return rc;
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		rc = add_hierarchy(cg, line, where, a, err);
		if (rc < 0)
			return rc;
	}
	if (cg->ndirs == 0)
		return cps_failx(err, EOPNOTSUPP, "no cgroup hierarchy is mounted in %s",
				 CGROUP_ROOT);
	return 0;
}

/* -- directories ---------------------------------------------------------------------------- */

/* An existing group may be used if nobody is in it: two containers in one would share its limits,
 * and be killed together. */
static int adopt(struct rt_cgroup_dir *dir, const char *full, struct cps_err *err)
{
	char procs[RT_CGROUP_FILE], frozen[RT_CGROUP_FILE], byte;
	cleanup_fd int fd = -1;
	struct stat st;
	ssize_t n;

	fd = open(rt_cgroup_file(dir, "cgroup.procs", procs), O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return cps_fail(err, errno, "open '%s'", procs);
	n = read(fd, &byte, 1);
	if (n < 0)
		return cps_fail(err, errno, "read '%s'", procs);
	if (n > 0)
		return cps_failx(err, EBUSY, "container's cgroup is not empty: '%s' has processes",
				 full);
	/* who is put into it would stand still before anything can be told about him */
	if (rt_cgroup_dir_is_frozen(dir, frozen))
		return cps_failx(err, EBUSY, "container's cgroup unexpectedly frozen: '%s'",
				 frozen);
	if (stat(full, &st) < 0)
		return cps_fail(err, errno, "stat '%s'", full);
	dir->made = st.st_nlink <=
		    2; /* no child groups: left behind by one like us, so it is ours now */
	return 0;
}

static int make_parents(const struct rt_cgroup_dir *dir, char *full,
			void (*made_parent)(const char *path), struct cps_err *err)
{
	char *p = full + strlen(dir->mount) + 1;

	for (p = strchr(p, '/'); p; p = strchr(p + 1, '/')) {
		int rc;

		*p = '\0';
		rc = mkdir(full, 0755);
		if (rc < 0 && errno != EEXIST)
			return cps_fail(err, errno, "mkdir '%s'", full);
		if (rc == 0 && made_parent)
			made_parent(full);
		*p = '/';
	}
	return 0;
}

int rt_cgroup_mkdir(struct rt_cgroup_dir *dir, void (*made_parent)(const char *path),
		    struct cps_err *err)
{
	char full[RT_CGROUP_FILE];
	int rc;

	(void)rt_cgroup_file(dir, NULL, full);
	rc = mkdir(full, 0755);
	if (rc < 0 && errno == ENOENT) {
		rc = make_parents(dir, full, made_parent, err);
		if (rc < 0)
			return rc;
		rc = mkdir(full, 0755);
	}
	if (rc == 0) {
		dir->made = true;
		return 0;
	}
	if (errno == EEXIST && dir->systemds) {
		dir->made = true;
		return 0;
	}
	if (errno == EEXIST)
		return adopt(dir, full, err);
	return cps_fail(err, errno, "mkdir '%s'", full);
}

int rt_cgroup_create(struct rt_cgroup *cg, const struct rt_resources *res, struct cps_err *err)
{
	return rt_cgroup_ops(cg)->create(cg, res, err);
}

static const struct rt_cgroup_dir *cgroup2_dir(const struct rt_cgroup *cg)
{
	for (unsigned i = 0; i < cg->ndirs; i++)
		if (!cg->dirs[i].controllers[0])
			return &cg->dirs[i];
	return NULL;
}

int rt_cgroup_open(const struct rt_cgroup *cg)
{
	const struct rt_cgroup_dir *dir = cgroup2_dir(cg);
	char path[RT_CGROUP_FILE];
	int fd;

	if (!dir)
		return -ENOTSUP;
	fd = open(rt_cgroup_file(dir, NULL, path), O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int rt_cgroup_join_self(const struct rt_cgroup *cg, struct cps_err *err)
{
	char path[RT_CGROUP_FILE];
	int rc = 0;

	/* To move a process the kernel stops all forks and exits of the machine, and waits for an
	 * RCU grace period to do so: milliseconds, when others are busy. To move the thread that
	 * asks it does not, and one thread is all we have. */
	for (unsigned i = 0; i < cg->ndirs && rc == 0; i++)
		if (cg->dirs[i].controllers[0])
			rc = cps_file_put(AT_FDCWD, rt_cgroup_file(&cg->dirs[i], "tasks", path),
					  "0", err);
	return cps_wrap(err, rc, "adding pid %d to cgroups", (int)getpid());
}

int rt_cgroup_move(const struct rt_cgroup *cg, pid_t pid, struct cps_err *err)
{
	char path[RT_CGROUP_FILE], text[16];
	int rc = 0;

	(void)snprintf(text, sizeof(text), "%d", pid);
	for (unsigned i = 0; i < cg->ndirs && rc == 0; i++)
		if (cg->dirs[i].controllers[0])
			rc = cps_file_put(AT_FDCWD,
					  rt_cgroup_file(&cg->dirs[i], "cgroup.procs", path), text,
					  err);
	return cps_wrap(err, rc, "join cgroup");
}

/* -- values --------------------------------------------------------------------------------- */

/* One value. -ENOENT: no such file or controller, and *err says so. */
static int apply_one(const struct rt_cgroup *cg, const struct rt_cgroup_write *w,
		     struct cps_err *err)
{
	const struct rt_cgroup_dir *dir = rt_cgroup_find(cg, w->controller);
	char path[RT_CGROUP_FILE];
	int rc;

	if (!dir)
		return cps_failx(
			err, ENOENT,
			"linux.resources.%s: this machine has no %s controller in " CGROUP_ROOT,
			w->field, w->controller);
	rc = cps_file_put(AT_FDCWD, rt_cgroup_file(dir, w->file, path), w->text, err);
	if (rc != -ENOENT)
		return cps_wrap(err, rc, "linux.resources.%s: '%s'", w->field, w->text);
	return cps_failx(err, ENOENT,
			 "linux.resources.%s: the %s controller has no '%s' in cgroup '%s'",
			 w->field, w->controller, w->file, dir->path);
}

static int apply_optional(const struct rt_cgroup *cg, const struct rt_cgroup_write *w,
			  struct cps_err *err)
{
	int rc = apply_one(cg, w, err);

	return rc == -ENOENT && w->optional ? 0 : rc;
}

/* The writes [from, to) of one group: in order, those refused again after the others, until all are
 * in or a whole round has got nothing done. */
static int apply_group(const struct rt_cgroup *cg, const struct rt_cgroup_write *v, size_t n,
		       struct cps_err *err)
{
	uint64_t left = (UINT64_C(1) << n) - 1; /* n is 3 at most */
	uint64_t before;
	int rc = 0;

	do {
		before = left;
		for (size_t i = 0; i < n; i++) {
			if (!(left & (UINT64_C(1) << i)))
				continue;
			rc = apply_optional(cg, &v[i], err);
			if (rc == 0)
				left &= ~(UINT64_C(1) << i);
			else if (rc != -EINVAL)
				return rc;
		}
	} while (left && left != before);
	return left ? rc : 0;
}

int rt_cgroup_apply(const struct rt_cgroup *cg, const struct rt_cgroup_writes *writes,
		    struct cps_err *err)
{
	const struct rt_cgroup_write *v = writes->v;

	for (size_t i = 0, n; i < writes->n; i += n) {
		int rc;

		for (n = 1; v[i].group && i + n < writes->n && v[i + n].group == v[i].group;)
			n++;
		rc = n > 1 ? apply_group(cg, &v[i], n, err) : apply_optional(cg, &v[i], err);
		if (v[i].or_next && rc == 0)
			n++;
		else if (v[i].or_next && rc == -ENOENT)
			continue;
		if (rc < 0)
			return rc == -ENOENT ? -(err->num = EOPNOTSUPP) : rc;
	}
	return 0;
}

/* No cgroup: nothing may be asked of it. */
static int refuse_limits(const struct rt_resources *res, struct cps_err *err)
{
	cleanup_arena struct cps_arena arena = CPS_ARENA_INIT;
	struct rt_cgroup_writes writes;
	int rc = rt_cgroup_values_v2(&arena, res, NULL, &writes, NULL, err);

	if (rc < 0 || writes.n == 0)
		return rc;
	return cps_failx(err, EPERM,
			 "linux.resources.%s: cannot be honoured, as no cgroup may be made here",
			 writes.v[0].field);
}

int rt_cgroup_limits(const struct rt_cgroup *cg, const struct rt_resources *res,
		     struct rt_warn *warn, struct cps_err *err)
{
	cleanup_arena struct cps_arena arena = CPS_ARENA_INIT;
	struct rt_cgroup_writes writes;
	int rc;

	if (!res->set)
		return 0;
	if (cg->ndirs == 0)
		return refuse_limits(res, err);
	rc = rt_cgroup_ops(cg)->values(cg, &arena, res, &writes, warn, err);
	return rc < 0 ? rc : rt_cgroup_apply(cg, &writes, err);
}

int rt_cgroup_devices(const struct rt_cgroup *cg, const struct rt_resources *res,
		      struct cps_err *err)
{
	return rt_cgroup_ops(cg)->devices(cg, res, err);
}

bool rt_cgroup_memory_events(const struct rt_cgroup *cg, char *path, size_t size)
{
	bool v2 = cg->layout == RT_CGROUP_V2;
	const struct rt_cgroup_dir *dir = rt_cgroup_find(cg, "memory");
	char full[RT_CGROUP_FILE];

	if (!dir)
		return false;
	(void)rt_cgroup_file(dir, v2 ? "memory.events" : "memory.oom_control", full);
	/* on v2 the directory is there without the controller too */
	if ((v2 && access(full, F_OK) < 0) || strlen(full) >= size)
		return false;
	memcpy(path, full, strlen(full) + 1);
	return true;
}
