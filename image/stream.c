/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Streams that may be compressed.
 */
#include <config.h>
#include "stream.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "file.h"
#include "own.h"

int img_archive_fail(struct archive *a, struct cps_err *err)
{
	const char *text = archive_error_string(a);
	int num = archive_errno(a);

	/* its numbers are its own where they are not errno's */
	return cps_failx(err, num > 0 && num < 4096 ? num : EBADMSG, "%s",
			 text ? text : "the archive is damaged");
}

static la_ssize_t read_block(struct archive *a, void *data, const void **ret)
{
	struct img_stream *s = data;
	ssize_t n = cps_read_full(s->fd, s->block, IMG_BLOCK);

	if (n < 0) {
		archive_set_error(a, (int)-n, "read: %s", strerror((int)-n));
		return -1;
	}
	img_progress_add(s->progress, (uint64_t)n);
	*ret = s->block;
	return n;
}

/* Linked in, or not at all. */
static int filters_enable(struct archive *a, struct cps_err *err)
{
	if (archive_read_support_filter_gzip(a) != ARCHIVE_OK ||
	    archive_read_support_filter_zstd(a) != ARCHIVE_OK ||
	    archive_read_support_filter_xz(a) != ARCHIVE_OK)
		return cps_failx(err, ENOTSUP, "libarchive was built without gzip, zstd or xz");
	return 0;
}

bool img_is_compressed(const void *data, size_t len)
{
	static const struct {
		unsigned char magic[6];
		size_t len;
	} known[] = {
		{ { 0x1f, 0x8b }, 2 },
		{ { 0x28, 0xb5, 0x2f, 0xfd }, 4 },
		{ { 0xfd, '7', 'z', 'X', 'Z', 0 }, 6 },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (len >= known[i].len && memcmp(data, known[i].magic, known[i].len) == 0)
			return true;
	return false;
}

static int raw_open(struct img_stream *s, struct cps_err *err)
{
	struct archive_entry *entry;
	int rc;

	s->a = archive_read_new();
	s->block = malloc(IMG_BLOCK);
	if (!s->a || !s->block)
		return cps_fail(err, ENOMEM, "read an archive");
	rc = filters_enable(s->a, err);
	if (rc < 0)
		return rc;
	if (archive_read_support_format_raw(s->a) != ARCHIVE_OK ||
	    archive_read_support_format_empty(s->a) != ARCHIVE_OK ||
	    archive_read_open(s->a, s, NULL, read_block, NULL) != ARCHIVE_OK)
		return img_archive_fail(s->a, err);
	rc = archive_read_next_header(s->a, &entry);
	if (rc != ARCHIVE_OK && rc != ARCHIVE_EOF)
		return img_archive_fail(s->a, err);
	/* the last one is the file itself; a stream in a stream in a stream is an attack */
	if (archive_filter_count(s->a) > 2)
		return cps_failx(err, EBADMSG, "it is compressed more than once");
	s->filter = archive_filter_name(s->a, 0);
	return 0;
}

int img_stream_open(int fd, struct img_progress *progress, struct img_stream *ret,
		    struct cps_err *err)
{
	char head[6];
	ssize_t n = pread(fd, head, sizeof(head), 0);
	int rc = 0;

	if (n < 0)
		return cps_fail(err, errno, "read");
	*ret = (struct img_stream){ .fd = fd, .progress = progress };
	if (img_is_compressed(head, (size_t)n))
		rc = raw_open(ret, err);
	if (rc < 0)
		img_stream_done(ret);
	return rc;
}

ssize_t img_stream_read(struct img_stream *s, void *data, size_t size, struct cps_err *err)
{
	ssize_t n;

	if (s->a) {
		n = archive_read_data(s->a, data, size);
		return n < 0 ? img_archive_fail(s->a, err) : n;
	}
	n = cps_read_full(s->fd, data, size);
	if (n < 0)
		return cps_fail(err, (int)-n, "read");
	img_progress_add(s->progress, (uint64_t)n);
	return n;
}

void img_stream_done(struct img_stream *s)
{
	img_archive_free(&s->a);
	free(s->block);
	s->block = NULL;
}

struct archive *img_tar_new(struct cps_err *err)
{
	cleanup_archive struct archive *a = archive_read_new();

	if (!a || archive_read_support_format_tar(a) != ARCHIVE_OK) {
		(void)cps_fail(err, ENOMEM, "read an archive");
		return NULL;
	}
	return take_ptr(&a);
}

struct archive *img_tar_open_fd(int fd, struct cps_err *err)
{
	cleanup_archive struct archive *a = img_tar_new(err);

	if (!a || filters_enable(a, err) < 0)
		return NULL;
	if (archive_read_open_fd(a, fd, IMG_BLOCK) != ARCHIVE_OK) {
		(void)img_archive_fail(a, err);
		return NULL;
	}
	if (archive_filter_count(a) > 2) {
		(void)cps_failx(err, EBADMSG, "it is compressed more than once");
		return NULL;
	}
	return take_ptr(&a);
}
