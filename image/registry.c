/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a registry is, and the rules for what its answers mean.
 */
#include <config.h>
#include "registry.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "credentials.h"
#include "json.h"
#include "own.h"
#include "registry-url.h"

#define DOCKER_HOST    "registry-1.docker.io" /* where docker.io's images really are */
#define FAILURES_MAX   5		      /* in a row, without a byte of a body */
#define ATTEMPTS_MAX   20 /* in all: a server that feeds us crumbs ends some day */
#define REDIRECTS_MAX  5
#define PAUSE_MS       200 /* doubled with every failure */
#define PAUSE_MAX_S    60
#define REFUSAL_MAX    300 /* bytes of a registry's own words that are shown */
#define SMALL_SECONDS  60
#define SMALL_BODY_MAX (64U << 10)

/* -- what an answer means -------------------------------------------------------------------- */

static bool code_is_for_a_while(CURLcode code)
{
	static const CURLcode codes[] = {
		CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_CONNECT,
		CURLE_GOT_NOTHING,	    CURLE_HTTP2,
		CURLE_HTTP2_STREAM,	    CURLE_OPERATION_TIMEDOUT,
		CURLE_PARTIAL_FILE,	    CURLE_RECV_ERROR,
		CURLE_SEND_ERROR,	    CURLE_SEND_FAIL_REWIND,
	};

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (code == codes[i])
			return true;
	return false;
}

static bool status_is_for_a_while(long status)
{
	return status == 408 || status == 429 || status == 500 || (status >= 502 && status <= 504);
}

static bool status_is_redirect(long status)
{
	return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/* What the registry says about it: the first error's message, or its code. */
static const char *refusal_text(struct cps_arena *a, const struct img_answer *answer)
{
	static const char *const names[] = { "message", "code", "details", "error" };
	const struct cps_json *root, *e;
	struct cps_err ignored;
	const char *text;

	if (!answer->body.len ||
	    cps_json_parse(a, answer->body.data, answer->body.len, &root, &ignored) < 0)
		return NULL;
	e = cps_json_get(root, "errors");
	e = e && e->type == CPS_JSON_ARRAY && e->first ? e->first : root;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (cps_json_str(cps_json_get(e, names[i]), &text, &ignored) == 0 && text[0])
			return text;
	return NULL;
}

int img_call_refused(const struct img_call *c, struct cps_err *err)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	cleanup_buf struct cps_buf plain = CPS_BUF_INIT;
	const char *text = refusal_text(&a, &c->answer);
	const char *host = strstr(c->to, "://") + 3; /* not always the registry's */
	int len = (int)strcspn(host, "/?#");
	int num = EPROTO;

	if (c->answer.status == 401 || c->answer.status == 403)
		num = EACCES;
	else if (c->answer.status == 404)
		num = ENOENT;
	if (!text)
		return cps_failx(err, num, "%.*s answers %ld", len, host, c->answer.status);
	cps_buf_add_plain(&plain, text, strnlen(text, REFUSAL_MAX));
	return cps_failx(err, num, "%.*s answers %ld: %s", len, host, c->answer.status, plain.data);
}

/* The next attempt, after a pause. */
static int again_later(struct img_call *c)
{
	int64_t pause = c->answer.retry_after > 0 ? c->answer.retry_after * 1000
						  : (int64_t)PAUSE_MS << c->failures;

	c->failures++;
	if (pause > PAUSE_MAX_S * 1000)
		pause = PAUSE_MAX_S * 1000;
	c->due = cps_monotonic_ms() + pause;
	c->redirects = 0;
	c->to = c->url; /* what a redirect had said may have expired */
	return 1;
}

static bool may_try_again(struct img_call *c)
{
	if (c->progress)
		c->failures = 0;
	return c->failures + 1 < FAILURES_MAX;
}

