/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The root directory under watch: what is in it, what comes, and the lock that says that somebody
 * watches. If the root is removed, a look once a second waits for another one: it is not made again
 * against the will of who removed it.
 *
 * Nothing of the root is held open but the lock, whose removal is the news that the root goes: the
 * kernel tells of the end of a directory only when nobody has anything in it open.
 */
#include <config.h>

#include "watch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include "clock.h"
#include "file.h"
#include "own.h"

#define LOCK_TRIES    20
#define LOCK_TRY_MS   20
#define ROOT_RETRY_MS 1000

/* A new directory is not looked at before that: a creation takes a few milliseconds and is not to
 * be disturbed, and containers that do not live as long cost next to nothing. */
#define NEW_MS 10

/* ---- the lock ---- */

static int lock_is_the_file(int lock, int rootfd)
{
	struct stat ours;
	struct stat there;

	return fstat(lock, &ours) == 0 &&
	       fstatat(rootfd, SUP_WATCH_LOCK, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
	       ours.st_ino == there.st_ino && ours.st_dev == there.st_dev;
}

/* 0, or -EAGAIN: somebody has it, or the file was replaced meanwhile. */
static int lock_try(int rootfd, int *ret_lock, struct cps_err *err)
{
	cleanup_fd int fd =
		openat(rootfd, SUP_WATCH_LOCK, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return cps_fail(err, errno, "open '%s'", SUP_WATCH_LOCK);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? -EAGAIN
					    : cps_fail(err, errno, "lock '%s'", SUP_WATCH_LOCK);
	if (!lock_is_the_file(fd, rootfd))
		return -EAGAIN;
	*ret_lock = take_fd(&fd);
	return 0;
}

static int lock_held(int rootfd, const char *root, struct cps_err *err)
{
	cleanup_free char *text = NULL;
	struct cps_err ignored;
	size_t len = 0;

	if (cps_file_read(rootfd, SUP_WATCH_LOCK, 64, &text, &len, &ignored) < 0)
		len = 0;
	return cps_failx(err, EBUSY, "shim watch: '%s' is being watched already%s%s", root,
			 len > 0 ? ", by pid " : "", len > 0 ? text : "");
}

static int lock_take(struct sup_watch *w, int rootfd, struct cps_err *err)
{
	char pid[16];
	int rc = -EAGAIN;
	int n;

	/* Commands that want to know whether there is a watch take it for a moment, too. */
	for (int i = 0; i < LOCK_TRIES && rc == -EAGAIN; i++) {
		if (i > 0)
			(void)poll(NULL, 0, LOCK_TRY_MS);
		rc = lock_try(rootfd, &w->lock, err);
	}
	if (rc == -EAGAIN)
		return lock_held(rootfd, w->ctx->root, err);
	if (rc < 0)
		return rc;
	n = snprintf(pid, sizeof(pid), "%d", (int)getpid());
	if (ftruncate(w->lock, 0) < 0 || pwrite(w->lock, pid, (size_t)n, 0) != n)
		return cps_fail(err, errno, "write '%s'", SUP_WATCH_LOCK);
	return 0;
}

/* ---- what is there ---- */

static int scan(struct sup_watch *w, struct cps_err *err)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	cleanup_fd int rootfd = sup_store_open(w->ctx->root, err);
	const char **ids;
	size_t n;
	int rc;

	if (rootfd < 0)
		return rootfd;
	rc = sup_store_list(rootfd, &a, &ids, &n, err);
	for (size_t i = 0; rc == 0 && i < n; i++)
		sup_watch_ct_new(w, ids[i], 0);
	return rc;
}

int sup_watch_root_open(struct sup_watch *w, bool make, struct cps_err *err)
{
	const char *root = w->ctx->root;
	cleanup_fd int rootfd = -1;
	char lock[64];
	int rc = make ? cps_mkdir_all(root, 0700, err) : 0;

	if (rc < 0)
		return rc;
	rootfd = sup_store_open(root, err);
	if (rootfd < 0)
		return rootfd;
	rc = lock_take(w, rootfd, err);
	if (rc < 0)
		return rc;
	(void)snprintf(lock, sizeof(lock), "/proc/self/fd/%d", w->lock);
	w->lock_wd = inotify_add_watch(w->inotify, lock, IN_ATTRIB | IN_DELETE_SELF);
	w->root_wd = inotify_add_watch(w->inotify, root,
				       IN_CREATE | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF |
					       IN_ONLYDIR);
	if (w->lock_wd < 0 || w->root_wd < 0)
		return cps_fail(err, errno, "watch '%s'", root);
	w->root_ms = 0;
	return scan(w, err);
}

void sup_watch_root_done(struct sup_watch *w)
{
	cleanup_fd int rootfd = open(w->ctx->root, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (w->lock >= 0 && rootfd >= 0 && lock_is_the_file(w->lock, rootfd))
		(void)unlinkat(rootfd, SUP_WATCH_LOCK, 0); /* while it is ours */
	cps_close(&w->lock);
}

/* ---- what comes and goes ---- */

static void root_lost(struct sup_watch *w)
{
	if (w->lock < 0)
		return;
	(void)fprintf(
		stderr,
		"capsule: shim watch: '%s' or the lock in it was removed, waiting for another\n",
		w->ctx->root);
	(void)inotify_rm_watch(w->inotify, w->root_wd);
	(void)inotify_rm_watch(w->inotify, w->lock_wd);
	w->root_wd = -1;
	w->lock_wd = -1;
	cps_close(&w->lock);
	w->root_ms = cps_monotonic_ms() + ROOT_RETRY_MS;
}

void sup_watch_root_due(struct sup_watch *w)
{
	int rc = sup_watch_root_open(w, false, w->err);

	if (rc == 0)
		return;
	if (rc == -EBUSY) {
		sup_watch_end(w, rc);
		return;
	}
	/* not there, or removed while we looked */
	cps_close(&w->lock);
	w->root_ms = cps_monotonic_ms() + ROOT_RETRY_MS;
}

static void one_event(struct sup_watch *w, const struct inotify_event *e)
{
	struct cps_err err;
	struct stat st;

	if (e->mask & IN_Q_OVERFLOW) {
		if (w->lock >= 0)
			(void)scan(w, &err);
	} else if (e->wd == w->lock_wd) {
		if (fstat(w->lock, &st) < 0 || st.st_nlink == 0)
			root_lost(w);
	} else if (e->wd == w->root_wd) {
		if (e->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT | IN_IGNORED))
			root_lost(w);
		else if ((e->mask & IN_ISDIR) && e->len > 0 && cps_is_name(e->name))
			sup_watch_ct_new(w, e->name, NEW_MS);
	}
}

void sup_watch_root_ready(struct sup_watch *w, void *ignored)
{
	char buf[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	ssize_t n = read(w->inotify, buf, sizeof(buf));
	ssize_t at = 0;

	(void)ignored;
	while (at + (ssize_t)sizeof(struct inotify_event) <= n) {
		const struct inotify_event *e = (const void *)(buf + at);

		one_event(w, e);
		at += (ssize_t)(sizeof(*e) + e->len);
	}
}
