/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file below a log.
 *
 * This process is the only writer, so the size is known without asking. A write that ends within a
 * record (a full disk) is taken back to the record's start by ftruncate(2): no reader ever finds a
 * torn record that stays. No fsync: a log that stalls its container at every sync is worth less
 * than the last second before a power cut.
 */
#include <config.h>
#include "log-file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "own.h"

#define LOG_FLAGS (O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)

static int file_create(const char *path, int more_flags, int *ret_fd, uint64_t *ret_size,
		       struct cps_err *err)
{
	cleanup_fd int fd = open(path, LOG_FLAGS | more_flags, 0640);
	struct stat st;

	if (fd < 0)
		return cps_fail(err, errno, "open log '%s'", path);
	if (fstat(fd, &st) < 0)
		return cps_fail(err, errno, "stat log '%s'", path);
	/* O_NONBLOCK above: a FIFO put there must not hang us. */
	if (!S_ISREG(st.st_mode))
		return cps_failx(err, EINVAL, "log '%s' is not a regular file", path);
	*ret_size = (uint64_t)st.st_size;
	*ret_fd = take_fd(&fd);
	return 0;
}

/* Whoever wrote the file before may have gone down within a record. */
static void end_torn_record(struct shim_log_file *f)
{
	cleanup_fd int fd = -1;
	char last = '\n';

	if (f->size == 0)
		return;
	fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || pread(fd, &last, 1, (off_t)f->size - 1) != 1 || last == '\n')
		return;
	if (write(f->fd, "\n", 1) == 1)
		f->size++;
}

int shim_log_file_open(struct shim_log_file *f, const char *path, uint64_t max_size,
		       unsigned max_files, struct cps_err *err)
{
	cleanup_free char *copy = strdup(path);
	int rc;

	if (!copy)
		return cps_fail(err, ENOMEM, "open log '%s'", path);
	rc = file_create(path, 0, &f->fd, &f->size, err);
	if (rc < 0)
		return rc;
	f->path = take_ptr(&copy);
	f->max_size = max_size;
	f->max_files = max_files;
	end_torn_record(f);
	return 0;
}

void shim_log_file_close(struct shim_log_file *f)
{
	cps_close(&f->fd);
	cps_free_at(&f->path);
}

int shim_log_file_append(struct shim_log_file *f, const char *data, size_t len, size_t *ret_len)
{
	size_t done = 0;
	size_t whole;
	const char *end;
	int rc = 0;

	while (done < len) {
		ssize_t n = write(f->fd, data + done, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			rc = n < 0 ? -errno : -EIO;
			break;
		}
		done += (size_t)n;
	}
	if (rc == 0) {
		f->size += len;
		*ret_len = len;
		return 0;
	}

	end = done > 0 ? memrchr(data, '\n', done) : NULL;
	whole = end ? (size_t)(end - data) + 1 : 0;
	/* Shrinking needs no space. Where it fails all the same (EIO) the torn record gets a line
	 * of its own, since the next append starts at the file's end. */
	if (whole < done && ftruncate(f->fd, (off_t)(f->size + whole)) < 0)
		f->size += done - whole;
	f->size += whole;
	*ret_len = whole;
	return rc;
}

/* "path.3"; number 0 is the path itself. False if the name is too long. */
static bool numbered(char *buf, size_t size, const char *path, unsigned number)
{
	int n = number ? snprintf(buf, size, "%s.%u", path, number)
		       : snprintf(buf, size, "%s", path);

	return n > 0 && (size_t)n < size;
}

int shim_log_file_rotate(struct shim_log_file *f, struct cps_err *err)
{
	char from[PATH_MAX];
	char to[PATH_MAX];
	cleanup_fd int fd = -1;
	uint64_t size = 0;
	int rc;

	/* The new file first, under another name: from the moment of the last rename on there is
	 * always a file at `path`, and if there is no room for a new one nothing has been moved. */
	if (snprintf(from, sizeof(from), "%s.new", f->path) >= (int)sizeof(from))
		return cps_fail(err, ENAMETOOLONG, "rotate log '%s'", f->path);
	rc = file_create(from, O_TRUNC, &fd, &size, err);
	if (rc < 0)
		return rc;

	for (unsigned i = f->max_files - 1; i >= 1; i--) {
		if (!numbered(from, sizeof(from), f->path, i - 1) ||
		    !numbered(to, sizeof(to), f->path, i))
			return cps_fail(err, ENAMETOOLONG, "rotate log '%s'", f->path);
		if (rename(from, to) < 0 && errno != ENOENT)
			return cps_fail(err, errno, "rotate log: rename '%s'", from);
	}
	(void)snprintf(from, sizeof(from), "%s.new", f->path);
	if (rename(from, f->path) < 0)
		return cps_fail(err, errno, "rotate log: rename '%s'", from);
	cps_close(&f->fd);
	f->fd = take_fd(&fd);
	f->size = size;
	return 0;
}
