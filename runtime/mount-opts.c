/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of mount options. A word that is not in it belongs to the file system ("size=64k").
 *
 * Options add up from left to right, and a later one wins over an earlier one, as with mount(8).
 */
#include <config.h>
#include "mount-opts.h"

#include <errno.h>
#include <string.h>
#include <sys/mount.h>

#define ATIME  MOUNT_ATTR__ATIME
#define STRICT MOUNT_ATTR_STRICTATIME

enum opt_kind {
	OPT_ATTR,    /* set and clr are MOUNT_ATTR_* */
	OPT_ATIME,   /* the same, and choose how access times are kept */
	OPT_RATTR,   /* the same, recursively */
	OPT_SB,	     /* set and clr are MS_* of the superblock */
	OPT_PROP,    /* set is a propagation type */
	OPT_BIND,    /* set: MS_REC or 0 */
	OPT_REMOUNT, /* change what is mounted there */
	OPT_NOTHING, /* "defaults" */
	OPT_IDMAP,   /* set: MS_REC or 0 */
	OPT_COPY_UP, /* tmpcopyup */
};

struct opt {
	const char *name;
	enum opt_kind kind;
	uint64_t set, clr;
};

/* Sorted by topic; names are few enough for a walk. The atime modes are one field of three values
 * (relatime is 0), so that each of them clears the whole field first. */
static const struct opt opts[] = {
	{ "defaults", OPT_NOTHING, 0, 0 },
	{ "bind", OPT_BIND, 0, 0 },
	{ "rbind", OPT_BIND, MS_REC, 0 },
	{ "remount", OPT_REMOUNT, 0, 0 },

	{ "ro", OPT_ATTR, MOUNT_ATTR_RDONLY, 0 },
	{ "rw", OPT_ATTR, 0, MOUNT_ATTR_RDONLY },
	{ "nosuid", OPT_ATTR, MOUNT_ATTR_NOSUID, 0 },
	{ "suid", OPT_ATTR, 0, MOUNT_ATTR_NOSUID },
	{ "nodev", OPT_ATTR, MOUNT_ATTR_NODEV, 0 },
	{ "dev", OPT_ATTR, 0, MOUNT_ATTR_NODEV },
	{ "noexec", OPT_ATTR, MOUNT_ATTR_NOEXEC, 0 },
	{ "exec", OPT_ATTR, 0, MOUNT_ATTR_NOEXEC },
	{ "nodiratime", OPT_ATTR, MOUNT_ATTR_NODIRATIME, 0 },
	{ "diratime", OPT_ATTR, 0, MOUNT_ATTR_NODIRATIME },
	{ "noatime", OPT_ATIME, MOUNT_ATTR_NOATIME, ATIME },
	{ "atime", OPT_ATTR, 0, ATIME },
	{ "relatime", OPT_ATIME, 0, ATIME },
	{ "norelatime", OPT_ATTR, 0, ATIME },
	{ "strictatime", OPT_ATIME, STRICT, ATIME },
	{ "nostrictatime", OPT_ATTR, 0, ATIME },
	{ "nosymfollow", OPT_ATTR, MOUNT_ATTR_NOSYMFOLLOW, 0 },
	{ "symfollow", OPT_ATTR, 0, MOUNT_ATTR_NOSYMFOLLOW },

	{ "rro", OPT_RATTR, MOUNT_ATTR_RDONLY, 0 },
	{ "rrw", OPT_RATTR, 0, MOUNT_ATTR_RDONLY },
	{ "rnosuid", OPT_RATTR, MOUNT_ATTR_NOSUID, 0 },
	{ "rsuid", OPT_RATTR, 0, MOUNT_ATTR_NOSUID },
	{ "rnodev", OPT_RATTR, MOUNT_ATTR_NODEV, 0 },
	{ "rdev", OPT_RATTR, 0, MOUNT_ATTR_NODEV },
	{ "rnoexec", OPT_RATTR, MOUNT_ATTR_NOEXEC, 0 },
	{ "rexec", OPT_RATTR, 0, MOUNT_ATTR_NOEXEC },
	{ "rnodiratime", OPT_RATTR, MOUNT_ATTR_NODIRATIME, 0 },
	{ "rdiratime", OPT_RATTR, 0, MOUNT_ATTR_NODIRATIME },
	{ "rnoatime", OPT_RATTR, MOUNT_ATTR_NOATIME, ATIME },
	{ "ratime", OPT_RATTR, 0, ATIME },
	{ "rrelatime", OPT_RATTR, 0, ATIME },
	{ "rnorelatime", OPT_RATTR, 0, ATIME },
	{ "rstrictatime", OPT_RATTR, STRICT, ATIME },
	{ "rnostrictatime", OPT_RATTR, 0, ATIME },
	{ "rnosymfollow", OPT_RATTR, MOUNT_ATTR_NOSYMFOLLOW, 0 },
	{ "rsymfollow", OPT_RATTR, 0, MOUNT_ATTR_NOSYMFOLLOW },

	{ "sync", OPT_SB, MS_SYNCHRONOUS, 0 },
	{ "async", OPT_SB, 0, MS_SYNCHRONOUS },
	{ "dirsync", OPT_SB, MS_DIRSYNC, 0 },
	{ "lazytime", OPT_SB, MS_LAZYTIME, 0 },
	{ "nolazytime", OPT_SB, 0, MS_LAZYTIME },
	{ "mand", OPT_SB, MS_MANDLOCK, 0 },
	{ "nomand", OPT_SB, 0, MS_MANDLOCK },
	{ "iversion", OPT_SB, MS_I_VERSION, 0 },
	{ "noiversion", OPT_SB, 0, MS_I_VERSION },
	{ "acl", OPT_SB, MS_POSIXACL, 0 },
	{ "noacl", OPT_SB, 0, MS_POSIXACL },
	{ "silent", OPT_SB, MS_SILENT, 0 },
	{ "loud", OPT_SB, 0, MS_SILENT },

	{ "private", OPT_PROP, MS_PRIVATE, 0 },
	{ "rprivate", OPT_PROP, MS_PRIVATE | MS_REC, 0 },
	{ "shared", OPT_PROP, MS_SHARED, 0 },
	{ "rshared", OPT_PROP, MS_SHARED | MS_REC, 0 },
	{ "slave", OPT_PROP, MS_SLAVE, 0 },
	{ "rslave", OPT_PROP, MS_SLAVE | MS_REC, 0 },
	{ "unbindable", OPT_PROP, MS_UNBINDABLE, 0 },
	{ "runbindable", OPT_PROP, MS_UNBINDABLE | MS_REC, 0 },

	{ "idmap", OPT_IDMAP, 0, 0 },
	{ "ridmap", OPT_IDMAP, MS_REC, 0 },
	{ "tmpcopyup", OPT_COPY_UP, 0, 0 },
};

