/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mounting a root file system, see mounts.h. Options are words of mount(8): some are flags, the
 * others are the file system's own.
 */
#include <config.h>
#include "mounts.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf.h"

#define DATA_MAX 4096 /* what mount(2) takes: a page, its NUL included */
#define LOWER	 "lowerdir="

static const struct word {
	const char *name;
	unsigned long set, clear;
} words[] = {
	{ "async", 0, MS_SYNCHRONOUS },	  { "atime", 0, MS_NOATIME },
	{ "bind", MS_BIND, 0 },		  { "defaults", 0, 0 },
	{ "dev", 0, MS_NODEV },		  { "diratime", 0, MS_NODIRATIME },
	{ "dirsync", MS_DIRSYNC, 0 },	  { "exec", 0, MS_NOEXEC },
	{ "mand", MS_MANDLOCK, 0 },	  { "noatime", MS_NOATIME, 0 },
	{ "nodev", MS_NODEV, 0 },	  { "nodiratime", MS_NODIRATIME, 0 },
	{ "noexec", MS_NOEXEC, 0 },	  { "nomand", 0, MS_MANDLOCK },
	{ "norelatime", 0, MS_RELATIME }, { "nostrictatime", 0, MS_STRICTATIME },
	{ "nosuid", MS_NOSUID, 0 },	  { "rbind", MS_BIND | MS_REC, 0 },
	{ "relatime", MS_RELATIME, 0 },	  { "ro", MS_RDONLY, 0 },
	{ "rw", 0, MS_RDONLY },		  { "strictatime", MS_STRICTATIME, 0 },
	{ "suid", 0, MS_NOSUID },	  { "sync", MS_SYNCHRONOUS, 0 },
};

static const struct word propagations[] = {
	{ "private", MS_PRIVATE, 0 },
	{ "rprivate", MS_PRIVATE | MS_REC, 0 },
	{ "rshared", MS_SHARED | MS_REC, 0 },
	{ "rslave", MS_SLAVE | MS_REC, 0 },
	{ "runbindable", MS_UNBINDABLE | MS_REC, 0 },
	{ "shared", MS_SHARED, 0 },
	{ "slave", MS_SLAVE, 0 },
	{ "unbindable", MS_UNBINDABLE, 0 },
};

static const struct word *word_find(const struct word *table, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(table[i].name, name) == 0)
			return &table[i];
	}
	return NULL;
}

struct wish {
	unsigned long flags;
	unsigned long propagation;
	struct cps_buf data;
	const char *lower; /* the value of lowerdir, or NULL */
};

static void wish_read(const Task__Mount *m, struct wish *ret)
{
	for (size_t i = 0; i < m->n_options; i++) {
		const char *o = m->options[i];
		const struct word *w = word_find(words, sizeof(words) / sizeof(words[0]), o);
		const struct word *p =
			word_find(propagations, sizeof(propagations) / sizeof(propagations[0]), o);

		if (p) {
			ret->propagation = p->set;
		} else if (w) {
			ret->flags = (ret->flags & ~w->clear) | w->set;
		} else {
			if (strncmp(o, LOWER, strlen(LOWER)) == 0)
				ret->lower = o + strlen(LOWER);
			if (ret->data.len > 0)
				cps_buf_puts(&ret->data, ",");
			cps_buf_puts(&ret->data, o);
		}
	}
}

/* Bytes of the directory, with its slash, that all of the list begin with. */
static size_t common_part(const char *list)
{
	size_t len = strcspn(list, ":");

	for (const char *at = list; *at; at += strcspn(at, ":"), at += *at == ':') {
		size_t same = 0;

		while (same < len && at[same] == list[same])
			same++;
		len = same;
	}
	while (len > 0 && list[len - 1] != '/')
		len--;
	return len;
}

/* Too many layers for one page: relative to where all of them are. We have no threads, and work
 * with no relative path. */
static int mount_relative(const Task__Mount *m, const struct wish *w, const char *target,
			  struct cps_err *err)
{
	size_t common = common_part(w->lower);
	cleanup_buf struct cps_buf data = CPS_BUF_INIT;
	cleanup_buf struct cps_buf dir = CPS_BUF_INIT;
	const char *at = w->data.data;
	int rc = 0;