static int redirect(struct img_registry *r, struct img_call *c, struct cps_err *err)
{
	bool keeps = c->answer.status >= 307 || strcmp(c->method, "GET") == 0 ||
		     strcmp(c->method, "HEAD") == 0;
	int rc;

	if (!c->answer.location.len || !keeps)
		return img_call_refused(c, err);
	if (++c->redirects > REDIRECTS_MAX)
		return cps_failx(err, ELOOP, "more than %d redirects", REDIRECTS_MAX);
	rc = img_url_resolve(&r->arena, c->to, c->answer.location.data, !r->verify, &c->to, err);
	c->due = 0;
	return rc < 0 ? cps_wrap(err, rc, "redirect") : 1;
}

/* 401 from the registry itself, once: the token has run out, or is not for this. */
static int authorize(struct img_registry *r, struct img_call *c, struct cps_err *err)
{
	int rc = 0;

	c->authorized = true;
	if (c->shown == r->authorization) /* else another call has been told meanwhile */
		rc = img_registry_login(r, c->answer.authenticate.data, err);
	c->due = 0;
	c->to = c->url;
	return rc < 0 ? rc : 1;
}

static int hook_ended(struct img_registry *r, struct img_call *c, struct cps_err *err)
{
	int rc = c->hooks->end(c, err);

	if (rc == IMG_CALL_AGAIN) {
		if (!may_try_again(c))
			return cps_failx(err, EPROTO, "%s: it does not get on", r->host);
		return again_later(c);
	}
	if (rc == IMG_CALL_NEXT) {
		c->failures = c->redirects = 0;
		c->authorized = false;
		c->due = 0;
		c->to = c->url;
		return 1;
	}
	return rc;
}

static int answered(struct img_registry *r, struct img_call *c, struct cps_err *err)
{
	long status = c->answer.status;

	if (status_is_redirect(status))
		return redirect(r, c, err);
	if (status == 401 && !c->authorized && !c->authorization && c->answer.authenticate.len &&
	    img_url_same_origin(c->to, r->origin))
		return authorize(r, c, err);
	if (status_is_for_a_while(status) && may_try_again(c))
		return again_later(c);
	if (c->hooks && c->hooks->end)
		return hook_ended(r, c, err);
	return status / 100 == 2 ? 0 : img_call_refused(c, err);
}

static int ended(void *arg, struct img_call *c, struct cps_err *err)
{
	struct img_registry *r = arg;
	int rc;

	if (c->err.num) { /* ours, not the wire's */
		*err = c->err;
		rc = -c->err.num;
	} else if (c->code == CURLE_OK) {
		rc = answered(r, c, err);
	} else if (code_is_for_a_while(c->code) && !c->impatient && may_try_again(c)) {
		rc = again_later(c);
	} else {
		rc = cps_failx(err, EIO, "%s: %s", r->host,
			       c->reason[0] ? c->reason : curl_easy_strerror(c->code));
	}
	if (rc == 1 && c->attempts >= ATTEMPTS_MAX)
		rc = cps_failx(err, EPROTO, "%s: it does not get on", r->host);
	return rc < 0 ? cps_wrap(err, rc, "%s", c->what) : rc;
}

/* -- what goes along ------------------------------------------------------------------------- */

static const char *authorization(void *arg, const struct img_call *c)
{
	const struct img_registry *r = arg;

	if (c->authorization)
		return img_url_same_origin(c->to, c->url) ? c->authorization : NULL;
	return img_url_same_origin(c->to, r->origin) ? r->authorization : NULL;
}

/* The certificates that OpenSSL and Go's programs would use; libcurl by itself does not look. */
static void setup(void *arg, const struct img_call *c, CURL *easy)
{
	const struct img_registry *r = arg;
	const char *file = getenv("SSL_CERT_FILE");
	const char *dir = getenv("SSL_CERT_DIR");

	(void)c;
	if (file && file[0])
		(void)curl_easy_setopt(easy, CURLOPT_CAINFO, file);
	if (dir && dir[0])
		(void)curl_easy_setopt(easy, CURLOPT_CAPATH, dir);
	if (!r->verify) {
		(void)curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
		(void)curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
	}
	/* no proxy can know what is on this machine's loopback */
	if (img_is_loopback(r->host))
		(void)curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
}

