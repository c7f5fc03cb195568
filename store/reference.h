/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of images: [REGISTRY[:PORT]/]PATH[:TAG][@DIGEST], in the grammar of the OCI distribution
 * specification ("Pulling manifests"), with Docker's defaults: registry docker.io, "library/" there
 * before a path of one word, tag "latest".
 *
 * Each image has one spelling in our store, the short one: defaults are left out, so that "redis",
 * "redis:latest" and "docker.io/library/redis" are the same name, "redis".
 */
#ifndef STO_REFERENCE_H
#define STO_REFERENCE_H

#include "digest.h"
#include "err.h"

#define STO_NAME_SIZE	   241 /* of a name with the NUL; a file's name with room for more */
#define STO_REF_REGISTRY   "docker.io"
#define STO_REF_TAG_LATEST "latest"

struct sto_ref {
	char domain[STO_NAME_SIZE];   /* "docker.io", "localhost:5000", "[::1]:5000" */
	char path[STO_NAME_SIZE + 8]; /* "library/redis" */
	char tag[129];		      /* "" only if there is a digest */
	char digest[STO_DIGEST_SIZE]; /* or "" */
};

/* EINVAL: out of the grammar, or longer than 240 bytes. */
int sto_ref_parse(const char *text, struct sto_ref *ret, struct cps_err *err);
/* The short spelling. With a digest it names that one, and no tag. */
void sto_ref_name(const struct sto_ref *ref, char buf[STO_NAME_SIZE]);
/* What a registry is asked for: the digest if there is one, else the tag. */
const char *sto_ref_wanted(const struct sto_ref *ref);
/* Parse and name in one. */
int sto_name_normalise(const char *text, char buf[STO_NAME_SIZE], struct cps_err *err);

#endif