	cps_buf_add(&dir, w->lower, common);
	while (*at) {
		bool in_lower = strncmp(at, LOWER, strlen(LOWER)) == 0;
		size_t len = strcspn(at, ",");

		if (in_lower) {
			cps_buf_puts(&data, LOWER);
			for (const char *l = w->lower; *l;) {
				size_t n = strcspn(l, ":");

				cps_buf_add(&data, l + common, n - common);
				l += n;
				if (*l == ':')
					cps_buf_add(&data, l++, 1);
			}
		} else {
			cps_buf_add(&data, at, len);
		}
		at += len;
		if (*at == ',')
			cps_buf_add(&data, at++, 1);
	}
	if (data.failed || dir.failed)
		return cps_fail(err, ENOMEM, "mount");
	if (common == 0 || data.len >= DATA_MAX)
		return cps_failx(err, E2BIG, "mount %s: more options than fit in a page", m->type);
	if (chdir(dir.data) < 0)
		return cps_fail(err, errno, "chdir '%s'", dir.data);
	if (mount(m->source, target, m->type, w->flags, data.data) < 0)
		rc = cps_fail(err, errno, "mount %s on '%s'", m->type, target);
	if (chdir("/") < 0 && rc == 0)
		rc = cps_fail(err, errno, "chdir '/'");
	return rc;
}

static int mount_one(const Task__Mount *m, const char *target, struct cps_err *err)
{
	cleanup_buf struct cps_buf data = CPS_BUF_INIT;
	struct wish w = { .data = CPS_BUF_INIT };
	bool bind;
	int rc = 0;

	wish_read(m, &w);
	data = w.data; /* freed as one of ours */
	bind = (w.flags & MS_BIND) != 0;
	if (data.failed)
		return cps_fail(err, ENOMEM, "mount");
	if (data.len >= DATA_MAX && w.lower)
		rc = mount_relative(m, &w, target, err);
	else if (data.len >= DATA_MAX)
		rc = cps_failx(err, E2BIG, "mount %s: more options than fit in a page", m->type);
	else if (mount(m->source, target, m->type, w.flags, data.data) < 0)
		rc = cps_fail(err, errno, "mount %s '%s' on '%s'", m->type, m->source, target);
	if (rc < 0)
		return rc;
	/* A bind mount takes its flags in a second step only. */
	if (bind && (w.flags & ~(unsigned long)(MS_BIND | MS_REC)) != 0 &&
	    mount(NULL, target, NULL, w.flags | MS_REMOUNT, NULL) < 0)
		return cps_fail(err, errno, "remount '%s'", target);
	if (w.propagation && mount(NULL, target, NULL, w.propagation, NULL) < 0)
		return cps_fail(err, errno, "propagation of '%s'", target);
	return 0;
}

static int root_path(const char *bundle, char *buf, size_t size, struct cps_err *err)
{
	if ((size_t)snprintf(buf, size, "%s/rootfs", bundle) >= size)
		return cps_fail(err, ENAMETOOLONG, "bundle");
	return 0;
}

static int target_path(const char *root, const char *below, char *buf, size_t size,
		       struct cps_err *err)
{
	if (strstr(below, "..") || (size_t)snprintf(buf, size, "%s/%s", root, below) >= size)
		return cps_failx(err, EINVAL, "mount: '%s' is no place in a root", below);
	return 0;
}

int task_mounts_attach(const char *bundle, Task__Mount *const *mounts, size_t count,
		       struct cps_err *err)
{
	char root[PATH_MAX];
	char target[PATH_MAX];
	int rc = root_path(bundle, root, sizeof(root), err);

	if (rc == 0 && count > 0 && mkdir(root, 0711) < 0 && errno != EEXIST)
		rc = cps_fail(err, errno, "mkdir '%s'", root);
	for (size_t i = 0; rc == 0 && i < count; i++) {
		bool below = mounts[i]->target[0] != '\0';

		if (below)
			rc = target_path(root, mounts[i]->target, target, sizeof(target), err);
		if (rc == 0)
			rc = mount_one(mounts[i], below ? target : root, err);
	}
	if (rc < 0)
		task_mounts_detach(bundle);
	return rc;
}

void task_mounts_detach(const char *bundle)
{
	char root[PATH_MAX];
	struct cps_err ignored;

	if (root_path(bundle, root, sizeof(root), &ignored) < 0)
		return;
	/* One may lie upon another. EINVAL: nothing is mounted there. */
	while (umount2(root, MNT_DETACH | UMOUNT_NOFOLLOW) == 0)
		;
}
