/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Showing a registry who we are: Basic, or a token that the service it names gives out for the
 * credentials (the distribution project's "token authentication").
 */
#include <config.h>
#include "registry.h"

#include <errno.h>
#include <string.h>

#include "json.h"
#include "own.h"
#include "registry-url.h"

#define TOKEN_ANSWER_MAX (1U << 20)
#define TOKEN_MAX	 (64U << 10)
#define TOKEN_SECONDS	 60

/* RFC 6750, section 2.1: what may stand in a header, and above all no end of line. */
#define TOKEN_CHARS                                                      \
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789" \
	"-._~+/="

static int token_read(struct cps_arena *a, const struct img_answer *answer, const char **ret,
		      struct cps_err *err)
{
	const struct cps_json *root, *node;
	const char *token;
	int rc;

	rc = cps_json_parse(a, answer->body.data ? answer->body.data : "", answer->body.len, &root,
			    err);
	if (rc < 0)
		return cps_wrap(err, rc, "token");
	node = cps_json_get(root, "token");
	if (!node)
		node = cps_json_get(root, "access_token");
	rc = cps_json_str(node, &token, err);
	if (rc < 0)
		return cps_wrap(err, rc, "token");
	if (!token[0] || strlen(token) > TOKEN_MAX || token[strspn(token, TOKEN_CHARS)])
		return cps_failx(err, EPROTO, "what came is no token");
	*ret = token;
	return 0;
}

static int query_add(struct img_registry *r, const char **url, const char *name, const char *value,
		     struct cps_err *err)
{
	return value ? img_url_add_query(&r->arena, *url, name, value, url, err) : 0;
}

/* realm?service=…&scope=…: the scope is what we are about to do, whatever the challenge says. */
static int token_url(struct img_registry *r, const char **ret_url, struct cps_err *err)
{
	const char *scope =
		cps_arena_printf(&r->arena, "repository:%s:%s", r->ref->path, r->actions);
	const char *other = NULL;
	const char *url = r->challenge.realm;
	int rc = img_url_check(url, !r->verify, err);

	if (!scope)
		return cps_fail(err, ENOMEM, "token");
	if (r->mount) {
		other = cps_arena_printf(&r->arena, "repository:%s:pull", r->mount);
		if (!other)
			return cps_fail(err, ENOMEM, "token");
	}
	if (rc == 0 && strncmp(r->origin, "https:", 6) == 0 && strncasecmp(url, "https:", 6) != 0)
		rc = cps_failx(err, EACCES, "plain http, where the registry itself has https");
	if (rc == 0)
		rc = query_add(r, &url, "service", r->challenge.service, err);
	if (rc == 0)
		rc = query_add(r, &url, "scope", scope, err);
	if (rc == 0)
		rc = query_add(r, &url, "scope", other, err);
	if (rc == 0 && r->basic)
		rc = query_add(r, &url, "account", r->user, err);
	if (rc == 0)
		*ret_url = url;
	return cps_wrap(err, rc, "token service");
}

/* In connections of its own: it is called for from among the answers of the others. */
static int token_fetch(struct img_registry *r, struct cps_err *err)
{
	cleanup_call struct img_call c = IMG_CALL_INIT("GET", NULL, "token");
	CURLM *others = r->multi;
	const char *token = NULL, *header;
	int rc = token_url(r, &c.url, err);

	if (rc < 0)
		return rc;
	c.authorization = r->basic ? r->basic : "";
	c.accept = "application/json";
	c.max = TOKEN_ANSWER_MAX;
	c.seconds = TOKEN_SECONDS;
	r->multi = curl_multi_init();
	rc = r->multi ? img_registry_call(r, &c, err) : cps_fail(err, ENOMEM, "libcurl");
	if (r->multi)
		(void)curl_multi_cleanup(r->multi);
	r->multi = others;
	if (rc == 0)
		rc = token_read(&r->arena, &c.answer, &token, err);
	if (rc < 0)
		return rc;
	header = cps_arena_printf(&r->arena, "Bearer %s", token);
	if (!header)
		return cps_fail(err, ENOMEM, "token");
	r->authorization = header;
	return 0;
}

int img_registry_login(struct img_registry *r, const char *challenge, struct cps_err *err)
{
	img_challenge_parse(&r->arena, challenge ? challenge : "", &r->challenge);
	switch (r->challenge.auth) {
	case IMG_AUTH_BEARER:
		return token_fetch(r, err);
	case IMG_AUTH_BASIC:
		if (!r->basic)
			return cps_failx(err, EACCES, "%s wants a user and a password (--creds)",
					 r->host);
		if (r->authorization)
			return cps_failx(err, EACCES, "%s does not accept the user or the password",
					 r->host);
		r->authorization = r->basic;
		return 0;
	case IMG_AUTH_NONE:
		break;
	}
	return cps_failx(err, EACCES,
			 "%s wants to know who we are in a way that is not spoken here", r->host);
}
