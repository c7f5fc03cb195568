/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a creation (or an exec) knows, passed to every step. The clone copies it: from then on the
 * runtime and init each have their own, and only `shared` is seen by both.
 */
#ifndef RT_CTX_H
#define RT_CTX_H

#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "arena.h"
#include "cgroup.h"
#include "err.h"
#include "net-devices.h"
#include "plan.h"
#include "rootfs.h"
#include "rootless.h"
#include "seccomp.h"
#include "spec.h"
#include "state.h"
#include "warn.h"

/* What was asked, by the command line or over link B; const while it is done. */
struct rt_request {
	const char *root;	   /* state directory of all containers, absolute */
	const char *id;		   /* checked (D18) */
	const char *bundle;	   /* create: absolute */
	const char *cgroup_parent; /* where a container without linux.cgroupsPath goes */
	const char *pid_file;	   /* NULL: none */
	const char *console_socket;
	const char *pidfd_socket; /* who listens there is sent the process's pidfd; NULL: none */
	const char
		*config; /* create: the configuration's path, from the bundle; NULL: config.json */
	const char
		*user; /* create: instead of process.user, as rt_user_lookup() takes it; or NULL */
	const char
		*systemd; /* create: capsule-systemd, which asks for the cgroup; NULL: made by us */
	unsigned preserve_fds; /* this many from 3 on are the container's too */
	unsigned listen_fds;   /* of them, sockets that the process is told of as systemd does */
	bool no_pivot, no_new_keyring;
	bool no_cgroup;	    /* create: it stays in its caller's */
	bool ignore_paused; /* exec: into a paused container, where it waits */
	bool adopt_dir;	    /* the state directory is there already: the shim's */
	bool at_once;	    /* create: do not wait at the gate, there is none (run) */
	bool keep_console;  /* the caller relays the terminal itself: it wants the master */
	enum rt_rootless rootless;
	int link;     /* link B, for events; -1: none */
	int stdio[3]; /* -1: what the runtime has */
};

/* One page that the runtime and init both see. */
struct rt_shared {
	_Atomic uint32_t row; /* that init runs; how a silent death gets a name */
	pid_t pid;	      /* init's, in the runtime's pid namespace; the kernel writes it */
	uid_t uid;	      /* that a user's name was found to stand for, in the container */
	gid_t gid;
	struct rt_warn warn; /* init's */
};

struct rt_ctx {
	const struct rt_request *req;
	struct cps_arena *arena;
	const struct rt_spec *spec;
	const struct rt_process *process; /* create: the spec's; exec: its own */
	char *config; /* config.json as read, for the copy that exec uses; owned */
	size_t config_len;
	struct rt_plan plan;
	struct rt_state state; /* create: being filled; exec: the container's */

	/* The runtime's. */
	int dir; /* <root>/<id>, locked while we create */
	bool dir_made;
	pid_t pid; /* init's (exec: the process's), with its pidfd */
	int pidfd;
	int console; /* pty master, once it is ours */
	struct rt_net_devices net_devices;
	bool scope_is_ours; /* systemd has made it for us: not one of that name that was there */

	/* Made by the runtime before the clone, used by init. */
	int root_dir;
	bool root_is_mount;  /* root_dir came with the request: a detached mount */
	int *sources;	     /* of bind mounts, spec->nmounts long, or NULL */
	int ns[RT_NS_COUNT]; /* namespaces joined by path, or -1 */
	int target;	     /* exec: pidfd of the container's init */
	struct rt_filter filter;
	int gate;

	/* The engine's (steps.c). */
	bool in_init; /* this process is init */
	bool split;   /* the clone has happened */
	bool holds;   /* it is our turn */
	int baton[2]; /* runtime's end, init's end */
	int report;   /* init: where a failure is told, the baton or the gate's connection */
	struct rt_shared *shared;
	struct rt_warn *warn;
	struct rt_warn own_warn;
	const char *failed_step; /* row whose failure is in err */

	/* Init's. */
	struct rt_rootfs rootfs;
	struct rt_caps caps; /* what can be given */
	const char *home;    /* HOME=… to add, or NULL */
	const char *program; /* what is executed */
};

void rt_ctx_init(struct rt_ctx *ctx, const struct rt_request *req, struct cps_arena *arena);
void rt_ctx_done(struct rt_ctx *ctx);

#endif
