/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The container's control groups, on a v1 or hybrid layout (one directory per hierarchy) and on
 * v2 (one directory), behind one set of functions. The layout is found without parsing
 * mountinfo: statfs(/sys/fs/cgroup) and /proc/self/cgroup.
 *
 * Kernel interfaces: Documentation/admin-guide/cgroup-v1/ and cgroup-v2.rst.
 */
#ifndef RT_CGROUP_H
#define RT_CGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "arena.h"
#include "err.h"
#include "json.h"
#include "spec.h"
#include "warn.h"

#define RT_CGROUP_MAX 16 /* v1 hierarchies */
/* What a directory's texts may have, and the paths made of them count on. */
#define RT_CGROUP_CONTROLLERS_MAX 63
#define RT_CGROUP_MOUNT_MAX	  127
#define RT_CGROUP_PATH_MAX	  1023

enum rt_cgroup_layout {
	RT_CGROUP_V1,
	RT_CGROUP_V2
}; /* hybrid is V1; its cgroup2 mount is one more directory */

/* The texts live in the arena of whoever filled the struct: it is copied on every create and exec,
 * and pages that are not touched need not be faulted in, nor copied when init is cloned. */
struct rt_cgroup_dir {
	const char *controllers; /* "cpu,cpuacct", "name=systemd", "" for the cgroup2 directory */
	const char *mount;	 /* "/sys/fs/cgroup/cpu" */
	const char *path;	 /* below the mount: "/capsule/web1" */
	bool made;		 /* by us, or found empty: ours to remove */
	bool systemds;		 /* systemd makes it, with our process in it */
};

struct rt_cgroup {
	enum rt_cgroup_layout layout;
	unsigned ndirs;
	struct rt_cgroup_dir dirs[RT_CGROUP_MAX];
};

/* What this machine has mounted. */
enum rt_cgroup_layout rt_cgroup_layout_here(void);

/* Decides where: cgroups_path as the config gives it (absolute: below the hierarchies' roots;
 * relative: below the caller's own cgroup, as runc does; NULL: parent/id). `..` components are
 * refused (EINVAL). Reads, makes nothing. */
int rt_cgroup_init(struct rt_cgroup *cg, const char *cgroups_path, const char *parent,
		   const char *id, struct cps_arena *a, struct cps_err *err);

/* Makes the directories (parents too), enables v2 controllers downwards. One that exists and has
 * processes is refused (EBUSY), for a second container would share its limits. */
int rt_cgroup_create(struct rt_cgroup *cg, const struct rt_resources *res, struct cps_err *err);
/* Writes all limits but devices' (rt_cgroup_devices). Values the kernel lacks a controller for: an
 * error naming the field and the controller. Zero means "leave" where Docker means so. */
int rt_cgroup_limits(const struct rt_cgroup *cg, const struct rt_resources *res,
		     struct rt_warn *warn, struct cps_err *err);
/* The same for a group in use: what was there before is there again if one of them is refused (but
 * for limits of devices, of which a file has many). */
int rt_cgroup_update(const struct rt_cgroup *cg, const struct rt_resources *res,
		     struct rt_warn *warn, struct cps_err *err);
/* Device access: default deny, res->devices in order, then the default devices of the spec. v1:
 * devices.deny/allow; v2: a BPF program of type CGROUP_DEVICE, which takes the place of the one
 * before. */
int rt_cgroup_devices(const struct rt_cgroup *cg, const struct rt_resources *res,
		      struct cps_err *err);
/* The calling process, which has one thread and was cloned into rt_cgroup_open's directory: joins
 * the v1 hierarchies. */
int rt_cgroup_join_self(const struct rt_cgroup *cg, struct cps_err *err);
/* Moves a process that systemd has put into its scope to the v1 hierarchies that systemd leaves
 * alone, too. */
int rt_cgroup_move(const struct rt_cgroup *cg, pid_t pid, struct cps_err *err);
/* O_PATH fd of the cgroup2 directory (v2's only one, a hybrid layout's last one), for clone3;
 * -ENOTSUP where there is none. */
int rt_cgroup_open(const struct rt_cgroup *cg);

/* All pids in the cgroup and below it; caller frees. */
int rt_cgroup_pids(const struct rt_cgroup *cg, pid_t **ret_pids, size_t *ret_count,
		   struct cps_err *err);
/* Leads to groups below the container's own, for one process of it: each of the texts is "PATH" (in
 * all hierarchies; alone) or "CONTROLLER,...:PATH" (in those that have the controllers; v1 only).
 * EINVAL: a path that leads out, an unknown controller, one named twice. */
int rt_cgroup_sub(struct rt_cgroup *cg, const char *const *texts, size_t n, struct cps_arena *a,
		  struct cps_err *err);

/* Signals every process in it and below. SIGKILL on v2 is cgroup.kill; on v1 the freezer holds
 * them while they are signalled, so that none can fork away. */
int rt_cgroup_kill(const struct rt_cgroup *cg, int signal, struct cps_err *err);
/* Stops all of its processes, or lets them go on; returns when they have. EOPNOTSUPP: there is no
 * freezer. ETIMEDOUT: some do not stop, and all go on. EBUSY: a group above keeps them frozen. */
int rt_cgroup_freeze(const struct rt_cgroup *cg, bool freeze, struct cps_err *err);
bool rt_cgroup_is_frozen(const struct rt_cgroup *cg);
/* Removes the directories that are ours (`made`), and those that the container made below them;
 * waits for the kernel to let go of dead processes, bounded, without a grace period when none is
 * needed. */
int rt_cgroup_remove(const struct rt_cgroup *cg, struct cps_err *err);

/* File with an `oom_kill N` line: memory.oom_control (v1), memory.events (v2); false: no memory
 * controller. */
bool rt_cgroup_memory_events(const struct rt_cgroup *cg, char *path, size_t size);

/* state.json: an object {"layout":"v1","dirs":[…]}, read back by load. rt_cgroup_paths writes an
 * object {controller: absolute path} for people and clients. What load fills points into node's
 * arena. */
void rt_cgroup_format(const struct rt_cgroup *cg, struct cps_jsonw *w, const char *key);
int rt_cgroup_load(struct rt_cgroup *cg, const struct cps_json *node, struct cps_err *err);
/* A group below a hierarchy's root, as somebody else tells of it: absolute, and no way out of it.
 * It becomes part of paths that are made and removed. */
bool rt_cgroup_is_path(const char *path);
void rt_cgroup_paths(const struct rt_cgroup *cg, struct cps_jsonw *w, const char *key);

/* Fills the `cgroup` mount of a container (called in init's mount namespace, rootfs.c). dest_fd:
 * O_PATH of the mount point. v2: a cgroup2 mount, or with no cgroup namespace a bind of the
 * container's own directory. v1: a tmpfs with one bind per hierarchy of the container's own
 * cgroup, plus symlinks for comma names. attr: MOUNT_ATTR_* to set. */
int rt_cgroup_mount(const struct rt_cgroup *cg, int dest_fd, bool own_cgroupns, unsigned long attr,
		    struct cps_err *err);

#endif
