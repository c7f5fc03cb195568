/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening the data root and its topics.
 */
#include <config.h>
#include "data-root.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "own.h"

#define DIR_MODE  0700 /* layers hold setuid programs, volumes other people's data */
#define DIR_FLAGS (O_PATH | O_DIRECTORY | O_CLOEXEC)

int sto_open(const char *path, bool create, struct sto *ret, struct cps_err *err)
{
	int fd = open(path, DIR_FLAGS);
	int rc;

	if (fd < 0 && errno == ENOENT && create) {
		rc = cps_mkdir_all(path, DIR_MODE, err);
		if (rc < 0)
			return rc;
		fd = open(path, DIR_FLAGS);
	}
	if (fd < 0)
		return cps_fail(err, errno, "data root '%s'", path);
	ret->path = path;
	ret->fd = fd;
	return 0;
}

void sto_done(struct sto *s)
{
	cps_close(&s->fd);
}

int sto_topic(const struct sto *s, const char *topic, bool create, struct cps_err *err)
{
	int fd;

	if (create && mkdirat(s->fd, topic, DIR_MODE) < 0 && errno != EEXIST)
		return cps_fail(err, errno, "make '%s/%s'", s->path, topic);
	fd = openat(s->fd, topic, DIR_FLAGS | O_NOFOLLOW);
	return fd < 0 ? cps_fail(err, errno, "'%s/%s'", s->path, topic) : fd;
}

int sto_sync(const struct sto *s, struct cps_err *err)
{
	cleanup_fd int fd = openat(s->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 || syncfs(fd) < 0 ? cps_fail(err, errno, "sync '%s'", s->path) : 0;
}
