/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a container of an image will be: the command line and what the image says of itself, put
 * together and checked. Pure but for files that the command line names (--env-file, a seccomp
 * profile, --device). Everything lives in the arena.
 */
#ifndef SUP_RUN_PLAN_H
#define SUP_RUN_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "attach.h"
#include "buf.h"
#include "err.h"
#include "image-config.h"
#include "json.h"
#include "mode.h"
#include "run-options.h"

enum sup_mount_type { SUP_MOUNT_BIND, SUP_MOUNT_VOLUME, SUP_MOUNT_TMPFS };

struct sup_mount {
	enum sup_mount_type type;
	const char *name;   /* of a volume; NULL: one that is still to be made */
	const char *source; /* on the host; of a volume: once it has been opened */
	const char *destination;
	const char *options; /* a tmpfs's, as given; NULL */
	bool readonly;
	bool anonymous; /* goes with the container */
	bool nocopy;	/* an empty volume stays empty, whatever the image has there */
};

struct sup_health {		 /* times in ms; 0: the shim's defaults */
	const char *const *args; /* NULL-terminated; NULL: no probe */
	int64_t interval, timeout, start, retries;
};

struct sup_plan {
	struct cps_arena *arena;
	const struct sup_run *run;
	const struct sto_image_config *image;
	const char *id;
	const char *hostname; /* NULL: the host's */
	struct sto_strs args;
	struct sto_strs env;
	const char *cwd;
	const char *user; /* NULL: root */
	bool is_root;	  /* as far as the text of user tells */
	struct sto_pairs labels;
	size_t nmounts;
	struct sup_mount *mounts;
	struct net_mode mode;
	struct net_options net;
	struct sup_health health;
	uint64_t caps; /* 1 << CAP_… */
	bool no_new_privs;
	bool unconfined;		/* no seccomp filter */
	const struct cps_json *seccomp; /* a profile that was given; NULL: ours */
	const char *init_program;	/* file of capsule-init; NULL: not wanted */
	const char *names_dir;		/* of hosts, hostname, resolv.conf; NULL: the image's */
	const char *container_dir;	/* absolute */
	const char *netns;		/* path of a network namespace to join; NULL */
	const char *userns;		/* likewise */
	uint32_t id_base; /* first user id of the host of a namespace of its own; 0: none */
	uint32_t id_count;
};

/* From run, image and id. ret's other members may be filled in before the spec is written. */
int sup_plan_make(struct cps_arena *a, const struct sup_run *run,
		  const struct sto_image_config *image, const char *id, struct sup_plan *ret,
		  struct cps_err *err);

/* Parts of it. */
int sup_plan_mounts(struct sup_plan *p, struct cps_err *err);
int sup_plan_caps(struct sup_plan *p, struct cps_err *err);
int sup_plan_health(struct sup_plan *p, struct cps_err *err);
int sup_plan_network(struct sup_plan *p, struct cps_err *err);

/* "CAP_CHOWN"; NULL behind the last. */
const char *sup_cap_name(unsigned number);

/* config.json. */
int sup_spec_write(const struct sup_plan *p, struct cps_buf *ret, struct cps_err *err);
/* Parts of it, each written as the member it is named by. */
int sup_spec_resources(const struct sup_plan *p, struct cps_jsonw *w, struct cps_err *err);
/* linux.resources alone, of those options that were given. */
int sup_spec_update(const struct sup_run *run, struct cps_jsonw *w, struct cps_err *err);
int sup_spec_rlimits(const struct sup_plan *p, struct cps_jsonw *w, struct cps_err *err);
int sup_spec_sysctl(const struct sup_plan *p, struct cps_jsonw *w, struct cps_err *err);
/* Devices that were asked for, or all of the host's; as nodes, or as rules of the cgroup. */
int sup_spec_devices(const struct sup_plan *p, bool as_rules, struct cps_jsonw *w,
		     struct cps_err *err);
/* Our own profile, for a process with these capabilities. is_32: of programs of 32 bits. */
void sup_seccomp_default(uint64_t caps, bool is_32, struct cps_jsonw *w);

#endif
