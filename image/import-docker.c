/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Importing what `docker save` writes: manifest.json is a list of {Config, RepoTags, Layers}, paths
 * in the archive. There is no manifest with digests; one is made.
 */
#include <config.h>
#include "import.h"

#include <errno.h>
#include <string.h>

#include "hash.h"
#include "image.h"
#include "json.h"
#include "own.h"

#define IMAGES_MAX 256
#define NAMES_MAX  256
#define HEX_LEN	   (STO_HEX_SIZE - 1)

struct docker_image {
	const char *config;
	const struct cps_json *names;  /* array, or NULL */
	const struct cps_json *layers; /* array */
};

static int image_read(const struct cps_json *node, struct docker_image *ret, struct cps_err *err)
{
	const struct cps_json *config, *layers;
	int rc = cps_json_want(node, CPS_JSON_OBJECT, err);

	if (rc < 0)
		return rc;
	config = cps_json_get(node, "Config");
	layers = cps_json_get(node, "Layers");
	ret->names = cps_json_get(node, "RepoTags");
	ret->layers = layers;
	if (!config || !layers)
		return cps_json_fail(node, EINVAL, err, "Config and Layers are wanted");
	rc = cps_json_str(config, &ret->config, err);
	if (rc == 0)
		rc = cps_json_want(layers, CPS_JSON_ARRAY, err);
	if (rc == 0 && ret->names)
		rc = cps_json_want(ret->names, CPS_JSON_ARRAY, err);
	if (rc == 0 && (layers->count == 0 || layers->count > STO_LAYERS_MAX))
		rc = cps_json_fail(layers, E2BIG, err, "%u layers; 1 to %u are possible",
				   layers->count, STO_LAYERS_MAX);
	if (rc == 0 && ret->names && ret->names->count > NAMES_MAX)
		rc = cps_json_fail(ret->names, E2BIG, err, "more than %u names", NAMES_MAX);
	return rc;
}

/* A config's file is called by its digest, "<hex>.json" or ".../<hex>", and must have it. */
static int config_verify(const char *path, const char *text, size_t len, struct cps_err *err)
{
	const char *base = strrchr(path, '/');
	char digest[STO_DIGEST_SIZE];
	int rc = img_hash_of(text, len, digest, err);

	base = base ? base + 1 : path;
	if (rc < 0 || strspn(base, "0123456789abcdef") != HEX_LEN)
		return rc;
	if (strncmp(base, sto_digest_hex(digest), HEX_LEN) != 0)
		return cps_failx(err, EBADMSG, "'%.100s': its content has another digest, %s", path,
				 digest);
	return 0;
}

static int layers_import(struct img_import *im, const struct docker_image *image,
			 const struct sto_rootfs *rootfs, struct img_layer *ret,
			 struct cps_err *err)
{
	unsigned i = 0;

	for (const struct cps_json *node = image->layers->first; node && i < rootfs->n;
	     node = node->next, i++) {
		cleanup_img_file struct img_file file = IMG_FILE_INIT;
		struct img_reader reader;
		const char *path = NULL;
		int rc = cps_json_str(node, &path, err);

		if (rc == 0)
			rc = img_file_open(im->source, path, &file, err);
		if (rc < 0)
			return rc;
		img_progress_expect(im->progress, 2 * file.size);
		reader = img_file_reader(&file);
		rc = img_layer_add(im->store, &reader, file.size, rootfs->diff_ids[i], im->progress,
				   &ret[i], err);
		if (rc < 0)
			return cps_wrap(err, rc, "%.100s", path);
	}
	return 0;
}

static int image_name(struct img_import *im, const char *text, const char *manifest,
		      struct cps_err *err)
{
	char name[STO_NAME_SIZE];
	int rc = sto_name_normalise(text, name, err);

	if (rc == 0)
		rc = sto_image_name(im->store, name, manifest, err);
	if (rc == 0) {
		img_progress_clear(im->progress);
		im->named(name);
	}
	return rc;
}

/* What it is to be called, before any work is done for it. */
static int names_check(const struct img_import *im, const struct docker_image *image,
		       struct cps_err *err)
{
	char ignored[STO_NAME_SIZE];

	if (im->name)
		return 0;
	if (!image->names || image->names->count == 0)
		return cps_failx(err, EINVAL,
				 "'%.100s': it says no name; give one: image import NAME ARCHIVE",
				 image->config);
	for (const struct cps_json *node = image->names->first; node; node = node->next) {
		const char *text = NULL;
		int rc = cps_json_str(node, &text, err);

		if (rc == 0)
			rc = sto_name_normalise(text, ignored, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int image_import(struct img_import *im, const struct docker_image *image,
			struct cps_err *err)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	cleanup_free struct img_layer *layers = NULL;
	cleanup_free char *config = NULL;
	struct sto_rootfs rootfs = { 0 };
	char manifest[STO_DIGEST_SIZE];
	size_t len = 0;
	int rc = names_check(im, image, err);

	if (rc == 0)
		rc = img_source_read(im->source, image->config, &config, &len, err);
	if (rc == 0)
		rc = config_verify(image->config, config, len, err);
	if (rc == 0)
		rc = sto_rootfs_parse(&a, config, len, &rootfs, err);
	if (rc < 0)
		return rc;
	if (!rootfs.diff_ids || rootfs.n != image->layers->count)
		return cps_failx(err, EINVAL, "its config has %u layers, manifest.json %u",
				 rootfs.n, image->layers->count);
	layers = calloc(STO_LAYERS_MAX, sizeof(*layers));
	if (!layers)
		return cps_fail(err, ENOMEM, "import");
	rc = layers_import(im, image, &rootfs, layers, err);
	if (rc == 0)
		rc = img_image_write(im->store, config, len, layers, rootfs.n, manifest, err);
	if (rc < 0)
		return rc;
	if (im->name)
		return image_name(im, im->name, manifest, err);
	for (const struct cps_json *node = image->names->first; rc == 0 && node; node = node->next)
		rc = image_name(im, node->text, manifest, err);
	return rc;
}

int img_import_docker(struct img_import *im, struct cps_err *err)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	cleanup_free char *text = NULL;
	const struct cps_json *root = NULL;
	unsigned n;
	size_t len;
	int rc = img_source_read(im->source, "manifest.json", &text, &len, err);

	if (rc == 0)
		rc = cps_json_parse(&a, text, len, &root, err);
	if (rc == 0)
		rc = cps_json_want(root, CPS_JSON_ARRAY, err);
	if (rc < 0)
		return cps_wrap(err, rc, "manifest.json");
	n = root ? root->count : 0;
	if (n == 0 || n > IMAGES_MAX)
		return cps_failx(err, EINVAL, "manifest.json: %u images; 1 to %u are possible", n,
				 IMAGES_MAX);
	if (im->name && n > 1)
		return cps_failx(err, EINVAL,
				 "there are %u images in it, which have their own names", n);
	for (const struct cps_json *node = root->first; node; node = node->next) {
		struct docker_image image;

		rc = image_read(node, &image, err);
		if (rc < 0)
			return cps_wrap(err, rc, "manifest.json");
		rc = image_import(im, &image, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}
