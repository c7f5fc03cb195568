/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One file of a tree that is copied: its data and its attributes. Internal to copy.c.
 */
#ifndef STO_COPY_FILE_H
#define STO_COPY_FILE_H

#include <limits.h>
#include <sys/stat.h>

#include "copy.h"

struct sto_node {
	int fd; /* O_PATH or better */
	struct stat st;
	char target[PATH_MAX]; /* of a symlink, once it has been read */
};

/* Opens the very file that the node's descriptor stands for. fd or -errno. */
int sto_node_open(const struct sto_node *node, int flags);
int sto_node_readlink(struct sto_node *node); /* 0 or -errno */

/* Data from where both are to the end, holes kept. */
int sto_copy_data(int in, int out, struct cps_err *err);

/* Owner, mode, extended attributes, times, in an order in which none undoes another. */
int sto_node_attributes(const struct sto_node *node, int to, const struct sto_copy *how,
			struct cps_err *err);

/* O_PATH descriptor of a path below dir that has no symlink in it. fd or -errno. */
int sto_open_beneath(int dir, const char *path);

#endif
