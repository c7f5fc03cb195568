/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parsing manifests, indexes, and the part of a config that belongs to them.
 */
#include <config.h>
#include "manifest.h"

#include <errno.h>
#include <string.h>

#include "clock.h"
#include "digest.h"
#include "json.h"

#define SIZE_MAX_OF_BLOB (1ULL << 50) /* nothing that could be stored; keeps sums from wrapping */

static const char *const index_types[] = { STO_TYPE_OCI_INDEX, STO_TYPE_DOCKER_LIST, NULL };
static const char *const manifest_types[] = { STO_TYPE_OCI_MANIFEST, STO_TYPE_DOCKER_MANIFEST,
					      NULL };
static const char *const config_types[] = { STO_TYPE_OCI_CONFIG, STO_TYPE_DOCKER_CONFIG, NULL };
static const char *const layer_types[] = {
	STO_TYPE_OCI_LAYER,
	STO_TYPE_OCI_LAYER "+gzip",
	STO_TYPE_OCI_LAYER "+zstd",
	"application/vnd.docker.image.rootfs.diff.tar",
	"application/vnd.docker.image.rootfs.diff.tar.gzip",
	"application/vnd.docker.image.rootfs.diff.tar.zstd",
	NULL,
};

static bool is_one_of(const char *text, const char *const *list)
{
	for (; *list; list++)
		if (strcmp(text, *list) == 0)
			return true;
	return false;
}

/* The string member `key`, NULL if it is not there. */
static int get_str(const struct cps_json *obj, const char *key, const char **ret,
		   struct cps_err *err)
{
	const struct cps_json *node = cps_json_get(obj, key);

	*ret = NULL;
	return node ? cps_json_str(node, ret, err) : 0;
}

static int platform_read(const struct cps_json *obj, struct sto_descriptor *ret,
			 struct cps_err *err)
{
	int rc;

	if (!obj)
		return 0;
	rc = cps_json_want(obj, CPS_JSON_OBJECT, err);
	if (rc == 0)
		rc = get_str(obj, "os", &ret->os, err);
	if (rc == 0)
		rc = get_str(obj, "architecture", &ret->architecture, err);
	if (rc == 0)
		rc = get_str(obj, "variant", &ret->variant, err);
	return rc;
}

static int annotations_read(const struct cps_json *obj, struct sto_descriptor *ret,
			    struct cps_err *err)
{
	int rc;

	if (!obj)
		return 0;
	rc = cps_json_want(obj, CPS_JSON_OBJECT, err);
	if (rc == 0)
		rc = get_str(obj, "org.opencontainers.image.ref.name", &ret->ref_name, err);
	if (rc == 0)
		rc = get_str(obj, "io.containerd.image.name", &ret->full_name, err);
	return rc;
}

/* types NULL: the caller judges. */
static int descriptor_read(const struct cps_json *obj, const char *const *types,
			   struct sto_descriptor *ret, struct cps_err *err)
{
	int rc = cps_json_want(obj, CPS_JSON_OBJECT, err);

	*ret = (struct sto_descriptor){ 0 };
	if (rc == 0)
		rc = get_str(obj, "mediaType", &ret->media_type, err);
	if (rc == 0)
		rc = get_str(obj, "digest", &ret->digest, err);
	if (rc < 0)
		return rc;
	if (!ret->media_type)
		ret->media_type = "";
	if (types && !is_one_of(ret->media_type, types))
		return cps_json_fail(obj, EINVAL, err, "the media type '%.100s' has no place here",
				     ret->media_type);
	if (!ret->digest || !sto_is_digest(ret->digest))
		return cps_json_fail(obj, EINVAL, err, "'%.80s' is no sha256 digest",
				     ret->digest ? ret->digest : "");
	if (!cps_json_get(obj, "size"))
		return cps_json_fail(obj, EINVAL, err, "there is no size");
	rc = cps_json_u64(cps_json_get(obj, "size"), SIZE_MAX_OF_BLOB, &ret->size, err);
	if (rc == 0)
		rc = platform_read(cps_json_get(obj, "platform"), ret, err);
	if (rc == 0)
		rc = annotations_read(cps_json_get(obj, "annotations"), ret, err);
	return rc;
}

