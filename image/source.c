/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Archives and directories of images.
 */
#include <config.h>
#include "source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "blob.h"
#include "file.h"
#include "own.h"
#include "stream.h"
#include "unpack.h"

#define LINKS_MAX 8

/* -- opening ----------------------------------------------------------------------------------- */

/* The same without its compression. */
static int make_plain(const struct sto *s, int *fd, struct cps_err *err)
{
	cleanup_stream struct img_stream stream = IMG_STREAM_INIT;
	cleanup_free char *data = NULL;
	cleanup_fd int copy = -1;
	ssize_t n;
	int rc = img_stream_open(*fd, NULL, &stream, err);

	if (rc < 0 || !stream.a)
		return rc;
	copy = img_temp_file(s, err);
	if (copy < 0)
		return copy;
	data = malloc(IMG_BLOCK);
	if (!data)
		return cps_fail(err, ENOMEM, "decompress");
	while ((n = img_stream_read(&stream, data, IMG_BLOCK, err)) > 0) {
		rc = cps_write_all(copy, data, (size_t)n);
		if (rc < 0)
			return cps_fail(err, -rc, "decompress into a temporary file");
	}
	if (n < 0)
		return (int)n;
	cps_close(fd);
	*fd = take_fd(&copy);
	return 0;
}

static struct archive *tar_at(int fd, int64_t position, struct cps_err *err)
{
	cleanup_archive struct archive *tar = img_tar_new(err);

	if (!tar)
		return NULL;
	if (lseek(fd, position, SEEK_SET) < 0) {
		(void)cps_fail(err, errno, "seek");
		return NULL;
	}
	if (archive_read_open_fd(tar, fd, IMG_BLOCK) != ARCHIVE_OK) {
		(void)img_archive_fail(tar, err);
		return NULL;
	}
	return take_ptr(&tar);
}

/* A member whose name leads anywhere else is no file of an image's archive. */
static int member_add(struct img_source *src, struct archive *tar, struct archive_entry *entry,
		      struct cps_err *err)
{
	const char *name = archive_entry_pathname(entry);
	const char *hard = archive_entry_hardlink(entry);
	const char *soft = archive_entry_symlink(entry);
	struct img_member *m;
	char clean[PATH_MAX];
	int rc;

	if (!hard && archive_entry_filetype(entry) != AE_IFREG &&
	    archive_entry_filetype(entry) != AE_IFLNK)
		return 0;
	if (!name)
		return cps_failx(err, EBADMSG, "a member without a name");
	rc = img_path_clean(name, clean, err);
	if (rc < 0)
		return rc;
	m = cps_arena_alloc(&src->arena, sizeof(*m));
	if (!m)
		return cps_fail(err, ENOMEM, "read an archive");
	m->name = cps_arena_strdup(&src->arena, clean);
	m->hard = hard;
	if (hard || soft)
		m->link = cps_arena_strdup(&src->arena, hard ? hard : soft);
	if (!m->name || ((hard || soft) && !m->link))
		return cps_fail(err, ENOMEM, "read an archive");
	m->size = archive_entry_size(entry) > 0 ? (uint64_t)archive_entry_size(entry) : 0;
	m->position = archive_read_header_position(tar);
	m->next = src->members;
	src->members = m;
	return 0;
}

static int members_read(struct img_source *src, struct cps_err *err)
{
	cleanup_archive struct archive *tar = tar_at(src->fd, 0, err);
	unsigned n = 0;

	if (!tar)
		return -err->num;
	for (;;) {
		struct archive_entry *entry;
		int rc = archive_read_next_header(tar, &entry);

		if (rc == ARCHIVE_EOF)
			return 0;
		if (rc != ARCHIVE_OK && rc != ARCHIVE_WARN)
			return img_archive_fail(tar, err);
		if (++n > IMG_MEMBERS_MAX)
			return cps_failx(err, E2BIG, "more than %u members", IMG_MEMBERS_MAX);
		rc = member_add(src, tar, entry, err);
		if (rc < 0)
			return rc;
	}
}

int img_source_open(const struct sto *s, const char *path, struct img_source *ret,
		    struct cps_err *err)
{
	cleanup_source struct img_source src = IMG_SOURCE_INIT;
	cleanup_fd int fd = -1;
	struct stat st;
	int rc = 0;

	fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return cps_fail(err, errno, "open '%s'", path);
	src.is_dir = S_ISDIR(st.st_mode);
	if (src.is_dir) {
		src.fd = take_fd(&fd);
	} else {
		src.fd = img_seekable(s, fd, err);
		rc = src.fd < 0 ? src.fd : make_plain(s, &src.fd, err);
		if (rc == 0)
			rc = members_read(&src, err);
	}
	if (rc < 0)
		return rc;
	*ret = src;
	src = (struct img_source)IMG_SOURCE_INIT;
	return 0;
}

void img_source_done(struct img_source *src)
{
	cps_close(&src->fd);
	cps_arena_done(&src->arena);
}

