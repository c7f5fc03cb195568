/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A layer is unpacked into layers/.new-<hex of its blob>, and renamed when all of it was verified.
 * Who unpacks holds flock(2) of that directory; one that nobody holds is what a crash has left.
 */
#include <config.h>
#include "layer-unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "blob.h"
#include "file.h"
#include "layer.h"
#include "own.h"
#include "pipe.h"
#include "unpack.h"

#define NEW	  ".new-"
#define NAME_SIZE (sizeof(NEW) + STO_HEX_SIZE)
#define TRIES	  64
#define ROOT_MODE 0755 /* unless the archive has a member for it */

struct job {
	const struct sto *store;
	const char *blob;
	const char *diff_id; /* or NULL */
	struct img_progress *progress;
	int layers; /* the topic */
	int dir;    /* of the new layer, locked */
	char name[NAME_SIZE];
};

/* -- reading ----------------------------------------------------------------------------------- */

static la_ssize_t next_from_pipe(struct archive *a, void *data, const void **ret)
{
	struct cps_err err = { 0 };
	ssize_t n = img_pipe_next(data, ret, &err);

	if (n < 0)
		archive_set_error(a, err.num, "%s", err.msg);
	return n;
}

struct plain {
	struct img_stream *stream;
	char block[IMG_BLOCK];
};

static la_ssize_t next_plain(struct archive *a, void *data, const void **ret)
{
	struct cps_err err = { 0 };
	struct plain *p = data;
	ssize_t n = img_stream_read(p->stream, p->block, sizeof(p->block), &err);

	if (n < 0)
		archive_set_error(a, err.num, "%s", err.msg);
	*ret = p->block;
	return n;
}

static int unpack_tar(void *data, archive_read_callback *next, int fs, uint64_t *ret_bytes,
		      struct cps_err *err)
{
	cleanup_archive struct archive *tar = img_tar_new(err);

	if (!tar)
		return -err->num;
	if (archive_read_open(tar, data, NULL, next, NULL) != ARCHIVE_OK)
		return img_archive_fail(tar, err);
	return img_unpack(tar, fs, NULL, ret_bytes, err);
}

/* The digest of a plain blob's content is known: it was verified when it became a blob. */
static int unpack_plain(const struct job *j, struct img_stream *stream, int fs, uint64_t *ret_bytes,
			char ret_diff_id[STO_DIGEST_SIZE], struct cps_err *err)
{
	cleanup_free struct plain *p = malloc(sizeof(*p));

	if (!p)
		return cps_fail(err, ENOMEM, "unpack");
	p->stream = stream;
	memcpy(ret_diff_id, j->blob, STO_DIGEST_SIZE);
	return unpack_tar(p, next_plain, fs, ret_bytes, err);
}

static int unpack_compressed(struct img_stream *stream, int fs, uint64_t *ret_bytes,
			     char ret_diff_id[STO_DIGEST_SIZE], struct cps_err *err)
{
	cleanup_pipe struct img_pipe pipe = { 0 };
	int rc = img_pipe_start(&pipe, stream, err);

	if (rc == 0)
		rc = unpack_tar(&pipe, next_from_pipe, fs, ret_bytes, err);
	if (rc == 0)
		rc = img_pipe_finish(&pipe, ret_diff_id, err);
	return rc;
}

/* -- the new layer's directory ----------------------------------------------------------------- */

