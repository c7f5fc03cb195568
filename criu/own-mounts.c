/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See own-mounts.h.
 */
#include <config.h>

#include "own-mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "own.h"

static int open_current(struct cps_err *err)
{
	int fd = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);

	return fd < 0 ? cps_fail(err, errno, "open our mount namespace") : fd;
}

/* The kernel puts who enters a mount namespace at its root. */
static int enter(int ns, const char *cwd, struct cps_err *err)
{
	if (setns(ns, CLONE_NEWNS) < 0)
		return cps_fail(err, errno, "enter a mount namespace");
	return chdir(cwd) < 0 ? cps_fail(err, errno, "bundle '%s'", cwd) : 0;
}

/* What a mount has already is to stay when it is mounted anew. */
static unsigned long flags_of(const char *place)
{
	struct statvfs s;
	unsigned long flags = 0;

	if (statvfs(place, &s) < 0)
		return 0;
	flags |= s.f_flag & ST_NOSUID ? MS_NOSUID : 0;
	flags |= s.f_flag & ST_NODEV ? MS_NODEV : 0;
	flags |= s.f_flag & ST_NOEXEC ? MS_NOEXEC : 0;
	flags |= s.f_flag & ST_NOATIME ? MS_NOATIME : 0;
	flags |= s.f_flag & ST_NODIRATIME ? MS_NODIRATIME : 0;
	return flags | (s.f_flag & ST_RELATIME ? MS_RELATIME : 0);
}

int criu_own_mounts_make(struct criu_own_mounts *m, const char *root, bool readonly,
			 const char *place, const char *cwd, struct cps_err *err)
{
	m->cwd = cwd;
	m->host = open_current(err);
	if (m->host < 0)
		return m->host;
	if (unshare(CLONE_NEWNS) < 0)
		return cps_fail(err, errno, "make a mount namespace");
	m->own = open_current(err);
	if (m->own < 0)
		return m->own;
	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		return cps_fail(err, errno, "keep our mounts from the host");
	if (mount(root, place, NULL, MS_BIND | MS_REC, NULL) < 0)
		return cps_fail(err, errno, "bind the root file system '%s'", root);
	if (readonly &&
	    mount(NULL, place, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | flags_of(place), NULL) < 0)
		return cps_fail(err, errno, "make the root file system read-only");
	return 0;
}

int criu_own_mounts_host(const struct criu_own_mounts *m, struct cps_err *err)
{
	return enter(m->host, m->cwd, err);
}

int criu_own_mounts_own(const struct criu_own_mounts *m, struct cps_err *err)
{
	return enter(m->own, m->cwd, err);
}

void criu_own_mounts_done(struct criu_own_mounts *m)
{
	struct cps_err ignored;

	if (m->host >= 0)
		(void)enter(m->host, m->cwd, &ignored);
	cps_close(&m->host);
	cps_close(&m->own);
}
