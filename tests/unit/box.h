/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container's file tree made in the test's own mount namespace: /tmp is a private tmpfs with
 * /tmp/root (an image) and /tmp/outside (which nothing must touch). Needs root.
 */
#ifndef BOX_H
#define BOX_H

#include <stdbool.h>

#include "rootfs.h"

#define BOX_MOUNTS 12

struct box {
	struct rt_spec spec;
	struct rt_mount mounts[BOX_MOUNTS]; /* spec.mounts */
	struct rt_id_map map;
	bool no_pivot;
	bool terminal;
	int without[2]; /* system calls that the kernel is to be without; 0: none */
	bool quick;	/* no comparison: the test does box_census() around many runs */
	/* Called in the container's namespaces, if not NULL: before the pivot, and when all is
	 * done; checks by ck_assert. */
	void (*before_pivot)(struct rt_rootfs *r);
	void (*inside)(struct rt_rootfs *r);
};

/* Strings up to a NULL, as box_mount takes them. */
#define NAMES(...)                \
	(const char *const[])     \
	{                         \
		__VA_ARGS__, NULL \
	}

/* Root and a kernel that lets us; else the tests are skipped. */
bool box_possible(void);
/* Enters namespaces of the test's own and builds the trees. proc, dev, pts, shm and sys are
 * mounted, with the usual options. */
void box_init(struct box *b);
/* Another mount, its options up to a NULL. */
void box_mount(struct box *b, const char *destination, const char *type, const char *source,
	       const char *const *options);
void box_user_namespace(struct box *b);
/* All rows of a create that have to do with files, in a process and namespaces of its own. Fails
 * the test if something outside changes, a mount of ours changes, or it takes 20 seconds. Returns
 * 0, or what the failing step returned, with its error. */
int box_run(struct box *b, struct cps_err *err);

/* What box_run compares, as text; caller frees. */
char *box_census(void);
void box_unchanged(const char *before, const char *after);
/* A shell command in the test's world; its status must be 0. */
void box_sh(const char *command);
/* The text that a file has; "" if there is none. Not for more than one at a time. */
const char *box_read(const char *path);
/* The options of the mount at path ("ro,nosuid …", then propagation words), from mountinfo; NULL:
 * no mount is there. */
const char *box_mount_line(const char *path);

#endif
