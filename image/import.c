/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Importing OCI image layouts.
 */
#include <config.h>
#include "import.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "blob-writer.h"
#include "hash.h"
#include "image.h"
#include "json.h"
#include "layer-unpack.h"
#include "own.h"
#include "stream.h"

#define INDEX_DEPTH 3 /* an index of indexes is legal; more than that is not meant well */
#define BLOB_PATH   "blobs/sha256/"

static void blob_path(const char *digest, char buf[sizeof(BLOB_PATH) + STO_HEX_SIZE])
{
	(void)snprintf(buf, sizeof(BLOB_PATH) + STO_HEX_SIZE, BLOB_PATH "%s",
		       sto_digest_hex(digest));
}

/* A small blob of the layout, verified. */
static int read_verified(struct img_import *im, const struct sto_descriptor *d, char **ret,
			 struct cps_err *err)
{
	char path[sizeof(BLOB_PATH) + STO_HEX_SIZE], digest[STO_DIGEST_SIZE];
	cleanup_free char *text = NULL;
	size_t len;
	int rc;

	blob_path(d->digest, path);
	rc = img_source_read(im->source, path, &text, &len, err);
	if (rc == 0)
		rc = img_hash_of(text, len, digest, err);
	if (rc < 0)
		return rc;
	if (len != d->size)
		return cps_failx(err, EBADMSG, "%s: it has %zu bytes, not the %llu that were said",
				 d->digest, len, (unsigned long long)d->size);
	if (strcmp(digest, d->digest) != 0)
		return cps_failx(err, EBADMSG, "%s: its content has another digest, %s", d->digest,
				 digest);
	*ret = take_ptr(&text);
	return 0;
}

static int copy_blob(struct img_import *im, const struct sto_descriptor *d, struct cps_err *err)
{
	cleanup_blob struct img_blob blob = IMG_BLOB_INIT;
	cleanup_img_file struct img_file file = IMG_FILE_INIT;
	char path[sizeof(BLOB_PATH) + STO_HEX_SIZE];
	struct img_reader reader;
	int rc = img_blob_begin(im->store, d->digest, d->size, true, &blob, err);

	if (rc != 0) {
		if (rc == 1)
			img_progress_add(im->progress, d->size);
		return rc < 0 ? rc : 0;
	}
	blob_path(d->digest, path);
	rc = img_file_open(im->source, path, &file, err);
	if (rc < 0)
		return rc;
	reader = img_file_reader(&file);
	rc = img_blob_fill(&blob, &reader, im->progress, err);
	return rc < 0 ? rc : img_blob_commit(&blob, NULL, err);
}

/* All that the manifest names, then the manifest. */
static int import_manifest(struct img_import *im, const struct sto_descriptor *d, const char *text,
			   struct cps_err *err)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	cleanup_free char *config = NULL;
	char ignored[STO_DIGEST_SIZE];
	struct sto_rootfs rootfs = { 0 };
	struct sto_manifest m = { 0 };
	int rc = sto_manifest_parse(&a, text, d->size, d->media_type[0] ? d->media_type : NULL, &m,
				    err);

	if (rc == 0)
		rc = read_verified(im, &m.config, &config, err);
	if (rc == 0)
		rc = sto_rootfs_parse(&a, config, m.config.size, &rootfs, err);
	if (rc < 0)
		return rc;
	if (rootfs.n != m.nlayers)
		return cps_failx(err, EINVAL, "its config has %u layers, its manifest %u", rootfs.n,
				 m.nlayers);
	for (unsigned i = 0; i < m.nlayers; i++)
		img_progress_expect(im->progress, 2 * m.layers[i].size);
	for (unsigned i = 0; i < m.nlayers; i++) {
		rc = copy_blob(im, &m.layers[i], err);
		if (rc == 0)
			rc = img_layer_unpack(im->store, m.layers[i].digest, rootfs.diff_ids[i],
					      im->progress, NULL, err);
		if (rc < 0)
			return rc;
	}
	rc = img_blob_put(im->store, config, m.config.size, m.config.digest, ignored, err);
	if (rc == 0)
		rc = img_blob_put(im->store, text, d->size, d->digest, ignored, err);
	return rc;
}

