/* SPDX-License-Identifier: Apache-2.0 */
/*
 * New limits for a container that lives.
 */
#ifndef RT_UPDATE_H
#define RT_UPDATE_H

#include "container.h"
#include "err.h"
#include "json.h"
#include "warn.h"

/* node: a LinuxResources object; what it leaves out, and zeros, stay as they are. The limits are
 * then also those of the container's config.json as we keep it. ESRCH: it is not running. */
int rt_container_update(struct rt_container *c, const struct cps_json *node, struct rt_warn *warn,
			struct cps_err *err);

/* Pure: `config` with `more` laid over its linux.resources, as JSON. */
void rt_update_merge(const struct cps_json *config, const struct cps_json *more,
		     struct cps_buf *ret);

#endif
