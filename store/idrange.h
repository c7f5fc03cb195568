/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ranges of user and group ids for containers that have their own (`--userns auto`): 65,536 each,
 * no two containers the same. <data-root>/idranges/<first id> is a symlink whose text is the
 * container's name: made by one symlink(2), so that a crash leaves a range that is taken by nobody
 * or by a container whose directory can be asked for.
 *
 * They are taken from the line of `capsule` in /etc/subuid, where it is, and the same in
 * /etc/subgid; otherwise from 0x70000000 to 0x7ffeffff, which no distribution gives to anybody
 * (systemd's list of ids calls it unused).
 */
#ifndef STO_IDRANGE_H
#define STO_IDRANGE_H

#include <stdint.h>

#include "data-root.h"
#include "err.h"

#define STO_IDRANGES	  "idranges"
#define STO_IDRANGE_COUNT 65536U

/* The container's range, which becomes its own if it has none; the container's directory is there.
 * -ENOSPC: all are taken. */
int sto_idrange_take(const struct sto *s, const char *id, uint32_t *ret_first, struct cps_err *err);

/* The range that the container has; -ENOENT: none. */
int sto_idrange_find(const struct sto *s, const char *id, uint32_t *ret_first, struct cps_err *err);

/* Gives it back, before the container's directory goes. None is no error. */
int sto_idrange_release(const struct sto *s, const char *id, struct cps_err *err);

/* Gives back what belongs to containers that are not there. */
int sto_idrange_sweep(const struct sto *s, unsigned *ret_released, struct cps_err *err);

/* A user namespace without processes in which the ids inside, from `inside`, are the host's from
 * `outside`, for mount_setattr(2). Returns its descriptor. */
int sto_userns_make(uint32_t inside, uint32_t outside, struct cps_err *err);

#endif
