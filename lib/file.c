/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading and writing of whole files, memfds and path sockets. Trees and resolution below a root
 * are in file-tree.c.
 */
#include <config.h>
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "own.h"
#include "utf8.h"

#define READ_FIRST 32768 /* a config fits: one read for it and one for its end, no fstat */

int cps_fd_read(int fd, const char *name_for_errors, size_t max, char **ret_data, size_t *ret_len,
		struct cps_err *err)
{
	cleanup_free char *data = NULL;
	size_t size = 0;
	size_t len = 0;

	if (max > PTRDIFF_MAX - 2)
		max = PTRDIFF_MAX - 2;
	for (;;) {
		ssize_t n;

		if (len == size) {
			size_t more = size ? 2 * size : READ_FIRST;
			char *moved;

			if (more > max + 1 || more < size)
				more = max + 1; /* one too many tells that there is more */
			moved = realloc(data, more + 1);
			if (!moved)
				return cps_fail(err, ENOMEM, "read '%s'", name_for_errors);
			data = moved;
			size = more;
		}
		n = read(fd, data + len, size - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return cps_fail(err, errno, "read '%s'", name_for_errors);
		if (n == 0)
			break;
		len += (size_t)n;
		if (len > max)
			return cps_failx(err, EFBIG, "'%s' is larger than %zu bytes",
					 name_for_errors, max);
	}
	data[len] = '\0';
	*ret_data = take_ptr(&data);
	*ret_len = len;
	return 0;
}

int cps_file_read(int dirfd, const char *path, size_t max, char **ret_data, size_t *ret_len,
		  struct cps_err *err)
{
	/* O_NONBLOCK: a FIFO in a file's place must not hold us up for a writer that never comes */
	cleanup_fd int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd < 0)
		return cps_fail(err, errno, "open '%s'", path);
	return cps_fd_read(fd, path, max, ret_data, ret_len, err);
}