/* Makes or takes over the directory, locked, and empties it. 1: the layer has come meanwhile. */
static int claim(struct job *j, struct cps_err *err)
{
	for (int i = 0; i < TRIES; i++) {
		struct stat ours, there;
		int rc;

		if (mkdirat(j->layers, j->name, 0700) < 0 && errno != EEXIST)
			return cps_fail(err, errno, "make '%s/%s'", STO_LAYERS, j->name);
		j->dir =
			openat(j->layers, j->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (j->dir < 0 && errno == ENOENT)
			continue;
		if (j->dir < 0)
			return cps_fail(err, errno, "open '%s/%s'", STO_LAYERS, j->name);
		while (flock(j->dir, LOCK_EX) < 0)
			if (errno != EINTR)
				return cps_fail(err, errno, "lock '%s/%s'", STO_LAYERS, j->name);
		if (fstat(j->dir, &ours) == 0 &&
		    fstatat(j->layers, j->name, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
		    ours.st_ino == there.st_ino && ours.st_dev == there.st_dev) {
			rc = cps_remove_tree(j->dir, STO_LAYER_FS, err);
			return rc < 0 ? rc : 0;
		}
		cps_close(&j->dir);
		if (j->diff_id && sto_layer_is_there(j->store, j->diff_id))
			return 1;
	}
	return cps_fail(err, EBUSY, "lock '%s/%s'", STO_LAYERS, j->name);
}

static int fill(struct job *j, char ret_diff_id[STO_DIGEST_SIZE], struct cps_err *err)
{
	cleanup_stream struct img_stream stream = IMG_STREAM_INIT;
	cleanup_fd int blob = sto_blob_open(j->store, j->blob, err);
	cleanup_fd int fs = -1;
	uint64_t bytes = 0;
	char size[24];
	int n, rc;

	if (blob < 0)
		return blob;
	if (mkdirat(j->dir, STO_LAYER_FS, ROOT_MODE) < 0)
		return cps_fail(err, errno, "make '%s'", STO_LAYER_FS);
	fs = openat(j->dir, STO_LAYER_FS, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fs < 0)
		return cps_fail(err, errno, "open '%s'", STO_LAYER_FS);
	rc = img_stream_open(blob, j->progress, &stream, err);
	if (rc < 0)
		return rc;
	rc = stream.a ? unpack_compressed(&stream, fs, &bytes, ret_diff_id, err)
		      : unpack_plain(j, &stream, fs, &bytes, ret_diff_id, err);
	if (rc < 0)
		return rc;
	if (j->diff_id && strcmp(ret_diff_id, j->diff_id) != 0)
		return cps_failx(err, EBADMSG, "its content is %s, its config says %s", ret_diff_id,
				 j->diff_id);
	n = snprintf(size, sizeof(size), "%llu", (unsigned long long)bytes);
	return cps_file_replace(j->dir, STO_LAYER_SIZE, size, (size_t)n, 0600, err);
}

static int show(struct job *j, const char *diff_id, struct cps_err *err)
{
	if (renameat2(j->layers, j->name, j->layers, sto_digest_hex(diff_id), RENAME_NOREPLACE) ==
	    0)
		return 0;
	if (errno == EEXIST) /* the same content came in another blob */
		return cps_remove_tree(j->layers, j->name, err);
	return cps_fail(err, errno, "make the layer visible");
}

static void job_done(struct job *j)
{
	cps_close(&j->dir);
	cps_close(&j->layers);
}

int img_layer_unpack(const struct sto *s, const char *blob, const char *diff_id,
		     struct img_progress *progress, char ret_diff_id[STO_DIGEST_SIZE],
		     struct cps_err *err)
{
	__attribute__((
		cleanup(job_done))) struct job j = { s, blob, diff_id, progress, -1, -1, "" };
	char found[STO_DIGEST_SIZE] = "";
	struct cps_err ignored;
	int rc;

	if (diff_id && !sto_is_digest(diff_id))
		return cps_failx(err, EINVAL, "'%.80s' is no layer's digest", diff_id);
	if (diff_id)
		memcpy(found, diff_id, sizeof(found));
	j.layers = sto_topic(s, STO_LAYERS, true, err);
	if (j.layers < 0)
		return j.layers;
	(void)snprintf(j.name, sizeof(j.name), NEW "%s", sto_digest_hex(blob));
	rc = diff_id && sto_layer_is_there(s, diff_id) ? 1 : claim(&j, err);
	if (rc == 0) {
		rc = fill(&j, found, err);
		if (rc == 0)
			rc = show(&j, found, err);
		if (rc < 0)
			(void)cps_remove_tree(j.layers, j.name, &ignored); /* else prune does */
	}
	if (rc < 0)
		return cps_wrap(err, rc, "layer %.19s", blob);
	if (ret_diff_id)
		memcpy(ret_diff_id, found, sizeof(found));
	return 0;
}
