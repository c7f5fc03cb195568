/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attempts of calls: what libcurl is told, what it tells, and the loop around them.
 */
#include <config.h>
#include "http.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "opt.h"

#define CONNECT_SECONDS 20L
#define STALLED_SECONDS 30L /* without a byte: the attempt has failed */
#define TICK_MS		100
#define POLL_AGAIN_MS	100 /* while a hook says "not yet" */
#define AGENT		"capsule/" PACKAGE_VERSION

static bool is_success(long status)
{
	return status == 200 || status == 206;
}

/* -- what comes ------------------------------------------------------------------------------ */

static void answer_clear(struct img_answer *a)
{
	cps_buf_done(&a->body);
	cps_buf_done(&a->authenticate);
	cps_buf_done(&a->location);
	*a = (struct img_answer){ .retry_after = -1 };
}

static void digits_take(const char *text, size_t len, uint64_t *ret, bool *ret_ok)
{
	char buf[24];
	int64_t n;

	*ret_ok = false;
	if (len >= sizeof(buf))
		return;
	memcpy(buf, text, len);
	buf[len] = '\0';
	if (cps_num_parse(buf, 0, INT64_MAX, &n) < 0)
		return;
	*ret = (uint64_t)n;
	*ret_ok = true;
}

static void header_take(struct img_answer *a, const char *name, const char *value)
{
	uint64_t n;
	bool ok;

	if (strcasecmp(name, "www-authenticate") == 0) {
		cps_buf_puts(&a->authenticate, a->authenticate.len ? ", " : "");
		cps_buf_puts(&a->authenticate, value);
	} else if (strcasecmp(name, "location") == 0 && !a->location.len) {
		cps_buf_puts(&a->location, value);
	} else if (strcasecmp(name, "content-type") == 0) {
		(void)snprintf(a->content_type, sizeof(a->content_type), "%.*s",
			       (int)strcspn(value, "; \t"), value);
	} else if (strcasecmp(name, "docker-content-digest") == 0 && sto_is_digest(value)) {
		(void)snprintf(a->digest, sizeof(a->digest), "%s", value);
	} else if (strcasecmp(name, "content-range") == 0 && strncmp(value, "bytes ", 6) == 0) {
		digits_take(value + 6, strcspn(value + 6, "-"), &a->range_start, &a->has_range);
	} else if (strcasecmp(name, "retry-after") == 0) {
		digits_take(value, strlen(value), &n, &ok);
		if (ok) /* a date is not honoured: our own delays are then good enough */
			a->retry_after = n > 3600 ? 3600 : (int64_t)n;
	}
}

/* One header line, with its line end; libcurl bounds a line, and this their sum. */
static size_t on_header(char *data, size_t size, size_t count, void *arg)
{
	struct img_call *c = arg;
	size_t len = size * count;
	char line[IMG_ERROR_MAX / 4];
	char *colon, *value, *end;

	c->answer.header_bytes += len;
	if (c->answer.header_bytes > IMG_HEADERS_MAX) {
		(void)cps_failx(&c->err, E2BIG, "headers of more than %u bytes", IMG_HEADERS_MAX);
		return 0;
	}
	if (len > 5 && strncmp(data, "HTTP/", 5) == 0) {
		size_t bytes = c->answer.header_bytes;

		answer_clear(&c->answer); /* what came with 100 Continue, or a proxy's answer */
		c->answer.header_bytes = bytes;
		return len;
	}
	if (len >= sizeof(line) || memchr(data, '\0', len))
		return len; /* none of those that we look at is that long */
	memcpy(line, data, len);
	line[len] = '\0';
	colon = strchr(line, ':');
	if (!colon)
		return len;
	*colon = '\0';
	value = colon + 1 + strspn(colon + 1, " \t");
	end = value + strlen(value);
	while (end > value && strchr(" \t\r\n", end[-1]))
		*--end = '\0';
	header_take(&c->answer, line, value);
	return len;
}

static int body_take(struct img_call *c, const char *data, size_t len)
{
	size_t max = is_success(c->answer.status) ? c->max : IMG_ERROR_MAX;

	if (is_success(c->answer.status) && c->hooks && c->hooks->data)
		return c->hooks->data(c, data, len, &c->err);
	if (len > max - c->answer.body.len)
		return cps_failx(&c->err, EFBIG, "the answer has more than %zu bytes", max);
	cps_buf_add(&c->answer.body, data, len);
	return c->answer.body.failed ? cps_fail(&c->err, ENOMEM, "answer") : 0;
}

static size_t on_body(char *data, size_t size, size_t count, void *arg)
{
	struct img_call *c = arg;
	size_t len = size * count;

	(void)curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &c->answer.status);
	if (len == 0)
		return 0;
	c->progress = is_success(c->answer.status);
	return body_take(c, data, len) < 0 ? 0 : len;
}

/* -- what goes out --------------------------------------------------------------------------- */