int cps_file_put(int dirfd, const char *path, const char *text, struct cps_err *err)
{
	cleanup_fd int fd = openat(dirfd, path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	size_t len = strlen(text);
	size_t line = strcspn(text, "\n");
	int shown = (int)(line < 64 ? line : cps_utf8_cut(text, 64));
	ssize_t n;

	if (fd < 0)
		return cps_fail(err, errno, "open '%s'", path);
	do {
		n = write(fd, text, len);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return cps_fail(err, errno, "write '%.*s' to '%s'", shown, text, path);
	if ((size_t)n != len)
		return cps_failx(err, EIO, "write '%.*s' to '%s': only %zd of %zu bytes taken",
				 shown, text, path, n, len);
	return 0;
}

int cps_write_all(int fd, const void *data, size_t len)
{
	const char *at = data;

	while (len > 0) {
		ssize_t n = write(fd, at, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

ssize_t cps_read_full(int fd, void *data, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = read(fd, (char *)data + done, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

/* "dir/.base.tmp" for "dir/base". */
static int temp_name(const char *name, char *buf, size_t size, struct cps_err *err)
{
	const char *base = strrchr(name, '/');
	int n;

	base = base ? base + 1 : name;
	n = snprintf(buf, size, "%.*s.%s.tmp", (int)(base - name), name, base);
	if (n < 0 || (size_t)n >= size)
		return cps_fail(err, ENAMETOOLONG, "write '%s'", name);
	return 0;
}

bool cps_file_is_temp(const char *name)
{
	static const char tail[] = ".tmp";
	size_t len = strlen(name);

	return name[0] == '.' && len > sizeof(tail) &&
	       strcmp(name + len - (sizeof(tail) - 1), tail) == 0;
}

int cps_dir_sync(int dirfd, const char *path, struct cps_err *err)
{
	cleanup_fd int dir = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0 || fsync(dir) < 0)
		return cps_fail(err, errno, "sync directory '%s'", path);
	return 0;
}

static int replace(int dirfd, const char *name, const void *data, size_t len, mode_t mode,
		   bool durable, struct cps_err *err)
{
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	cleanup_fd int fd = -1;
	char temp[PATH_MAX];
	int rc = temp_name(name, temp, sizeof(temp), err);

	if (rc < 0)
		return rc;
	fd = openat(dirfd, temp, flags, mode);
	if (fd < 0 && errno == EEXIST && unlinkat(dirfd, temp, 0) == 0) /* of a crash */
		fd = openat(dirfd, temp, flags, mode);
	if (fd < 0)
		return cps_fail(err, errno, "create '%s'", temp);

	rc = cps_write_all(fd, data, len);
	if (rc < 0)
		rc = cps_fail(err, -rc, "write '%s'", temp);
	else if (durable && fsync(fd) < 0)
		rc = cps_fail(err, errno, "sync '%s'", temp);
	else if (renameat(dirfd, temp, dirfd, name) < 0)
		rc = cps_fail(err, errno, "rename '%s' to '%s'", temp, name);
	if (rc < 0)
		(void)unlinkat(dirfd, temp, 0); /* the error that counts is above */
	return rc;
}

int cps_file_replace(int dirfd, const char *name, const void *data, size_t len, mode_t mode,
		     struct cps_err *err)
{
	return replace(dirfd, name, data, len, mode, false, err);
}

int cps_file_replace_durably(int dirfd, const char *name, const void *data, size_t len, mode_t mode,
			     struct cps_err *err)
{
	int rc = replace(dirfd, name, data, len, mode, true, err);

	return rc < 0 ? rc : cps_dir_sync(dirfd, ".", err);
}

int cps_memfd_sealed(const char *name, const void *data, size_t len, struct cps_err *err)
{
	cleanup_fd int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	const char *at = data;
	size_t done = 0;

	if (fd < 0)
		return cps_fail(err, errno, "memfd '%s'", name);
	while (done < len) { /* pwrite(2) leaves the position at 0 */
		ssize_t n = pwrite(fd, at + done, len - done, (off_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return cps_fail(err, errno, "write memfd '%s'", name);
		done += (size_t)n;
	}
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
		return cps_fail(err, errno, "seal memfd '%s'", name);
	return take_fd(&fd);
}

/* The address of name below dirfd. The length of the path to dirfd does not matter this way. */
static int sock_address(int dirfd, const char *name, struct sockaddr_un *ret)
{
	int n;

	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (dirfd == AT_FDCWD || name[0] == '/')
		n = snprintf(ret->sun_path, sizeof(ret->sun_path), "%s", name);
	else
		n = snprintf(ret->sun_path, sizeof(ret->sun_path), "/proc/self/fd/%d/%s", dirfd,
			     name);
	if (n < 0 || (size_t)n >= sizeof(ret->sun_path))
		return -ENAMETOOLONG;
	return n == 0 ? -EINVAL : 0; /* no name would bind an abstract one */
}

int cps_sock_listen(int dirfd, const char *name, int flags, int backlog)
{
	cleanup_fd int fd = -1;
	struct sockaddr_un address;
	int rc = sock_address(dirfd, name, &address);

	if (rc < 0)
		return rc;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | flags, 0);
	if (fd < 0)
		return -errno;
	/* bind(2) makes the file with the socket's own mode: it is private from its first moment.
	 */
	if (fchmod(fd, 0600) < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(fd, backlog) < 0)
		return -errno;
	return take_fd(&fd);
}

int cps_sock_connect(int dirfd, const char *name, int flags)
{
	cleanup_fd int fd = -1;
	struct sockaddr_un address;
	int rc = sock_address(dirfd, name, &address);

	if (rc < 0)
		return rc;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | flags, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return take_fd(&fd);
}

bool cps_sock_is_listening(int dirfd, const char *name)
{
	int conn = cps_sock_connect(dirfd, name, SOCK_NONBLOCK);

	if (conn >= 0)
		(void)close(conn);
	return conn >= 0 || conn == -EAGAIN; /* EAGAIN: its queue is full, so somebody holds it */
}

int cps_lock_is_held(int dirfd, const char *name, int how)
{
	/* a description of our own: the lock belongs to it, and goes with it */
	cleanup_fd int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0)
		return -errno;
	if (flock(fd, how | LOCK_NB) == 0)
		return 0;
	return errno == EWOULDBLOCK ? 1 : -errno;
}

bool cps_path_find(const char *name, char *buf, size_t size)
{
	for (const char *at = getenv("PATH"); at && *at;) {
		size_t len = strcspn(at, ":");

		if (at[0] == '/' &&
		    (size_t)snprintf(buf, size, "%.*s/%s", (int)len, at, name) < size &&
		    access(buf, X_OK) == 0)
			return true;
		at += len;
		at += *at == ':';
	}
	return false;
}
