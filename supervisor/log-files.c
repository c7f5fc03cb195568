/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening a log with its rotated predecessors.
 */
#include <config.h>

#include "log-files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "own.h"

#define GAP_MAX 2 /* names missing in a row: a rotation under way leaves one hole */

/* "path.3"; number 0 is the path itself. */
static int name_format(char buf[PATH_MAX], const char *base, unsigned number, struct cps_err *err)
{
	int n = number ? snprintf(buf, PATH_MAX, "%s.%u", base, number)
		       : snprintf(buf, PATH_MAX, "%s", base);

	if (n < 0 || n >= PATH_MAX)
		return cps_fail(err, ENAMETOOLONG, "open log '%.100s…'", base);
	return 0;
}

/* 1: appended to f->v, 0: no such file. */
static int file_add(struct sup_log_files *f, size_t *room, const char *path, struct cps_err *err)
{
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;

	if (fd < 0)
		return errno == ENOENT ? 0 : cps_fail(err, errno, "open log '%s'", path);
	if (fstat(fd, &st) < 0)
		return cps_fail(err, errno, "stat log '%s'", path);
	if (!S_ISREG(st.st_mode))
		return cps_failx(err, EINVAL, "log '%s' is no regular file", path);
	if (f->n == *room) {
		struct sup_log_file *more =
			reallocarray(f->v, *room = *room ? 2 * *room : 8, sizeof(*more));
		if (!more)
			return cps_fail(err, ENOMEM, "open log '%s'", path);
		f->v = more;
	}
	f->v[f->n++] = (struct sup_log_file){ .fd = take_fd(&fd),
					      .dev = st.st_dev,
					      .ino = st.st_ino,
					      .size = st.st_size,
					      .mtime = st.st_mtime };
	return 1;
}

static void file_forget(struct sup_log_files *f)
{
	cps_close(&f->v[--f->n].fd);
}

/* Its descriptor is held, so nobody else can have its inode. */
static bool is_at(const struct sup_log_file *f, const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && st.st_ino == f->ino && st.st_dev == f->dev;
}

/* Where the file is now that was at `number`, which only grows; -1: it has been removed. */
static int number_now(const struct sup_log_file *f, const char *base, unsigned number)
{
	struct cps_err ignored;
	char path[PATH_MAX];

	for (; number <= SUP_LOG_FILES_MAX && name_format(path, base, number, &ignored) == 0;
	     number++)
		if (is_at(f, path))
			return (int)number;
	return -1;
}

/*
 * Newest first. The writer may rotate while we look, and quickly: what is found behind a file is
 * the next older one only if that file has not moved meanwhile. So each step is looked at from both
 * sides, and taken again where the files have moved.
 */
static int files_collect(const char *base, struct sup_log_files *f, struct cps_err *err)
{
	size_t room = 0;
	unsigned last = 0; /* number of the file added last */
	unsigned gap = 0;

	for (unsigned i = 0; i <= SUP_LOG_FILES_MAX && gap <= GAP_MAX; i++) {
		char path[PATH_MAX];
		size_t n = f->n;
		int rc = name_format(path, base, i, err);
		int now;

		if (rc == 0)
			rc = file_add(f, &room, path, err);
		if (rc < 0)
			return rc;
		now = n > 0 ? number_now(&f->v[n - 1], base, last) : (int)last;
		if (now == (int)last) {
			if (rc == 1)
				last = i;
			gap = rc ? 0 : gap + 1;
			continue;
		}
		if (rc == 1)
			file_forget(f);
		if (now < 0)
			return 0; /* it was the oldest, and is gone */
		i = last = (unsigned)now;
		gap = 0;
	}
	return 0;
}

int sup_log_files_open(const char *base, struct sup_log_files *ret, struct cps_err *err)
{
	cleanup_log_files struct sup_log_files f = { 0 };
	int rc = files_collect(base, &f, err);

	if (rc < 0)
		return rc;
	for (size_t i = 0; i < f.n / 2; i++) {
		struct sup_log_file newer = f.v[i];

		f.v[i] = f.v[f.n - 1 - i];
		f.v[f.n - 1 - i] = newer;
	}
	*ret = f;
	f = (struct sup_log_files){ 0 };
	return 0;
}

void sup_log_files_done(struct sup_log_files *f)
{
	for (size_t i = 0; i < f->n; i++)
		cps_close(&f->v[i].fd);
	free(f->v);
	*f = (struct sup_log_files){ 0 };
}