static int descriptors_read(struct cps_arena *a, const struct cps_json *array, unsigned max,
			    const char *const *types, const struct sto_descriptor **ret,
			    unsigned *ret_n, struct cps_err *err)
{
	struct sto_descriptor *list;
	unsigned n = 0;
	int rc = cps_json_want(array, CPS_JSON_ARRAY, err);

	if (rc < 0)
		return rc;
	if (array->count > max)
		return cps_json_fail(array, E2BIG, err, "%u of at most %u", array->count, max);
	list = cps_arena_array(a, array->count, sizeof(*list));
	if (!list)
		return cps_fail(err, ENOMEM, "read descriptors");
	for (const struct cps_json *node = array->first; node; node = node->next) {
		rc = descriptor_read(node, types, &list[n++], err);
		if (rc < 0)
			return rc;
	}
	*ret = list;
	*ret_n = n;
	return 0;
}

/* Parses, and says what the document is; media_type must agree, and so must its own mediaType. */
static int document_open(struct cps_arena *a, const char *text, size_t len, const char *media_type,
			 const struct cps_json **ret_root, enum sto_document *ret,
			 const char **ret_type, struct cps_err *err)
{
	const struct cps_json *root;
	const char *type = NULL;
	uint64_t version;
	bool index;
	int rc = cps_json_parse(a, text, len, &root, err);

	if (rc == 0)
		rc = cps_json_want(root, CPS_JSON_OBJECT, err);
	if (rc == 0)
		rc = get_str(root, "mediaType", &type, err);
	if (rc < 0)
		return rc;
	if (!cps_json_get(root, "schemaVersion"))
		return cps_failx(err, EINVAL, "schemaVersion is missing");
	rc = cps_json_u64(cps_json_get(root, "schemaVersion"), UINT32_MAX, &version, err);
	if (rc < 0)
		return rc;
	if (version != 2)
		return cps_failx(err, EINVAL, "schemaVersion is %llu; only 2 is known here",
				 (unsigned long long)version);
	index = cps_json_get(root, "manifests");
	if (index && (cps_json_get(root, "config") || cps_json_get(root, "layers") ||
		      cps_json_get(root, "fsLayers")))
		return cps_failx(err, EINVAL, "it is an index and a manifest at once");
	if (!index && !cps_json_get(root, "layers"))
		return cps_failx(err, EINVAL, "it is neither an index nor a manifest");
	if (type && media_type && strcmp(type, media_type) != 0)
		return cps_failx(err, EINVAL, "it calls itself '%.80s' and came as '%.80s'", type,
				 media_type);
	if (!type)
		type = media_type;
	if (!type)
		type = index ? STO_TYPE_OCI_INDEX : STO_TYPE_OCI_MANIFEST;
	if (!is_one_of(type, index ? index_types : manifest_types))
		return cps_failx(err, EINVAL, "it is %s of the media type '%.100s'",
				 index ? "an index" : "a manifest", type);
	*ret_root = root;
	*ret = index ? STO_DOCUMENT_INDEX : STO_DOCUMENT_MANIFEST;
	*ret_type = type;
	return 0;
}

int sto_document_kind(const char *text, size_t len, const char *media_type, enum sto_document *ret,
		      struct cps_err *err)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	const struct cps_json *root;
	const char *type = NULL;

	return document_open(&a, text, len, media_type, &root, ret, &type, err);
}

int sto_manifest_parse(struct cps_arena *a, const char *text, size_t len, const char *media_type,
		       struct sto_manifest *ret, struct cps_err *err)
{
	struct sto_manifest m = { 0 };
	const struct cps_json *root;
	enum sto_document kind;
	const char *type = NULL;
	int rc = document_open(a, text, len, media_type, &root, &kind, &type, err);

