/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a registry says in headers: challenges and URLs. And whose credentials are for whom.
 */
#include <config.h>
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "challenge.h"
#include "credentials.h"
#include "registry-url.h"

static const struct {
	const char *text;
	enum img_auth auth;
	const char *realm, *service, *scope;
} challenges[] = {
	{ "Bearer realm=\"https://a/t\",service=\"r\",scope=\"repository:x:pull\"", IMG_AUTH_BEARER,
	  "https://a/t", "r", "repository:x:pull" },
	{ "bearer  realm = \"https://a/t\" , service=r", IMG_AUTH_BEARER, "https://a/t", "r",
	  NULL },
	{ "Basic realm=\"x\"", IMG_AUTH_BASIC, "x", NULL, NULL },
	{ "Basic", IMG_AUTH_BASIC, NULL, NULL, NULL },
	{ "Basic realm=\"x\", Bearer realm=\"y\"", IMG_AUTH_BEARER, "y", NULL, NULL },
	{ "Bearer realm=\"y\", Basic realm=\"x\"", IMG_AUTH_BEARER, "y", NULL, NULL },
	{ "Negotiate, Basic realm=x", IMG_AUTH_BASIC, "x", NULL, NULL },
	{ "Bearer realm=\"a\\\"b\"", IMG_AUTH_BEARER, "a\"b", NULL, NULL },
	{ "Bearer realm=\"a, Basic realm=b\"", IMG_AUTH_BEARER, "a, Basic realm=b", NULL, NULL },
	{ "Bearer realm=\"one\",realm=\"two\"", IMG_AUTH_BEARER, "one", NULL, NULL },
	{ ", ,Bearer realm=\"y\",,", IMG_AUTH_BEARER, "y", NULL, NULL },
	{ "", IMG_AUTH_NONE, NULL, NULL, NULL },
	{ "Digest realm=\"x\"", IMG_AUTH_NONE, NULL, NULL, NULL },
	{ "Bearer service=\"no realm\"", IMG_AUTH_NONE, NULL, NULL, NULL },
	{ "Bearer realm=\"not closed", IMG_AUTH_NONE, NULL, NULL, NULL },
	{ "Bearer realm=\"a\tb\"", IMG_AUTH_NONE, NULL, NULL, NULL },
	{ "Bearer realm=", IMG_AUTH_NONE, NULL, NULL, NULL },
	{ "\"quoted\" Basic", IMG_AUTH_NONE, NULL, NULL, NULL },
};

static bool equal(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

START_TEST(what_is_asked)
{
	for (size_t i = 0; i < sizeof(challenges) / sizeof(challenges[0]); i++) {
		cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
		struct img_challenge c;

		img_challenge_parse(&a, challenges[i].text, &c);
		ck_assert_msg(c.auth == challenges[i].auth && equal(c.realm, challenges[i].realm) &&
				      equal(c.service, challenges[i].service) &&
				      equal(c.scope, challenges[i].scope),
			      "%s", challenges[i].text);
	}
}
END_TEST

START_TEST(too_much_is_asked)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	static char text[9000] = "Bearer realm=\"";
	struct img_challenge c;

	memset(text + strlen(text), 'x', 5000);
	strcat(text, "\"");
	img_challenge_parse(&a, text, &c);
	ck_assert_int_eq(c.auth, IMG_AUTH_NONE);
	strcpy(text, "Basic realm=x");
	for (int i = 0; i < 100; i++)
		strcat(text, ",a=b");
	img_challenge_parse(&a, text, &c);
	ck_assert_int_eq(c.auth, IMG_AUTH_NONE);
}
END_TEST

static const struct {
	const char *base, *location, *url; /* url NULL: refused */
	bool plain_ok;
} locations[] = {
	{ "https://r/v2/a/blobs/uploads/", "/v2/a/blobs/uploads/1?s=2",
	  "https://r/v2/a/blobs/uploads/1?s=2", false },
	{ "https://r/v2/a/", "../b", "https://r/v2/b", false },
	{ "https://r/v2/a", "?x=1", "https://r/v2/a?x=1", false },
	{ "https://r:5000/v2/", "https://cdn.example/x", "https://cdn.example/x", false },
	{ "https://r/v2/", "//cdn.example/x", "https://cdn.example/x", false },
	{ "http://localhost:5000/v2/", "/x", "http://localhost:5000/x", false },
	{ "http://127.0.0.1:5000/v2/", "http://[::1]:80/x", "http://[::1]:80/x", false },
	{ "http://r/v2/", "http://cdn/x", "http://cdn/x", true },
	{ "http://localhost/v2/", "http://cdn/x", NULL, false },
	{ "http://localhost/v2/", "http://127.0.0.1.cdn/x", NULL, false },
	{ "http://localhost/v2/", "http://localhost.cdn/x", NULL, false },
	{ "https://r/v2/", "http://r/v2/", NULL, false },
	{ "https://r/v2/", "http://r/v2/", NULL, true },
	{ "https://r/v2/", "http://localhost/", NULL, true },
	{ "https://r/v2/", "file:///etc/passwd", NULL, true },
	{ "https://r/v2/", "gopher://r/", NULL, true },
	{ "https://r/v2/", "https://user:pass@r/", NULL, true },
	{ "https://r/v2/", "https://user@r/", NULL, true },
	{ "https://r/v2/", "https://r/a b", NULL, true },
	{ "https://r/v2/", "/a\r\nX: y", NULL, true },
	{ "https://r/v2/", "https:\\\\evil/", NULL, true },
	{ "https://r/v2/", "https://", NULL, true },
	{ "https://r/v2/", "https://r:99999/", NULL, true },
};

