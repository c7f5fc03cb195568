/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading and following events.log.
 *
 * The open file is the truth and not its name. When the name has become another file's, the file in
 * hand is read to its end and kept beside the new one: a writer that had it open may still add a
 * line. Only the next renaming ends it. inotify says when to look; it is armed before the first
 * look, and a look every second finds what its queue may have lost.
 */
#include <config.h>

#include "event-file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf.h"
#include "own.h"
#include "proto.h"

#define LOOK_MS	 1000
#define ROOT_MS	 200 /* between looks for a root directory that is not there yet */
#define LINE_MAX 65536
#define OLD_FILE CPS_EVLOG_FILE ".1"

struct tail {
	int fd;		     /* -1: none */
	struct cps_buf rest; /* a line's beginning */
};

struct reader {
	int root;
	struct tail old, current;
	sup_event_sink *sink;
	void *arg;
};

static void tail_done(struct tail *t)
{
	cps_close(&t->fd);
	cps_buf_done(&t->rest);
}

static void reader_done(struct reader *r)
{
	tail_done(&r->old);
	tail_done(&r->current);
	cps_close(&r->root);
}

/* Gives away the whole lines of buf[0..len), and keeps the rest. */
static int lines_give(struct reader *r, struct tail *t, const char *buf, size_t len,
		      struct cps_err *err)
{
	const char *newline;
	int rc = 0;

	while (rc == 0 && (newline = memchr(buf, '\n', len)) != NULL) {
		size_t n = (size_t)(newline - buf);

		if (t->rest.len > 0) {
			cps_buf_add(&t->rest, buf, n);
			if (!t->rest.failed)
				rc = r->sink(r->arg, t->rest.data, t->rest.len, err);
			cps_buf_done(&t->rest);
		} else {
			rc = r->sink(r->arg, buf, n, err);
		}
		buf += n + 1;
		len -= n + 1;
	}
	if (rc == 0 && len > 0)
		cps_buf_add(&t->rest, buf, len);
	if (t->rest.len > LINE_MAX || t->rest.failed)
		cps_buf_done(&t->rest); /* no line of ours */
	return rc;
}

