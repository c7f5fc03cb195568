/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an image says about how it wants to be run: the `config` member of its configuration (OCI
 * image-spec, config.md; Docker's is the same). All of it is hostile: every string, count and
 * number is bounded, nothing is resolved here.
 */
#ifndef STO_IMAGE_CONFIG_H
#define STO_IMAGE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "err.h"
#include "json.h"

#define STO_CONFIG_MAX (4u << 20) /* bytes of a configuration */

struct sto_strs { /* NULL-terminated at v[n]; v is NULL where the member is missing */
	size_t n;
	const char **v;
};

struct sto_pair {
	const char *key, *value;
};

struct sto_pairs {
	size_t n;
	const struct sto_pair *v;
};

/* Members of an object, at most max, whose values `value` reads; none if node is NULL. */
int sto_pairs_get(struct cps_arena *a, const struct cps_json *node, size_t max,
		  int (*value)(const struct cps_json *node, const char **ret, struct cps_err *err),
		  struct sto_pairs *ret, struct cps_err *err);

/* Such an object; empty if pairs is NULL. */
void sto_pairs_write(struct cps_jsonw *w, const char *key, const struct sto_pairs *pairs);

struct sto_health {
	bool set;
	bool off;				   /* "NONE": not even what it was built upon had */
	bool shell;				   /* test[0] is for /bin/sh -c */
	struct sto_strs test;			   /* the command */
	int64_t interval_ms, timeout_ms, start_ms; /* 0: not given */
	int64_t retries;			   /* 0: not given */
};

struct sto_image_config { /* NULL: not given */
	struct sto_strs entrypoint, cmd;
	struct sto_strs env;	 /* each K=V, K not empty */
	struct sto_strs volumes; /* absolute, without "..", not "/" */
	struct sto_strs ports;	 /* "80", "53/udp", "7000-7009/tcp" */
	struct sto_pairs labels;
	const char *user; /* not looked up: printable, without blanks */
	const char *cwd;  /* absolute */
	const char *stop_signal;
	struct sto_health health;
	const char *os, *architecture;
};

/* text: the whole configuration. EINVAL: the message names the member. */
int sto_image_config_parse(struct cps_arena *a, const char *text, size_t len,
			   struct sto_image_config *ret, struct cps_err *err);

/* Absolute, no longer than a path may be, no ".." in it: what a destination in a container has to
 * be, whoever names it. */
bool sto_is_destination(const char *path);

#endif
