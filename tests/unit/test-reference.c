/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of images: what they mean, what is refused.
 */
#include <config.h>

#include <errno.h>
#include <string.h>

#include "reference.h"
#include "unit.h"

#define HEX    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define DIGEST "sha256:" HEX

static const struct {
	const char *text, *domain, *path, *wanted, *name;
} good[] = {
	{ "redis", "docker.io", "library/redis", "latest", "redis" },
	{ "redis:latest", "docker.io", "library/redis", "latest", "redis" },
	{ "docker.io/library/redis", "docker.io", "library/redis", "latest", "redis" },
	{ "index.docker.io/redis:7", "docker.io", "library/redis", "7", "redis:7" },
	{ "library/redis", "docker.io", "library/redis", "latest", "redis" },
	{ "library/a/b", "docker.io", "library/a/b", "latest", "library/a/b" },
	{ "user/app:V1.0_x-y", "docker.io", "user/app", "V1.0_x-y", "user/app:V1.0_x-y" },
	{ "localhost/app", "localhost", "app", "latest", "localhost/app" },
	{ "localhost:5000/a/b:1", "localhost:5000", "a/b", "1", "localhost:5000/a/b:1" },
	{ "127.0.0.1:5000/a", "127.0.0.1:5000", "a", "latest", "127.0.0.1:5000/a" },
	{ "[::1]:5000/a", "[::1]:5000", "a", "latest", "[::1]:5000/a" },
	{ "quay.io/x/y@" DIGEST, "quay.io", "x/y", DIGEST, "quay.io/x/y@" DIGEST },
	{ "redis:7@" DIGEST, "docker.io", "library/redis", DIGEST, "redis@" DIGEST },
	{ "a.b__c---d", "docker.io", "library/a.b__c---d", "latest", "a.b__c---d" },
	{ "Registry/x", "Registry", "x", "latest", "Registry/x" },
};

START_TEST(good_ones)
{
	char name[STO_NAME_SIZE];
	struct sto_ref ref;
	struct cps_err err;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		ck_assert_ok(sto_ref_parse(good[i].text, &ref, &err), err);
		ck_assert_str_eq(ref.domain, good[i].domain);
		ck_assert_str_eq(ref.path, good[i].path);
		ck_assert_str_eq(sto_ref_wanted(&ref), good[i].wanted);
		sto_ref_name(&ref, name);
		ck_assert_str_eq(name, good[i].name);
		/* the short spelling means the same */
		ck_assert_ok(sto_name_normalise(name, name, &err), err);
		ck_assert_str_eq(name, good[i].name);
	}
}
END_TEST

START_TEST(bad_ones)
{
	static const char *const bad[] = {
		"",
		"Redis",
		"/redis",
		"redis/",
		"a//b",
		"../x",
		"a/../b",
		"a..b",
		"a___b",
		"-a",
		"a-",
		"a:",
		"a:.x",
		"a:-x",
		"a:b:c",
		"a@sha256:12",
		"a@md5:" HEX,
		"a b",
		"a\nb",
		"a+b",
		"caf\xc3\xa9",
		"a.-.b/c",
		"x.y:/z",
		"x.y:123456/z",
		"[::1/a",
		"sha256:" HEX,
		HEX,
		"a%2fb",
		"localhost:5000",
		"a:b/c",
	};
	char name[STO_NAME_SIZE];
	struct cps_err err;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int rc = sto_name_normalise(bad[i], name, &err);

		if (strcmp(bad[i], "localhost:5000") == 0) /* a path and a tag */
			ck_assert_int_eq(rc, 0);
		else
			ck_assert_msg(rc == -EINVAL, "'%s' was taken", bad[i]);
	}
}
END_TEST

START_TEST(lengths)
{
	char text[STO_NAME_SIZE + 200], name[STO_NAME_SIZE];
	struct cps_err err;

	memset(text, 'a', sizeof(text));
	text[STO_NAME_SIZE - 1] = '\0';
	ck_assert_ok(sto_name_normalise(text, name, &err), err);
	ck_assert_str_eq(name, text);
	text[STO_NAME_SIZE - 1] = 'a';
	text[STO_NAME_SIZE] = '\0';
	ck_assert_err(sto_name_normalise(text, name, &err), EINVAL, err, "no image's name");
	text[1] = ':';
	text[130] = '\0';
	ck_assert_ok(sto_name_normalise(text, name, &err), err);
	text[130] = 'a';
	text[131] = '\0';
	ck_assert_err(sto_name_normalise(text, name, &err), EINVAL, err, "no image's name");
}
END_TEST

int main(void)
{
	const TTest *const tests[] = { good_ones, bad_ones, lengths, NULL };

	return unit_main("reference", tests);
}
