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

static int file_create(const char *path, int more_flags, int *ret_fd, struct stat *ret_stat,
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
	*ret_stat = st;
	*ret_fd = take_fd(&fd);
	return 0;
}

static void file_use(struct shim_log_file *f, int fd, const struct stat *st)
{
	f->fd = fd;
	f->size = (uint64_t)st->st_size;
	f->dev = st->st_dev;
	f->ino = st->st_ino;
}

void shim_log_file_end_torn(struct shim_log_file *f)
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
	struct stat st;
	int fd;
	int rc;

	if (!copy)
		return cps_fail(err, ENOMEM, "open log '%s'", path);
	rc = file_create(path, 0, &fd, &st, err);
	if (rc < 0)
		return rc;
	file_use(f, fd, &st);
	f->path = take_ptr(&copy);
	f->max_size = max_size;
	f->max_files = max_files;
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

/* ---- after a kill ---- */

/* The file of that identity: the log, or what a stranger's rotation made of it. */
static int file_find(const struct shim_log_file *f, uint64_t dev, uint64_t ino, struct stat *ret)
{
	char name[PATH_MAX];

	for (unsigned i = 0; i < f->max_files && numbered(name, sizeof(name), f->path, i); i++) {
		cleanup_fd int fd = open(name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

		if (fd >= 0 && fstat(fd, ret) == 0 && S_ISREG(ret->st_mode) && ret->st_dev == dev &&
		    ret->st_ino == ino)
			return take_fd(&fd);
	}
	return -1;
}

void shim_log_file_find_end(struct shim_log_file *f, uint64_t dev, uint64_t ino, uint64_t before,
			    char *buf, size_t size, unsigned *ret_records)
{
	struct stat st;
	cleanup_fd int fd = file_find(f, dev, ino, &st);
	uint64_t at = before;
	uint64_t end = before;
	ssize_t n;

	*ret_records = 0;
	if (fd < 0 || (uint64_t)st.st_size < before)
		return;
	while ((n = pread(fd, buf, size, (off_t)at)) > 0) {
		for (ssize_t i = 0; i < n; i++) {
			if (buf[i] != '\n')
				continue;
			end = at + (uint64_t)i + 1;
			(*ret_records)++;
		}
		at += (uint64_t)n;
	}
	if (end < at && ftruncate(fd, (off_t)end) == 0 && f->dev == dev && f->ino == ino)
		f->size = end;
}

/* ---- rotation ---- */

/*
 * Each file moves on by one number. A rotation that was cut short has left one number without a
 * file, and those behind it have moved already: so what moves is what is before the first gap. The
 * same rule spares the renames of files that are not there yet.
 */
static int shift(const char *path, unsigned max_files, struct cps_err *err)
{
	char from[PATH_MAX];
	char to[PATH_MAX];
	unsigned gap = 0; /* the log itself may be the one that is missing */

	while (gap + 1 < max_files && numbered(to, sizeof(to), path, gap) && access(to, F_OK) == 0)
		gap++;
	for (unsigned i = gap; i >= 1; i--) {
		if (!numbered(from, sizeof(from), path, i - 1) ||
		    !numbered(to, sizeof(to), path, i))
			return cps_fail(err, ENAMETOOLONG, "rotate log '%s'", path);
		if (rename(from, to) < 0 && errno != ENOENT)
			return cps_fail(err, errno, "rotate log: rename '%s'", from);
	}
	return 0;
}

int shim_log_file_rotate(struct shim_log_file *f, struct cps_err *err)
{
	char new[PATH_MAX];
	cleanup_fd int fd = -1;
	struct stat st;
	int rc;

	/* The new file first, under another name: from the moment of the last rename on there is
	 * always a file at `path`, and if there is no room for a new one nothing has been moved. */
	if (snprintf(new, sizeof(new), "%s.new", f->path) >= (int)sizeof(new))
		return cps_fail(err, ENAMETOOLONG, "rotate log '%s'", f->path);
	rc = file_create(new, O_TRUNC, &fd, &st, err);
	if (rc < 0)
		return rc;
	rc = shift(f->path, f->max_files, err);
	if (rc < 0)
		return rc;
	if (rename(new, f->path) < 0)
		return cps_fail(err, errno, "rotate log: rename '%s'", new);
	cps_close(&f->fd);
	file_use(f, take_fd(&fd), &st);
	return 0;
}

void shim_log_file_finish_rotation(const char *path, unsigned max_files)
{
	struct cps_err err;
	char new[PATH_MAX];
	struct stat st;

	/* Nothing is written to the new file before it has its name: if it is not empty it is none
	 * of ours. */
	if (snprintf(new, sizeof(new), "%s.new", path) >= (int)sizeof(new) || lstat(new, &st) < 0 ||
	    !S_ISREG(st.st_mode) || st.st_size > 0)
		return;
	if (shift(path, max_files, &err) == 0)
		(void)rename(new, path);
}
