/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The data root: what outlives containers. One directory a topic; this file knows their names and
 * nothing else about them.
 *
 *   images/     blobs by digest, names, what is being fetched      blob.h, image.h
 *   layers/     unpacked layers by the digest of their archive     layer.h
 *   volumes/    volume.h
 *   containers/ a container's files and its writable layer         container.h, overlay.h
 *   networks/   is network/'s
 *   trash/      what was given up, until somebody has removed it   trash.h
 */
#ifndef STO_DATA_ROOT_H
#define STO_DATA_ROOT_H

#include <stdbool.h>

#include "err.h"

#define STO_IMAGES     "images"
#define STO_LAYERS     "layers"
#define STO_VOLUMES    "volumes"
#define STO_CONTAINERS "containers"
#define STO_NETWORKS   "networks"
#define STO_TRASH      "trash"

struct sto {
	const char *path; /* as it was given; borrowed */
	int fd;		  /* of the data root, O_PATH */
};

#define STO_INIT         \
	{                \
		NULL, -1 \
	}

/* Opens the data root. create: makes it (0700) where it is missing; otherwise -ENOENT, and there is
 * nothing kept yet. */
int sto_open(const char *path, bool create, struct sto *ret, struct cps_err *err);
void sto_done(struct sto *s);

#define cleanup_sto __attribute__((cleanup(sto_done)))

/* O_PATH descriptor of a topic's directory. create: makes it (0700). -ENOENT fills err too. */
int sto_topic(const struct sto *s, const char *topic, bool create, struct cps_err *err);

/* Everything that was written in the file system of the data root is on its disk when this returns:
 * one call for any number of files. */
int sto_sync(const struct sto *s, struct cps_err *err);

#endif
