/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Layers from anywhere, and manifests of our own.
 */
#include <config.h>
#include "image-write.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "blob-writer.h"
#include "file.h"
#include "json.h"
#include "layer-unpack.h"
#include "manifest.h"
#include "own.h"
#include "stream.h"

static ssize_t read_stream(void *data, void *buf, size_t size, struct cps_err *err)
{
	return img_stream_read(data, buf, size, err);
}

/* Bytes that were read already, to be read again. */
struct pushed {
	const struct img_reader *from;
	char *data;
	size_t at, len;
};

static ssize_t read_pushed(void *data, void *buf, size_t size, struct cps_err *err)
{
	struct pushed *p = data;
	size_t n = p->len - p->at < size ? p->len - p->at : size;

	if (n == 0)
		return p->from->read(p->from->data, buf, size, err);
	memcpy(buf, p->data + p->at, n);
	p->at += n;
	return (ssize_t)n;
}

/* The digest of a plain layer is known before it is read: it is its diff id. */
static int store_bytes(const struct sto *s, const struct img_reader *from, uint64_t size,
		       const char *diff_id, struct img_progress *progress, struct img_layer *ret,
		       struct cps_err *err)
{
	cleanup_blob struct img_blob blob = IMG_BLOB_INIT;
	cleanup_free char *data = malloc(IMG_BLOCK);
	struct pushed pushed = { from, data, 0, 0 };
	struct img_reader reader = { read_pushed, &pushed };
	ssize_t n;
	int rc;

	if (!data)
		return cps_fail(err, ENOMEM, "keep a layer");
	n = from->read(from->data, data, IMG_BLOCK, err);
	if (n < 0)
		return (int)n;
	pushed.len = (size_t)n;
	if (size == IMG_SIZE_UNKNOWN || img_is_compressed(data, (size_t)n))
		diff_id = NULL;
	rc = img_blob_begin(s, diff_id, size, true, &blob, err);
	if (rc == 1 && diff_id) {
		img_progress_add(progress, size);
		ret->size = size;
		memcpy(ret->blob, diff_id, sizeof(ret->blob));
		return 0;
	}
	if (rc == 0)
		rc = img_blob_fill(&blob, &reader, progress, err);
	if (rc < 0)
		return rc;
	ret->size = blob.written;
	return img_blob_commit(&blob, ret->blob, err);
}

/* What kind of layer it is; one of xz is stored again without. */
static int find_type(const struct sto *s, struct img_layer *layer, struct cps_err *err)
{
	cleanup_stream struct img_stream stream = IMG_STREAM_INIT;
	cleanup_fd int fd = sto_blob_open(s, layer->blob, err);
	char packed[STO_DIGEST_SIZE];
	struct img_reader reader = { read_stream, &stream };
	int rc;

	if (fd < 0)
		return fd;
	rc = img_stream_open(fd, NULL, &stream, err);
	if (rc < 0)
		return rc;
	layer->media_type = STO_TYPE_OCI_LAYER;
	if (!stream.a)
		return 0;
	if (strcmp(stream.filter, "gzip") == 0)
		layer->media_type = STO_TYPE_OCI_LAYER "+gzip";
	else if (strcmp(stream.filter, "zstd") == 0)
		layer->media_type = STO_TYPE_OCI_LAYER "+zstd";
	else {
		memcpy(packed, layer->blob, sizeof(packed));
		rc = store_bytes(s, &reader, IMG_SIZE_UNKNOWN, NULL, NULL, layer, err);
		if (rc == 0)
			rc = sto_blob_remove(s, packed, err);
	}
	return rc;
}

int img_layer_add(const struct sto *s, const struct img_reader *from, uint64_t size,
		  const char *diff_id, struct img_progress *progress, struct img_layer *ret,
		  struct cps_err *err)
{
	struct img_layer layer = { 0 };
	int rc = store_bytes(s, from, size, diff_id, progress, &layer, err);

	if (rc == 0)
		rc = find_type(s, &layer, err);
	if (rc == 0)
		rc = img_layer_unpack(s, layer.blob, diff_id, progress, layer.diff_id, err);
	if (rc == 0)
		*ret = layer;
	return rc;
}

static void write_descriptor(struct cps_jsonw *w, const char *key, const char *type,
			     const char *digest, uint64_t size)
{
	cps_jsonw_open(w, key, '{');
	cps_jsonw_str(w, "mediaType", type);
	cps_jsonw_str(w, "digest", digest);
	cps_jsonw_u64(w, "size", size);
	cps_jsonw_close(w, '}');
}

int img_image_write(const struct sto *s, const char *config, size_t config_len,
		    const struct img_layer *layers, unsigned n, char ret_manifest[STO_DIGEST_SIZE],
		    struct cps_err *err)
{
	cleanup_buf struct cps_buf buf = CPS_BUF_INIT;
	char id[STO_DIGEST_SIZE];
	struct cps_jsonw w;
	int rc = img_blob_put(s, config, config_len, NULL, id, err);

	if (rc < 0)
		return rc;
	cps_jsonw_init(&w, &buf, false);
	cps_jsonw_open(&w, NULL, '{');
	cps_jsonw_i64(&w, "schemaVersion", 2);
	cps_jsonw_str(&w, "mediaType", STO_TYPE_OCI_MANIFEST);
	write_descriptor(&w, "config", STO_TYPE_OCI_CONFIG, id, config_len);
	cps_jsonw_open(&w, "layers", '[');
	for (unsigned i = 0; i < n; i++)
		write_descriptor(&w, NULL, layers[i].media_type, layers[i].blob, layers[i].size);
	cps_jsonw_close(&w, ']');
	cps_jsonw_close(&w, '}');
	if (buf.failed)
		return cps_fail(err, ENOMEM, "write a manifest");
	return img_blob_put(s, buf.data, buf.len, NULL, ret_manifest, err);
}

int img_temp_file(const struct sto *s, struct cps_err *err)
{
	cleanup_fd int dir = sto_topic(s, STO_IMAGES, true, err);
	int fd;

	if (dir < 0)
		return dir;
	fd = openat(dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	return fd < 0 ? cps_fail(err, errno, "make a temporary file in '%s'", s->path) : fd;
}

int img_seekable(const struct sto *s, int fd, struct cps_err *err)
{
	cleanup_free char *data = NULL;
	cleanup_fd int copy = -1;
	ssize_t n;
	int rc;

	if (lseek(fd, 0, SEEK_CUR) >= 0) {
		copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
		return copy < 0 ? cps_fail(err, errno, "duplicate a descriptor") : take_fd(&copy);
	}
	copy = img_temp_file(s, err);
	if (copy < 0)
		return copy;
	data = malloc(IMG_BLOCK);
	if (!data)
		return cps_fail(err, ENOMEM, "read");
	while ((n = cps_read_full(fd, data, IMG_BLOCK)) > 0) {
		rc = cps_write_all(copy, data, (size_t)n);
		if (rc < 0)
			return cps_fail(err, -rc, "write a temporary file");
	}
	if (n < 0)
		return cps_fail(err, (int)-n, "read");
	if (lseek(copy, 0, SEEK_SET) < 0)
		return cps_fail(err, errno, "seek");
	return take_fd(&copy);
}
