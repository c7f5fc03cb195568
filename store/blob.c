/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blobs and the files that are to become blobs.
 */
#include <config.h>
#include "blob.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "own.h"

#define BLOBS	    STO_IMAGES "/blobs"
#define BLOBS_OF_US BLOBS "/sha256"
#define INGEST	    STO_IMAGES "/ingest"
#define UNNAMED	    "new-" /* and random digits: no digest begins so */
#define TRIES	    64

static int blob_path(const char *digest, char buf[static 128], struct cps_err *err)
{
	if (!sto_is_digest(digest))
		return cps_failx(err, EINVAL, "'%.80s' is no digest that is known here", digest);
	(void)snprintf(buf, 128, BLOBS_OF_US "/%s", sto_digest_hex(digest));
	return 0;
}

int sto_blob_open(const struct sto *s, const char *digest, struct cps_err *err)
{
	char path[128];
	int fd, rc = blob_path(digest, path, err);

	if (rc < 0)
		return rc;
	fd = openat(s->fd, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? cps_fail(err, errno, "blob %s", digest) : fd;
}

bool sto_blob_is_there(const struct sto *s, const char *digest, uint64_t size)
{
	struct cps_err ignored;
	struct stat st;
	char path[128];

	return blob_path(digest, path, &ignored) == 0 &&
	       fstatat(s->fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
	       (uint64_t)st.st_size == size;
}

int sto_blob_read(const struct sto *s, const char *digest, char **ret_data, size_t *ret_len,
		  struct cps_err *err)
{
	cleanup_fd int fd = sto_blob_open(s, digest, err);

	if (fd < 0)
		return fd;
	return cps_fd_read(fd, digest, STO_JSON_MAX, ret_data, ret_len, err);
}

int sto_blob_remove(const struct sto *s, const char *digest, struct cps_err *err)
{
	char path[128];
	int rc = blob_path(digest, path, err);

	if (rc < 0)
		return rc;
	if (unlinkat(s->fd, path, 0) < 0 && errno != ENOENT)
		return cps_fail(err, errno, "remove blob %s", digest);
	return 0;
}

static int ingest_dir(const struct sto *s, struct cps_err *err)
{
	static const char *const parts[] = { STO_IMAGES, BLOBS, BLOBS_OF_US };
	cleanup_fd int first = -1;

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		cps_close(&first);
		first = sto_topic(s, parts[i], true, err);
		if (first < 0)
			return first;
	}
	return sto_topic(s, INGEST, true, err);
}

static int open_unnamed(struct sto_ingest *in, struct cps_err *err)
{
	for (int i = 0; i < TRIES; i++) {
		uint64_t number;

		if (getrandom(&number, sizeof(number), 0) != sizeof(number))
			return cps_fail(err, errno, "random number");
		(void)snprintf(in->name, sizeof(in->name), UNNAMED "%016llx",
			       (unsigned long long)number);
		in->fd = openat(in->dir, in->name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (in->fd >= 0 || errno != EEXIST)
			break;
	}
	return in->fd < 0 ? cps_fail(err, errno, "make '%s/%s'", INGEST, in->name) : 0;
}

/* Opens the file of this name and locks it. It may have become a blob while we waited. */
static int open_locked(struct sto_ingest *in, bool wait, struct cps_err *err)
{
	for (int i = 0; i < TRIES; i++) {
		struct stat ours, there;

		in->fd = openat(in->dir, in->name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (in->fd < 0)
			return cps_fail(err, errno, "open '%s/%s'", INGEST, in->name);
		while (flock(in->fd, wait ? LOCK_EX : LOCK_EX | LOCK_NB) < 0)
			if (errno != EINTR)
				return cps_fail(err, errno, "lock '%s/%s'", INGEST, in->name);
		if (fstat(in->fd, &ours) < 0)
			return cps_fail(err, errno, "stat '%s/%s'", INGEST, in->name);
		if (fstatat(in->dir, in->name, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
		    there.st_ino == ours.st_ino && there.st_dev == ours.st_dev) {
			in->offset = (uint64_t)ours.st_size;
			return 0;
		}
		cps_close(&in->fd);
	}
	return cps_fail(err, EBUSY, "lock '%s/%s'", INGEST, in->name);
}

int sto_ingest_begin(const struct sto *s, const char *digest, bool wait, struct sto_ingest *ret,
		     struct cps_err *err)
{
	cleanup_ingest struct sto_ingest in = STO_INGEST_INIT;
	int rc = 0;

	if (digest && !sto_is_digest(digest))
		return cps_failx(err, EINVAL, "'%.80s' is no digest that is known here", digest);
	in.dir = ingest_dir(s, err);
	if (in.dir < 0)
		return in.dir;
	if (digest) {
		memcpy(in.name, sto_digest_hex(digest), STO_HEX_SIZE);
		rc = open_locked(&in, wait, err);
	} else {
		rc = open_unnamed(&in, err);
	}
	if (rc < 0)
		return rc;
	*ret = in;
	in = (struct sto_ingest)STO_INGEST_INIT;
	return 0;
}

int sto_ingest_commit(const struct sto *s, struct sto_ingest *in, const char *digest,
		      struct cps_err *err)
{
	char path[128];
	int rc = blob_path(digest, path, err);

	if (rc < 0)
		return rc;
	if (renameat(in->dir, in->name, s->fd, path) < 0)
		return cps_fail(err, errno, "keep blob %s", digest);
	in->name[0] = '\0';
	sto_ingest_done(in);
	return 0;
}

void sto_ingest_drop(struct sto_ingest *in)
{
	if (in->fd >= 0 && in->name[0])
		(void)unlinkat(in->dir, in->name, 0); /* else prune finds it */
	in->name[0] = '\0';
	sto_ingest_done(in);
}

void sto_ingest_done(struct sto_ingest *in)
{
	if (in->fd >= 0 && strncmp(in->name, UNNAMED, strlen(UNNAMED)) == 0)
		(void)unlinkat(in->dir, in->name, 0); /* nobody could find it again */
	cps_close(&in->fd);
	cps_close(&in->dir);
}
