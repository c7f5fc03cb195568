/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Manifests and indexes: OCI image-spec 1.1 (manifest.md, image-index.md) and Docker's "Image
 * Manifest V 2, Schema 2" with its manifest list. All of it is hostile: bounded, media types from a
 * fixed list, and a document that is an index and a manifest at once is refused, since two readers
 * could take it for two things.
 */
#ifndef STO_MANIFEST_H
#define STO_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "err.h"

#define STO_LAYERS_MAX 125  /* of an image; Docker's bound too */
#define STO_INDEX_MAX  1024 /* manifests in an index */

#define STO_TYPE_OCI_MANIFEST	 "application/vnd.oci.image.manifest.v1+json"
#define STO_TYPE_OCI_INDEX	 "application/vnd.oci.image.index.v1+json"
#define STO_TYPE_OCI_CONFIG	 "application/vnd.oci.image.config.v1+json"
#define STO_TYPE_OCI_LAYER	 "application/vnd.oci.image.layer.v1.tar"
#define STO_TYPE_DOCKER_MANIFEST "application/vnd.docker.distribution.manifest.v2+json"
#define STO_TYPE_DOCKER_LIST	 "application/vnd.docker.distribution.manifest.list.v2+json"
#define STO_TYPE_DOCKER_CONFIG	 "application/vnd.docker.container.image.v1+json"

struct sto_descriptor {
	const char *media_type; /* "" where an old index leaves it out */
	const char *digest;
	uint64_t size; /* bytes */
	/* in an index; NULL if not said */
	const char *os, *architecture, *variant;
	const char *ref_name;  /* annotation org.opencontainers.image.ref.name */
	const char *full_name; /* annotation io.containerd.image.name */
};

struct sto_manifest {
	const char *media_type; /* one of the two */
	struct sto_descriptor config;
	const struct sto_descriptor *layers; /* bottom first */
	unsigned nlayers;
};

struct sto_index {
	const struct sto_descriptor *manifests;
	unsigned n;
};

enum sto_document { STO_DOCUMENT_MANIFEST, STO_DOCUMENT_INDEX };

/* Which of the two is it? media_type: what the registry or the descriptor calls it, NULL if nobody
 * says; it must agree with the document. */
int sto_document_kind(const char *text, size_t len, const char *media_type, enum sto_document *ret,
		      struct cps_err *err);

/* Strings are in the arena. The layers' types are checked, and a digest may stand there twice. */
int sto_manifest_parse(struct cps_arena *a, const char *text, size_t len, const char *media_type,
		       struct sto_manifest *ret, struct cps_err *err);
int sto_index_parse(struct cps_arena *a, const char *text, size_t len, const char *media_type,
		    struct sto_index *ret, struct cps_err *err);

/* os/architecture[/variant] as Go names them. */
struct sto_platform {
	const char *os, *architecture, *variant; /* variant NULL: any */
};
/* Ours. */
void sto_platform_host(struct sto_platform *ret);
/* "linux/arm64/v8" into three strings in the arena. */
int sto_platform_parse(struct cps_arena *a, const char *text, struct sto_platform *ret,
		       struct cps_err *err);
/* The manifest of that platform; one that names no platform counts if none does. NULL: none. */
const struct sto_descriptor *sto_index_choose(const struct sto_index *index,
					      const struct sto_platform *platform);

/* What an image's config says of its layers (config.md, rootfs). */
struct sto_rootfs {
	const char *const *diff_ids; /* bottom first */
	unsigned n;
	const char *created; /* RFC 3339 or NULL */
};
int sto_rootfs_parse(struct cps_arena *a, const char *text, size_t len, struct sto_rootfs *ret,
		     struct cps_err *err);

#endif