START_TEST(where_it_leads)
{
	for (size_t i = 0; i < sizeof(locations) / sizeof(locations[0]); i++) {
		cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
		struct cps_err err = { 0 };
		const char *url = NULL;
		int rc = img_url_resolve(&a, locations[i].base, locations[i].location,
					 locations[i].plain_ok, &url, &err);

		ck_assert_msg((rc == 0) == (locations[i].url != NULL), "%s: %s",
			      locations[i].location, err.msg);
		if (rc == 0)
			ck_assert_str_eq(url, locations[i].url);
	}
}
END_TEST

START_TEST(too_long_a_way)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	static char location[IMG_URL_MAX + 2];
	struct cps_err err;
	const char *url;

	memset(location, 'x', sizeof(location) - 1);
	location[0] = '/';
	ck_assert_err(img_url_resolve(&a, "https://r/", location, false, &url, &err), EINVAL, err,
		      "more than 8192 bytes");
}
END_TEST

START_TEST(origins)
{
	static const struct {
		const char *a, *b;
		bool same;
	} pairs[] = {
		{ "https://r/a", "https://r:443/b?c", true },
		{ "https://R/", "https://r/", true },
		{ "http://r/", "https://r/", false },
		{ "https://r/", "https://r:444/", false },
		{ "https://r/", "https://r.evil/", false },
		{ "https://r/", "https://evil/https://r/", false },
		{ "http://[::1]:5000/", "http://[::1]:5000/x", true },
		{ "https://r/", "no url", false },
	};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		ck_assert_msg(img_url_same_origin(pairs[i].a, pairs[i].b) == pairs[i].same, "%s %s",
			      pairs[i].a, pairs[i].b);
}
END_TEST

START_TEST(queries)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	struct cps_err err;
	const char *url;

	ck_assert_ok(img_url_add_query(&a, "https://r/t?x=1", "service", "a b&c=d", &url, &err),
		     err);
	ck_assert_str_eq(url, "https://r/t?x=1&service=a+b%26c%3dd");
	ck_assert_ok(img_url_add_query(&a, "https://r/t", "digest", "sha256:00", &url, &err), err);
	ck_assert_str_eq(url, "https://r/t?digest=sha256%3a00");
}
END_TEST

static void check_basic(const char *reference, const char *creds, const char *basic)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	struct sto_ref ref;
	struct cps_err err;
	const char *user, *got;

	ck_assert_ok(sto_ref_parse(reference, &ref, &err), err);
	ck_assert_ok(img_credentials(&a, &ref, creds, &user, &got, &err), err);
	ck_assert_msg(equal(got, basic), "%s: %s", reference, got ? got : "nothing");
}

static void use_files(void)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", unit_dir());
	(void)setenv("DOCKER_CONFIG", path, 1);
	(void)setenv("HOME", "/nonexistent", 1);
	(void)setenv("XDG_RUNTIME_DIR", "/nonexistent", 1);
	(void)unsetenv("REGISTRY_AUTH_FILE");
}

static int files_dir(void)
{
	return open(getenv("DOCKER_CONFIG"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

START_TEST(who_we_are)
{
	int dir;

	use_files();
	check_basic("r.example/x", NULL, NULL);
	check_basic("r.example/x", "me:pass:word", "Basic bWU6cGFzczp3b3Jk");
	dir = files_dir();
	unit_put(dir, "config.json",
		 "{\"auths\":{\"r.example\":{\"auth\":\"YTpi\"},"
		 "\"r.example/team\":{\"auth\":\"Yzpk\"},"
		 "\"r.example/broken\":{\"auth\":\"****\"},"
		 "\"https://index.docker.io/v1/\":{\"username\":\"e\",\"password\":\"f\"},"
		 "\"localhost:5000\":{}}}");
	check_basic("r.example/x", NULL, "Basic YTpi");
	check_basic("r.example/x", "g:h", "Basic Zzpo");
	check_basic("r.example/team/x", NULL, "Basic Yzpk");
	check_basic("r.example/teams/x", NULL, "Basic YTpi");
	check_basic("r.example/broken/x", NULL, "Basic YTpi");
	check_basic("redis", NULL, "Basic ZTpm");
	check_basic("localhost:5000/x", NULL, NULL);
	check_basic("r.example.evil/x", NULL, NULL);
	check_basic("r.example:444/x", NULL, NULL);
	(void)close(dir);
}
END_TEST

START_TEST(bad_credentials)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	static const char *const bad[] = { "", "me", ":pass", "me:pa\nss" };
	struct cps_err err = { 0 };
	struct sto_ref ref;
	const char *user, *basic;
	char *huge;
	int dir;

	use_files();
	ck_assert_ok(sto_ref_parse("r.example/x", &ref, &err), err);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_err(img_credentials(&a, &ref, bad[i], &user, &basic, &err), EINVAL, err,
			      "credentials: ");
	dir = files_dir();
	huge = malloc((1 << 20) + 2);
	ck_assert_ptr_nonnull(huge);
	memset(huge, ' ', (1 << 20) + 1);
	huge[(1 << 20) + 1] = '\0';
	unit_put(dir, "config.json", huge);
	ck_assert_err(img_credentials(&a, &ref, NULL, &user, &basic, &err), EFBIG, err,
		      "credentials: ");
	free(huge);
	unit_put(dir, "config.json", "{\"auths\":");
	ck_assert_err(img_credentials(&a, &ref, NULL, &user, &basic, &err), EINVAL, err,
		      "credentials: ");
	(void)close(dir);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = { what_is_asked,  too_much_is_asked, where_it_leads,
				       too_long_a_way, origins,		  queries,
				       who_we_are,     bad_credentials,	  NULL };

	return unit_main("registry", tests);
}
