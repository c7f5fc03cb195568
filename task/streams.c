/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stdio, see streams.h. A FIFO's output is opened for writing without waiting: that fails as long
 * as nobody reads, and who tries again until somebody does meets the client as a blocking open
 * would.
 */
#include <config.h>
#include "streams.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "logger.h"
#include "own.h"
#include "uri.h"

static bool is_file(const char *name)
{
	return task_uri_is(name, "file");
}

static bool is_logger(const char *name)
{
	return task_uri_is(name, "binary") || task_uri_is(name, "binary-v2");
}

/* stderr's name says nothing where stdout goes to a file or a logger: both go there. */
static bool is_supported(int i, const char *name, const char *out)
{
	if (i == 2 && task_uri_is(out, NULL))
		return true;
	return !task_uri_is(name, NULL) || (i > 0 && is_file(name)) || (i == 1 && is_logger(name));
}

void task_streams_none(struct task_streams *io)
{
	*io = (struct task_streams){ .kept = { -1, -1, -1 }, .opened = { -1, -1, -1 } };
}

int task_streams_init(struct task_streams *io, const struct task_streams_host *host, const char *in,
		      const char *out, const char *err_path, bool terminal, struct cps_err *err)
{
	const char *const given[3] = { in, out, err_path };

	task_streams_none(io);
	io->terminal = terminal;
	io->host = *host;
	for (int i = 0; i < 3; i++) {
		if (!is_supported(i, given[i], out)) {
			task_streams_done(io);
			return cps_failx(err, ENOSYS, "stdio '%s': not supported", given[i]);
		}
		io->paths[i] = strdup(given[i]);
		if (!io->paths[i]) {
			task_streams_done(io);
			return cps_fail(err, ENOMEM, "stdio");
		}
	}
	return 0;
}

void task_streams_release(struct task_streams *io)
{
	for (int i = 0; i < 3; i++) {
		cps_close(&io->kept[i]);
		cps_close(&io->opened[i]);
	}
	task_logger_release(take_ptr(&io->logger));
}

bool task_streams_are_settled(const struct task_streams *io)
{
	return !io->logger || task_logger_is_done(io->logger);
}

void task_streams_close_stdin(struct task_streams *io)
{
	cps_close(&io->kept[0]);
}

void task_streams_done(struct task_streams *io)
{
	task_streams_release(io);
	for (int i = 0; i < 3; i++)
		cps_free_at(&io->paths[i]);
}

static int null_open(int *ret, struct cps_err *err)
{
	*ret = open("/dev/null", O_RDWR | O_CLOEXEC);
	return *ret < 0 ? cps_fail(err, errno, "open '/dev/null'") : 0;
}

/* Its folders are made, it is never cut; stdout and stderr may well be the same one. */
static int file_open(const char *uri, int *ret, struct cps_err *err)
{
	cleanup_arena struct cps_arena arena = CPS_ARENA_INIT;
	cleanup_free char *folder = NULL;
	struct task_uri u;
	int rc = task_uri_parse(&arena, uri, &u, err);

	if (rc < 0)
		return rc;
	folder = strndup(u.path, (size_t)(strrchr(u.path, '/') - u.path));
	if (!folder)
		return cps_fail(err, ENOMEM, "stdio");
	if (folder[0])
		rc = cps_mkdir_all(folder, 0755, err);
	if (rc < 0)
		return rc;
	*ret = open(u.path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0644);
	return *ret < 0 ? cps_fail(err, errno, "open '%s'", u.path) : 0;
}

/* Both of a process's outputs, once the program is ready. */
static int logger_open(struct task_streams *io, struct cps_err *err)
{
	const struct task_streams_host *h = &io->host;
	int rc = 0;

	if (io->opened[1] >= 0)
		return 0;
	if (!io->logger)
		rc = task_logger_start(h->loggers, io->paths[1], h->id, h->changed, h->owner,
				       &io->logger, err);
	if (rc == 0)
		rc = task_logger_ready(io->logger, err);
	if (rc == 0)
		task_logger_take(io->logger, &io->opened[1], &io->opened[2]);
	if (rc == 0 && io->terminal)
		cps_close(&io->opened[2]); /* it has no errors of its own */
	return rc;
}

static bool is_fifo(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode);
}

/* way, other: O_RDONLY and O_WRONLY, or the reverse. *ret_kept: the other end of a FIFO. */
static int path_open(const char *path, int way, int other, int *ret, int *ret_kept,
		     struct cps_err *err)
{
	int fd = open(path, way | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);

	if (fd < 0 && errno == ENXIO && way == O_WRONLY)
		return cps_failx(err, EAGAIN, "nobody has opened '%s'", path);
	if (fd < 0)
		return cps_fail(err, errno, "open '%s'", path);
	*ret = fd;
	if (fcntl(fd, F_SETFL, 0) < 0)
		return cps_fail(err, errno, "open '%s'", path);
	if (is_fifo(fd))
		*ret_kept = open(path, other | O_NONBLOCK | O_CLOEXEC);
	return 0;
}

static int one_open(struct task_streams *io, int i, int *ret, struct cps_err *err)
{
	const char *path = io->paths[i];

	if (i == 1 && is_logger(path))
		return logger_open(io, err);
	if (i == 2 && is_file(io->paths[1]) && path[0])
		path = io->paths[1];
	if (!path[0])
		return io->terminal ? 0 : null_open(ret, err);
	if (is_file(path))
		return file_open(path, ret, err);
	return i == 0 ? path_open(path, O_RDONLY, O_WRONLY, ret, &io->kept[i], err)
		      : path_open(path, O_WRONLY, O_RDONLY, ret, &io->kept[i], err);
}

/* A file is somebody's already. */
static int owner_set(const struct task_streams *io, struct cps_err *err)
{
	const struct task_streams_host *h = &io->host;

	for (int i = 0; (h->uid || h->gid) && i < 3; i++) {
		if (io->opened[i] >= 0 && is_fifo(io->opened[i]) &&
		    fchown(io->opened[i], h->uid, h->gid) < 0)
			return cps_fail(err, errno, "stdio '%s': give it to %u:%u", io->paths[i],
					h->uid, h->gid);
	}
	return 0;
}

/* What has been opened stays so while another one is waited for: closing it would be an end to its
 * reader. */
int task_streams_open(struct task_streams *io, int fds[3], struct cps_err *err)
{
	int rc = 0;

	for (int i = 0; rc == 0 && i < (io->terminal ? 2 : 3); i++) {
		if (io->opened[i] < 0)
			rc = one_open(io, i, &io->opened[i], err);
	}
	if (rc == 0)
		rc = owner_set(io, err);
	if (rc < 0 && rc != -EAGAIN && rc != -EINPROGRESS)
		task_streams_release(io);
	for (int i = 0; i < 3; i++)
		fds[i] = rc == 0 ? take_fd(&io->opened[i]) : -1;
	return rc;
}
