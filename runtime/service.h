/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Link B (docs/protocol.md) from the runtime's side: one request of a shim, events while it is
 * worked on, one reply. For capsule-runtime, and for capsule-criu, to which it hands over what it
 * does not do itself.
 */
#ifndef RT_SERVICE_H
#define RT_SERVICE_H

#include <stdbool.h>

#include "buf.h"
#include "command.h"
#include "ctx.h"
#include "err.h"
#include "frame.h"

#define RT_SERVICE_LINK	   3
#define RT_SERVICE_REQUEST 4 /* where a request that is handed over waits */

struct rt_service {
	struct cps_arena *arena;
	struct cps_frame frame;
	struct rt_request req;
	struct cps_buf ok; /* the reply's object */
	const char *step;  /* row that failed, or NULL */
	bool debug;
};

struct rt_service_op {
	const char *name; /* NULL ends the table */
	int (*serve)(struct rt_service *s, struct cps_err *err);
};

/* The command `serve`: receives the request on descriptor `from`, has it done by the row of its
 * name, replies. */
int rt_service_command(const struct rt_command *self, const struct rt_globals *g, int argc,
		       char **argv, int from, const struct rt_service_op *ops, struct cps_err *err);

/* Members of the request. A flag that is absent stays as it is. */
int rt_service_str(const struct rt_service *s, const char *key, const char **ret,
		   struct cps_err *err);
int rt_service_bool(const struct rt_service *s, const char *key, bool *ret, struct cps_err *err);
/* What create and restore are told alike: into s->req. */
int rt_service_new(struct rt_service *s, struct cps_err *err);
void rt_service_stdio(struct rt_service *s);
/* For rt_action_warnings(). */
void rt_service_warning(void *arg, const char *text);
/* The reply to both: what was made. */
void rt_service_describe(const struct rt_ctx *ctx, struct rt_service *s);

#endif
