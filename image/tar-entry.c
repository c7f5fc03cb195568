/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entries by libarchive. An O_PATH descriptor cannot be read: data and attributes go by
 * /proc/self/fd, which is a link to the very object.
 */
#include <config.h>
#include "tar-entry.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "acl.h"
#include "idrange.h"
#include "own.h"
#include "stream.h"

#define XATTR_MAX 65536
#define SELF_SIZE 32

static const char *self_path(int fd, char buf[SELF_SIZE])
{
	(void)snprintf(buf, SELF_SIZE, "/proc/self/fd/%d", fd);
	return buf;
}

int img_mount_id(int fd, uint64_t *ret)
{
	struct statx stx;

	if (statx(fd, "", AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW, STATX_MNT_ID, &stx) < 0)
		return -errno;
	*ret = stx.stx_mnt_id;
	return 0;
}

int img_tar_out_open(struct img_tar_out *out, const struct img_tar *t, struct cps_err *err)
{
	out->tar = t;
	out->a = archive_write_new();
	out->entry = archive_entry_new();
	out->block = malloc(IMG_BLOCK);
	if (!out->a || !out->entry || !out->block)
		return cps_fail(err, ENOMEM, "archive");
	if (archive_write_set_format_pax_restricted(out->a) != ARCHIVE_OK ||
	    archive_write_set_bytes_in_last_block(out->a, 1) != ARCHIVE_OK ||
	    archive_write_open_fd(out->a, t->out) != ARCHIVE_OK)
		return img_archive_fail(out->a, err);
	return 0;
}

int img_tar_out_close(struct img_tar_out *out, int rc, struct cps_err *err)
{
	if (rc == 0 && archive_write_close(out->a) != ARCHIVE_OK)
		rc = img_archive_fail(out->a, err);
	if (out->a && rc < 0)
		(void)archive_write_fail(out->a); /* or freeing it would try to write the end */
	if (out->a)
		(void)archive_write_free(out->a);
	if (out->entry)
		archive_entry_free(out->entry);
	free(out->block);
	return rc;
}

static int64_t id_of(const struct img_tar *t, uint32_t id)
{
	return t->ids_first && id >= t->ids_first && id - t->ids_first < STO_IDRANGE_COUNT
		       ? id - t->ids_first
		       : id;
}

static void xattrs_add(const struct img_tar *t, struct archive_entry *entry, int fd)
{
	cleanup_free char *names = NULL;
	cleanup_free char *value = NULL;
	char path[SELF_SIZE];
	ssize_t len = listxattr(self_path(fd, path), NULL, 0);

	if (len <= 0)
		return;
	names = malloc(XATTR_MAX);
	value = malloc(XATTR_MAX);
	len = names && value ? listxattr(path, names, XATTR_MAX) : -1;
	for (const char *n = names; len > 0 && n < names + len; n += strlen(n) + 1) {
		ssize_t size;

		if (strncmp(n, "user.", 5) != 0 && strcmp(n, "security.capability") != 0 &&
		    !img_acl_is_name(n))
			continue;
		size = getxattr(path, n, value, XATTR_MAX);
		if (size >= 0 && img_acl_is_name(n) && t->ids_first)
			img_acl_ids_from(value, (size_t)size, t->ids_first, STO_IDRANGE_COUNT);
		if (size >= 0)
			archive_entry_xattr_add_entry(entry, n, value, (size_t)size);
	}
}

/* Where its data is, if it has holes. */
static void holes_add(struct archive_entry *entry, int fd, off_t size)
{
	off_t hole = lseek(fd, 0, SEEK_HOLE);

	if (hole < 0 || hole >= size)
		return;
	for (off_t at = 0; at < size; at = hole) {
		off_t data = lseek(fd, at, SEEK_DATA);

		if (data < 0 || data >= size)
			break;
		hole = lseek(fd, data, SEEK_HOLE);
		if (hole < 0 || hole > size)
			hole = size;
		archive_entry_sparse_add_entry(entry, data, hole - data);
	}
	if (archive_entry_sparse_count(entry) == 0) /* nothing but a hole */
		archive_entry_sparse_add_entry(entry, size, 0);
}

