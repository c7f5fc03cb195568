/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mount options: the strings of a config's mount, read into what the kernel's calls take. Pure.
 */
#ifndef RT_MOUNT_OPTS_H
#define RT_MOUNT_OPTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "spec.h"

#define RT_MOUNT_DATA_MAX 4096 /* what mount(2) takes: a page, its NUL included */
#define RT_MOUNT_PROP_MAX 4    /* "slave, then shared" is sensible, more than a few are not */

struct rt_mount_opts {
	bool bind;	/* bind, rbind */
	bool recursive; /* rbind */
	bool remount;
	bool idmap, ridmap; /* idmapped; the second: with all that is mounted below */
	bool copy_up;	    /* tmpcopyup: a tmpfs begins with what it covers */
	/* MOUNT_ATTR_*: set or cleared because an option says so; what no option names is in
	 * neither. r…: of the mount and all below it. */
	uint64_t attr_set, attr_clr;
	uint64_t rattr_set, rattr_clr;
	bool has_atime;		/* noatime, relatime or strictatime is among the former */
	unsigned long sb_flags; /* MS_SYNCHRONOUS and the like: of the file system, not the mount */
	const char *context; /* SELinux label of what is in the file system (linux.mountLabel), or
				NULL */
	unsigned nprop;
	unsigned long prop[RT_MOUNT_PROP_MAX]; /* MS_SLAVE …, with MS_REC; applied in order */
	char data[RT_MOUNT_DATA_MAX];	       /* options of the file system itself, comma-joined */
};

int rt_mount_opts_parse(const struct rt_strs *options, struct rt_mount_opts *ret,
			struct cps_err *err);

/* The i-th option that is honoured, for `features`; NULL behind the last. */
const char *rt_mount_opt_name(size_t i);

/* MOUNT_ATTR_* as mount(2) says them. */
unsigned long rt_mount_attr_flags(uint64_t attr);

#endif
