/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the root directory says about containers, read from files, without asking any shim: that
 * is quick for hundreds of them and works when a shim is dead.
 *
 * A file is never believed alone. The status comes from facts: exit.json is the last thing a
 * container leaves, so its presence means stopped; otherwise the process named by state.json is
 * alive only if pid, start time and boot id all match; and it has begun the user's command only if
 * nobody listens at its start gate any more.
 */
#ifndef SUP_STORE_H
#define SUP_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "arena.h"
#include "err.h"
#include "json.h"

enum sup_status {
	SUP_STATUS_CREATING, /* its shim lives, the runtime has not finished */
	SUP_STATUS_CREATED,
	SUP_STATUS_RUNNING,
	SUP_STATUS_PAUSED, /* running, in the freezer */
	SUP_STATUS_STOPPED,
	SUP_STATUS_BROKEN, /* remains of a crash: only `delete --force` helps */
	SUP_STATUS_COUNT,
};

/* state.json and shim.json: who a process is, across pid reuse and reboots. */
struct sup_identity {
	pid_t pid; /* 0: none */
	uint64_t start_time;
	const char *boot_id; /* NULL: not recorded */
};

struct sup_container {
	const char *id;
	enum sup_status status;
	const char *broken; /* why, if the status says so */
	struct sup_identity init;
	struct sup_identity shim;
	bool shim_alive;
	bool other_boot;		   /* the machine has been restarted since it was made */
	const char *bundle;		   /* or NULL */
	const char *created;		   /* RFC 3339, or NULL */
	const struct cps_json *state_json; /* NULL: missing or unreadable */
	const struct cps_json *shim_json;
	const struct cps_json *exit_json;
};

const char *sup_status_name(enum sup_status status);  /* the OCI's word: "running" */
const char *sup_status_title(enum sup_status status); /* for tables: "Running" */

/* The root directory's fd; -ENOENT if there is none (then there are no containers). */
int sup_store_open(const char *root, struct cps_err *err);
/* Is there anything of this container? Of one that is being taken apart this and that is missing;
 * only its own directory tells. */
bool sup_store_has(const char *root, const char *id);
/* Sorted ids of all containers. */
int sup_store_list(int rootfd, struct cps_arena *a, const char ***ret_ids, size_t *ret_n,
		   struct cps_err *err);
/* -ENOENT: no such container. Damaged files are no error but SUP_STATUS_BROKEN. */
int sup_container_load(int rootfd, const char *id, struct cps_arena *a, struct sup_container *ret,
		       struct cps_err *err);

/* Pure part, for tests and fuzzing: one file's text into the fields of *c that it tells. */
int sup_state_parse(struct cps_arena *a, const char *text, size_t len, struct sup_container *c,
		    struct cps_err *err);
int sup_shim_parse(struct cps_arena *a, const char *text, size_t len, struct sup_container *c,
		   struct cps_err *err);
int sup_exit_parse(struct cps_arena *a, const char *text, size_t len, struct sup_container *c,
		   struct cps_err *err);

/* Both in one, as every command begins: checks the name, opens the root, loads. */
int sup_container_open(const char *root, const char *id, struct cps_arena *a, int *ret_rootfd,
		       struct sup_container *ret, struct cps_err *err);

bool sup_identity_is_alive(const struct sup_identity *who);
/* Has it a first process: created, running or paused? */
bool sup_has_process(const struct sup_container *c);

/* A file in the container's cgroup of that controller, as state.json has it; on cgroup v2 every
 * controller's is the same. False: it has none. */
bool sup_cgroup_file(const struct sup_container *c, const char *controller, const char *file,
		     char *buf, size_t size);

/* Is it stopped, and nobody knows how it ended? */
bool sup_exit_is_unknown(const struct sup_container *c);
/* Member "exit", how it ended. False: it has not, and nothing is written. */
bool sup_exit_write(const struct sup_container *c, struct cps_jsonw *w);
/* … of a container or job whose exit object is `exit`; NULL: it has ended without a record. */
void sup_exit_write_record(const struct cps_json *exit, struct cps_jsonw *w);

#endif
