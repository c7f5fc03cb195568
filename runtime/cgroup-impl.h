/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files cgroup*.c share among themselves; nobody else includes this.
 */
#ifndef RT_CGROUP_IMPL_H
#define RT_CGROUP_IMPL_H

#include <limits.h>

#include "cgroup.h"

/* mount + path + "/" + file name */
#define RT_CGROUP_FILE (RT_CGROUP_MOUNT_MAX + RT_CGROUP_PATH_MAX + 1 + NAME_MAX + 1)

struct rt_cgroup_writes; /* cgroup-values.h */

/* What differs between the layouts; cgroup.c picks the one and calls it. */
struct rt_cgroup_ops {
	int (*create)(struct rt_cgroup *cg, const struct rt_resources *res, struct cps_err *err);
	/* What is to be written for res; all of it in the arena. */
	int (*values)(const struct rt_cgroup *cg, struct cps_arena *a,
		      const struct rt_resources *res, struct rt_cgroup_writes *ret,
		      struct rt_warn *warn, struct cps_err *err);
	int (*devices)(const struct rt_cgroup *cg, const struct rt_resources *res,
		       struct cps_err *err);
	int (*kill)(const struct rt_cgroup *cg, struct cps_err *err); /* SIGKILL to all */
};

extern const struct rt_cgroup_ops rt_cgroup_v1_ops;
extern const struct rt_cgroup_ops rt_cgroup_v2_ops;

const struct rt_cgroup_ops *rt_cgroup_ops(const struct rt_cgroup *cg);

/* The directory that has the controller: by name on v1, always the one directory on v2. NULL: the
 * machine has no such controller. */
const struct rt_cgroup_dir *rt_cgroup_find(const struct rt_cgroup *cg, const char *controller);

/* "<mount><path>/<file>"; file NULL: the directory itself. The lengths were checked when the struct
 * was filled. */
const char *rt_cgroup_file(const struct rt_cgroup_dir *dir, const char *file,
			   char buf[RT_CGROUP_FILE]);

/* Appends the components of more to path, without empty ones and "."; ".." is an attempt to get
 * out (D14), a line feed one to confuse those who read /proc/PID/cgroup: EINVAL. */
int rt_cgroup_path_append(char *path, size_t size, const char *more, struct cps_err *err);

/* Does the writes in order, in the way cgroup-values.h describes. */
int rt_cgroup_apply(const struct rt_cgroup *cg, const struct rt_cgroup_writes *writes,
		    struct cps_err *err);

/* mkdir of the directory; parents too if they are missing: made_parent(path) is then called for
 * each one made here (may be NULL). Sets dir->made. One that exists already is taken over if it is
 * empty (made is set) and shared if it has only child groups (made stays false). */
int rt_cgroup_mkdir(struct rt_cgroup_dir *dir, void (*made_parent)(const char *path),
		    struct cps_err *err);

/* cgroup-kill.c */
int rt_cgroup_v1_kill(const struct rt_cgroup *cg, struct cps_err *err);
int rt_cgroup_v2_kill(const struct rt_cgroup *cg, struct cps_err *err);
/* cgroup-freeze.c. v1: FREEZING turns into FROZEN when no process is on its way through the kernel
 * any more; false: not within this time, or the group is gone. */
bool rt_cgroup_v1_wait_frozen(const struct rt_cgroup_dir *dir, long most_us);
/* Only the hierarchy of the freezer on v1, and v2, can be. ret_file: which file says so. */
bool rt_cgroup_dir_is_frozen(const struct rt_cgroup_dir *dir, char ret_file[RT_CGROUP_FILE]);
/* cgroup-devices.c, cgroup-devices-bpf.c */
int rt_cgroup_v1_devices(const struct rt_cgroup *cg, const struct rt_resources *res,
			 struct cps_err *err);
int rt_cgroup_v2_devices(const struct rt_cgroup *cg, const struct rt_resources *res,
			 struct cps_err *err);

#endif
