/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening a log with its rotated predecessors.
 */
#include <config.h>

#include "log-files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "own.h"

#define GAP_MAX 2 /* names missing in a row: a rotation under way leaves one hole */

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
	for (size_t i = 0; i < f->n; i++)
		if (f->v[i].ino == st.st_ino && f->v[i].dev == st.st_dev)
			return 1;
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

int sup_log_files_open(const char *base, struct sup_log_files *ret, struct cps_err *err)
{
	cleanup_log_files struct sup_log_files f = { 0 };
	size_t room = 0;
	int gap = 0;

	for (int i = 0; i <= SUP_LOG_FILES_MAX && gap <= GAP_MAX; i++) {
		char path[PATH_MAX];
		int n = i ? snprintf(path, sizeof(path), "%s.%d", base, i)
			  : snprintf(path, sizeof(path), "%s", base);
		int rc;

		if (n < 0 || (size_t)n >= sizeof(path))
			return cps_fail(err, ENAMETOOLONG, "open log '%.100s…'", base);
		rc = file_add(&f, &room, path, err);
		if (rc < 0)
			return rc;
		gap = rc ? 0 : gap + 1;
	}
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
