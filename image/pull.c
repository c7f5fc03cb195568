/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Layers are unpacked as they come; the name is given when all of them are there.
 */
#include <config.h>
#include "pull.h"

#include <errno.h>
#include <string.h>

#include "fetch.h"
#include "image.h"
#include "json.h"
#include "unpackers.h"

/* "" if it is not there. */
static const char *member(const struct cps_json *root, const char *key)
{
	const char *text = "";
	struct cps_err ignored;

	(void)cps_json_str(cps_json_get(root, key), &text, &ignored);
	return text;
}

/* An image that is no part of an index says in its config what it is for. */
static int platform_check(const struct sto_image *image, const struct sto_platform *platform,
			  struct cps_err *err)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	const struct cps_json *root;
	const char *os, *arch;
	int rc = cps_json_parse(&a, image->config, image->config_len, &root, err);

	if (rc < 0)
		return cps_wrap(err, rc, "image config");
	os = member(root, "os");
	arch = member(root, "architecture");
	if ((!os[0] || strcmp(os, platform->os) == 0) &&
	    (!arch[0] || strcmp(arch, platform->architecture) == 0))
		return 0;
	return cps_failx(err, ENOENT,
			 "it is for %.40s/%.40s, not for %s/%s (--platform says what is wanted)",
			 os, arch, platform->os, platform->architecture);
}

static int there(void *arg, unsigned i)
{
	struct img_unpackers *u = arg;

	if (img_unpackers_failed(u))
		return -ECANCELED; /* it knows why */
	img_unpackers_ready(u, i);
	return 0;
}

static int layers_get(struct img_registry *r, const struct sto *s, const struct sto_image *image,
		      struct img_progress *p, struct cps_err *err)
{
	cleanup_unpackers struct img_unpackers u;
	struct cps_err fetch_err = { 0 };
	int rc = img_unpackers_start(&u, s, image, p, err), fetched;

	if (rc < 0)
		return rc;
	for (unsigned i = 0; i < image->nlayers; i++)
		img_progress_expect(p, image->content.layers[i].size);
	fetched = img_blobs_fetch(r, s, image->content.layers, image->nlayers, there, &u, p,
				  &fetch_err);
	if (fetched == 0 || fetched == -ECANCELED)
		return img_unpackers_finish(&u, err);
	*err = fetch_err;
	return fetched;
}

int img_pull(struct img_registry *r, const struct sto *s, const struct sto_platform *platform,
	     const char *name, struct img_progress *p, struct cps_err *err)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	char manifest[STO_DIGEST_SIZE];
	struct sto_image image;
	int rc = img_manifest_fetch(r, s, platform, manifest, err);

	if (rc == 0)
		rc = sto_image_of_manifest(s, manifest, &a, &image, err);
	if (rc == 0)
		rc = platform_check(&image, platform, err);
	if (rc == 0)
		rc = layers_get(r, s, &image, p, err);
	return rc < 0 ? rc : sto_image_name(s, name, manifest, err);
}
