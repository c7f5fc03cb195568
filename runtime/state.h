/* SPDX-License-Identifier: Apache-2.0 */
/*
 * <root>/<id>/state.json, and what a container's status is. The file records what does not change;
 * the status is always computed from facts: is the process that was recorded (pid, start time and
 * boot) alive, is somebody waiting at the gate, is its creator still at work.
 */
#ifndef RT_STATE_H
#define RT_STATE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "arena.h"
#include "buf.h"
#include "cgroup.h"
#include "clock.h"
#include "err.h"
#include "json.h"
#include "rdt.h"
#include "systemd.h"

#define RT_STATE_NAME  "state.json"
#define RT_CONFIG_NAME "config.json"

enum rt_status {
	RT_STATUS_CREATING,
	RT_STATUS_CREATED,
	RT_STATUS_RUNNING,
	RT_STATUS_PAUSED,
	RT_STATUS_STOPPED,
	RT_STATUS_COUNT,
};

struct rt_state {
	const char *oci_version, *id, *bundle, *rootfs;
	const char *user;	 /* who runs it instead of process.user, or NULL */
	const char *annotations; /* a JSON object's text, or NULL */
	char created[CPS_TIME_SIZE];
	uid_t owner;
	pid_t pid; /* 0: the creator has not got that far */
	uint64_t start_time;
	char boot_id[37];
	bool own_pidns; /* when init dies, the kernel kills the rest */
	bool poststart; /* the runtime must start it: it has hooks to run, or an agent to tell */
	bool poststop, terminal;
	struct rt_cgroup cgroup;
	struct rt_rdt rdt;
	struct rt_scope scope; /* whose cgroup that is, if systemd was asked for it */
};

extern const char *const rt_status_names[RT_STATUS_COUNT];

/* first: the file is made and must not be there yet (EEXIST); else it is replaced. */
int rt_state_save(const struct rt_state *s, int dir, bool first, struct cps_err *err);
/* Strings live in the arena. ENOENT: no such file; EBADMSG: it is not what we wrote. */
int rt_state_load(int dir, struct cps_arena *a, struct rt_state *ret, struct cps_err *err);

/* Removes our files from the state directory. */
void rt_state_unlink(int dir);
/* Removes the directory, if nobody else has files there. */
void rt_state_remove_dir(const char *root, const char *id);

/* Fills pid, start time and boot id for a process of ours that cannot be reaped meanwhile. */
int rt_state_set_process(struct rt_state *s, pid_t pid, struct cps_err *err);

/* Was it made before the machine was restarted? Then nothing of it lives, and what has its cgroups'
 * names now is somebody else's. */
bool rt_state_is_other_boot(const struct rt_state *s);
/* dir: a description of the caller's alone, not locked by it. *ret_pidfd (may be NULL): of a living
 * init, else -1; the caller's. */
enum rt_status rt_state_status(const struct rt_state *s, int dir, int *ret_pidfd);

/* The OCI state object. full: with the members that runc adds. */
void rt_state_json(const struct rt_state *s, enum rt_status status, pid_t pid, bool full,
		   struct cps_jsonw *w);

#endif
