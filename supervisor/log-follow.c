/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log -f: what the writer adds, across rotations, until it has ended.
 *
 * No line is lost or doubled, because the open file is the truth and not its name: the file in
 * hand is read to its end; only once a newer one exists is it final, so it is read to its end once
 * more and left for the next newer (log-files.h). inotify only says when to look; it is armed
 * before the first look.
 */
#include <config.h>

#include "log-reader.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "own.h"

#define LOOK_MS 1000 /* events can be lost to a full queue; then this finds what they told */

static int watch_dir(int watch, const char *path)
{
	return inotify_add_watch(watch, path,
				 IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM |
					 IN_DELETE_SELF | IN_ONLYDIR) < 0
		       ? -errno
		       : 0;
}

int sup_log_watch(const struct sup_log_query *query, struct cps_err *err)
{
	cleanup_fd int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	char dir[PATH_MAX];
	int rc;

	if (watch < 0)
		return cps_fail(err, errno, "watch the log");
	if (strlen(query->path) >= sizeof(dir))
		return cps_fail(err, ENAMETOOLONG, "watch the log");
	memcpy(dir, query->path, strlen(query->path) + 1);
	rc = watch_dir(watch, dirname(dir));
	if (rc == 0)
		rc = watch_dir(watch, query->done_dir);
	if (rc < 0)
		return cps_fail(err, -rc, "watch the log '%s'", query->path);
	return take_fd(&watch);
}

/* The writer's last words are in the log before its record is on disk. */
static bool has_ended(const struct sup_log_query *query, int *writer)
{
	cleanup_fd int dir = open(query->done_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct pollfd p = { .fd = *writer, .events = POLLIN };

	if (dir < 0 || faccessat(dir, query->done_name, F_OK, 0) == 0)
		return true; /* deleted, or done */
	if (*writer < 0 || poll(&p, 1, 0) != 1)
		return false;
	/* its record may have come between the two looks */
	if (!query->next_writer || faccessat(dir, query->done_name, F_OK, 0) == 0)
		return true;
	*writer = query->next_writer(query->next_arg);
	return *writer < 0;
}

static bool has_passed(const struct timespec *when)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec > when->tv_sec;
}

static bool is_same(const struct sup_log_file *f, const struct stat *st)
{
	return f->ino == st->st_ino && f->dev == st->st_dev;
}

/* 1: *current is the next newer file; 0: there is none. */
static int file_advance(int *current, const char *path, struct cps_err *err)
{
	cleanup_log_files struct sup_log_files files = { 0 };
	struct stat st, newest;
	size_t next = 0;
	int rc;

	if (*current >= 0) {
		if (fstat(*current, &st) < 0)
			return cps_fail(err, errno, "stat the log");
		if (stat(path, &newest) < 0 ||
		    (newest.st_ino == st.st_ino && newest.st_dev == st.st_dev))
			return 0; /* the one in hand is the newest, or a rotation is under way */
	}
	rc = sup_log_files_open(path, &files, err);
	if (rc < 0)
		return rc;
	/* oldest first: what follows ours is next; if ours is rotated away, all of them are newer
	 */
	for (size_t i = 0; *current >= 0 && i < files.n; i++)
		if (is_same(&files.v[i], &st))
			next = i + 1;
	if (next >= files.n)
		return 0;
	cps_close(current);
	*current = take_fd(&files.v[next].fd);
	return 1;
}

/* Shows all there is now, in whatever number of files. ended: nobody writes any more. */
static int catch_up(int *current, bool ended, const struct sup_log_query *query,
		    struct sup_log_parser *parser, struct sup_log_out *out, struct cps_err *err)
{
	int rc;

	do {
		cleanup_fd int last = -1;

		if (*current >= 0) {
			rc = sup_log_drain(*current, !ended, parser, out, err);
			if (rc < 0)
				return rc;
			last = fcntl(*current, F_DUPFD_CLOEXEC, 0);
			if (last < 0)
				return cps_fail(err, errno, "keep the log");
		}
		rc = file_advance(current, query->path, err);
		if (rc > 0 && last >= 0) {
			/* now it is final */
			int more = sup_log_drain(last, false, parser, out, err);

			if (more == 0)
				more = sup_log_parser_end(parser, sup_log_out_piece, out);
			if (more < 0)
				return more;
		}
	} while (rc > 0);
	return rc;
}

static void events_discard(int watch)
{
	char events[4096] __attribute__((aligned(__alignof__(struct inotify_event))));

	while (read(watch, events, sizeof(events)) > 0)
		;
}

int sup_log_follow(int watch, int current_fd, const struct sup_log_query *query,
		   struct sup_log_parser *parser, struct sup_log_out *out, struct cps_err *err)
{
	cleanup_fd int current = current_fd;
	int writer = query->writer_pidfd;

	for (;;) {
		struct pollfd p[2] = { { .fd = watch, .events = POLLIN },
				       { .fd = -1, .events = POLLIN } };
		bool ended;
		int rc;

		events_discard(watch);
		/* asked before the last look, so that nothing is missed */
		ended = has_ended(query, &writer);
		rc = catch_up(&current, ended, query, parser, out, err);
		if (rc < 0)
			return rc;
		if (ended)
			return sup_log_parser_end(parser, sup_log_out_piece, out);
		if (out->past_until || (query->has_until && has_passed(&query->until)))
			return 0;
		p[1].fd = writer;
		if (poll(p, 2, LOOK_MS) < 0 && errno != EINTR)
			return cps_fail(err, errno, "wait for the log");
	}
}