	if (rc < 0)
		return cps_wrap(err, rc, "manifest");
	if (kind != STO_DOCUMENT_MANIFEST)
		return cps_failx(err, EINVAL, "manifest: it is an index");
	if (!cps_json_get(root, "config"))
		return cps_failx(err, EINVAL, "manifest: it has no config");
	m.media_type = cps_arena_strdup(a, type);
	if (!m.media_type)
		return cps_fail(err, ENOMEM, "manifest");
	rc = descriptor_read(cps_json_get(root, "config"), config_types, &m.config, err);
	if (rc == 0)
		rc = descriptors_read(a, cps_json_get(root, "layers"), STO_LAYERS_MAX, layer_types,
				      &m.layers, &m.nlayers, err);
	if (rc < 0)
		return cps_wrap(err, rc, "manifest");
	if (m.nlayers == 0)
		return cps_failx(err, EINVAL, "manifest: it has no layers");
	*ret = m;
	return 0;
}

int sto_index_parse(struct cps_arena *a, const char *text, size_t len, const char *media_type,
		    struct sto_index *ret, struct cps_err *err)
{
	const struct cps_json *root;
	struct sto_index index;
	enum sto_document kind;
	const char *type = NULL;
	int rc = document_open(a, text, len, media_type, &root, &kind, &type, err);

	if (rc < 0)
		return cps_wrap(err, rc, "index");
	if (kind != STO_DOCUMENT_INDEX)
		return cps_failx(err, EINVAL, "index: it is a manifest");
	rc = descriptors_read(a, cps_json_get(root, "manifests"), STO_INDEX_MAX, NULL,
			      &index.manifests, &index.n, err);
	if (rc < 0)
		return cps_wrap(err, rc, "index");
	*ret = index;
	return 0;
}

static int diff_ids_read(struct cps_arena *a, const struct cps_json *array, struct sto_rootfs *ret,
			 struct cps_err *err)
{
	const char **ids;
	unsigned n = 0;
	int rc;

	if (!array)
		return cps_failx(err, EINVAL, "rootfs.diff_ids is missing");
	rc = cps_json_want(array, CPS_JSON_ARRAY, err);
	if (rc < 0)
		return rc;
	if (array->count > STO_LAYERS_MAX)
		return cps_json_fail(array, E2BIG, err, "%u layers of at most %u", array->count,
				     STO_LAYERS_MAX);
	ids = cps_arena_array(a, array->count, sizeof(*ids));
	if (!ids)
		return cps_fail(err, ENOMEM, "read diff_ids");
	for (const struct cps_json *node = array->first; node; node = node->next) {
		rc = cps_json_str(node, &ids[n], err);
		if (rc < 0)
			return rc;
		if (!sto_is_digest(ids[n++]))
			return cps_json_fail(node, EINVAL, err, "it is no sha256 digest");
	}
	ret->diff_ids = ids;
	ret->n = n;
	return 0;
}

int sto_rootfs_parse(struct cps_arena *a, const char *text, size_t len, struct sto_rootfs *ret,
		     struct cps_err *err)
{
	const struct cps_json *root, *rootfs;
	struct sto_rootfs r = { 0 };
	const char *type = NULL;
	struct timespec ignored;
	int rc = cps_json_parse(a, text, len, &root, err);

	if (rc == 0)
		rc = cps_json_want(root, CPS_JSON_OBJECT, err);
	if (rc < 0)
		return cps_wrap(err, rc, "image config");
	rootfs = cps_json_get(root, "rootfs");
	rc = get_str(rootfs, "type", &type, err);
	if (rc == 0 && type && strcmp(type, "layers") != 0)
		rc = cps_failx(err, EINVAL, "rootfs.type is '%.40s', not layers", type);
	if (rc == 0)
		rc = diff_ids_read(a, cps_json_get(rootfs, "diff_ids"), &r, err);
	if (rc == 0)
		rc = get_str(root, "created", &r.created, err);
	if (rc < 0)
		return cps_wrap(err, rc, "image config");
	if (r.created && cps_time_parse(r.created, &ignored) < 0)
		r.created = NULL; /* it is only shown */
	*ret = r;
	return 0;
}
