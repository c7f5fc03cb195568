/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Manifests, indexes and configs: small documents, held in memory until their digest is verified.
 */
#include <config.h>
#include "fetch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "own.h"

#define ACCEPT                                                                  \
	STO_TYPE_OCI_INDEX ", " STO_TYPE_DOCKER_LIST ", " STO_TYPE_OCI_MANIFEST \
			   ", " STO_TYPE_DOCKER_MANIFEST
#define DOCUMENT_SECONDS 120

struct document {
	char *text; /* in the registry's arena */
	size_t len;
	const char *media_type; /* NULL: the registry does not say */
	char digest[STO_DIGEST_SIZE];
};

/* What every server calls everything says nothing. */
static bool is_general(const char *type)
{
	return !type[0] || strcmp(type, "application/json") == 0 ||
	       strcmp(type, "application/octet-stream") == 0 || strcmp(type, "text/plain") == 0;
}

/* The bytes are what counts: what the reference or a descriptor says of them must be so, and what
 * the registry itself says in a header as well. */
static int document_verify(const char *said, const char *digest, uint64_t size, struct document *d,
			   struct cps_err *err)
{
	int rc = img_hash_of(d->text, d->len, d->digest, err);

	if (rc < 0)
		return rc;
	if (size != IMG_SIZE_UNKNOWN && size != d->len)
		return cps_failx(err, EBADMSG, "it has %zu bytes, not the %llu that were said",
				 d->len, (unsigned long long)size);
	if (digest && strcmp(digest, d->digest) != 0)
		return cps_failx(err, EBADMSG, "its content has another digest, %s", d->digest);
	if (!digest && said[0] && strcmp(said, d->digest) != 0)
		return cps_failx(err, EBADMSG, "its content has the digest %s, not %s as was said",
				 d->digest, said);
	return 0;
}

/* wanted: a tag or a digest. digest, size: what is known of it already, or NULL. */
static int document_get(struct img_registry *r, const char *wanted, const char *digest,
			uint64_t size, struct document *ret, struct cps_err *err)
{
	cleanup_call struct img_call c = IMG_CALL_INIT("GET", NULL, NULL);
	struct document d = { 0 };
	int rc;

	c.url = img_registry_url(r, "manifests", wanted);
	c.what = cps_arena_printf(&r->arena, "manifest %s", wanted);
	if (!c.url || !c.what)
		return cps_fail(err, ENOMEM, "manifest");
	c.accept = ACCEPT;
	c.max = STO_JSON_MAX;
	c.seconds = DOCUMENT_SECONDS;
	rc = img_registry_call(r, &c, err);
	if (rc < 0)
		return rc;
	d.len = c.answer.body.len;
	d.text = cps_arena_strndup(&r->arena, d.len ? c.answer.body.data : "", d.len);
	d.media_type = is_general(c.answer.content_type)
			       ? NULL
			       : cps_arena_strdup(&r->arena, c.answer.content_type);
	if (!d.text)
		return cps_fail(err, ENOMEM, "manifest");
	rc = document_verify(c.answer.digest, digest, size, &d, err);
	if (rc < 0)
		return cps_wrap(err, rc, "%s", c.what);
	*ret = d;
	return 0;
}

/* One that is in the store is not asked for. */
static int document_find(struct img_registry *r, const struct sto *s,
			 const struct sto_descriptor *desc, struct document *ret,
			 struct cps_err *err)
{
	cleanup_free char *text = NULL;
	struct document d = { .media_type = desc->media_type[0] ? desc->media_type : NULL };
	const char *said;
	int rc;

	if (desc->size > STO_JSON_MAX)
		return cps_failx(err, EFBIG, "manifest %s: it is said to have %llu bytes",
				 desc->digest, (unsigned long long)desc->size);
	if (!sto_blob_is_there(s, desc->digest, desc->size)) {
		said = d.media_type;
		rc = document_get(r, desc->digest, desc->digest, desc->size, &d, err);
		if (rc == 0 && said && d.media_type && strcmp(said, d.media_type) != 0)
			return cps_failx(err, EINVAL, "manifest %s: '%.80s' came, and not '%.80s'",
					 desc->digest, d.media_type, said);
		if (rc == 0 && !d.media_type)
			d.media_type = said;
		if (rc == 0)
			*ret = d;
		return rc;
	}
	rc = sto_blob_read(s, desc->digest, &text, &d.len, err);
	if (rc < 0)
		return rc;
	d.text = cps_arena_strndup(&r->arena, text, d.len);
	if (!d.text)
		return cps_fail(err, ENOMEM, "manifest");
	rc = document_verify("", desc->digest, desc->size, &d, err);
	if (rc == 0)
		*ret = d;
	return rc;
}

static int choose(struct img_registry *r, const struct sto *s, const struct sto_platform *platform,
		  struct document *d, struct cps_err *err)
{
	const struct sto_descriptor *desc;
	struct sto_index index;
	int rc = sto_index_parse(&r->arena, d->text, d->len, d->media_type, &index, err);

	if (rc < 0)
		return rc;
	desc = sto_index_choose(&index, platform);
	if (!desc)
		return cps_failx(err, ENOENT, "there is no image for %s/%s%s%s in it", platform->os,
				 platform->architecture, platform->variant ? "/" : "",
				 platform->variant ? platform->variant : "");
	return document_find(r, s, desc, d, err);
}

int img_manifest_fetch(struct img_registry *r, const struct sto *s,
		       const struct sto_platform *platform, char ret_digest[STO_DIGEST_SIZE],
		       struct cps_err *err)
{
	const char *digest = r->ref->digest[0] ? r->ref->digest : NULL;
	enum sto_document kind = STO_DOCUMENT_MANIFEST;
	struct sto_manifest m = { 0 };
	struct document d = { 0 };
	int rc = document_get(r, sto_ref_wanted(r->ref), digest, IMG_SIZE_UNKNOWN, &d, err);

	if (rc == 0)
		rc = sto_document_kind(d.text, d.len, d.media_type, &kind, err);
	if (rc == 0 && kind == STO_DOCUMENT_INDEX)
		rc = choose(r, s, platform, &d, err);
	if (rc == 0)
		rc = sto_manifest_parse(&r->arena, d.text, d.len, d.media_type, &m, err);
	if (rc == 0 && m.config.size > STO_JSON_MAX)
		rc = cps_failx(err, EFBIG, "the config is said to have %llu bytes",
			       (unsigned long long)m.config.size);
	if (rc == 0)
		rc = img_blob_put(s, d.text, d.len, d.digest, ret_digest, err);
	return rc < 0 ? rc : img_blobs_fetch(r, s, &m.config, 1, NULL, NULL, NULL, err);
}