static int tail_drain(struct reader *r, struct tail *t, struct cps_err *err)
{
	char buf[65536];

	while (t->fd >= 0) {
		ssize_t n = read(t->fd, buf, sizeof(buf));
		int rc;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return cps_fail(err, errno, "read '%s'", CPS_EVLOG_FILE);
		if (n == 0)
			break;
		rc = lines_give(r, t, buf, (size_t)n, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* -1: there is none, which is no error. */
static int file_open(const struct reader *r, const char *name, struct stat *ret, int *ret_fd,
		     struct cps_err *err)
{
	cleanup_fd int fd =
		openat(r->root, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);

	*ret_fd = -1;
	if (fd < 0 && (errno == ENOENT || errno == ESTALE))
		return 0;
	if (fd < 0 || fstat(fd, ret) < 0)
		return cps_fail(err, errno, "open '%s'", name);
	if (!S_ISREG(ret->st_mode))
		return cps_failx(err, EINVAL, "'%s' is no regular file", name);
	*ret_fd = take_fd(&fd);
	return 0;
}

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_dev == b->st_dev;
}

/* The current one first: what is renamed meanwhile is then seen twice, not missed, and told by its
 * inode. */
static int files_open(struct reader *r, struct cps_err *err)
{
	struct stat current = { 0 }, old = { 0 };
	int rc;

	for (;;) {
		rc = file_open(r, CPS_EVLOG_FILE, &current, &r->current.fd, err);
		if (rc == 0)
			rc = file_open(r, OLD_FILE, &old, &r->old.fd, err);
		if (rc < 0 || r->current.fd < 0 || r->old.fd < 0 || !is_same(&current, &old))
			return rc;
		cps_close(&r->current.fd);
		cps_close(&r->old.fd);
	}
}

/* The name is another file's: the one in hand becomes the old one. If two renamings have passed,
 * the file between is OLD_FILE now. */
static int advance(struct reader *r, struct cps_err *err)
{
	struct tail next = { .fd = -1 }, between = { .fd = -1 };
	struct stat ours, theirs, middle;
	int rc = file_open(r, CPS_EVLOG_FILE, &theirs, &next.fd, err);

	if (rc < 0 || next.fd < 0)
		return rc;
	if (r->current.fd >= 0) {
		if (fstat(r->current.fd, &ours) < 0 || is_same(&ours, &theirs)) {
			tail_done(&next);
			return 0;
		}
		rc = file_open(r, OLD_FILE, &middle, &between.fd, err);
		if (between.fd >= 0 && (is_same(&middle, &ours) || is_same(&middle, &theirs)))
			cps_close(&between.fd);
		if (rc == 0)
			rc = tail_drain(r, &r->old, err);
		if (rc == 0)
			rc = tail_drain(r, &r->current, err);
		tail_done(&r->old);
		r->old = r->current;
		if (rc == 0 && between.fd >= 0) {
			rc = tail_drain(r, &between, err);
			tail_done(&r->old);
			r->old = between;
		}
	}
	r->current = next;
	return rc < 0 ? rc : 1;
}

static int catch_up(struct reader *r, bool follow, struct cps_err *err)
{
	int rc;

	do {
		rc = tail_drain(r, &r->old, err);
		if (rc == 0)
			rc = tail_drain(r, &r->current, err);
		if (rc == 0 && follow)
			rc = advance(r, err);
	} while (rc > 0);
	return rc < 0 ? rc : r->sink(r->arg, NULL, 0, err);
}

static int root_open(struct reader *r, const char *path, bool wait, struct cps_err *err)
{
	for (;;) {
		r->root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (r->root >= 0)
			return 1;
		if (errno != ENOENT)
			return cps_fail(err, errno, "open '%s'", path);
		if (!wait)
			return 0;
		(void)poll(NULL, 0, ROOT_MS);
	}
}

static void notices_discard(int watch)
{
	char notices[4096] __attribute__((aligned(__alignof__(struct inotify_event))));

	while (read(watch, notices, sizeof(notices)) > 0)
		;
}

/* 1: the root directory was removed, and there may be another one of its name some day. */
static int follow_on(struct reader *r, int watch, struct cps_err *err)
{
	for (;;) {
		struct pollfd p = { .fd = watch, .events = POLLIN };
		struct stat st;
		bool is_gone;
		int rc;

		notices_discard(watch);
		is_gone = fstat(r->root, &st) == 0 && st.st_nlink == 0;
		rc = catch_up(r, true, err);
		if (rc < 0 || is_gone)
			return rc < 0 ? rc : 1;
		if (poll(&p, 1, LOOK_MS) < 0 && errno != EINTR)
			return cps_fail(err, errno, "wait for events");
	}
}

static int watch_make(const char *path, struct cps_err *err)
{
	cleanup_fd int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	if (watch < 0)
		return cps_fail(err, errno, "watch '%s'", path);
	if (inotify_add_watch(watch, path, IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_ONLYDIR) < 0)
		return cps_fail(err, errno, "watch '%s'", path);
	return take_fd(&watch);
}

static int root_read(const char *root, bool follow, sup_event_sink *sink, void *arg,
		     struct cps_err *err)
{
	struct reader r = {
		.root = -1,
		.old = { .fd = -1 },
		.current = { .fd = -1 },
		.sink = sink,
		.arg = arg,
	};
	cleanup_fd int watch = -1;
	int rc = root_open(&r, root, follow, err);

	if (rc == 0)
		return sink(arg, NULL, 0, err); /* not to be waited for */
	if (rc > 0 && follow) {
		watch = watch_make(root, err);
		rc = watch < 0 ? watch : 1;
	}
	if (rc > 0)
		rc = files_open(&r, err);
	if (rc == 0)
		rc = follow ? follow_on(&r, watch, err) : catch_up(&r, false, err);
	reader_done(&r);
	return rc;
}

int sup_events_read(const char *root, bool follow, sup_event_sink *sink, void *arg,
		    struct cps_err *err)
{
	int rc;

	do {
		rc = root_read(root, follow, sink, arg, err);
	} while (rc > 0);
	return rc;
}
