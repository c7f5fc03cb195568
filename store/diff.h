/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a container has changed: its writable layer read against its image. Either may change, or
 * be changed by the container, while it is read; no symlink is followed.
 */
#ifndef STO_DIFF_H
#define STO_DIFF_H

#include <stdbool.h>
#include <sys/stat.h>

#include "err.h"

enum sto_change { STO_CHANGE_ADDED = 'A', STO_CHANGE_CHANGED = 'C', STO_CHANGE_DELETED = 'D' };

/* One change; path is absolute, as the container has it. */
typedef int sto_diff_fn(void *arg, enum sto_change change, const char *path, struct cps_err *err);

/* upper: of the container's upper directory; image: its image alone (sto_overlay_lower). Calls
 * `one` in the order of paths, a directory before what is in it, until that returns < 0. */
int sto_diff(int upper, int image, sto_diff_fn *one, void *arg, struct cps_err *err);

/* A character device 0:0 in a writable layer: what the image has of this name is deleted. */
bool sto_is_whiteout(const struct stat *st);
/* A directory of a writable layer that hides all that the image has in it. */
bool sto_is_opaque(int dir_fd);

#endif
