/* SPDX-License-Identifier: Apache-2.0 */
/*
 * --systemd-cgroup: the container's cgroup is a transient scope of systemd's, which is asked for
 * over D-Bus by a program of its own (capsule-systemd), run once to start the scope and once to
 * stop it. Without the option nothing of this is called.
 *
 * Interface: org.freedesktop.systemd1(5), systemd.resource-control(5).
 */
#ifndef RT_SYSTEMD_H
#define RT_SYSTEMD_H

#include <stdbool.h>
#include <sys/types.h>

#include "arena.h"
#include "cgroup.h"
#include "err.h"
#include "json.h"
#include "spec.h"

/* A scope, as it is recorded. Strings in an arena. */
struct rt_scope {
	const char *program; /* capsule-systemd, absolute; NULL: systemd has no part in it */
	const char *unit;    /* "capsule-web1.scope" */
	const char *slice;   /* not recorded */
	bool user;	     /* of the user's systemd, not the system's */
};

/* Where capsule-systemd is: beside our own program, else in $PATH. ENOENT: nowhere. self: argv[0].
 */
int rt_systemd_find(const char *self, struct cps_arena *a, const char **ret, struct cps_err *err);

/* cgroups_path is `slice:prefix:name`, each of which may be empty, or NULL. *ret_path: where such
 * a scope will be, below the hierarchies' roots. EINVAL: it is something else. */
int rt_systemd_names(const char *cgroups_path, const char *id, struct rt_scope *scope,
		     const char **ret_path, struct cps_arena *a, struct cps_err *err);

/* Starts the scope around process pid, with what the config wants of it; *ret_path says where it
 * is. */
int rt_systemd_start(const struct rt_scope *scope, const struct rt_spec *spec,
		     enum rt_cgroup_layout layout, pid_t pid, struct cps_arena *a,
		     const char **ret_path, struct cps_err *err);
/* The limits of a running scope, so that systemd does not set the old ones again. */
int rt_systemd_update(const struct rt_scope *scope, const struct rt_resources *res,
		      enum rt_cgroup_layout layout, struct cps_err *err);
/* Ends what is in it; a scope that is not there is fine. */
int rt_systemd_stop(const struct rt_scope *scope, struct cps_err *err);

/* Begins [name, D-Bus type, value]: the value and the bracket that closes are the caller's. */
void rt_systemd_property(struct cps_jsonw *w, const char *name, const char *type);
/* Writes a property for every limit that systemd has a word for; the others are
 * written to the cgroup's files alone. Pure. */
int rt_systemd_limits(const struct rt_resources *res, enum rt_cgroup_layout layout,
		      struct cps_jsonw *w, struct cps_err *err);
#define RT_SYSTEMD_ANNOTATION "org.systemd.property."
/* The annotation org.systemd.property.NAME with its value in GVariant's text form ("true", "uint64
 * 5", "'text'", "['a', 'b']"); NAME…Sec is NAME…USec in seconds. Pure. EINVAL. */
int rt_systemd_annotation(const char *name, const char *value, struct cps_jsonw *w,
			  struct cps_err *err);

#endif