int img_registry_calls(struct img_registry *r, struct img_call *calls, unsigned n,
		       unsigned parallel, void (*tick)(void *arg), void *tick_arg,
		       struct cps_err *err)
{
	const struct img_call_policy policy = {
		.ended = ended,
		.authorization = authorization,
		.setup = setup,
		.tick = tick,
		.tick_arg = tick_arg,
		.arg = r,
	};

	return img_calls_run(r->multi, &policy, calls, n, parallel, err);
}

int img_registry_call(struct img_registry *r, struct img_call *c, struct cps_err *err)
{
	return img_registry_calls(r, c, 1, 1, NULL, NULL, err);
}

/* -- where it is ----------------------------------------------------------------------------- */

const char *img_registry_url(struct img_registry *r, const char *kind, const char *name)
{
	return cps_arena_printf(&r->arena, "%s/%s/%s", r->base, kind, name);
}

static int any_status(struct img_call *c, struct cps_err *err)
{
	(void)c;
	(void)err;
	return 0;
}

/* GET /v2/, which every registry has, by one of the two protocols. 1: it is not spoken there. */
static int greet(struct img_registry *r, bool https, bool other_follows, struct cps_err *err)
{
	static const struct img_call_hooks hooks = { .end = any_status };
	cleanup_call struct img_call c = IMG_CALL_INIT("GET", NULL, "registry");
	int rc;

	r->origin = cps_arena_printf(&r->arena, "%s://%s", https ? "https" : "http", r->host);
	c.url = r->origin ? cps_arena_printf(&r->arena, "%s/v2/", r->origin) : NULL;
	if (!c.url)
		return cps_fail(err, ENOMEM, "registry");
	rc = img_url_check(c.url, true, err);
	if (rc < 0)
		return rc;
	c.hooks = &hooks;
	c.max = SMALL_BODY_MAX;
	c.seconds = SMALL_SECONDS;
	c.authorized = true; /* a 401 is what we want to see */
	c.impatient = other_follows;
	rc = img_registry_call(r, &c, err);
	if (rc < 0 && other_follows &&
	    (c.code == CURLE_SSL_CONNECT_ERROR || c.code == CURLE_COULDNT_CONNECT))
		return 1;
	if (rc < 0)
		return rc;
	if (c.answer.status == 401)
		return img_registry_login(r, c.answer.authenticate.data, err);
	if (c.answer.status != 200)
		return img_call_refused(&c, err);
	return 0;
}

static int find(struct img_registry *r, struct cps_err *err)
{
	bool plain = !r->verify || img_is_loopback(r->host);
	int rc = greet(r, true, plain, err);

	if (rc == 1)
		rc = greet(r, false, false, err);
	if (rc < 0)
		return rc;
	r->base = cps_arena_printf(&r->arena, "%s/v2/%s", r->origin, r->ref->path);
	return r->base ? 0 : cps_fail(err, ENOMEM, "registry");
}

int img_registry_open(const struct sto_ref *ref, const struct img_registry_options *o,
		      const char *mount, struct img_registry *ret, struct cps_err *err)
{
	struct img_registry r = { .ref = ref, .verify = o->verify, .mount = mount };
	int rc;

	r.host = strcmp(ref->domain, STO_REF_REGISTRY) == 0 ? DOCKER_HOST : ref->domain;
	r.actions = o->push ? "pull,push" : "pull";
	*ret = r; /* from here on the caller's to undo */
	rc = img_credentials(&ret->arena, ref, o->creds, &ret->user, &ret->basic, err);
	if (rc < 0)
		return rc;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return cps_fail(err, EIO, "libcurl");
	ret->multi = curl_multi_init();
	return ret->multi ? find(ret, err) : cps_fail(err, ENOMEM, "libcurl");
}

void img_registry_done(struct img_registry *r)
{
	if (r->multi)
		(void)curl_multi_cleanup(r->multi);
	r->multi = NULL;
	cps_arena_done(&r->arena);
}
