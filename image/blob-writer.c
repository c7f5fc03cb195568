/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blobs on their way into the store.
 */
#include <config.h>
#include "blob-writer.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "file.h"
#include "own.h"

#define READ_SIZE (256U << 10)

/* What an earlier attempt has left goes through the hash, and the position is behind it then. */
static int rehash(struct img_blob *b, struct cps_err *err)
{
	cleanup_free char *data = malloc(READ_SIZE);

	if (!data)
		return cps_fail(err, ENOMEM, "read what is left of a blob");
	for (;;) {
		ssize_t n = cps_read_full(b->in.fd, data, READ_SIZE);

		if (n < 0)
			return cps_fail(err, (int)-n, "read what is left of a blob");
		if (n == 0)
			return 0;
		img_hash_add(&b->hash, data, (size_t)n);
		b->written += (uint64_t)n;
	}
}

static ssize_t read_fd(void *data, void *buf, size_t size, struct cps_err *err)
{
	const int *fd = data;
	ssize_t n = cps_read_full(*fd, buf, size);

	return n < 0 ? cps_fail(err, (int)-n, "read") : n;
}

struct img_reader img_reader_of_fd(const int *fd)
{
	return (struct img_reader){ read_fd, (void *)fd };
}

int img_blob_begin(const struct sto *s, const char *digest, uint64_t size, bool wait,
		   struct img_blob *ret, struct cps_err *err)
{
	cleanup_blob struct img_blob b = IMG_BLOB_INIT;
	int rc;

	if (digest && sto_blob_is_there(s, digest, size))
		return 1;
	b.store = s;
	b.size = size;
	rc = sto_ingest_begin(s, digest, wait, &b.in, err);
	if (rc < 0)
		return rc;
	if (digest) {
		memcpy(b.digest, digest, sizeof(b.digest));
		if (sto_blob_is_there(s, digest, size)) { /* while we waited */
			sto_ingest_drop(&b.in);
			return 1;
		}
	}
	rc = img_hash_begin(&b.hash, err);
	if (rc == 0)
		rc = b.in.offset > size ? img_blob_restart(&b, err) : rehash(&b, err);
	if (rc < 0)
		return rc;
	*ret = b;
	b = (struct img_blob)IMG_BLOB_INIT;
	return 0;
}

int img_blob_write(struct img_blob *b, const void *data, size_t len, struct cps_err *err)
{
	int rc;

	if (len > b->size - b->written) {
		sto_ingest_drop(&b->in);
		return cps_failx(err, E2BIG, "%s: it is longer than the %llu bytes that were said",
				 b->digest, (unsigned long long)b->size);
	}
	img_hash_add(&b->hash, data, len);
	rc = cps_write_all(b->in.fd, data, len);
	if (rc < 0)
		return cps_fail(err, -rc, "write to the image store");
	b->written += len;
	return 0;
}

int img_blob_fill(struct img_blob *b, const struct img_reader *from, struct img_progress *progress,
		  struct cps_err *err)
{
	cleanup_free char *data = malloc(READ_SIZE);
	uint64_t skip = b->written;
	ssize_t n;

	if (!data)
		return cps_fail(err, ENOMEM, "keep a blob");
	while ((n = from->read(from->data, data, READ_SIZE, err)) > 0) {
		size_t past = skip < (uint64_t)n ? (size_t)skip : (size_t)n;
		int rc = img_blob_write(b, data + past, (size_t)n - past, err);

		if (rc < 0)
			return rc;
		skip -= past;
		img_progress_add(progress, (uint64_t)n);
	}
	return (int)n;
}

int img_blob_restart(struct img_blob *b, struct cps_err *err)
{
	if (ftruncate(b->in.fd, 0) < 0 || lseek(b->in.fd, 0, SEEK_SET) < 0)
		return cps_fail(err, errno, "begin a blob again");
	b->written = 0;
	return img_hash_begin(&b->hash, err);
}

int img_blob_commit(struct img_blob *b, char ret_digest[STO_DIGEST_SIZE], struct cps_err *err)
{
	char digest[STO_DIGEST_SIZE];
	int rc;

	if (b->size != IMG_SIZE_UNKNOWN && b->written != b->size) {
		rc = cps_failx(err, EBADMSG, "%s: it has %llu bytes, not the %llu that were said",
			       b->digest, (unsigned long long)b->written,
			       (unsigned long long)b->size);
		sto_ingest_drop(&b->in);
		return rc;
	}
	rc = img_hash_end(&b->hash, digest, err);
	if (rc < 0)
		return rc;
	if (b->digest[0] && strcmp(digest, b->digest) != 0) {
		rc = cps_failx(err, EBADMSG, "%s: its content has another digest, %s", b->digest,
			       digest);
		sto_ingest_drop(&b->in);
		return rc;
	}
	rc = sto_ingest_commit(b->store, &b->in, digest, err);
	if (rc == 0 && ret_digest)
		memcpy(ret_digest, digest, sizeof(digest));
	return rc;
}

void img_blob_done(struct img_blob *b)
{
	sto_ingest_done(&b->in);
	img_hash_done(&b->hash);
}

int img_blob_put(const struct sto *s, const void *data, size_t len, const char *digest,
		 char ret_digest[STO_DIGEST_SIZE], struct cps_err *err)
{
	cleanup_blob struct img_blob b = IMG_BLOB_INIT;
	char computed[STO_DIGEST_SIZE];
	int rc = img_hash_of(data, len, computed, err);

	if (rc < 0)
		return rc;
	if (digest && strcmp(digest, computed) != 0)
		return cps_failx(err, EBADMSG, "%.80s: its content has another digest, %s", digest,
				 computed);
	rc = img_blob_begin(s, computed, len, true, &b, err);
	if (rc == 0 && b.written != 0)
		rc = img_blob_restart(&b, err);
	if (rc == 0)
		rc = img_blob_write(&b, data, len, err);
	if (rc == 0)
		rc = img_blob_commit(&b, NULL, err);
	if (rc >= 0)
		memcpy(ret_digest, computed, sizeof(computed));
	return rc < 0 ? rc : 0;
}
