/* SPDX-License-Identifier: Apache-2.0 */
/*
 * URLs of a registry, and those that it names: Location headers, a token service's realm. They are
 * as hostile as anything else that comes over the wire. Only http and https are accepted, no user
 * name, and plain http goes to this machine alone unless the user has said otherwise.
 */
#ifndef IMG_REGISTRY_URL_H
#define IMG_REGISTRY_URL_H

#include <stdbool.h>

#include "arena.h"
#include "err.h"

#define IMG_URL_MAX 8192 /* bytes; signed URLs of storage services have 2,000 */

/* "localhost", 127.0.0.0/8, [::1], with or without a port. */
bool img_is_loopback(const char *host);

/* EINVAL: no URL, or one that nobody should go to; EACCES: plain http to another machine while
 * plain_ok is false. */
int img_url_check(const char *url, bool plain_ok, struct cps_err *err);

/* `location`, which may be relative, as seen from `base` (RFC 3986, section 5), checked as above;
 * from https to http it is refused whatever plain_ok says. *ret_url is the arena's. */
int img_url_resolve(struct cps_arena *a, const char *base, const char *location, bool plain_ok,
		    const char **ret_url, struct cps_err *err);

/* The same scheme, host and port: what credentials were given for. */
bool img_url_same_origin(const char *one, const char *other);

/* url with NAME=VALUE, escaped, added to its query. *ret_url is the arena's. */
int img_url_add_query(struct cps_arena *a, const char *url, const char *name, const char *value,
		      const char **ret_url, struct cps_err *err);

#endif