/* Follows indexes to the manifest for this machine: *d and *ret_text become that one's. */
static int find_manifest(struct img_import *im, struct cps_arena *a, struct sto_descriptor *d,
			 char **ret_text, struct cps_err *err)
{
	struct sto_platform host;

	sto_platform_host(&host);
	for (int depth = 0; depth < INDEX_DEPTH; depth++) {
		const char *type = d->media_type[0] ? d->media_type : NULL;
		cleanup_free char *text = NULL;
		const struct sto_descriptor *chosen;
		enum sto_document kind = STO_DOCUMENT_MANIFEST;
		struct sto_index index = { 0 };
		int rc = read_verified(im, d, &text, err);

		if (rc == 0)
			rc = sto_document_kind(text, d->size, type, &kind, err);
		if (rc < 0)
			return rc;
		if (kind == STO_DOCUMENT_MANIFEST) {
			*ret_text = take_ptr(&text);
			return 0;
		}
		rc = sto_index_parse(a, text, d->size, type, &index, err);
		if (rc < 0)
			return rc;
		chosen = sto_index_choose(&index, &host);
		if (!chosen)
			return cps_failx(err, ENOENT, "%s: it has no image for %s/%s", d->digest,
					 host.os, host.architecture);
		*d = *chosen;
	}
	return cps_failx(err, ELOOP, "%s: indexes within indexes", d->digest);
}

/* containerd's annotation is a whole name; OCI's may be one, or only a tag. */
static int name_of(const struct img_import *im, const struct sto_descriptor *d,
		   char ret[STO_NAME_SIZE], struct cps_err *err)
{
	if (im->name)
		return sto_name_normalise(im->name, ret, err);
	if (d->full_name)
		return sto_name_normalise(d->full_name, ret, err);
	if (d->ref_name && strpbrk(d->ref_name, "/:"))
		return sto_name_normalise(d->ref_name, ret, err);
	if (d->ref_name)
		return cps_failx(err, EINVAL,
				 "its name there is only a tag, '%.80s'; say whose: image import "
				 "NAME ARCHIVE",
				 d->ref_name);
	return cps_failx(err, EINVAL, "%s: it says no name; give one: image import NAME ARCHIVE",
			 d->digest);
}

static int import_one(struct img_import *im, const struct sto_descriptor *top, struct cps_err *err)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	cleanup_free char *text = NULL;
	struct sto_descriptor d = *top;
	char name[STO_NAME_SIZE];
	int rc = name_of(im, top, name, err);

	if (rc == 0)
		rc = find_manifest(im, &a, &d, &text, err);
	if (rc == 0)
		rc = import_manifest(im, &d, text, err);
	if (rc == 0)
		rc = sto_image_name(im->store, name, d.digest, err);
	if (rc == 0) {
		img_progress_clear(im->progress);
		im->named(name);
	}
	return rc;
}

int img_import_layout(struct img_import *im, struct cps_err *err)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	cleanup_free char *text = NULL;
	struct sto_index index = { 0 };
	size_t len;
	int rc = img_source_read(im->source, "index.json", &text, &len, err);

	if (rc == 0)
		rc = sto_index_parse(&a, text, len, NULL, &index, err);
	if (rc < 0)
		return cps_wrap(err, rc, "index.json");
	if (index.n == 0)
		return cps_failx(err, ENOENT, "there is no image in it");
	for (unsigned i = 1; im->name && i < index.n; i++)
		if (strcmp(index.manifests[0].digest, index.manifests[i].digest) != 0)
			return cps_failx(err, EINVAL,
					 "there are %u images in it, which have their own names",
					 index.n);
	for (unsigned i = 0; i < index.n; i++) {
		rc = import_one(im, &index.manifests[i], err);
		if (rc < 0)
			return rc;
		if (im->name)
			break;
	}
	return 0;
}

int img_import(struct img_import *im, struct cps_err *err)
{
	/* newer docker save writes both; the layout has the digests that a registry knows */
	if (img_source_has(im->source, "oci-layout") && img_source_has(im->source, "index.json"))
		return img_import_layout(im, err);
	if (img_source_has(im->source, "manifest.json"))
		return img_import_docker(im, err);
	return cps_failx(err, EINVAL,
			 "there is neither an OCI layout nor a manifest.json in it; `image create` "
			 "makes an image of a root file system");
}
