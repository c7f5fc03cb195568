/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Manifests, indexes, the choice of a platform, diff ids; and what is refused of each.
 */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "buf.h"
#include "manifest.h"
#include "unit.h"

#define HEX    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define DIGEST "sha256:" HEX
#define DESCRIPTOR(type, more) \
	"{\"mediaType\":\"" type "\",\"digest\":\"" DIGEST "\",\"size\":12" more "}"
#define CONFIG "\"config\":" DESCRIPTOR(STO_TYPE_OCI_CONFIG, "")
#define LAYERS "\"layers\":[" DESCRIPTOR(STO_TYPE_OCI_LAYER "+gzip", "") "]"
#define V2     "\"schemaVersion\":2,"

static int manifest(struct cps_arena *a, const char *text, const char *type,
		    struct sto_manifest *ret, struct cps_err *err)
{
	return sto_manifest_parse(a, text, strlen(text), type, ret, err);
}

START_TEST(good_manifests)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	struct sto_manifest m;
	struct cps_err err;

	ck_assert_ok(manifest(&a, "{" V2 CONFIG "," LAYERS "}", NULL, &m, &err), err);
	ck_assert_str_eq(m.media_type, STO_TYPE_OCI_MANIFEST);
	ck_assert_str_eq(m.config.digest, DIGEST);
	ck_assert_uint_eq(m.config.size, 12);
	ck_assert_uint_eq(m.nlayers, 1);
	ck_assert_str_eq(m.layers[0].media_type, STO_TYPE_OCI_LAYER "+gzip");
	ck_assert_ok(manifest(&a,
			      "{" V2 "\"mediaType\":\"" STO_TYPE_DOCKER_MANIFEST
			      "\",\"config\":" DESCRIPTOR(
				      STO_TYPE_DOCKER_CONFIG,
				      "") ",\"layers\":[" DESCRIPTOR("application/"
								     "vnd.docker.image.rootfs."
								     "diff.tar.gzip",
								     "") "]}",
			      STO_TYPE_DOCKER_MANIFEST, &m, &err),
		     err);
	ck_assert_str_eq(m.media_type, STO_TYPE_DOCKER_MANIFEST);
}
END_TEST

static const struct {
	const char *text, *why;
} bad[] = {
	{ "", "manifest: " },
	{ "[]", "object" },
	{ "{}", "schemaVersion is missing" },
	{ "{\"schemaVersion\":1," CONFIG "," LAYERS "}", "schemaVersion is 1" },
	{ "{" V2 "\"manifests\":[]," CONFIG "," LAYERS "}", "an index and a manifest at once" },
	{ "{" V2 "\"manifests\":[],\"fsLayers\":[]}", "an index and a manifest at once" },
	{ "{" V2 "\"manifests\":[]}", "it is an index" },
	{ "{" V2 "\"x\":[]}", "neither" },
	{ "{" V2 LAYERS "}", "it has no config" },
	{ "{" V2 CONFIG ",\"layers\":[]}", "it has no layers" },
	{ "{" V2 CONFIG ",\"layers\":{}}", "layers" },
	{ "{" V2 CONFIG ",\"layers\":[7]}", "layers[0]" },
	{ "{" V2 "\"mediaType\":\"text/html\"," CONFIG "," LAYERS "}", "text/html" },
	{ "{" V2 "\"mediaType\":\"" STO_TYPE_OCI_INDEX "\"," CONFIG "," LAYERS "}",
	  "a manifest of" },
	{ "{" V2 CONFIG ",\"layers\":[" DESCRIPTOR("text/html", "") "]}",
	  "layers[0]: the media type" },
	{ "{" V2 CONFIG ",\"layers\":[" DESCRIPTOR(STO_TYPE_OCI_CONFIG, "") "]}",
	  "has no place here" },
	{ "{" V2 "\"config\":" DESCRIPTOR("application/json", "") "," LAYERS "}",
	  "config: the media" },
	{ "{" V2 CONFIG ",\"layers\":[{\"mediaType\":\"" STO_TYPE_OCI_LAYER
	  "\",\"digest\":\"sha256:../../x\",\"size\":1}]}",
	  "is no sha256 digest" },
	{ "{" V2 CONFIG ",\"layers\":[{\"mediaType\":\"" STO_TYPE_OCI_LAYER
	  "\",\"digest\":\"" DIGEST "\",\"size\":-1}]}",
	  "layers[0].size" },
	{ "{" V2 CONFIG ",\"layers\":[{\"mediaType\":\"" STO_TYPE_OCI_LAYER
	  "\",\"digest\":\"" DIGEST "\"}]}",
	  "there is no size" },
	{ "{" V2 CONFIG ",\"layers\":[{\"mediaType\":\"" STO_TYPE_OCI_LAYER
	  "\",\"digest\":\"" DIGEST "\",\"size\":9000000000000000000}]}",
	  "layers[0].size" },
};

START_TEST(bad_manifests)
{
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
		struct sto_manifest m;
		struct cps_err err;
		int rc = manifest(&a, bad[i].text, NULL, &m, &err);

		ck_assert_err(rc, EINVAL, err, bad[i].why);
	}
}
END_TEST