static size_t on_send(char *data, size_t size, size_t count, void *arg)
{
	struct img_call *c = arg;
	uint64_t left = c->body_size - c->body_sent;
	size_t room = size * count;
	ssize_t n;

	if (room > left)
		room = (size_t)left;
	if (c->body) {
		memcpy(data, (const char *)c->body + c->body_sent, room);
		n = (ssize_t)room;
	} else {
		n = pread(c->body_fd, data, room, (off_t)(c->body_from + c->body_sent));
	}
	if (n < 0 || (n == 0 && room > 0)) {
		(void)cps_fail(&c->err, n < 0 ? errno : EIO, "read what is to be sent");
		return CURL_READFUNC_ABORT;
	}
	c->body_sent += (uint64_t)n;
	return (size_t)n;
}

/* libcurl may want to send again what it has sent, on a connection that the peer had closed. */
static int on_seek(void *arg, curl_off_t offset, int origin)
{
	struct img_call *c = arg;

	if (origin != SEEK_SET || offset < 0 || (uint64_t)offset > c->body_size)
		return CURL_SEEKFUNC_FAIL;
	c->body_sent = (uint64_t)offset;
	return CURL_SEEKFUNC_OK;
}

static int header_add(struct img_call *c, const char *name, const char *value)
{
	struct curl_slist *longer;
	char *line;

	if (asprintf(&line, "%s: %s", name, value) < 0)
		return -ENOMEM;
	longer = curl_slist_append(c->headers, line);
	explicit_bzero(line, strlen(line)); /* it may be the one with the password */
	free(line);
	if (!longer)
		return -ENOMEM;
	c->headers = longer;
	return 0;
}

static int headers_make(struct img_call *c, const char *authorization)
{
	char range[48];
	int rc = header_add(c, "Expect", ""); /* no waiting for 100 Continue */

	if (rc == 0 && c->accept)
		rc = header_add(c, "Accept", c->accept);
	if (rc == 0) /* none rather than libcurl's, of a form */
		rc = header_add(c, "Content-Type", c->content_type ? c->content_type : "");
	if (rc == 0 && authorization && authorization[0])
		rc = header_add(c, "Authorization", authorization);
	if (rc == 0 && c->from > 0) {
		(void)snprintf(range, sizeof(range), "bytes=%llu-", (unsigned long long)c->from);
		rc = header_add(c, "Range", range);
	}
	return rc;
}

static void method_set(struct img_call *c)
{
	bool sends = c->body_size > 0;

	if (strcmp(c->method, "HEAD") == 0) {
		(void)curl_easy_setopt(c->easy, CURLOPT_NOBODY, 1L);
	} else if (sends || strcmp(c->method, "PUT") == 0) {
		(void)curl_easy_setopt(c->easy, CURLOPT_UPLOAD, 1L);
		(void)curl_easy_setopt(c->easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)c->body_size);
		(void)curl_easy_setopt(c->easy, CURLOPT_READFUNCTION, on_send);
		(void)curl_easy_setopt(c->easy, CURLOPT_READDATA, c);
		(void)curl_easy_setopt(c->easy, CURLOPT_SEEKFUNCTION, on_seek);
		(void)curl_easy_setopt(c->easy, CURLOPT_SEEKDATA, c);
		(void)curl_easy_setopt(c->easy, CURLOPT_UPLOAD_BUFFERSIZE, 512L << 10);
		(void)curl_easy_setopt(c->easy, CURLOPT_CUSTOMREQUEST, c->method);
	} else if (strcmp(c->method, "POST") == 0) {
		(void)curl_easy_setopt(c->easy, CURLOPT_POST, 1L);
		(void)curl_easy_setopt(c->easy, CURLOPT_POSTFIELDSIZE, 0L);
		(void)curl_easy_setopt(c->easy, CURLOPT_POSTFIELDS, "");
	} else {
		(void)curl_easy_setopt(c->easy, CURLOPT_HTTPGET, 1L);
	}
}

static void easy_set(struct img_call *c)
{
	CURL *e = c->easy;

	(void)curl_easy_setopt(e, CURLOPT_URL, c->to);
	(void)curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
	(void)curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
	(void)curl_easy_setopt(e, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	(void)curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(e, CURLOPT_USERAGENT, AGENT);
	(void)curl_easy_setopt(e, CURLOPT_HTTPHEADER, c->headers);
	(void)curl_easy_setopt(e, CURLOPT_ERRORBUFFER, c->reason);
	(void)curl_easy_setopt(e, CURLOPT_PRIVATE, c);
	(void)curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
	(void)curl_easy_setopt(e, CURLOPT_HEADERDATA, c);
	(void)curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
	(void)curl_easy_setopt(e, CURLOPT_WRITEDATA, c);
	(void)curl_easy_setopt(e, CURLOPT_BUFFERSIZE, (long)CURL_MAX_READ_SIZE);
	(void)curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT, CONNECT_SECONDS);
	(void)curl_easy_setopt(e, CURLOPT_LOW_SPEED_LIMIT, 1L);
	(void)curl_easy_setopt(e, CURLOPT_LOW_SPEED_TIME, STALLED_SECONDS);
	(void)curl_easy_setopt(e, CURLOPT_TIMEOUT, (long)c->seconds);
	method_set(c);
}

