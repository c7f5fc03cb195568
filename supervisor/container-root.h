/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The root file system of a container as it sees it, for commands that read and write there. It is
 * a descriptor: what is below it is hostile, and resolved by openat2(2) within it alone.
 */
#ifndef SUP_CONTAINER_ROOT_H
#define SUP_CONTAINER_ROOT_H

#include <stdbool.h>
#include <sys/types.h>

#include "arena.h"
#include "command.h"
#include "container-record.h"
#include "data-root.h"
#include "err.h"

struct sup_container_root {
	int fd;	   /* O_PATH */
	uid_t uid; /* what its root is on the host */
	gid_t gid;
	int lock; /* of one that is not running: it cannot be deleted meanwhile */
};

#define SUP_CONTAINER_ROOT_INIT \
	{                       \
		-1, 0, 0, -1    \
	}

/*
 * Of a running container: by its init's root, in its own mount namespace, with its mounts and
 * whatever is read-only there; the process is verified to be that init. Of one that is not: its
 * overlay and its volumes are mounted in a mount namespace of this process, which it enters. -EBUSY
 * while another command makes or deletes it.
 */
int sup_container_root_open(const struct sup_ctx *ctx, const char *id,
			    struct sup_container_root *ret, struct cps_err *err);
void sup_container_root_done(struct sup_container_root *root);

#define cleanup_container_root __attribute__((cleanup(sup_container_root_done)))

/* What its image has, without what the container has changed; dir: the container's directory.
 * Returns a descriptor. */
int sup_container_image_open(const struct sto *s, int dir, const struct sto_record *r,
			     struct cps_err *err);

#endif
