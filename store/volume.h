/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Volumes, <data-root>/volumes/<name>/: data/ is what containers see, volume.json what is known of
 * it. A volume appears by one rename(2), with both, and goes by way of the trash. An anonymous one
 * has 64 hexadecimal digits as its name and goes with its container.
 *
 * A volume is in use while a container's record names it (container-record.h). Lock order: who
 * makes a container holds the volumes' lock shared from before it makes or uses a volume until the
 * record is written; who deletes holds it exclusively.
 */
#ifndef STO_VOLUME_H
#define STO_VOLUME_H

#include <stdbool.h>
#include <stdint.h>

#include "arena.h"
#include "data-root.h"
#include "err.h"
#include "image-config.h"

#define STO_VOLUME_FILE "volume.json"
#define STO_VOLUME_DATA "data"
#define STO_VOLUME_NAME 65 /* bytes, with the NUL */

struct sto_volume {
	const char *name;
	const char *created; /* RFC 3339 */
	const char *path;    /* of its data, below the data root as that was named */
	bool anonymous;
	struct sto_pairs labels;
};

/* LOCK_SH or LOCK_EX; returns the descriptor that holds it. Waits for seconds, then -EBUSY. */
int sto_volumes_lock(const struct sto *s, int how, struct cps_err *err);

/* name: NULL makes an anonymous one. ret_name is filled with the name. -EEXIST: there is one, which
 * is as it was. -EINVAL: no name (D18). */
int sto_volume_create(const struct sto *s, const char *name, const struct sto_pairs *labels,
		      char ret_name[STO_VOLUME_NAME], struct cps_err *err);

/* Strings in the arena. -ENOENT: no such volume. */
int sto_volume_load(const struct sto *s, const char *name, struct cps_arena *a,
		    struct sto_volume *ret, struct cps_err *err);

/* Sorted names. */
int sto_volume_list(const struct sto *s, struct cps_arena *a, const char ***ret_names,
		    size_t *ret_n, struct cps_err *err);

/*
 * Before every use by a container. A volume that has nothing in it gets what the image has at the
 * volume's place: root_fd is the image's root (the overlay's mount will do), path the place in it,
 * resolved below it; root_fd -1: nothing is to be copied (`nocopy`). Owners, modes, attributes,
 * symlinks, hard links, devices, holes are as there, and so are the mode and owner of the place
 * itself. If it is cut short, the next use starts it over. Another container that uses the same
 * volume at this moment waits for the copying.
 */
int sto_volume_use(const struct sto *s, const char *name, int root_fd, const char *path,
		   struct cps_err *err);

/* What containers' records say, in one pass: who uses which. */
struct sto_volume_ref {
	const char *volume, *id;
};

int sto_volume_refs(const struct sto *s, struct cps_arena *a,
		    const struct sto_volume_ref **ret_refs, size_t *ret_n, struct cps_err *err);
/* The first container that uses the volume, or NULL. */
const char *sto_volume_user(const struct sto_volume_ref *refs, size_t n, const char *volume);

/* -EBUSY while a container uses it, -ENOENT if there is none. Takes the lock exclusively. */
int sto_volume_delete(const struct sto *s, const char *name, struct cps_err *err);

enum sto_volume_which { STO_VOLUME_LEFTOVERS, STO_VOLUME_ANONYMOUS, STO_VOLUME_ALL };

/* Deletes what crashes have left, and what no container uses: anonymous ones, or all. Tells of
 * each volume by name. Takes the lock. */
int sto_volume_prune(const struct sto *s, enum sto_volume_which which,
		     void (*deleted)(void *arg, const char *name), void *arg, struct cps_err *err);

#endif