#define OPT_COUNT (sizeof(opts) / sizeof(opts[0]))

static const struct opt *opt_find(const char *name)
{
	for (size_t i = 0; i < OPT_COUNT; i++)
		if (strcmp(opts[i].name, name) == 0)
			return &opts[i];
	return NULL;
}

const char *rt_mount_opt_name(size_t i)
{
	return i < OPT_COUNT ? opts[i].name : NULL;
}

static void attr_apply(const struct opt *o, uint64_t *set, uint64_t *clr)
{
	*set = (*set & ~o->clr) | o->set;
	*clr = (*clr & ~o->set) | o->clr;
}

static int data_add(struct rt_mount_opts *m, size_t *used, const char *text, struct cps_err *err)
{
	size_t len = strlen(text);

	if (len == 0)
		return 0;
	if (*used + len + 2 > sizeof(m->data))
		return cps_failx(err, E2BIG, "the options are longer than %d bytes",
				 RT_MOUNT_DATA_MAX - 1);
	if (*used > 0)
		m->data[(*used)++] = ',';
	memcpy(m->data + *used, text, len + 1);
	*used += len;
	return 0;
}

static int opt_apply(const struct opt *o, struct rt_mount_opts *m, struct cps_err *err)
{
	switch (o->kind) {
	case OPT_ATTR:
		attr_apply(o, &m->attr_set, &m->attr_clr);
		if (o->clr & ATIME) /* atime, norelatime …: takes the choice back */
			m->has_atime = false;
		return 0;
	case OPT_ATIME:
		attr_apply(o, &m->attr_set, &m->attr_clr);
		m->has_atime = true;
		return 0;
	case OPT_RATTR:
		attr_apply(o, &m->rattr_set, &m->rattr_clr);
		return 0;
	case OPT_SB:
		m->sb_flags = (m->sb_flags & ~(unsigned long)o->clr) | (unsigned long)o->set;
		return 0;
	case OPT_PROP:
		if (m->nprop == RT_MOUNT_PROP_MAX)
			return cps_failx(err, EINVAL, "option '%s': more than %d propagation types",
					 o->name, RT_MOUNT_PROP_MAX);
		m->prop[m->nprop++] = (unsigned long)o->set;
		return 0;
	case OPT_BIND:
		m->bind = true;
		m->recursive = o->set != 0;
		return 0;
	case OPT_REMOUNT:
		m->remount = true;
		return 0;
	case OPT_NOTHING:
		return 0;
	case OPT_IDMAP:
		m->idmap = true;
		m->ridmap = o->set != 0;
		return 0;
	case OPT_COPY_UP:
		m->copy_up = true;
		return 0;
	}
	return 0;
}

int rt_mount_opts_parse(const struct rt_strs *options, struct rt_mount_opts *ret,
			struct cps_err *err)
{
	size_t used = 0;

	/* Not a whole initializer: data's page needs no zeroes behind its first byte. */
	memset(ret, 0, offsetof(struct rt_mount_opts, data));
	ret->data[0] = '\0';
	for (size_t i = 0; i < options->n; i++) {
		const struct opt *o = opt_find(options->v[i]);
		int rc = o ? opt_apply(o, ret, err) : data_add(ret, &used, options->v[i], err);

		if (rc < 0)
			return rc;
	}
	return 0;
}

unsigned long rt_mount_attr_flags(uint64_t attr)
{
	unsigned long flags = 0;

	if (attr & MOUNT_ATTR_RDONLY)
		flags |= MS_RDONLY;
	if (attr & MOUNT_ATTR_NOSUID)
		flags |= MS_NOSUID;
	if (attr & MOUNT_ATTR_NODEV)
		flags |= MS_NODEV;
	if (attr & MOUNT_ATTR_NOEXEC)
		flags |= MS_NOEXEC;
	if (attr & MOUNT_ATTR_NODIRATIME)
		flags |= MS_NODIRATIME;
	if (attr & MOUNT_ATTR_NOSYMFOLLOW)
		flags |= MS_NOSYMFOLLOW;
	if ((attr & ATIME) == MOUNT_ATTR_NOATIME)
		flags |= MS_NOATIME;
	else if ((attr & ATIME) == STRICT)
		flags |= MS_STRICTATIME;
	return flags;
}