/* `n` bytes from `at`, from the file or, where that has become shorter, zeros. */
static int data_put(struct img_tar_out *out, int fd, off_t at, size_t n, bool zeros,
		    struct cps_err *err)
{
	size_t done = 0;

	while (!zeros && done < n) {
		ssize_t got = pread(fd, out->block + done, n - done, at + (off_t)done);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return cps_fail(err, errno, "read");
		if (got == 0)
			break;
		done += (size_t)got;
	}
	memset(out->block + done, 0, n - done);
	if (archive_write_data(out->a, out->block, n) < 0)
		return img_archive_fail(out->a, err);
	img_progress_add(out->tar->progress, n);
	return 0;
}

/* All of it, holes as zeros: libarchive knows by now where they are, and drops them. */
static int data_write(struct img_tar_out *out, int fd, off_t size, struct cps_err *err)
{
	off_t at = 0;
	int rc = 0;

	while (at < size && rc == 0) {
		off_t data = lseek(fd, at, SEEK_DATA);
		off_t end = data < 0 && errno == ENXIO ? size : data > at ? data : -1;
		const bool zeros = end >= 0;

		if (!zeros)
			end = lseek(fd, at, SEEK_HOLE);
		if (end <= at || end > size)
			end = size;
		while (at < end && rc == 0) {
			size_t n = end - at < (off_t)IMG_BLOCK ? (size_t)(end - at) : IMG_BLOCK;

			rc = data_put(out, fd, at, n, zeros, err);
			at += (off_t)n;
		}
	}
	return rc;
}

static int fill(struct img_tar_out *out, const char *path, const char *link, int fd,
		const struct stat *st, struct cps_err *err)
{
	struct archive_entry *entry = archive_entry_clear(out->entry);
	char target[PATH_MAX];
	ssize_t n;

	archive_entry_copy_pathname(entry, path);
	archive_entry_set_mode(entry, st->st_mode);
	archive_entry_set_uid(entry, id_of(out->tar, st->st_uid));
	archive_entry_set_gid(entry, id_of(out->tar, st->st_gid));
	archive_entry_set_mtime(entry, st->st_mtim.tv_sec, 0);
	if (link) {
		archive_entry_copy_hardlink(entry, link);
		return 0;
	}
	if (S_ISLNK(st->st_mode)) {
		n = readlinkat(fd, "", target, sizeof(target) - 1);
		if (n < 0)
			return cps_fail(err, errno, "read the symlink");
		target[n] = '\0';
		archive_entry_copy_symlink(entry, target);
	} else if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode)) {
		archive_entry_set_rdev(entry, st->st_rdev);
	}
	if (S_ISREG(st->st_mode))
		archive_entry_set_size(entry, st->st_size);
	if (fd >= 0 && (S_ISREG(st->st_mode) || S_ISDIR(st->st_mode)))
		xattrs_add(out->tar, entry, fd);
	return 0;
}

int img_tar_entry(struct img_tar_out *out, const char *path, const char *link, int fd,
		  const struct stat *st, struct cps_err *err)
{
	const bool has_data = fd >= 0 && !link && S_ISREG(st->st_mode) && st->st_size > 0;
	cleanup_fd int in = -1;
	char self[SELF_SIZE];
	int rc = fill(out, path, link, fd, st, err);

	if (rc == 0 && has_data) {
		in = open(self_path(fd, self), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
		if (in < 0)
			return cps_fail(err, errno, "open '%s'", path);
		holes_add(out->entry, in, st->st_size);
	}
	if (rc == 0 && archive_write_header(out->a, out->entry) < ARCHIVE_WARN)
		rc = img_archive_fail(out->a, err);
	if (rc == 0 && has_data)
		rc = data_write(out, in, st->st_size, err);
	return cps_wrap(err, rc, "%s", path);
}
