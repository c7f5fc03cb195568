/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP requests over libcurl, many at once in one thread, for registry.c and what builds on it.
 *
 * A call is a request and what became of it. It may take several attempts: img_calls_run() starts
 * them, waits, and asks the call's policy (registry-call.c) what an attempt means. Redirects are
 * never followed by libcurl itself.
 */
#ifndef IMG_HTTP_H
#define IMG_HTTP_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "buf.h"
#include "err.h"
#include "digest.h"

/* Of an answer; what is longer ends the attempt with an error. */
#define IMG_HEADERS_MAX (128U << 10) /* bytes */
#define IMG_ERROR_MAX	(64U << 10)  /* of the body of an answer that is no success */

/* What came with an answer. Strings are "" where the header was absent. */
struct img_answer {
	long status;		     /* 0: none came */
	struct cps_buf body;	     /* if the call has no data function, or status is no success */
	struct cps_buf authenticate; /* every WWW-Authenticate, joined by ", " */
	struct cps_buf location;
	char content_type[160];	      /* without parameters */
	char digest[STO_DIGEST_SIZE]; /* Docker-Content-Digest, if it is one */
	uint64_t range_start;	      /* of Content-Range: bytes N-M/L */
	bool has_range;
	int64_t retry_after; /* seconds; -1: not given */
	size_t header_bytes;
};

struct img_call;

/* What img_call_hooks.end answers besides 0 and -errno. */
#define IMG_CALL_AGAIN 1 /* the same once more, after a pause; a bounded number of times */
#define IMG_CALL_NEXT  2 /* it has made another request of the call, which goes out now */

/* What a user of calls may decide; all may be NULL. */
struct img_call_hooks {
	/* Before every attempt: it may set `from`. 0: go on; 1: there is nothing to ask for;
	 * -EAGAIN: not yet, ask again in a moment (err is not filled). */
	int (*begin)(struct img_call *c, struct cps_err *err);
	/* A piece of the body of a 200 or 206. */
	int (*data)(struct img_call *c, const void *data, size_t len, struct cps_err *err);
	/* The answer is whole: 0: the call is done. NULL: 2xx is fine, and else it is refused. */
	int (*end)(struct img_call *c, struct cps_err *err);
};

struct img_call {
	/* The request. Strings are borrowed and outlive the call. */
	const char *method;
	const char *url;
	const char *what;	  /* for messages: "manifest 'latest'" */
	const char *accept;	  /* or NULL */
	const char *content_type; /* of the body, or NULL */
	const char
		*authorization; /* instead of the registry's, "" for none; to url's origin alone */
	const void *body;	/* body_size bytes, or NULL */
	int body_fd;		/* read with pread if body is NULL and body_size is not 0 */
	uint64_t body_from;	/* its offset in body_fd */
	uint64_t body_size;
	uint64_t from;	 /* 0, or Range: bytes=FROM- is asked for */
	size_t max;	 /* bytes of the answer's body, if there is no data function */
	int64_t seconds; /* for all of one attempt; 0: no bound but that bytes keep coming */
	bool impatient;	 /* no second attempt if nobody can be reached */
	const struct img_call_hooks *hooks;
	void *owner; /* the hooks' */

	/* What came of the last attempt. */
	struct img_answer answer;
	CURLcode code;
	char reason[CURL_ERROR_SIZE];

	/* of img_calls_run() and of the policy */
	CURL *easy;
	struct curl_slist *headers;
	struct cps_err err;
	const char *to;	   /* where the next attempt goes: url, or what a redirect said */
	const char *shown; /* the Authorization that went along with the last one */
	int64_t due;	   /* of cps_monotonic_ms() */
	uint64_t body_sent;
	unsigned attempts, failures, redirects;
	bool authorized; /* a second time */
	bool progress;	 /* bytes of a body came in this attempt */
	bool finished;
};

#define IMG_CALL_INIT(m, u, w)                                         \
	{                                                              \
		.method = (m), .url = (u), .what = (w), .body_fd = -1, \
		.answer = { .retry_after = -1 },                       \
	}

/* What is asked about an attempt that has ended: 0: the call is done; 1: another attempt at
 * c->due; -errno. `start` says which Authorization goes along (NULL: none). */
struct img_call_policy {
	int (*ended)(void *arg, struct img_call *c, struct cps_err *err);
	const char *(*authorization)(void *arg, const struct img_call *c);
	void (*setup)(void *arg, const struct img_call *c, CURL *easy);
	void (*tick)(void *tick_arg); /* a few times a second, or NULL */
	void *tick_arg;
	void *arg;
};

/* Runs n calls, at most `parallel` at a time, until all are done or one has failed; the others'
 * transfers are given up then. */
int img_calls_run(CURLM *multi, const struct img_call_policy *policy, struct img_call *calls,
		  unsigned n, unsigned parallel, struct cps_err *err);
void img_call_done(struct img_call *c);

#define cleanup_call __attribute__((cleanup(img_call_done)))

#endif
