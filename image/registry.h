/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One repository of a registry, as the OCI distribution specification 1.1 has it: where it is, who
 * we are to it, and calls to it. What goes wrong for a while (no connection, 429, 5xx) is tried
 * again here; credentials are sent to the registry and its token service and nobody else.
 */
#ifndef IMG_REGISTRY_H
#define IMG_REGISTRY_H

#include <stdbool.h>

#include "challenge.h"
#include "http.h"
#include "reference.h"

struct img_registry_options {
	bool verify;	   /* TLS certificates; false also allows plain http to other machines */
	const char *creds; /* "USER:PASS", or NULL: from the files of docker and podman */
	bool push;	   /* or pull */
};

struct img_registry {
	struct cps_arena arena;
	CURLM *multi;
	const struct sto_ref *ref;
	bool verify;
	const char *host;    /* where it really is: "registry-1.docker.io" */
	const char *origin;  /* "https://registry-1.docker.io" */
	const char *base;    /* "https://registry-1.docker.io/v2/library/redis" */
	const char *actions; /* "pull" or "pull,push" */
	const char *mount;   /* another repository that we want to read, or NULL; borrowed */
	const char *basic;   /* "Basic …" or NULL: we have no credentials */
	const char *user;
	const char *authorization; /* what goes along with calls, or NULL */
	struct img_challenge challenge;
};

#define IMG_REGISTRY_INIT     \
	{                     \
		.multi = NULL \
	}
#define cleanup_registry __attribute__((cleanup(img_registry_done)))

/* Finds the registry of `ref` (borrowed), https before http, and shows who we are. mount: another
 * repository there, of which blobs are to be mounted (borrowed), or NULL. */
int img_registry_open(const struct sto_ref *ref, const struct img_registry_options *o,
		      const char *mount, struct img_registry *ret, struct cps_err *err);
void img_registry_done(struct img_registry *r);

/* The arena's: "<base>/manifests/latest". NULL: no memory. */
const char *img_registry_url(struct img_registry *r, const char *kind, const char *name);

/* Runs calls (http.h) with the registry's rules for redirects, credentials and repetition. tick:
 * called with tick_arg a few times a second, or NULL. */
int img_registry_calls(struct img_registry *r, struct img_call *calls, unsigned n,
		       unsigned parallel, void (*tick)(void *arg), void *tick_arg,
		       struct cps_err *err);
int img_registry_call(struct img_registry *r, struct img_call *c, struct cps_err *err);

/* The answer is a refusal: an error of its status and of what the registry says ({"errors":[…]}).
 */
int img_call_refused(const struct img_call *c, struct cps_err *err);

/* registry-auth.c: does what the last challenge asks for; -EACCES: there is no way. Fills
 * r->authorization. */
int img_registry_login(struct img_registry *r, const char *challenge, struct cps_err *err);

#endif
