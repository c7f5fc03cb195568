/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container's root file system: overlayfs over the layers of its image, with its own directory on
 * top. It is mounted detached, by descriptors, and never appears in the host's mount table: who
 * holds the descriptor has it, and the runtime attaches it in the container's mount namespace.
 *
 * Redirects and metadata-only copies are neither made nor followed, so that no extended attribute
 * in an image can lead out of its layers, and so that upper/ alone says what the container has
 * changed (diff.h). Not nosuid, not nodev, as images need it; the runtime limits devices by cgroup.
 */
#ifndef STO_OVERLAY_H
#define STO_OVERLAY_H

#include "data-root.h"
#include "err.h"

#define STO_OVERLAY_LAYERS 500 /* the kernel's bound */

/*
 * layers: digests, bottom first (layer.h); n may be 0, an image of nothing. container_dir: the
 * container's directory (container.h). userns_fd: files that an image has as id 0 belong to this
 * user namespace's id 0, and upper/ has the ids that they have on the host (Linux 6.15; -ENOTSUP
 * where the file system of the layers refuses); -1: ids as they are.
 * *ret_mount_fd: the detached mount, which one move_mount(2) attaches.
 */
int sto_overlay_mount(const struct sto *s, int container_dir, const char *const *layers, unsigned n,
		      int userns_fd, int *ret_mount_fd, struct cps_err *err);

/* The same over a directory of the host, which is only read; what is mounted in it is not seen. */
int sto_overlay_mount_dir(int container_dir, const char *dir, int userns_fd, int *ret_mount_fd,
			  struct cps_err *err);

/* The image alone, for reading: all layers as one. Returns a descriptor of its root. */
int sto_overlay_lower(const struct sto *s, int container_dir, const char *const *layers, unsigned n,
		      struct cps_err *err);

/* What they come to: descriptors of directories, lower ones bottom first. */
struct sto_overlay {
	const int *lower;
	unsigned nlower; /* at least 1 */
	int top;	 /* the directory that upper/ and work/ are in; -1: none, read-only */
};

int sto_overlay_join(const struct sto_overlay *o, int *ret_mount_fd, struct cps_err *err);
/* By names instead of descriptors, as kernels before 6.13 need it; changes the working directory
 * while it is at it. */
int sto_overlay_join_old(const struct sto_overlay *o, int *ret_mount_fd, struct cps_err *err);

#endif