/* -- files ------------------------------------------------------------------------------------- */

static const struct img_member *member_named(const struct img_source *src, const char *name)
{
	const struct img_member *m = src->members;

	while (m && strcmp(m->name, name) != 0)
		m = m->next;
	return m;
}

/* A link's target by its words alone; "..", too, stays in the archive. */
static bool follow(const struct img_member *m, char name[PATH_MAX])
{
	const char *slash = m->hard ? NULL : strrchr(m->name, '/');
	size_t len = slash ? (size_t)(slash - m->name) : 0;
	const char *at = m->link;

	memmove(name, m->name, len);
	while (*at) {
		size_t n = strcspn(at, "/");

		if (n == 2 && at[0] == '.' && at[1] == '.') {
			while (len > 0 && name[len - 1] != '/')
				len--;
			len -= len > 0;
		} else if (n > 0 && !(n == 1 && at[0] == '.')) {
			if (len + n + 2 > PATH_MAX)
				return false;
			if (len > 0)
				name[len++] = '/';
			memcpy(name + len, at, n);
			len += n;
		}
		at += n + strspn(at + n, "/");
	}
	name[len] = '\0';
	return true;
}

static const struct img_member *member_find(const struct img_source *src, const char *name)
{
	const struct img_member *m = member_named(src, name);
	char target[PATH_MAX];

	for (int i = 0; m && m->link; i++) {
		if (i == LINKS_MAX || !follow(m, target))
			return NULL;
		m = member_named(src, target);
	}
	return m;
}

static int file_in_dir(const struct img_source *src, const char *name, struct img_file *ret,
		       struct cps_err *err)
{
	cleanup_fd int fd = cps_open_beneath(src->fd, name, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	struct stat st;

	if (fd < 0)
		return cps_fail(err, -fd, "open '%.200s'", name);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return cps_failx(err, EINVAL, "'%.200s' is no regular file", name);
	*ret = (struct img_file){ NULL, take_fd(&fd), (uint64_t)st.st_size };
	return 0;
}

int img_file_open(struct img_source *src, const char *name, struct img_file *ret,
		  struct cps_err *err)
{
	cleanup_archive struct archive *tar = NULL;
	const struct img_member *m;
	struct archive_entry *entry;
	char clean[PATH_MAX];
	int rc = img_path_clean(name, clean, err);

	if (rc < 0)
		return rc;
	if (src->is_dir)
		return file_in_dir(src, clean, ret, err);
	m = member_find(src, clean);
	if (!m)
		return cps_failx(err, ENOENT, "the archive has no '%.200s'", name);
	tar = tar_at(src->fd, m->position, err);
	if (!tar)
		return -err->num;
	rc = archive_read_next_header(tar, &entry);
	if (rc != ARCHIVE_OK && rc != ARCHIVE_WARN)
		return img_archive_fail(tar, err);
	*ret = (struct img_file){ take_ptr(&tar), -1, m->size };
	return 0;
}

static ssize_t file_read(void *data, void *buf, size_t size, struct cps_err *err)
{
	struct img_file *f = data;
	ssize_t n;

	if (f->tar) {
		n = archive_read_data(f->tar, buf, size);
		return n < 0 ? img_archive_fail(f->tar, err) : n;
	}
	n = cps_read_full(f->fd, buf, size);
	return n < 0 ? cps_fail(err, (int)-n, "read") : n;
}

struct img_reader img_file_reader(struct img_file *f)
{
	return (struct img_reader){ file_read, f };
}

void img_file_done(struct img_file *f)
{
	img_archive_free(&f->tar);
	cps_close(&f->fd);
}

bool img_source_has(struct img_source *src, const char *name)
{
	cleanup_img_file struct img_file f = IMG_FILE_INIT;
	struct cps_err ignored;

	if (!src->is_dir)
		return member_find(src, name) != NULL;
	return file_in_dir(src, name, &f, &ignored) == 0;
}

int img_source_read(struct img_source *src, const char *name, char **ret_data, size_t *ret_len,
		    struct cps_err *err)
{
	cleanup_img_file struct img_file f = IMG_FILE_INIT;
	cleanup_free char *data = NULL;
	size_t len = 0;
	ssize_t n;
	int rc = img_file_open(src, name, &f, err);

	if (rc < 0)
		return rc;
	if (f.size > STO_JSON_MAX)
		return cps_failx(err, EFBIG, "'%.200s' is larger than %u bytes", name,
				 STO_JSON_MAX);
	data = malloc(f.size + 1);
	if (!data)
		return cps_fail(err, ENOMEM, "read '%.200s'", name);
	while (len < f.size && (n = file_read(&f, data + len, f.size - len, err)) != 0) {
		if (n < 0)
			return cps_wrap(err, (int)n, "read '%.200s'", name);
		len += (size_t)n;
	}
	data[len] = '\0';
	*ret_data = take_ptr(&data);
	*ret_len = len;
	return 0;
}
