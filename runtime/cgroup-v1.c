/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup v1 and hybrid: one directory in each mounted hierarchy, cgroup2's included where there is
 * one (it has no controllers then, but programs find their group by it).
 */
#include <config.h>

#include "cgroup-impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "cgroup-values.h"
#include "file.h"
#include "own.h"

/* Fails only for lack of a file that new kernels may drop: then children copy it, below. */
static void clone_children(const char *path)
{
	char file[RT_CGROUP_FILE + 32];
	struct cps_err ignored;

	(void)snprintf(file, sizeof(file), "%s/cgroup.clone_children", path);
	(void)cps_file_put(AT_FDCWD, file, "1", &ignored);
}

static int cpuset_read(const char *path, const char *file, char **ret_text, struct cps_err *err)
{
	char full[RT_CGROUP_FILE + NAME_MAX];
	size_t len;

	(void)snprintf(full, sizeof(full), "%s/%s", path, file);
	return cps_file_read(AT_FDCWD, full, 65536, ret_text, &len, err);
}

/* 1, or 0 if the group has nothing in that list yet. */
static int cpuset_has(const char *path, const char *file, struct cps_err *err)
{
	cleanup_free char *text = NULL;
	int rc = cpuset_read(path, file, &text, err);

	return rc < 0 ? rc : text[0] != '\n' && text[0] != '\0';
}

static int cpuset_copy(const char *from, const char *to, const char *file, struct cps_err *err)
{
	cleanup_free char *text = NULL;
	char full[RT_CGROUP_FILE + NAME_MAX];
	int rc = cpuset_read(from, file, &text, err);

	if (rc < 0)
		return rc;
	(void)snprintf(full, sizeof(full), "%s/%s", to, file);
	return cps_file_put(AT_FDCWD, full, text, err);
}

/* A new v1 cpuset has no cpus and no memory nodes, and nobody may join it; it takes its parent's.
 * Parents that others made may be as empty, or have just one of the two: whoever makes the first
 * container is between the two writes. `top` is the length of the mount's part. */
static int cpuset_inherit(char *path, size_t top, struct cps_err *err)
{
	char parent[RT_CGROUP_FILE];
	char *slash = strrchr(path, '/');
	int cpus, mems, rc;

	if (strlen(path) <= top)
		return 0; /* the root has all */
	cpus = cpuset_has(path, "cpuset.cpus", err);
	mems = cpus < 0 ? cpus : cpuset_has(path, "cpuset.mems", err);
	if (mems < 0)
		return mems;
	if (cpus && mems)
		return 0; /* its parent has clone_children, as all that we make have */
	(void)snprintf(parent, sizeof(parent), "%.*s", (int)(slash - path), path);
	*slash = '\0';
	rc = cpuset_inherit(path, top, err);
	*slash = '/';
	if (rc == 0 && !cpus)
		rc = cpuset_copy(parent, path, "cpuset.cpus", err);
	if (rc == 0 && !mems)
		rc = cpuset_copy(parent, path, "cpuset.mems", err);
	return rc;
}

static int v1_create(struct rt_cgroup *cg, const struct rt_resources *res, struct cps_err *err)
{
	const struct rt_cgroup_dir *cpuset = rt_cgroup_find(cg, "cpuset");
	char path[RT_CGROUP_FILE];

	(void)res; /* v2 enables controllers by it */
	for (unsigned i = 0; i < cg->ndirs; i++) {
		struct rt_cgroup_dir *dir = &cg->dirs[i];
		int rc = rt_cgroup_mkdir(dir, dir == cpuset ? clone_children : NULL, err);

		if (rc == 0 && dir == cpuset)
			rc = cpuset_inherit((char *)rt_cgroup_file(dir, NULL, path),
					    strlen(dir->mount), err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int v1_values(const struct rt_cgroup *cg, struct cps_arena *a,
		     const struct rt_resources *res, struct rt_cgroup_writes *ret,
		     struct rt_warn *warn, struct cps_err *err)
{
	(void)cg; /* v2 looks what is there */
	return rt_cgroup_values_v1(a, res, ret, warn, err);
}

const struct rt_cgroup_ops rt_cgroup_v1_ops = {
	.create = v1_create,
	.values = v1_values,
	.devices = rt_cgroup_v1_devices,
	.kill = rt_cgroup_v1_kill,
};
