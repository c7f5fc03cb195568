/* SPDX-License-Identifier: Apache-2.0 */
/*
 * URLs: what is refused, and what is the same. libcurl parses them, so that what was checked is
 * what will be connected to.
 */
#include <config.h>
#include "registry-url.h"

#include <curl/curl.h>
#include <errno.h>
#include <string.h>

static void url_done(CURLU **u)
{
	curl_url_cleanup(*u);
}

static void part_done(char **part)
{
	curl_free(*part);
}

#define cleanup_url  __attribute__((cleanup(url_done)))
#define cleanup_part __attribute__((cleanup(part_done)))

/* A part that is there and not empty; NULL otherwise. */
static char *part_get(CURLU *u, CURLUPart what, unsigned flags)
{
	char *part = NULL;

	if (curl_url_get(u, what, &part, flags) == CURLUE_OK && part && part[0])
		return part;
	curl_free(part);
	return NULL;
}

static bool has_part(CURLU *u, CURLUPart what)
{
	cleanup_part char *part = part_get(u, what, 0);

	return part != NULL;
}

static int url_set(CURLU *u, const char *text, struct cps_err *err)
{
	/* libcurl would drop some of these, and encode others */
	for (const char *c = text; *c; c++)
		if ((unsigned char)*c <= ' ' || *c == 127 || *c == '\\')
			return cps_failx(err, EINVAL, "a URL with a blank or control character");
	if (strlen(text) > IMG_URL_MAX)
		return cps_failx(err, EINVAL, "a URL of more than %d bytes", IMG_URL_MAX);
	if (curl_url_set(u, CURLUPART_URL, text, 0) != CURLUE_OK)
		return cps_failx(err, EINVAL, "'%.120s' is no URL", text);
	return 0;
}

bool img_is_loopback(const char *host)
{
	static const char *const names[] = { "localhost", "[::1]" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		size_t len = strlen(names[i]);

		if (strncasecmp(host, names[i], len) == 0 &&
		    (host[len] == '\0' || host[len] == ':'))
			return true;
	}
	/* digits and dots alone: 127.example.com is somebody's name */
	if (strncmp(host, "127.", 4) == 0) {
		size_t len = strspn(host, "0123456789.");

		return host[len] == '\0' || host[len] == ':';
	}
	return false;
}

static int check(CURLU *u, bool plain_ok, struct cps_err *err)
{
	cleanup_part char *scheme = part_get(u, CURLUPART_SCHEME, 0);
	cleanup_part char *host = part_get(u, CURLUPART_HOST, 0);
	bool plain = scheme && strcasecmp(scheme, "http") == 0;

	if (!scheme || (!plain && strcasecmp(scheme, "https") != 0))
		return cps_failx(err, EINVAL, "a URL of the kind '%.20s'", scheme ? scheme : "");
	if (!host)
		return cps_failx(err, EINVAL, "a URL without a host");
	if (has_part(u, CURLUPART_USER) || has_part(u, CURLUPART_PASSWORD))
		return cps_failx(err, EINVAL, "a URL with a user name, of host '%.80s'", host);
	if (plain && !plain_ok && !img_is_loopback(host))
		return cps_failx(err, EACCES,
				 "plain http to '%.80s' (allowed with --tls-verify=false)", host);
	return 0;
}

int img_url_check(const char *url, bool plain_ok, struct cps_err *err)
{
	cleanup_url CURLU *u = curl_url();
	int rc;

	if (!u)
		return cps_fail(err, ENOMEM, "URL");
	rc = url_set(u, url, err);
	return rc < 0 ? rc : check(u, plain_ok, err);
}

/* The whole of u, into the arena. */
static int url_take(struct cps_arena *a, CURLU *u, const char **ret_url, struct cps_err *err)
{
	cleanup_part char *whole = part_get(u, CURLUPART_URL, 0);
	const char *copy;

	if (!whole || strlen(whole) > IMG_URL_MAX)
		return cps_failx(err, EINVAL, "a URL of more than %d bytes", IMG_URL_MAX);
	copy = cps_arena_strdup(a, whole);
	if (!copy)
		return cps_fail(err, ENOMEM, "URL");
	*ret_url = copy;
	return 0;
}

int img_url_resolve(struct cps_arena *a, const char *base, const char *location, bool plain_ok,
		    const char **ret_url, struct cps_err *err)
{
	cleanup_url CURLU *u = curl_url();
	const char *url = NULL;
	int rc;

	if (!u)
		return cps_fail(err, ENOMEM, "URL");
	rc = url_set(u, base, err);
	if (rc == 0)
		rc = url_set(u, location, err);
	if (rc == 0)
		rc = check(u, plain_ok, err);
	if (rc == 0)
		rc = url_take(a, u, &url, err);
	if (rc != 0)
		return rc;
	if (strncasecmp(base, "https:", 6) == 0 && strncasecmp(url, "https:", 6) != 0)
		return cps_failx(err, EACCES, "from https to http ('%.120s')", url);
	*ret_url = url;
	return 0;
}

static bool same_part(CURLU *one, CURLU *other, CURLUPart what, unsigned flags)
{
	cleanup_part char *a = part_get(one, what, flags);
	cleanup_part char *b = part_get(other, what, flags);

	return a && b && strcasecmp(a, b) == 0;
}

bool img_url_same_origin(const char *one, const char *other)
{
	cleanup_url CURLU *a = curl_url();
	cleanup_url CURLU *b = curl_url();
	struct cps_err ignored;

	return a && b && url_set(a, one, &ignored) == 0 && url_set(b, other, &ignored) == 0 &&
	       same_part(a, b, CURLUPART_SCHEME, 0) && same_part(a, b, CURLUPART_HOST, 0) &&
	       same_part(a, b, CURLUPART_PORT, CURLU_DEFAULT_PORT);
}

int img_url_add_query(struct cps_arena *a, const char *url, const char *name, const char *value,
		      const char **ret_url, struct cps_err *err)
{
	cleanup_url CURLU *u = curl_url();
	const char *pair = cps_arena_printf(a, "%s=%s", name, value);
	int rc;

	if (!u || !pair)
		return cps_fail(err, ENOMEM, "URL");
	rc = url_set(u, url, err);
	if (rc < 0)
		return rc;
	if (curl_url_set(u, CURLUPART_QUERY, pair, CURLU_APPENDQUERY | CURLU_URLENCODE) !=
	    CURLUE_OK)
		return cps_failx(err, EINVAL, "'%.120s' takes no query", url);
	return url_take(a, u, ret_url, err);
}