static void attempt_forget(CURLM *multi, struct img_call *c)
{
	if (!c->easy)
		return;
	(void)curl_multi_remove_handle(multi, c->easy);
	curl_easy_cleanup(c->easy);
	c->easy = NULL;
	curl_slist_free_all(c->headers);
	c->headers = NULL;
}

void img_call_done(struct img_call *c)
{
	answer_clear(&c->answer);
}

static int attempt_start(CURLM *multi, const struct img_call_policy *p, struct img_call *c,
			 struct cps_err *err)
{
	answer_clear(&c->answer);
	c->err = (struct cps_err){ 0 };
	c->reason[0] = '\0';
	c->body_sent = 0;
	c->progress = false;
	c->attempts++;
	if (!c->to)
		c->to = c->url;
	c->shown = p->authorization(p->arg, c);
	c->easy = curl_easy_init();
	if (!c->easy || headers_make(c, c->shown) < 0)
		return cps_fail(err, ENOMEM, "request");
	easy_set(c);
	p->setup(p->arg, c, c->easy);
	if (curl_multi_add_handle(multi, c->easy) != CURLM_OK)
		return cps_fail(err, ENOMEM, "request");
	return 0;
}

/* -- the loop -------------------------------------------------------------------------------- */

struct loop {
	CURLM *multi;
	const struct img_call_policy *policy;
	struct img_call *calls;
	unsigned n, parallel, busy, finished;
};

/* The call goes on with another attempt, or is over. */
static int call_step(struct loop *l, struct img_call *c, int rc)
{
	if (rc == 0) {
		c->finished = true;
		l->finished++;
	}
	return rc < 0 ? rc : 0;
}

static int starts(struct loop *l, struct cps_err *err)
{
	int64_t now = cps_monotonic_ms();

	for (unsigned i = 0; i < l->n && l->busy < l->parallel; i++) {
		struct img_call *c = &l->calls[i];
		int rc = 0;

		if (c->finished || c->easy || c->due > now)
			continue;
		if (c->hooks && c->hooks->begin)
			rc = c->hooks->begin(c, err);
		if (rc == 1) {
			(void)call_step(l, c, 0);
			continue;
		}
		if (rc == -EAGAIN) {
			c->due = now + POLL_AGAIN_MS;
			continue;
		}
		if (rc == 0)
			rc = attempt_start(l->multi, l->policy, c, err);
		if (rc < 0)
			return cps_wrap(err, rc, "%s", c->what);
		l->busy++;
	}
	return 0;
}

static int ends(struct loop *l, struct cps_err *err)
{
	CURLMsg *m;
	int left, rc = 0;

	while (rc == 0 && (m = curl_multi_info_read(l->multi, &left))) {
		struct img_call *c = NULL;

		if (m->msg != CURLMSG_DONE)
			continue;
		(void)curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &c);
		c->code = m->data.result;
		(void)curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &c->answer.status);
		attempt_forget(l->multi, c);
		l->busy--;
		rc = call_step(l, c, l->policy->ended(l->policy->arg, c, err));
	}
	return rc;
}

/* Until the first call is due again, and no longer than a tick. */
static int wait_ms(const struct loop *l)
{
	int64_t now = cps_monotonic_ms(), wait = TICK_MS;

	for (unsigned i = 0; i < l->n && l->busy < l->parallel; i++) {
		const struct img_call *c = &l->calls[i];

		if (!c->finished && !c->easy && c->due - now < wait)
			wait = c->due > now ? c->due - now : 0;
	}
	return (int)wait;
}

int img_calls_run(CURLM *multi, const struct img_call_policy *policy, struct img_call *calls,
		  unsigned n, unsigned parallel, struct cps_err *err)
{
	struct loop l = { multi, policy, calls, n, parallel, 0, 0 };
	int running, rc = 0;

	while (rc == 0 && l.finished < n) {
		rc = starts(&l, err);
		if (rc == 0 && curl_multi_perform(multi, &running) != CURLM_OK)
			rc = cps_fail(err, EIO, "libcurl");
		if (rc == 0)
			rc = ends(&l, err);
		if (rc == 0 && l.finished < n)
			(void)curl_multi_poll(multi, NULL, 0, wait_ms(&l), NULL);
		if (policy->tick)
			policy->tick(policy->tick_arg);
	}
	for (unsigned i = 0; i < n; i++)
		attempt_forget(multi, &calls[i]);
	return rc;
}