START_TEST(came_as_something_else)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	const char *text =
		"{" V2 "\"mediaType\":\"" STO_TYPE_OCI_MANIFEST "\"," CONFIG "," LAYERS "}";
	struct sto_manifest m;
	struct cps_err err;

	ck_assert_err(manifest(&a, text, STO_TYPE_DOCKER_MANIFEST, &m, &err), EINVAL, err,
		      "calls itself");
	ck_assert_err(manifest(&a, "{" V2 CONFIG "," LAYERS "}", STO_TYPE_OCI_INDEX, &m, &err),
		      EINVAL, err, "a manifest of the media type");
}
END_TEST

START_TEST(too_many_layers)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	cleanup_buf struct cps_buf b = CPS_BUF_INIT;
	struct sto_manifest m;
	struct cps_err err;

	cps_buf_puts(&b, "{" V2 CONFIG ",\"layers\":[");
	for (int i = 0; i <= STO_LAYERS_MAX; i++)
		cps_buf_printf(&b, "%s%s", i ? "," : "", DESCRIPTOR(STO_TYPE_OCI_LAYER, ""));
	cps_buf_puts(&b, "]}");
	ck_assert_err(manifest(&a, b.data, NULL, &m, &err), E2BIG, err, "126 of at most 125");
}
END_TEST

#define PLATFORM(os, arch) ",\"platform\":{\"os\":\"" os "\",\"architecture\":\"" arch "\"}"

START_TEST(platforms)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	const char *text = "{" V2 "\"manifests\":[" DESCRIPTOR(
		STO_TYPE_OCI_MANIFEST,
		PLATFORM("linux",
			 "arm64")) "," DESCRIPTOR(STO_TYPE_OCI_MANIFEST,
						  PLATFORM("linux",
							   "amd64")) "," DESCRIPTOR("x", "") "]}";
	const char *plain = "{" V2 "\"manifests\":[" DESCRIPTOR(STO_TYPE_OCI_MANIFEST, "") "]}";
	struct sto_platform p;
	struct sto_index index;
	struct cps_err err;

	ck_assert_ok(sto_index_parse(&a, text, strlen(text), NULL, &index, &err), err);
	ck_assert_uint_eq(index.n, 3);
	ck_assert_ok(sto_platform_parse(&a, "linux/amd64", &p, &err), err);
	ck_assert_ptr_eq(sto_index_choose(&index, &p), &index.manifests[1]);
	ck_assert_ok(sto_platform_parse(&a, "linux/arm64/v8", &p, &err), err);
	ck_assert_ptr_null(sto_index_choose(&index, &p));
	ck_assert_ok(sto_platform_parse(&a, "linux/s390x", &p, &err), err);
	ck_assert_ptr_null(sto_index_choose(&index, &p));
	ck_assert_err(sto_platform_parse(&a, "linux", &p, &err), EINVAL, err, "is wanted");
	ck_assert_err(sto_platform_parse(&a, "linux/", &p, &err), EINVAL, err, "is wanted");
	ck_assert_ok(sto_index_parse(&a, plain, strlen(plain), STO_TYPE_OCI_INDEX, &index, &err),
		     err);
	sto_platform_host(&p);
	ck_assert_ptr_eq(sto_index_choose(&index, &p), &index.manifests[0]);
	ck_assert_err(sto_index_parse(&a, "{" V2 CONFIG "," LAYERS "}",
				      strlen("{" V2 CONFIG "," LAYERS "}"), NULL, &index, &err),
		      EINVAL, err, "it is a manifest");
}
END_TEST

START_TEST(diff_ids)
{
	static const struct {
		const char *text, *why;
	} wrong[] = {
		{ "{}", "diff_ids is missing" },
		{ "{\"rootfs\":7}", "diff_ids is missing" },
		{ "{\"rootfs\":{\"type\":\"base\",\"diff_ids\":[]}}", "not layers" },
		{ "{\"rootfs\":{\"diff_ids\":[\"../x\"]}}", "rootfs.diff_ids[0]: it is no sha256" },
		{ "{\"rootfs\":{\"diff_ids\":\"x\"}}", "rootfs.diff_ids" },
	};
	const char *text = "{\"created\":\"2024-01-02T03:04:05Z\",\"rootfs\":{\"type\":\"layers\","
			   "\"diff_ids\":[\"" DIGEST "\"]}}";
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	struct sto_rootfs r;
	struct cps_err err;

	ck_assert_ok(sto_rootfs_parse(&a, text, strlen(text), &r, &err), err);
	ck_assert_uint_eq(r.n, 1);
	ck_assert_str_eq(r.diff_ids[0], DIGEST);
	ck_assert_str_eq(r.created, "2024-01-02T03:04:05Z");
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		ck_assert_err(sto_rootfs_parse(&a, wrong[i].text, strlen(wrong[i].text), &r, &err),
			      EINVAL, err, wrong[i].why);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		good_manifests, bad_manifests, came_as_something_else, too_many_layers, platforms,
		diff_ids,	NULL
	};

	return unit_main("manifest", tests);
}
