/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copying of file trees of which either side may be a container's, hostile and changing while we
 * work. Both sides are descriptors: from there on every step opens one name without following
 * symlinks, looks at what it has opened, and goes on with that. Nothing but regular files and
 * directories is ever opened for reading or writing, so no FIFO or device can hold us up or be
 * made to do something.
 *
 * What is copied: data (holes stay holes), modes, times, symlinks as they are, FIFOs; hard links
 * among what is copied stay such; not sockets.
 */
#ifndef STO_COPY_H
#define STO_COPY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "err.h"

#define STO_COPY_DEPTH 240 /* levels; four descriptors for each */

struct sto_copy {
	/* Owners, set-id bits, devices and all extended attributes but overlayfs' come along;
	 * otherwise only the attributes of users, and all belongs to uid and gid. */
	bool archive;
	uid_t uid;
	gid_t gid;
	/* Told of what is left out; may be NULL. */
	void (*skipped)(void *arg, const char *name, const char *why);
	void *arg;
};

/* The entries of one directory into another, which keep what else they have; a file there of the
 * same name is replaced, a directory merged. Both readable. */
int sto_copy_entries(int from_dir, int to_dir, const struct sto_copy *how, struct cps_err *err);

/* What `from` (O_PATH, or readable) has open, as to_dir/name. Merged or replaced as above; -EISDIR
 * and -ENOTDIR where one is a directory and the other not. */
int sto_copy_object(int from, int to_dir, const char *name, const struct sto_copy *how,
		    struct cps_err *err);

/* Mode, owner, times and attributes of a directory alone. */
int sto_copy_attributes(int from, int to, const struct sto_copy *how, struct cps_err *err);

#endif
