/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What we keep of a container, <data-root>/containers/<id>/, made before its shim is started and
 * removed when that has gone. Here is only the directory and what the overlay needs in it; the
 * files beside that are their topics'.
 *
 *   upper/ work/   the overlay's, root's alone (overlay.h)
 *   rootfs/        empty: config.json's root, on which the overlay is mounted in the container
 *
 * Who makes or removes one holds its lock, flock(2) of the directory. A directory without a state
 * directory that nobody holds is what a crash has left.
 */
#ifndef STO_CONTAINER_H
#define STO_CONTAINER_H

#include <stddef.h>

#include "arena.h"
#include "data-root.h"
#include "err.h"

#define STO_CONTAINER_UPPER  "upper"
#define STO_CONTAINER_WORK   "work"
#define STO_CONTAINER_ROOTFS "rootfs"

/* Makes it, with the three directories. Returns its descriptor (readable), which holds the lock
 * until it is closed. -EEXIST: there is one of this name. -EINVAL: no name (D18). */
int sto_container_create(const struct sto *s, const char *id, struct cps_err *err);

/* Descriptor, no lock. -ENOENT: we keep nothing of a container of this name. */
int sto_container_open(const struct sto *s, const char *id, struct cps_err *err);

/* The same with the lock, without waiting: -EBUSY, somebody is making or removing it. */
int sto_container_claim(const struct sto *s, const char *id, struct cps_err *err);

/* Removes it by way of the trash; who calls this knows that nothing runs in it any more, and has
 * the lock if others may be at it. What is not there is no error. Its user ids are given back
 * too. */
int sto_container_remove(const struct sto *s, const char *id, struct cps_err *err);

/* Sorted names; strings and array in the arena. */
int sto_container_list(const struct sto *s, struct cps_arena *a, const char ***ret_ids,
		       size_t *ret_n, struct cps_err *err);

#endif
