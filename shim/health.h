/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is what runs in the container well? A probe is executed in it, now and then, and its exit status
 * says so: `starting` until the first success, `healthy`, and `unhealthy` after so many failures in
 * a row. A container that was made without one has nothing of this: no timer, no memory.
 */
#ifndef SHIM_HEALTH_H
#define SHIM_HEALTH_H

#include "err.h"
#include "json.h"

struct shim;
struct shim_health; /* NULL: there is no probe */

/* The `health` object of create. *ret stays as it is if node is NULL. */
int shim_health_parse(struct shim *s, const struct cps_json *node, struct shim_health **ret,
		      struct cps_err *err);
/* … and of shim.json: with what was known when it was written. */
int shim_health_load(struct shim *s, const struct cps_json *node, struct shim_health **ret,
		     struct cps_err *err);
/* The container runs: probing begins. */
void shim_health_start(struct shim_health *h);
/* It does not any more; what is known stays. */
void shim_health_stop(struct shim_health *h);
void shim_health_free(struct shim_health *h);

/* Member "health" of the state object; nothing if h is NULL. */
void shim_health_format(const struct shim_health *h, struct cps_jsonw *w);
/* … and of shim.json. */
void shim_health_record(const struct shim_health *h, struct cps_jsonw *w);

#endif
